"""In which encoding a file is written: its first bytes tell, and only then what it declares.

An editor that saves a file as UTF-8 leaves its declaration as it was, and exporters have names of their own for
windows-1251. Whoever looks at bytes asks here: where two disagree, one of them sees no tags, and passes the file
over as one that holds nothing.
"""

import codecs
import re

HEAD_BYTES = 256
"""As many bytes of a file as hold its declaration."""
_BEGINNINGS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    "<".encode("utf-16-le"): "utf-16-le",
    "<".encode("utf-16-be"): "utf-16-be",
}
"""A BOM wins over the declaration, and what UTF-16 declares cannot be read before it is decoded."""
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_WINDOWS_1251 = re.compile(r"(x-)?(windows|win|cp|ansi)[-_]?1251", re.IGNORECASE)


def encoding_of(head: bytes) -> str | None:
    """The encoding by Python's name, as `cp1251`, of a file that begins so; None where there is none of the name."""
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return name
    found = _DECLARED.search(head)
    if not found:
        return "utf-8"
    declared = found.group(1).decode()
    if _WINDOWS_1251.fullmatch(declared):
        return "cp1251"
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        return None
    return "utf-8" if name.startswith("utf-16") else name  # in UTF-16 the declaration would not have been found

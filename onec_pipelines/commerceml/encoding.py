"""The encoding of a file: by its first bytes, and only then by what it declares.

An editor that saves a file as UTF-8 leaves its declaration as it was, and exporters have names of their own for
windows-1251. Everything that reads files asks here: if two parts disagreed, one of them would find no tags and skip the
file as empty.
"""

import codecs
import re

HEAD_BYTES = 512
"""How many bytes from the start of a file hold its declaration."""
DECODED = frozenset({"cp1251", "cp866", "koi8-r", "koi8-u", "iso8859-5", "mac-cyrillic", "utf-16-le", "utf-16-be"})
"""Encodings in which Cyrillic tags are other bytes than in UTF-8."""
MENDABLE = DECODED | {"utf-8"}
"""Those of files that may be read as text: Python knows some that are none, and unpack archives."""
_BEGINNINGS = {
    re.compile(codecs.BOM_UTF8): "utf-8",
    re.compile(codecs.BOM_UTF16_LE + rb"|([ \t\r\n]\0)*<\0"): "utf-16-le",
    re.compile(codecs.BOM_UTF16_BE + rb"|(\0[ \t\r\n])*\0<"): "utf-16-be",
}
"""A BOM wins over the declaration, and what UTF-16 declares cannot be read before it is decoded."""
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_WINDOWS_1251 = re.compile(r"(x-)?(windows|win|cp|ansi)[-_]?1251", re.IGNORECASE)


def encoding_of(head: bytes) -> str | None:
    """Python's name (`cp1251`) of the encoding of a file that begins with `head`; None where there is no such."""
    for beginning, name in _BEGINNINGS.items():
        if beginning.match(head):
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

"""Names of files as 1C sends them: which are taken, under which name they are kept, and what kind of file each is.

A name comes from a stranger, in a URL or in an archive. What is taken is a relative path of plain parts; the same
rules hold for both.
"""

import re
from enum import StrEnum

IMAGES = "import_files"
MAX_NAME, MAX_PART, MAX_PARTS = 512, 200, 6
"""Bytes of a name, bytes of a part of it, number of parts."""
PICTURES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
HARMLESS = frozenset(
    {
        ".pdf",
        ".txt",
        ".csv",
        ".rtf",
        ".doc",
        ".docx",
        ".odt",
        ".xls",
        ".xlsx",
        ".ods",
        ".ppt",
        ".pptx",
        ".svg",
        ".ico",
        ".mp3",
        ".mp4",
        ".avi",
        ".mov",
        ".json",
        ".log",
        ".md5",
        ".sha1",
    }
)
PROGRAMS = re.compile(
    r"\.(php\d?|phtml|phar|pht|phps|cgi|fcgi|pl|py[cw]?|rb|sh|bash|exe|dll|so|com|bat|cmd|ps1|vbs|wsf|msi|scr|jar|war|"
    r"jsp|jspx|asp|aspx|ashx|js|mjs|html?|xhtml|shtml|inc|ini|htaccess|htpasswd|lnk|epf|erf)(?=$|[./])",
    re.IGNORECASE,
)
"""Anywhere in a name: some web servers run `photo.php.jpg`, too."""
_DRIVE = re.compile(r"^[A-Za-z]:")


class NameRefusedError(Exception):
    """A name that is no plain path below a directory."""


class Kind(StrEnum):
    """What becomes of a file."""

    XML = "xml"
    ARCHIVE = "archive"
    PICTURE = "picture"
    PASSED_OVER = "passed over"
    REFUSED = "refused"


def clean(name: str) -> str:
    """The name under which a file is kept: slashes one way, without the directories that 1C puts in front by mistake.

    Raises:
        NameRefusedError: it is none.
    """
    parts = _stripped(name.replace("\\", "/").split("/"))
    if not all(map(_is_plain, parts)) or len(parts) > MAX_PARTS or not _is_text(name):
        raise NameRefusedError(name)
    return "/".join(parts)


def kind_of(name: str) -> Kind:
    """What becomes of a file of this clean name; only pictures may have a suffix that nobody knows."""
    suffix = _suffix(name)
    if PROGRAMS.search(name):
        return Kind.REFUSED
    if suffix in {".xml", ".zip"}:
        return Kind.XML if suffix == ".xml" else Kind.ARCHIVE
    if suffix in PICTURES:
        return Kind.PICTURE
    if suffix in HARMLESS:
        return Kind.PASSED_OVER
    return Kind.PICTURE if IMAGES in name.split("/")[:-1] else Kind.REFUSED


def _suffix(name: str) -> str:
    dot, suffix = name.rpartition("/")[2].rpartition(".")[1:]
    return (dot + suffix).lower() if dot else ""


def _stripped(parts: list[str]) -> list[str]:
    """Without `tmp` in front, and without what stands before the last of several `import_files`."""
    if parts[0] == "tmp" and len(parts) > 1:
        parts = parts[1:]
    if parts.count(IMAGES) > 1 and ".." not in parts:
        parts = parts[len(parts) - 1 - parts[::-1].index(IMAGES) :]
    return parts


def _is_text(name: str) -> bool:
    is_printable = all(character >= " " and character not in "\x7f\ufffd" for character in name)
    return is_printable and not _DRIVE.match(name) and len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME


def _is_plain(part: str) -> bool:
    if not part or part.startswith(".") or part.endswith((".", " ")):
        return False
    try:
        return len(part.encode()) <= MAX_PART
    except UnicodeEncodeError:
        return False

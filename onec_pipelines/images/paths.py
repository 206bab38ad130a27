"""Which path may name an image: relative, inside the tree, in characters that every store can hold.

Pure text; whether there is such a file is `scan`'s business. Both the paths 1C writes into its XML and the
paths in the media store obey these rules.
"""

import re

MAX_NAME = 255
"""Bytes in one component: the limit of Linux file systems."""

MAX_PATH = 1024
"""Bytes in all: the limit of an S3 key."""

DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def path_rejection(path: str) -> str | None:
    """Say in Russian why this path is not taken, or return None for one that is."""
    if not path.strip():
        return "путь пуст"
    if CONTROL.search(path):
        return "в пути управляющий символ"
    if "\\" in path:
        return "в пути обратная косая черта"
    if path.startswith("/") or DRIVE.match(path):
        return "путь не относительный"
    if ".." in path.split("/"):
        return "путь выходит за пределы import_files"
    return _length_rejection(path)


def _length_rejection(path: str) -> str | None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "имя не в кодировке UTF-8"
    if len(encoded) > MAX_PATH:
        return f"путь длиннее {MAX_PATH} байт"
    if len(encoded) > MAX_NAME and any(len(name) > MAX_NAME for name in encoded.split(b"/")):
        return f"имя файла длиннее {MAX_NAME} байт"
    return None


def normalized(path: str) -> str:
    """Drop what means nothing in a path: `./a//b` is `a/b`."""
    if "//" not in path and "./" not in path and not path.endswith(("/", "/.")):
        return path
    return "/".join(name for name in path.split("/") if name not in {"", "."})

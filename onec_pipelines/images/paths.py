"""Which path may name an image: relative, inside the tree, in characters that every store can hold.

Pure text; whether there is such a file is `scan`'s business. Both the paths 1C writes into its XML and the
paths in the media store obey these rules.
"""

import re
from urllib.parse import unquote

MAX_NAME = 255
"""Bytes in one component: the limit of Linux file systems."""

MAX_PATH = 1024
"""Bytes in all: the limit of an S3 key."""

DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
URL = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]+://")


def readings(path: str) -> list[str]:
    r"""The paths that a path of the XML may mean, the likeliest first; empty where none of them would be taken.

    It may be written as Windows writes it, with `\`, with a leading slash, or as a browser does (`%20`).
    """
    written = [path, path.replace("\\", "/").lstrip("/")]
    found = (written if written[0] != written[1] else written[:1]) + ([unquote(written[1])] if "%" in path else [])
    return [normalized(reading) for reading in found if not URL.match(reading) and not path_rejection(reading)]


def reference_rejection(path: str) -> str | None:
    """Say in Russian why a path of the XML can name no file of an export, or return None."""
    if readings(path):
        return None
    if URL.match(path):
        return "это адрес в интернете, а не файл выгрузки: картинка по нему не загружается"
    return path_rejection(path.replace("\\", "/").lstrip("/"))


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

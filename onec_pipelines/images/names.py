"""Under which name an image is published, so that no browser and no web server takes it for anything but an image.

1C names its files as it likes: `promo.html`, `.htaccess`, no extension. What is published ends in a usual extension of
the format that its bytes are, no part of its path begins with a dot, and none holds a control character:

    promo.html, a JPEG     ->  promo.html.jpg
    .htaccess, a PNG       ->  _htaccess.png
    03/038b.JPG, a JPEG    ->  03/038b.JPG

Two paths may come to one name. `publish.Claim` decides which file gets it; the other one gets digits
of its SHA-256: `promo.html-5f70bf18.jpg`. Pure text: which names are taken is not known here.
"""

import re
from collections.abc import Iterator

from onec_pipelines.images.paths import MAX_NAME, MAX_PATH

EXTENSIONS = {"JPEG": (".jpg", ".jpeg", ".jfif"), "PNG": (".png",), "WebP": (".webp",), "GIF": (".gif",)}
"""The usual ones of each format of `ImageFacts`, in whatever case; what has none of them gets the first."""
DIGITS = (8, 16, 64)
"""Digits of the SHA-256 in a name; eight are enough unless a name was made up to collide."""
LEADING_DOT = re.compile(r"(^|/)\.")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""C0, C1, line separators, and what turns the direction of writing: `gpj.html` shown as `lmth.jpg`."""


def names_for(path: str, image_format: str, sha256: str) -> Iterator[str]:
    """The names under which the file of this path may be published, the best first; none for a path that is too long.

    Args:
        path: relative to `import_files`; one that `path_rejection` lets pass.
        image_format: `JPEG`, `PNG`, `WebP` or `GIF`.
        sha256: of its bytes.
    """
    directory, slash, name = CONTROL.sub("_", LEADING_DOT.sub(r"\1_", path)).rpartition("/")
    extension = _extension(name, image_format)
    stem = name.removesuffix(extension)
    for tail in (extension, *(f"-{sha256[:digits]}{extension}" for digits in DIGITS)):
        if fitting := _fitting(stem, tail, directory + slash):
            yield f"{directory}{slash}{fitting}"


def is_name_of(media_path: str, path: str, image_format: str, sha256: str) -> bool:
    """Whether the file of this path may be found under this name in the media store.

    One that was published under its own name by an earlier version stays there until the image changes.
    """
    return media_path == path or media_path in names_for(path, image_format, sha256)


def _extension(name: str, image_format: str) -> str:
    """The extension of a name, as it is written, where it is one of the format; else the first of those."""
    usual = EXTENSIONS[image_format]
    return next((name[-len(extension) :] for extension in usual if name.lower().endswith(extension)), usual[0])


def _fitting(stem: str, tail: str, before: str) -> str:
    """A name of at most 255 bytes in a path of at most 1024: the stem gives way, between two characters."""
    room = min(MAX_NAME, MAX_PATH - len(before.encode())) - len(tail)
    cut = stem.encode()[: max(0, room)].decode(errors="ignore")
    return cut and cut + tail

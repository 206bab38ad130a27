"""Whether a file is a product image, and its facts: format and dimensions from the bytes, never from the name.

Accepted are JPEG, PNG, WebP and GIF. `inspect` looks at the header (Pillow), the dimensions, Pillow's limit
against decompression bombs, and the mark that ends an image of this format, because a file cut in half has a
perfect header and passes `Image.verify()`. `full=True` decodes every pixel as well, at 50 times the cost.

A rejection is an `ImageRejected` with a short Russian reason and without the path: the readers run 1C, and the
caller knows the path. Whatever the bytes are, no other exception leaves `inspect`, and no warning does; a machine that
has no memory left is a MemoryError, and no fault of the image.
Nothing here knows where an image goes, what refers to it, or how it is copied: see `publish` and `plan`.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from onec_pipelines.images.source import ImageRejected, read_image

SIGNATURES = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
FOREIGN = {
    "TIFF": re.compile(rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x40\x6c\x7c]\0\0\0", re.DOTALL),
    "PSD": re.compile(rb"8BPS"),
    "HEIC": re.compile(rb".{4}ftyp(?:hei|hev|mif|msf)", re.DOTALL),
    "AVIF": re.compile(rb".{4}ftypavi", re.DOTALL),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "ICO": re.compile(rb"\0\0\x01\0[^\0]\0"),
    "SVG": re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml[^>]*>.{0,500}?<svg)\b", re.DOTALL),
    "PDF": re.compile(rb"%PDF-"),
    "ZIP": re.compile(rb"PK\x03\x04"),
    "RAR": re.compile(rb"Rar!\x1a"),
}
"""What people store under an image's name most often, so that the rejection can say what it is."""

HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)

FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WebP", "GIF": "GIF"}
"""Pillow's name of a format -> ours. MPO is what phones write: a JPEG with more images behind it."""

MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's plugins raise on bytes they cannot read, from its source and from fuzzing it.

Not MemoryError: the size of an image is checked before it is decoded, so that says something of the machine.
"""

MARKER = re.compile(rb"\xff[^\x00\xff]")
"""A marker of a JPEG."""

BLOCK = re.compile(rb"[\x21\x2c\x3b]")
"""The first byte of an extension, an image and the trailer of a GIF; decoders skip what stands between."""

PILLOW_WARNINGS = re.compile(r"PIL\.")

PLUGINS = (GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Loaded here, once: `Image.open` would otherwise import all forty plugins at the first WebP, in a thread."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the bytes of an image say: format (`JPEG`, `PNG`, `WebP` or `GIF`), width and height in pixels."""

    format: str
    width: int
    height: int


def inspect(source: bytes | Path | BinaryIO, *, full: bool = False) -> ImageFacts:
    """Check an image given as its bytes, its path, or an open binary file (read from where it stands).

    Raises:
        ImageRejected: the file is not a whole image of an accepted format; the reason says what it is.
    """
    data = _bytes_of(source)
    signature = _signature(data)
    if not is_whole(signature, data):
        raise ImageRejected("файл обрывается: нет конца изображения")
    _hush_pillow()
    with _open(data, signature) as image:
        facts = ImageFacts(FORMATS[image.format or signature], *image.size)
        _reject_dimensions(facts)
        if full:
            _decode(image)
    return facts


def is_whole(signature: str, data: bytes) -> bool:
    """Whether the mark that ends an image of this format is where it belongs; padding may follow it."""
    try:
        return ENDINGS[signature](data)
    except (IndexError, struct.error):  # a length points behind the end of the file
        return False


def _bytes_of(source: bytes | Path | BinaryIO) -> bytes:
    if isinstance(source, bytes):
        return source
    return read_image(source).data if isinstance(source, Path) else source.read()


def _signature(data: bytes) -> str:
    if not data:
        raise ImageRejected("файл пуст")
    for name, pattern in SIGNATURES.items():
        if pattern.match(data):
            return name
    raise ImageRejected(_what_else(data))


def _what_else(data: bytes) -> str:
    if HTML.match(data):
        return "это не изображение, а страница HTML"
    for name, pattern in FOREIGN.items():
        if pattern.match(data):
            return f"формат {name} не поддерживается"
    if not data.strip(b"\0"):
        return "файл заполнен нулями, изображения в нём нет"
    return "это не изображение JPEG, PNG, WebP или GIF"


def _hush_pillow() -> None:
    """Keep Pillow's remarks on odd metadata out of logs: what they are about is checked here or harmless.

    A filter put in front rather than `warnings.catch_warnings`, which is not safe in threads.
    """
    front = warnings.filters[0] if warnings.filters else None
    if not front or front[0] != "ignore" or front[3] != PILLOW_WARNINGS:
        warnings.filterwarnings("ignore", module=PILLOW_WARNINGS.pattern)


def _open(data: bytes, signature: str) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(data), formats=(signature,))
    except Image.DecompressionBombError as error:
        raise ImageRejected("изображение слишком велико") from error
    except MALFORMED as error:
        raise ImageRejected(f"заголовок {FORMATS[signature]} повреждён") from error


def _reject_dimensions(facts: ImageFacts) -> None:
    size = f"{facts.width} × {facts.height} точек"
    if facts.width < 1 or facts.height < 1:
        raise ImageRejected(f"у изображения нет размера: {size}")
    if Image.MAX_IMAGE_PIXELS and facts.width * facts.height > Image.MAX_IMAGE_PIXELS:
        raise ImageRejected(f"изображение слишком велико: {size}")


def _decode(image: ImageFile.ImageFile) -> None:
    """Decode every frame of a GIF or WebP; of an MPO only the JPEG in front, which is the image people see."""
    try:
        image.load()
        for frame in range(1, 1 if image.format == "MPO" else getattr(image, "n_frames", 1)):
            image.seek(frame)
            image.load()
    except MALFORMED as error:
        raise ImageRejected("изображение повреждено: не раскодируется полностью") from error


def _whole_jpeg(data: bytes) -> bool:
    """EOI behind the start of the first scan: a thumbnail's own EOI stands before it, in APP1.

    Inside a scan FF is followed by 00 or a restart number, so FF D9 there is the end and nothing else.
    """
    return data.rfind(b"\xff\xd9", _first_scan(data)) >= 0


def _first_scan(data: bytes) -> int:
    position = 2
    while found := MARKER.search(data, position):
        position, marker = found.start() + 2, data[found.start() + 1]
        if marker == 0xDA:
            return position
        if not (marker == 0x01 or 0xD0 <= marker <= 0xD8):  # those stand alone, the others have a length
            position += int(struct.unpack_from(">H", data, position)[0])
    return len(data)


def _whole_png(data: bytes) -> bool:
    position = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if kind == b"IEND":
            return bool(position <= len(data))


def _whole_gif(data: bytes) -> bool:
    position = 13 + _palette(data[10])
    while found := BLOCK.search(data, position):
        position = found.start()
        if data[position] == 0x3B:
            return True
        extension = data[position] == 0x21
        position += 2 if extension else 11 + _palette(data[position + 9])
        position = _after_subblocks(data, position)
    return False


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_subblocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += 1 + length
    return position + 1


def _whole_webp(data: bytes) -> bool:
    (length,) = struct.unpack_from("<I", data, 4)
    return bool(12 < 8 + length <= len(data))


ENDINGS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _whole_jpeg,
    "PNG": _whole_png,
    "GIF": _whole_gif,
    "WEBP": _whole_webp,
}

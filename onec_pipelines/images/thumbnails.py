"""Small copies of an image: bytes -> bytes, upright, in sRGB, without metadata.

    thumbnails(data, (200, 800), "webp")     {800: Thumbnail(data, 800, 600), 200: Thumbnail(data, 200, 150)}

A thumbnail fits into a square of its size and is never larger than the image. It is turned as the camera's
EXIF says, its colours are those that a browser shows (profiles, CMYK, palettes and 16 bits are converted), and
of an animation it is the first frame. WebP keeps transparency, JPEG gets a white background.

What is no whole image, or has more pixels than Pillow's limit against decompression bombs, is an
`ImageRejected` with a Russian reason, as in `inspection`. Where thumbnails are kept is not known here.
"""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

from onec_pipelines.images.inspection import MALFORMED, inspect
from onec_pipelines.images.source import ImageRejected
from onec_pipelines.tolerated import passed_over, tolerated

log = logging.getLogger(__name__)

SRGB = ImageCms.createProfile("sRGB")
FAIR = 3.0
"""How much larger than needed an image is decoded: from this factor on the result is as good as from all its pixels."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """An encoded thumbnail, with its width and height in pixels."""

    data: bytes
    width: int
    height: int


def thumbnails(
    data: bytes, sizes: Iterable[int], thumbnail_format: str = "webp", quality: int = 80
) -> dict[int, Thumbnail]:
    """Make a thumbnail of each size (pixels of the longer side) of one image, which is decoded once.

    `thumbnail_format` is `webp` or `jpeg`, `quality` 1 to 100.

    Raises:
        ImageRejected: the image cannot be decoded.
    """
    ordered = sorted(sizes, reverse=True)
    image = shrunk(data, ordered[0])
    made: dict[int, Thumbnail] = {}
    for size in ordered:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        made[size] = Thumbnail(_encoded(image, thumbnail_format, quality), *image.size)
    return made


def shrunk(data: bytes, size: int) -> Image.Image:
    """Decode an image so that it fits into a square of `size` pixels: upright, RGB, or RGBA where it is transparent.

    Raises:
        ImageRejected: it cannot be decoded.
    """
    facts = inspect(data)
    try:
        with Image.open(io.BytesIO(data), formats=(facts.format.upper(),)) as opened:
            image = _resizable(opened)
            image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=FAIR)
            image = _upright(_in_srgb(image))
    except MALFORMED as error:
        raise ImageRejected("изображение повреждено: не раскодируется полностью") from error
    image.info.clear()  # some formats write what stands there
    return image


def on_white(image: Image.Image) -> Image.Image:
    """The image in RGB, with white where it is transparent."""
    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


def _resizable(image: Image.Image) -> Image.Image:
    """The image in a mode whose pixels can be averaged: palettes cannot, and 16 bits are cut off, not scaled."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"1", "P", "PA"} or "transparency" in image.info:
        return image.convert(_shown_mode(image))
    return image


def _in_srgb(image: Image.Image) -> Image.Image:
    """The image's colours by its profile, where it has one that can be used."""
    mode = _shown_mode(image)
    if profile := image.info.get("icc_profile"):
        with tolerated(log, "colours are taken as they are", ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if converted := ImageCms.profileToProfile(image, source, SRGB, outputMode=mode):
                return converted
    return image if image.mode == mode else image.convert(mode)


def _shown_mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF says; an image with damaged EXIF is left as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except MALFORMED as error:
        passed_over(log, "an image is taken as it lies", error)
        return image


def _encoded(image: Image.Image, thumbnail_format: str, quality: int) -> bytes:
    file = io.BytesIO()
    if thumbnail_format == "jpeg":
        on_white(image).save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    else:
        image.save(file, "WEBP", quality=quality)
    return file.getvalue()

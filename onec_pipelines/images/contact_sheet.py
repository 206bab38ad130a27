"""A contact sheet: one small image of some product images with their articles, shown with the metadata of a run.

    sheet = contact_sheet([("СТ-100", data), ...])     a WebP of at most 40 KB, b"" where nothing can be shown
    as_markdown(sheet)                                 ![...](data:image/webp;base64,...)

It is kept small because it is stored in the run history, and the page of an asset loads its last hundred events.
An image that cannot be decoded is left out. The caller chooses the images.
"""

import base64
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice

from PIL import Image, ImageDraw, ImageFont

from onec_pipelines.images.source import ImageRejected
from onec_pipelines.images.thumbnails import on_white, shrunk
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

COLUMNS = 6
IMAGES = 24
SIDE = 112
"""Pixels of an image's longer side."""
GAP = 8
CAPTION = 20
FONT_SIZE = 12
MAX_BYTES = 40_000
QUALITIES = (80, 65, 50, 35, 20, 5, 0)
"""Tried one after another until the sheet is small enough; photographs on white pass with the first."""
LONGEST = 60
"""More letters than ever fit under an image."""
FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "arial.ttf")
"""Fonts with Cyrillic, one of which most machines have: that of Pillow has none."""
LETTERS = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ№…"
SPELLED = "A B V G D E E Zh Z I Y K L M N O P R S T U F Kh Ts Ch Sh Sch ' Y ' E Yu Ya No ..."
SPELLING = {
    ord(letter): spelled
    for cyrillic, latin in zip(LETTERS, SPELLED.split(), strict=True)
    for letter, spelled in ((cyrillic.lower(), latin.lower()), (cyrillic, latin))
}
"""How a machine without such a font spells Russian."""


def contact_sheet(images: Iterable[tuple[str, bytes]]) -> bytes:
    """Draw the first 24 images that can be decoded, given as pairs of article and bytes.

    Images are taken from the iterable only as they are needed.
    """
    shown = list(islice(_decoded(images), IMAGES))
    if not shown:
        return b""
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) + GAP, rows * (SIDE + CAPTION + GAP) + GAP), "white")
    for number, (article, image) in enumerate(shown):
        row, column = divmod(number, columns)
        _draw(sheet, (GAP + column * (SIDE + GAP), GAP + row * (SIDE + CAPTION + GAP)), article, image)
    return _small(sheet)


def as_markdown(sheet: bytes) -> str:
    """The sheet as Markdown that holds the image itself."""
    return f"![contact sheet](data:image/webp;base64,{base64.b64encode(sheet).decode()})"


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """The text on one line, without some of its middle where it does not fit: articles differ at their ends."""
    text = visible(" ".join(text.split()))
    if fits(text):
        return text
    cuts = (
        f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}" for kept in range(min(len(text), LONGEST), 0, -1)
    )
    return next(filter(fits, cuts), "")


def _decoded(images: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Image.Image]]:
    for article, data in images:
        try:
            yield article, on_white(shrunk(data, SIDE))
        except ImageRejected as error:
            passed_over(log, "not on the contact sheet", error)


def _draw(sheet: Image.Image, corner: tuple[int, int], article: str, image: Image.Image) -> None:
    """Put an image into the middle of its cell, in a frame, and its article below."""
    left, top = corner
    sheet.paste(image, (left + (SIDE - image.width) // 2, top + (SIDE - image.height) // 2))
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((left - 1, top - 1, left + SIDE, top + SIDE), outline="#dddddd")
    font, spelling = _lettering()
    text = shortened(article, lambda text: font.getlength(text.translate(spelling)) <= SIDE)
    pen.text((left + SIDE // 2, top + SIDE + 3), text.translate(spelling), "#333333", font, anchor="ma")


@cache
def _lettering() -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, dict[int, str]]:
    """A font, and how letters are spelled that it does not have."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, FONT_SIZE), {}
        except OSError:
            continue
    return ImageFont.load_default(FONT_SIZE), SPELLING


def _small(sheet: Image.Image) -> bytes:
    """The sheet as WebP, as good as its limit allows."""
    encoded = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        sheet.save(file, "WEBP", quality=quality, method=2)  # as small as by the default of 4, in half the time
        encoded = file.getvalue()
        if len(encoded) <= MAX_BYTES:
            break
    return encoded

"""The image files: coloured shapes with the article on them, drawn by arithmetic, and four that are broken."""

from io import BytesIO
from pathlib import PurePosixPath
from zlib import crc32

from PIL import Image, ImageDraw

from onec_pipelines.demo.records import DemoImage, Good, Offer, Shop

SIZE = (320, 240)
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}

_HTML = "<!DOCTYPE html><html><head><title>404</title></head><body><h1>Not Found</h1></body></html>\n"


def image_files(shop: Shop) -> dict[str, bytes]:
    """Give the content of every image file by the path that the XML uses; missing files are not among them."""
    owners: tuple[Good | Offer, ...] = (*shop.goods, *shop.offers)
    stated = ((owner.article, image) for owner in owners for image in owner.images)
    unlisted = ((good.article, image) for good in shop.goods for image in good.unlisted)
    files: dict[str, bytes] = {}
    for article, image in (*stated, *unlisted):
        if image.path and image.flaw != "missing" and image.path not in files:
            files[image.path] = _content(image, article)
    return files


def _content(image: DemoImage, article: str) -> bytes:
    if image.flaw == "empty":
        return b""
    if image.flaw == "html":
        return _HTML.encode()
    drawn = _draw(image.path, article)
    return drawn[: len(drawn) // 2] if image.flaw == "truncated" else drawn


def _draw(path: str, article: str) -> bytes:
    seed = crc32(path.encode())
    red, green, blue = seed & 0x7F, seed >> 8 & 0x7F, seed >> 16 & 0x7F
    image = Image.new("RGB", SIZE, (255 - red // 4, 255 - green // 4, 255 - blue // 4))
    pen = ImageDraw.Draw(image)
    left, top, size = 40 + seed % 60, 50 + seed % 30, 90 + seed % 40
    box, colour = (left, top, left + size, top + size), (red, green, blue)
    match seed % 3:
        case 0:
            pen.ellipse(box, fill=colour)
        case 1:
            pen.rectangle(box, fill=colour)
        case _:
            pen.regular_polygon((left + size // 2, top + size // 2, size // 2), 3, fill=colour)
    pen.text((12, 12), article, fill=(20, 20, 20), font_size=22)
    content = BytesIO()
    image.save(content, FORMATS[PurePosixPath(path).suffix], quality=80)
    return content.getvalue()

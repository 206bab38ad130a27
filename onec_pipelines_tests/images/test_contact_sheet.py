"""Which images stand on a contact sheet, where, under which words, and how large it may become."""

import base64
import io
import time

import pytest
from PIL import Image, ImageFont

from onec_pipelines.images import contact_sheet as module
from onec_pipelines.images.contact_sheet import CAPTION, GAP, MAX_BYTES, SIDE, as_markdown, contact_sheet, shortened

RED, GREEN, BLUE = (220, 20, 20), (20, 160, 20), (20, 20, 220)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (300, 300), kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def opened(sheet: bytes) -> Image.Image:
    return Image.open(io.BytesIO(sheet)).convert("RGB")


def middle(sheet: bytes, column: int, row: int = 0) -> str:
    """The colour in the middle of a cell."""
    place = (GAP + column * (SIDE + GAP) + SIDE // 2, GAP + row * (SIDE + CAPTION + GAP) + SIDE // 2)
    return named(opened(sheet).getpixel(place))


def named(pixel: tuple[int, int, int]) -> str:
    colours = {"red": RED, "green": GREEN, "blue": BLUE, "white": (255, 255, 255)}
    return min(colours, key=lambda name: sum(abs(a - b) for a, b in zip(colours[name], pixel, strict=True)))


def caption(sheet: bytes, column: int = 0) -> Image.Image:
    """What stands under an image of the first row."""
    left, top = GAP + column * (SIDE + GAP), GAP + SIDE + 2
    return opened(sheet).crop((left, top, left + SIDE, top + CAPTION))


def test_images_stand_side_by_side_six_in_a_row():
    sheet = contact_sheet([("a", plain(RED)), ("b", plain(GREEN)), *[("c", plain(BLUE))] * 5])
    assert [middle(sheet, 0), middle(sheet, 1), middle(sheet, 2), middle(sheet, 0, 1)] == [
        "red",
        "green",
        "blue",
        "blue",
    ]
    assert opened(sheet).size == (6 * (SIDE + GAP) + GAP, 2 * (SIDE + CAPTION + GAP) + GAP)


def test_one_image_makes_a_sheet_of_one_cell():
    assert opened(contact_sheet([("a", plain(RED))])).size == (SIDE + 2 * GAP, SIDE + CAPTION + 2 * GAP)


def test_no_image_makes_no_sheet():
    assert contact_sheet([]) == b""


def test_no_more_than_24_images_are_taken():
    images = iter([("a", plain(RED))] * 30)
    contact_sheet(images)
    assert len(list(images)) == 6


@pytest.mark.parametrize("broken", [b"", b"<html>", plain(RED)[:200], plain(RED, kind="JPEG")[:-2]])
def test_an_image_that_cannot_be_decoded_is_left_out(broken):
    sheet = contact_sheet([("a", broken), ("b", plain(GREEN))])
    assert middle(sheet, 0) == "green"
    assert opened(sheet).width == SIDE + 2 * GAP


def test_a_decompression_bomb_is_left_out(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 299)
    assert contact_sheet([("a", plain(RED))]) == b""


def test_an_image_is_turned_as_the_camera_was_held():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (400, 200), RED)
    image.paste(BLUE, (200, 0, 400, 200))
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    sheet = opened(contact_sheet([("a", file.getvalue())]))
    assert named(sheet.getpixel((GAP + SIDE // 2, GAP + SIDE // 4))) == "red"
    assert named(sheet.getpixel((GAP + SIDE // 2, GAP + SIDE * 3 // 4))) == "blue"
    assert named(sheet.getpixel((GAP + 10, GAP + SIDE // 2))) == "white"


def test_what_is_transparent_is_white():
    file = io.BytesIO()
    Image.new("RGBA", (200, 200), (255, 0, 0, 0)).save(file, "PNG")
    assert middle(contact_sheet([("a", file.getvalue())]), 0) == "white"


def test_the_article_stands_under_its_image():
    sheet = contact_sheet([("СТ-100", plain(RED)), ("", plain(RED))])
    darkest = [min(caption(sheet, column).convert("L").getextrema()) for column in (0, 1)]
    assert darkest[0] < 120 < darkest[1]


def test_without_a_font_that_has_cyrillic_an_article_is_spelled_in_latin_letters(monkeypatch):
    monkeypatch.setattr(module, "FONTS", ())
    module._lettering.cache_clear()
    try:
        russian, latin = (caption(contact_sheet([(article, plain(RED))])) for article in ("Щётка №5", "Schetka No5"))
    finally:
        module._lettering.cache_clear()
    assert russian.tobytes() == latin.tobytes()


def test_the_font_that_is_found_has_cyrillic():
    font, spelling = module._lettering()
    if spelling:
        pytest.skip("This machine has none of the fonts.")
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert bytes(font.getmask("Ж")) != bytes(font.getmask("Ы"))


@pytest.mark.parametrize(
    ("article", "shown"),
    [
        ("СТ-100", "СТ-100"),
        (" two\n lines ", "two lines"),
        ("ARTICLE-1234567890-42", "ARTIC…90-42"),
        ("x" * 100_000, "xxxxx…xxxxx"),
        ("\u202eGPJ", r"\u202eGPJ"),
    ],
)
def test_a_long_article_keeps_its_ends(article, shown):
    assert shortened(article, lambda text: len(text) <= 11) == shown


def test_an_article_of_which_nothing_fits_is_not_shown():
    assert shortened("СТ-100", lambda text: not text) == ""


def test_a_sheet_of_the_worst_images_stays_small(draw):
    assert 0 < len(contact_sheet([("a", draw("PNG", (300, 300), seed=seed)) for seed in range(24)])) <= MAX_BYTES


def test_a_sheet_of_photographs_costs_less_than_a_second():
    photograph = plain(RED, (4000, 3000), "JPEG")
    began = time.process_time()
    contact_sheet([("a", photograph)] * 24)
    assert time.process_time() - began < 2  # some 0.4 s on a machine that has nothing else to do


def test_markdown_holds_the_sheet_itself():
    sheet = contact_sheet([("a", plain(RED))])
    opening, _, data = as_markdown(sheet).partition(";base64,")
    assert opening == "![contact sheet](data:image/webp"
    assert base64.b64decode(data.removesuffix(")")) == sheet

"""What a thumbnail is of each kind of image: its size, its colours, its orientation, and what it leaves out."""

import io

import pytest
from PIL import Image, ImageCms

from onec_pipelines.images.source import ImageRejected
from onec_pipelines.images.thumbnails import thumbnails

ORANGE = (240, 130, 20)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def thumbnail(data: bytes, size: int = 100, kind: str = "webp", quality: int = 90) -> Image.Image:
    image = Image.open(io.BytesIO(thumbnails(data, [size], kind, quality)[size].data))
    image.load()
    return image


def is_near(pixel: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 12


@pytest.mark.parametrize(
    ("size", "fitting"),
    [((400, 300), (100, 75)), ((300, 400), (75, 100)), ((100, 100), (100, 100)), ((5000, 10), (100, 1))],
)
def test_it_fits_into_its_size_and_keeps_its_shape(draw, size, fitting):
    assert thumbnail(draw("JPEG", size)).size == fitting


def test_it_is_never_larger_than_the_image(draw):
    assert thumbnail(draw("JPEG", (40, 30))).size == (40, 30)


def test_several_sizes_are_made_of_one_image(draw):
    made = thumbnails(draw("JPEG", (400, 300)), (50, 200))
    assert {size: (one.width, one.height) for size, one in made.items()} == {200: (200, 150), 50: (50, 38)}
    assert {size: Image.open(io.BytesIO(one.data)).size for size, one in made.items()} == {
        200: (200, 150),
        50: (50, 38),
    }


@pytest.mark.parametrize(("kind", "written"), [("webp", "WEBP"), ("jpeg", "JPEG")])
def test_it_has_the_format_that_was_asked_for(draw, kind, written):
    assert thumbnail(draw("PNG"), kind=kind).format == written


def test_a_lower_quality_makes_less_of_it(draw):
    data = draw("PNG", (200, 200))
    assert len(thumbnails(data, [100], "webp", 30)[100].data) < len(thumbnails(data, [100], "webp", 90)[100].data)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_stands_upright_whichever_way_the_camera_was_held(orientation):
    upright = Image.new("RGB", (40, 20), "white")
    upright.paste("black", (0, 0, 20, 10))
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes what EXIF asks for
    held = upright.transpose(Image.Transpose(inverse[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = thumbnail(encoded(held, "JPEG", exif=exif, quality=95, subsampling=0)).convert("L")
    assert made.size == (40, 20)
    assert [made.getpixel(place) > 128 for place in ((8, 4), (32, 4), (8, 16), (32, 16))] == [False, True, True, True]


def test_damaged_exif_is_no_reason_to_reject_an_image():
    assert thumbnail(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\xff\x12")).size == (40, 20)


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
def test_metadata_is_left_out(kind):
    exif = Image.Exif()
    exif[0x010F] = "somebody's camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("RGB", (200, 100))
    data = encoded(image, "JPEG", exif=exif, icc_profile=profile, comment=b"a secret", xmp=b"<x:xmpmeta/>")
    made = thumbnail(data, kind=kind)
    assert not made.getexif()
    assert not {"exif", "icc_profile", "comment", "xmp"} & made.info.keys()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colours_stay_what_they_are_in_every_mode(mode):
    image = Image.new("RGB", (200, 100), ORANGE).convert(mode)
    data = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    for kind in ("webp", "jpeg"):
        assert is_near(thumbnail(data, kind=kind).convert("RGB").getpixel((50, 25)), ORANGE)


@pytest.mark.parametrize(
    ("image", "grey"),
    [
        (Image.new("L", (200, 100), 100), 100),
        (Image.new("LA", (200, 100), (100, 255)), 100),
        (Image.new("1", (200, 100), 1), 255),
        (Image.new("I;16", (200, 100), 100 * 256), 100),
    ],
    ids=lambda value: getattr(value, "mode", str(value)),
)
def test_greys_stay_what_they_are_in_every_depth(image, grey):
    assert is_near(thumbnail(encoded(image)).convert("RGB").getpixel((50, 25)), (grey,) * 3)


def test_colours_of_another_profile_become_those_that_a_browser_shows():
    data = encoded(Image.new("RGB", (200, 100), (55, 55, 55)), icc_profile=linear_profile())
    assert is_near(thumbnail(data).getpixel((50, 25)), (128, 128, 128))  # 55/255 of the light of white


def linear_profile() -> bytes:
    """sRGB's profile with the curves of linear light."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    start = profile.index(b"para")
    profile[start + 8 : start + 16] = b"\0\0\0\0\0\1\0\0"  # a power curve with the exponent 1
    return bytes(profile)


def test_a_profile_that_cannot_be_read_is_passed_over():
    data = encoded(Image.new("RGB", (200, 100), ORANGE), "JPEG", icc_profile=b"no profile")
    assert is_near(thumbnail(data).convert("RGB").getpixel((50, 25)), ORANGE)


def see_through(mode: str) -> bytes:
    """Orange on the right, transparent on the left."""
    image = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    image.paste((*ORANGE, 255), (100, 0, 200, 100))
    if mode == "GIF":
        return encoded(image, "GIF")
    if mode == "tRNS":
        opaque = Image.new("RGB", (200, 100), (1, 2, 3))
        opaque.paste(ORANGE, (100, 0, 200, 100))
        return encoded(opaque, "PNG", transparency=(1, 2, 3))
    return encoded(image, mode, **({"lossless": True} if mode == "WEBP" else {}))


@pytest.mark.parametrize("mode", ["PNG", "WEBP", "GIF", "tRNS"])
def test_webp_keeps_transparency(mode):
    made = thumbnail(see_through(mode)).convert("RGBA")
    assert (made.getpixel((20, 25))[3], made.getpixel((80, 25))[3]) == (0, 255)
    assert is_near(made.getpixel((80, 25))[:3], ORANGE)


@pytest.mark.parametrize("mode", ["PNG", "WEBP", "GIF", "tRNS"])
def test_jpeg_gets_a_white_background(mode):
    made = thumbnail(see_through(mode), kind="jpeg")
    assert is_near(made.getpixel((20, 25)), (255, 255, 255))
    assert is_near(made.getpixel((80, 25)), ORANGE)


def test_of_an_animation_it_is_the_first_frame():
    frames = [Image.new("RGB", (60, 60), colour) for colour in (ORANGE, (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    made = thumbnail(data)
    assert getattr(made, "n_frames", 1) == 1
    assert is_near(made.convert("RGB").getpixel((30, 30)), ORANGE)


def test_a_decompression_bomb_is_rejected_with_its_size(draw, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageRejected) as rejected:
        thumbnails(draw("PNG", (40, 30)), [10])
    assert rejected.value.reason == "изображение слишком велико: 40 × 30 точек"


@pytest.mark.parametrize("data", [b"", b"<html>404</html>"])
def test_what_is_no_image_is_rejected(data):
    with pytest.raises(ImageRejected):
        thumbnails(data, [10])


def test_an_image_with_damage_in_its_middle_is_rejected(draw):
    data = bytearray(draw("PNG", (200, 200)))
    data[1000:1200] = bytes(200)
    with pytest.raises(ImageRejected) as rejected:
        thumbnails(bytes(data), [10])
    assert rejected.value.reason == "изображение повреждено: не раскодируется полностью"

import io
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from onec_pipelines.images.inspection import ImageFacts, inspect
from onec_pipelines.images.source import ImageRejected

KINDS = ["JPEG", "PNG", "WEBP", "GIF"]


def rejection(source, **options) -> str:
    with pytest.raises(ImageRejected) as caught:
        inspect(source, **options)
    return caught.value.reason


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_format_and_size_come_from_the_bytes(draw, kind, full):
    expected = ImageFacts("WebP" if kind == "WEBP" else kind, 40, 30)
    assert inspect(draw(kind), full=full) == expected


def test_a_path_and_an_open_file_do_as_well_as_bytes(draw, tmp_path):
    path = tmp_path / "really a png.jpg"
    path.write_bytes(draw("PNG"))
    with path.open("rb") as file:
        assert inspect(path) == inspect(file) == ImageFacts("PNG", 40, 30)


def test_a_progressive_jpeg_and_an_animation_decode_to_the_end(draw):
    assert inspect(draw("JPEG", progressive=True), full=True).format == "JPEG"
    frames = [Image.new("RGB", (9, 9), (shade, 0, 0)) for shade in range(5)]
    for kind in ("GIF", "WEBP"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        assert (inspect(file.getvalue(), full=True).width, file.getvalue().count(b"ANMF")) in {(9, 0), (9, 5)}


def test_a_photograph_of_a_phone_with_a_second_image_behind_is_a_jpeg():
    file = io.BytesIO()
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    first.save(file, "MPO", save_all=True, append_images=[second])
    assert inspect(file.getvalue(), full=True) == ImageFacts("JPEG", 64, 64)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "файл пуст"),
        (b"<!DOCTYPE html><html>404</html>", "это не изображение, а страница HTML"),
        (b"\xef\xbb\xbf\r\n <HTML lang=ru>", "это не изображение, а страница HTML"),
        (b"\0" * 5000, "файл заполнен нулями, изображения в нём нет"),
        (b"hello", "это не изображение JPEG, PNG, WebP или GIF"),
        (b"%PDF-1.7", "формат PDF не поддерживается"),
        (b"PK\x03\x04", "формат ZIP не поддерживается"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "формат SVG не поддерживается"),
        (b"\0\0\0\x18ftypheic", "формат HEIC не поддерживается"),
        (b"\xff\xd8\xff", "файл обрывается: нет конца изображения"),
        (b"\xff\xd8\xff\xda\xff\xd9", "заголовок JPEG повреждён"),
    ],
)
def test_what_is_no_image_is_named(data, reason):
    assert rejection(data) == reason


@pytest.mark.parametrize(("kind", "name"), [("TIFF", "TIFF"), ("BMP", "BMP"), ("ICO", "ICO"), ("AVIF", "AVIF")])
def test_a_format_that_pillow_knows_and_shops_do_not_is_rejected(draw, kind, name):
    assert rejection(draw(kind)) == f"формат {name} не поддерживается"


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_rejected(draw, kind):
    data = draw(kind)
    for length in range(12, len(data)):
        assert rejection(data[:length]) == "файл обрывается: нет конца изображения"
    for length in range(12):
        rejection(data[:length])


def test_half_a_photograph_is_called_cut_off_although_pillow_verifies_it(draw):
    data = draw("JPEG", (400, 300))
    half = data[: len(data) // 2]
    Image.open(io.BytesIO(half)).verify()
    assert rejection(half) == "файл обрывается: нет конца изображения"


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_photograph(draw):
    thumbnail = b"Exif\0\0" + draw("JPEG", (8, 8))
    data = draw("JPEG", (400, 300))
    photograph = data[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    assert inspect(photograph) == ImageFacts("JPEG", 400, 300)
    rejection(photograph[:-2])


def test_a_file_cut_and_filled_up_with_zeros_is_rejected(draw):
    data = draw("JPEG", (400, 300))
    assert rejection(data[: len(data) // 2] + bytes(len(data) // 2)) == "файл обрывается: нет конца изображения"


@pytest.mark.parametrize("kind", KINDS)
def test_padding_behind_the_end_does_no_harm(draw, kind):
    assert inspect(draw(kind) + bytes(512) + b"\r\n", full=True).width == 40


def test_a_png_with_a_damaged_middle_is_found_by_a_full_decode_only(draw):
    data = bytearray(draw("PNG", (200, 200)))
    data[len(data) // 2] ^= 0xFF
    assert inspect(bytes(data)).width == 200
    assert rejection(bytes(data), full=True) == "изображение повреждено: не раскодируется полностью"


def test_a_decompression_bomb_is_rejected_without_decoding_and_without_a_warning(draw):
    claims = {}
    for side in (9_500, 60_000):  # above Pillow's warning, and above its error
        data = bytearray(draw("JPEG"))
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
        claims[side] = rejection(bytes(data))
    assert claims == {
        9_500: "изображение слишком велико: 9500 × 9500 точек",
        60_000: "изображение слишком велико",
    }


def test_odd_metadata_gives_no_warning_in_any_thread(draw):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x1a\x01\x05\0\x01\0\0\0\xff\xff\xff\x7f"
    data = draw("JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    failures = []

    def look() -> None:
        try:
            inspect(data, full=True)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (failures, shown) == ([], [])


def test_a_directory_a_missing_file_and_a_link_are_rejected(tmp_path, draw):
    (tmp_path / "a.jpg").write_bytes(draw())
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    assert rejection(tmp_path) == "это каталог, а не файл"
    assert rejection(tmp_path / "no.jpg") == "файла нет"
    assert rejection(tmp_path / "link.jpg") == "это ссылка, а не файл"
    assert rejection(Path("a\0b.jpg")) == "недопустимое имя файла"
    assert rejection(Path("/dev/zero")) == "это не файл, а канал, сокет или устройство"


def test_a_file_that_nobody_could_hold_in_memory_is_rejected_by_its_size(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as sparse:
        sparse.truncate(300 * 1024**2)
    assert rejection(tmp_path / "a.jpg") == "файл больше 256 МБ"


def test_a_gif_without_a_trailer_is_cut_off(draw):
    assert rejection(draw("GIF").rstrip(b";")) == "файл обрывается: нет конца изображения"


SHORT_OF_MEMORY = """
import resource, sys
from hashlib import sha256
from pathlib import Path
from onec_pipelines.errors import OnecError
from onec_pipelines.images.inspection import inspect
from onec_pipelines.images.publish import ToPublish, publish_all
from onec_pipelines.images.store import open_store
from onec_pipelines.images.thumbnails import thumbnails
from onec_pipelines.importing.thumbnails.making import Making, outcomes_of
from onec_pipelines.importing.thumbnails.published import PublishedImage
from onec_pipelines.importing.thumbnails.style import Style
export = Path(sys.argv[1])
data, store = (export / "large.png").read_bytes(), open_store("memory://media")
store.put("large.png", data)
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 40 * 2**20, -1))
for look in (lambda: inspect(data, full=True), lambda: thumbnails(data, [200])):
    try:
        print(look())
    except MemoryError as error:
        print(type(error).__name__)
large = PublishedImage(sha256(data).hexdigest(), "good", ["large.png"], [])
for outcomes in (
    publish_all([ToPublish("large.png", "large.png")], export, store, lambda name, path: True, full=True),
    outcomes_of([large], Making(store, store.listing(), Style(), force=False)),
):
    try:
        print(list(outcomes))
    except OnecError as error:
        print(error)
"""


def test_a_machine_without_memory_is_no_damaged_image(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (5000, 5000)).save(file, "PNG")
    (tmp_path / "large.png").write_bytes(file.getvalue())
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY, tmp_path], capture_output=True, text=True, check=True, timeout=60
    )
    advice = (
        "give the process more of it, or take that image out of the export; then run it again: what is published stays."
    )
    assert done.stdout.splitlines() == [
        "MemoryError",
        "MemoryError",
        f"There is not enough memory to check the image 'large.png': {advice}",
        f"There is not enough memory to make thumbnails of 'large.png': {advice}",
    ]


def only_facts_or_a_rejection(data: bytes) -> None:
    for full in (False, True):
        try:
            facts = inspect(data, full=full)
        except ImageRejected:
            continue
        assert facts.width > 0


fuzzing = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@fuzzing
@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x10\0\0\0WEBP"]), st.binary())
def test_random_bytes_give_a_rejection_and_nothing_else(signature, rest):
    only_facts_or_a_rejection(signature + rest)


@fuzzing
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6),
    st.floats(0.3, 1),
)
def test_a_mutated_image_gives_facts_or_a_rejection_and_nothing_else(draw, kind, mutations, kept):
    data = bytearray(draw(kind))
    for place, replacement in mutations:
        start = int(place**3 * len(data))  # mostly in the header, where the structure is
        data[start : start + len(replacement)] = replacement
    only_facts_or_a_rejection(bytes(data[: int(kept * len(data))] if kept < 0.9 else data))

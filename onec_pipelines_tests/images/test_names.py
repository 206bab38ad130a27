"""Under which names images are published, whatever 1C calls them."""

import unicodedata
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onec_pipelines.images.names import EXTENSIONS, is_name_of, names_for
from onec_pipelines.images.paths import path_rejection

SHA256 = sha256(b"image").hexdigest()


def name(path: str, kind: str = "JPEG") -> str:
    return next(names_for(path, kind, SHA256))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("JPEG", "a.jpg"),
        ("JPEG", "a.jpeg"),
        ("JPEG", "a.JPG"),
        ("JPEG", "a.jfif"),
        ("JPEG", "a.Jpeg"),
        ("JPEG", "03/038b57b5-fb24-11ec_a.jpg"),
        ("JPEG", "Стул, синий (2).jpg"),
        ("JPEG", "a..b.html.jpg"),
        ("PNG", "a.PNG"),
        ("WebP", "a.webp"),
        ("GIF", "a.gif"),
    ],
)
def test_a_name_that_tells_the_format_stays(kind, path):
    assert name(path, kind) == path


HOSTILE = {
    "promo.html": "promo.html.jpg",
    "promo.HTM": "promo.HTM.jpg",
    "promo.php": "promo.php.jpg",
    "promo.svg": "promo.svg.jpg",
    "promo": "promo.jpg",
    "jpg": "jpg.jpg",
    "promo.": "promo..jpg",
    "promo.jpg.": "promo.jpg..jpg",
    "promo.jpg ": "promo.jpg .jpg",
    "promo.jpg.html": "promo.jpg.html.jpg",
    "promo.png": "promo.png.jpg",
    "promo.jpe": "promo.jpe.jpg",
    "promo.jpg;.html": "promo.jpg;.html.jpg",
    "promo.html?.jpg#.html": "promo.html?.jpg#.html.jpg",
    "promo.php%00": "promo.php%00.jpg",
    "promo．jpg": "promo．jpg.jpg",
    ".htaccess": "_htaccess.jpg",
    ".jpg": "_jpg.jpg",
    ".user.ini": "_user.ini.jpg",
    "...": "_...jpg",
    "..a.jpg": "_.a.jpg",
    ".git/a.jpg": "_git/a.jpg",
    "a/.well-known/.b.jpg": "a/_well-known/_b.jpg",
    "a\x85b.jpg": "a_b.jpg",
    "a\x9b31mb.jpg": "a_31mb.jpg",
    "a\u2028b.jpg": "a_b.jpg",
    "a\u202egpj.html": "a_gpj.html.jpg",
    "\u2066a\u2069.jpg": "_a_.jpg",
    "con": "con.jpg",
}


@pytest.mark.parametrize("path", HOSTILE)
def test_a_jpeg_of_any_other_name_gets_one_that_tells_its_format(path):
    assert name(path) == HOSTILE[path]


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WebP", "webp"), ("GIF", "gif")])
def test_the_extension_is_that_of_the_bytes(kind, extension):
    assert name("promo.html", kind) == f"promo.html.{extension}"


def test_eight_digits_stand_before_the_extension_and_more_of_them_if_those_are_taken():
    assert list(names_for("promo.html", "JPEG", SHA256)) == [
        "promo.html.jpg",
        f"promo.html-{SHA256[:8]}.jpg",
        f"promo.html-{SHA256[:16]}.jpg",
        f"promo.html-{SHA256}.jpg",
    ]
    assert list(names_for("03/a.JPG", "JPEG", SHA256))[1] == f"03/a-{SHA256[:8]}.JPG"


@pytest.mark.parametrize("path", ["a" * 255, "я" * 127, "a" + "я" * 127, "d/" + "🪑" * 63, "a" * 251 + ".jpg"])
def test_a_name_never_grows_beyond_255_bytes_and_no_letter_is_cut_in_two(path):
    for found in names_for(path, "WebP", SHA256):
        assert len(found.rpartition("/")[2].encode()) in range(250, 256)
        assert path.startswith(found.removesuffix(".webp").rpartition("-")[0] or found.removesuffix(".webp"))


def test_a_path_never_grows_beyond_1024_bytes():
    path = "d/" * 504 + "промо.html"
    assert len(path.encode()) == 1023
    assert name(path) == "d/" * 504 + "промо.h.jpg"


def test_a_path_without_room_for_an_extension_has_no_name():
    assert list(names_for("d/" * 510 + "abcd", "JPEG", SHA256)) == []


PATHS = st.text(
    st.one_of(st.sampled_from("./.\\ -_aЯ🪑\x85\u202e"), st.characters(exclude_categories=["Cs"])), max_size=40
) | st.sampled_from([*HOSTILE, "x" * 254, "я" * 127, "d/" * 505 + "a"])


@given(PATHS, st.sampled_from(["", ".jpg", ".JPEG", ".png", ".html", "/.jpg"]), st.sampled_from([*EXTENSIONS]))
def test_whatever_1c_writes_a_name_is_harmless_and_one_that_a_store_takes(stem, end, kind):
    path = "/".join(part for part in f"{stem}{end}".split("/") if part not in {"", "."})
    if path_rejection(path) is not None:
        return
    for found in names_for(path, kind, SHA256):
        assert path_rejection(found) is None
        assert found.lower().endswith(EXTENSIONS[kind])
        assert not any(part.startswith(".") for part in found.split("/"))
        assert not any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in found)
        assert found.count("/") == path.count("/")
        assert is_name_of(found, path, kind, SHA256)


def test_the_name_of_an_earlier_version_is_one_that_a_file_may_have_and_that_of_another_file_is_none():
    assert is_name_of("promo.html", "promo.html", "JPEG", SHA256)
    assert not is_name_of("promo.jpg", "promo.html", "JPEG", SHA256)
    assert not is_name_of("promo.html-00000000.jpg", "promo.html", "JPEG", SHA256)


def test_of_two_names_that_become_one_each_has_another_with_its_digits():
    contents = {path: sha256(path.encode()).hexdigest() for path in ("a_", "a\x85", "a_.jpg", "a\u2028")}
    names = {path: list(names_for(path, "JPEG", content)) for path, content in contents.items()}
    assert {found[0] for found in names.values()} == {"a_.jpg"}
    assert len({found[1] for found in names.values()}) == 4

"""Hostile names of images, in the XML and on disk, through a whole import: nothing is read or written outside."""

import os
from pathlib import Path

import pytest

LONG = "a" * 3996 + ".jpg"
UNPRINTABLE = b"good-004\xff\xfe.jpg"


@pytest.fixture
def hostile(tmp_path, write_shop, image):
    """An export whose goods name each an image that is none of theirs; three of them have honest ones."""
    export = write_shop(tmp_path / "outer/export", "a", goods=16, images=0)
    images = export / "goods/import_files"
    outside = tmp_path / "outer/secret.jpg"
    outside.write_bytes(image("secret"))
    (images / "good-010.jpg").write_bytes(image("10"))
    (images / "Twin.jpg").write_bytes(image("upper"))
    (images / "twin.jpg").write_bytes(image("lower"))
    (images / "link.jpg").symlink_to(outside)
    (images / "loop.jpg").symlink_to("loop.jpg")
    (images / "tree").symlink_to(tmp_path / "outer")
    (images / "go").mkdir()
    os.mkfifo(images / "pipe.jpg")
    os.mkfifo(images / "go/good-009.jpg")
    (Path(os.fsdecode(os.fsencode(images / "go") + b"/" + UNPRINTABLE))).write_bytes(image("bytes"))
    named = {
        0: "import_files/../../../secret.jpg",
        1: str(outside),
        2: "import_files/link.jpg",
        3: "import_files/tree/secret.jpg",
        5: f"import_files/{LONG}",
        6: "import_files/" + "d/" * 2000 + "a.jpg",
        7: "import_files/pipe.jpg",
        8: "import_files/loop.jpg",
        10: "import_files/good-010.jpg",
        11: "import_files/Twin.jpg",
        12: "import_files/twin.jpg",
        13: "import_files\\..\\..\\..\\secret.jpg",
        14: "file:///etc/passwd",
        15: "/dev/zero",
    }
    for file in (export / "goods").glob("*.xml"):
        text = file.read_text()
        for number, path in named.items():
            head = f"<Ид>good-{number:03}</Ид>"
            text = text.replace(head, f"{head}<Картинка>{path}</Картинка>")
        file.write_text(text)
    return export


def test_no_name_leads_out_and_none_makes_the_import_wait(hostile, shop, driver, image, tmp_path):
    shop.versions = {"hostile": hostile}
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert "report" in driver.order(shop.order("catalog", "hostile"))
    counters = driver.order(shop.order("images", "hostile"))["report"]["counters"]
    assert (counters["processed"], counters["created"]) == (16, 3)
    refused = dict(shop.connection.execute("select onec_id, reason from onec.rejected_records").fetchall())
    assert refused == {
        "good-000": "путь выходит за пределы import_files",
        "good-001": "файла нет",
        "good-002": "ссылка ведёт за пределы выгрузки",
        "good-003": "ссылка ведёт за пределы выгрузки",
        "good-005": "путь длиннее 1024 байт",
        "good-006": "путь длиннее 1024 байт",
        "good-007": "это не файл, а канал, сокет или устройство",
        "good-008": "ссылка ведёт не на файл",
        "good-013": "путь выходит за пределы import_files",
        "good-014": "это адрес в интернете, а не файл выгрузки: картинка по нему не загружается",
        "good-015": "файла нет",
    }
    files = {path.relative_to(shop.media).as_posix(): path.read_bytes() for path in shop.media.rglob("*.*")}
    assert files == {
        "good-010.jpg": image("10"),
        "Twin.jpg": image("upper"),
        "twin.jpg": image("lower"),
    }
    after = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if shop.media not in path.parents)
    assert after == sorted([*before, shop.media.relative_to(tmp_path)])
    shop.settle()

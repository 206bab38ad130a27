import os
import socket
from array import array

import pytest

from onec_pipelines.errors import ExportError
from onec_pipelines.images.scan import Folder, files_named, index_listing, scan
from onec_pipelines.images.source import FileStat


def test_files_are_found_under_the_path_of_the_xml(goods, ship):
    path = ship("import_files/03/a.jpg", b"12345")
    ship("import_files/b.png", b"")
    index = scan(goods)
    assert sorted(index) == ["import_files/03/a.jpg", "import_files/b.png"]
    assert len(index) == 2
    assert index.get("import_files/03/a.jpg") == FileStat(5, path.stat().st_mtime_ns)
    assert index.holds("import_files/03/a.jpg", 5)
    assert index.holds("import_files/03/a.jpg", 5, path.stat().st_mtime_ns)
    assert not index.holds("import_files/03/a.jpg", 5, 1)
    assert not index.holds("import_files/03/a.jpg", 6)
    assert not index.holds("import_files/03/b.jpg", 5)
    assert not index.holds("import_files/04/a.jpg", 5)
    assert "import_files/03/A.jpg" not in index
    assert "import_files/04/a.jpg" not in index


def test_a_missing_directory_says_so(goods):
    with pytest.raises(ExportError, match="Директория изображений не найдена"):
        scan(goods / "elsewhere")


def test_the_directory_may_itself_be_a_link(goods, ship, tmp_path):
    ship("import_files/03/a.jpg", b"1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "import_files").symlink_to(goods / "import_files")
    assert list(scan(tmp_path / "other")) == ["import_files/03/a.jpg"]


def test_what_is_no_file_is_rejected_with_a_reason_and_never_opened(goods, ship, tmp_path, monkeypatch):
    root = goods / "import_files"
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    ship("import_files/03/a.jpg", b"1")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "lost.jpg").symlink_to(root / "no.jpg")
    (root / "way").symlink_to(tmp_path / "outside")
    (root / "folder").symlink_to(root / "03")
    (root / "dir.jpg").mkdir()
    os.mkfifo(root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(root)  # a socket takes no long path
        listener.bind("socket.jpg")
        index = scan(goods)
    assert list(index) == ["import_files/03/a.jpg"]
    assert index.rejected == {
        "import_files/out.jpg": "ссылка ведёт за пределы выгрузки",
        "import_files/lost.jpg": "ссылка никуда не ведёт",
        "import_files/way": "ссылка ведёт за пределы выгрузки",
        "import_files/folder": "ссылка ведёт не на файл",
        "import_files/fifo.jpg": "это не файл, а канал, сокет или устройство",
        "import_files/socket.jpg": "это не файл, а канал, сокет или устройство",
    }
    assert index.rejection("import_files/dir.jpg") == "это каталог, а не файл"
    assert index.rejection("import_files/way/a.jpg") == "ссылка ведёт за пределы выгрузки"
    assert index.rejection("import_files/no.jpg") is None


def test_a_link_that_stays_inside_is_opened_where_it_leads(goods, ship):
    ship("import_files/03/a.jpg", b"123")
    (goods / "import_files" / "b.jpg").symlink_to("03/a.jpg")
    index = scan(goods)
    assert index.get("import_files/b.jpg").size == 3
    assert index.source("import_files/b.jpg") == "import_files/03/a.jpg"
    assert index.source("import_files/03/a.jpg") == "import_files/03/a.jpg"


def test_a_link_in_a_circle_ends(goods):
    (goods / "import_files" / "round").symlink_to(".")
    (goods / "import_files" / "self.jpg").symlink_to("self.jpg")
    assert list(scan(goods)) == []


def test_names_that_are_no_utf8_are_rejected_under_a_printable_name(goods):
    root = os.fsencode(goods / "import_files")
    with open(os.path.join(root, b"137_\xf4\xee\xf2\xee.jpg"), "wb"):  # noqa: PTH118, PTH123
        pass
    os.mkdir(os.path.join(root, b"\xff"))  # noqa: PTH102, PTH118
    index = scan(goods)
    assert list(index) == []
    assert set(index.rejected.values()) == {"имя не в кодировке UTF-8"}
    assert all(path.encode() for path in index.rejected)


def test_a_directory_that_cannot_be_listed_is_not_an_empty_one(goods):
    name = "d" * 250
    descriptor = os.open(goods / "import_files", os.O_RDONLY)
    for _ in range(18):  # deeper than any path may be long
        os.mkdir(name, dir_fd=descriptor)
        deeper = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)
    index = scan(goods)
    assert set(index.rejected.values()) == {"каталог не читается"}
    assert index.rejection(f"{next(iter(index.rejected))}/a.jpg") == "каталог не читается"


def test_a_time_in_the_far_future_fits(goods, ship):
    os.utime(ship("import_files/a.jpg", b"1"), ns=(0, 2**63 - 1))
    assert scan(goods).get("import_files/a.jpg").mtime_ns > 2**33


def test_the_files_of_a_good_are_those_that_bear_its_id_in_name_order():
    names = ["137.jpg", "137_2.PNG", "137_10.jpeg", "137-1.webp", "1371.jpg", "137a.jpg", "137_1.txt", "13.jpg"]
    index = index_listing((f"import_files/13/{name}", FileStat(1, 1)) for name in names)
    assert files_named(index, "137") == [
        f"import_files/13/{name}" for name in ["137-1.webp", "137.jpg", "137_10.jpeg", "137_2.PNG"]
    ]
    assert files_named(index, "13") == ["import_files/13/13.jpg"]
    assert files_named(index, "137.jpg") == ["import_files/13/137.jpg"]
    assert files_named(index, "99") == files_named(index, "") == files_named(index, "../x") == []


def test_a_file_in_the_index_costs_its_name_and_sixteen_bytes():
    folder = Folder((f"{number:05d}.jpg", number, 2**62) for number in range(20_000, 0, -1))
    assert folder.get("00007.jpg") == FileStat(7, 2**62)
    assert {type(folder.sizes), type(folder.mtimes)} == {array}
    assert folder.sizes.itemsize + folder.mtimes.itemsize == 16

"""The export directory: layouts, order, and what is no file of it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onec_pipelines.commerceml.content import read_content
from onec_pipelines.commerceml.export import (
    ExportFile,
    Layout,
    is_beside_offers,
    list_files,
    list_hidden,
    name_of,
    natural_key,
)
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import DIRECTORIES
from onec_pipelines.errors import ExportError


def listed(root):
    _, files = list_files(root)
    return [file.name for file in files]


# Listing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_any_directory_of_3_1_makes_the_layout(write, tmp_path, directory):
    write(f"{directory}/{directory}.xml")
    write(f"in capitals/{directory.upper()}/{directory}.xml")
    assert ExportSnapshot(tmp_path).layout is Layout.DIRECTORIES
    assert ExportSnapshot(tmp_path / "in capitals").layout is Layout.DIRECTORIES
    assert ExportSnapshot(tmp_path / "in capitals").directory_has_files(directory)


@pytest.mark.parametrize(
    "names",
    [
        ["import.xml", "offers.xml"],
        ["import0_1.xml", "offers0_1.xml"],
        ["import___5c1f.xml", "offers___5c1f.xml", "prices___5c1f.xml", "rests___5c1f.xml"],
        ["import.xml", "import_files/01/a.jpg"],
    ],
)
def test_files_side_by_side_make_the_other_layout(write, tmp_path, names):
    for name in names:
        write(name)
    assert ExportSnapshot(tmp_path).layout is Layout.FILES


def test_images_are_relative_to_goods_the_export_or_the_place_of_import_xml(write, tmp_path):
    write("old/import.xml")
    write("new/Goods/goods.xml")
    write("tree/1/goods/2/import___5c1f.xml")
    assert ExportSnapshot(tmp_path / "old").image_bases == ("goods", "")
    assert ExportSnapshot(tmp_path / "new").image_bases == ("Goods", "")
    assert ExportSnapshot(tmp_path / "tree").image_bases == ("goods", "", "1/goods/2")
    assert ExportSnapshot(tmp_path / "old").images_directory == tmp_path / "old/import_files"
    assert ExportSnapshot(tmp_path / "new").images_directory == tmp_path / "new/goods/import_files"


def test_only_xml_files_of_the_root_and_its_directories_are_listed(write, tmp_path):
    for name in ("import.xml", "UPPER.XML", "goods/goods.xml", "notes.txt", "xml", "goods/import.xml.tmp"):
        write(name)
    for name in ("import_files/01/a.xml", "import_files/a.xml", "goods/import_files/a.xml", "goods/deep/a.xml"):
        write(name)
    (tmp_path / "directory.xml").mkdir()
    (tmp_path / ".#import.xml").symlink_to("somebody@host.1234:5678")  # the lock of an editor
    (tmp_path / "link.xml").symlink_to(tmp_path / "import.xml")
    assert sorted(listed(tmp_path)) == ["UPPER.XML", "goods/goods.xml", "import.xml", "link.xml"]


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.symlink_to("gone.xml"), "это ссылка, которая никуда не ведёт"),
        (lambda path: path.symlink_to("goods.xml/below"), "это ссылка, которая никуда не ведёт"),
        (lambda path: path.symlink_to(path.name), "это ссылка, которая никуда не ведёт"),
        (os.mkfifo, "это не файл, а канал, сокет или устройство"),
        (lambda path: path.symlink_to("/dev/zero"), "это не файл, а канал, сокет или устройство"),
    ],
    ids=["dangling", "through a file", "looping", "FIFO", "device"],
)
def test_what_has_the_name_of_a_segment_and_is_no_file_is_refused_by_its_name(write, tmp_path, make, found):
    write("goods/goods.xml")
    make(tmp_path / "goods/goods_2.XML")
    with pytest.raises(ExportError) as refused:
        list_files(tmp_path)
    assert str(refused.value) == (
        f"Файл goods/goods_2.XML не удалось прочитать: {found}. Импорт не выполнен, данные не изменены. "
        "Уберите его из директории обмена или выгрузите файл из 1С ещё раз."
    )


def test_a_file_that_is_gone_when_it_is_looked_at_is_no_matter_of_rights(write, tmp_path):
    write("goods/goods.xml")
    _, (file,) = list_files(tmp_path)
    (tmp_path / "goods").rename(tmp_path / "goods.old")
    with pytest.raises(ExportError, match=r"^Файл goods/goods\.xml не удалось прочитать: он исчез, выгрузку"):
        read_content(file)


@pytest.mark.parametrize(
    ("on_disk", "name"),
    [
        ("goods/Товары.xml".encode(), "goods/Товары.xml"),
        ("goods/Цены.xml".encode("cp1251"), r"goods/\xd6\xe5\xed\xfb.xml"),
        (b"\xef\xf0/offers.xml", r"\xef\xf0/offers.xml"),
        (rb"back\slash.xml", r"back\slash.xml"),
        (rb"back\slash" + b"\xd6.xml", r"back\\slash\xd6.xml"),
        (b"\x1b\xc2\x9b\n.xml", "\x1b\x9b\n.xml"),
    ],
)
def test_the_name_of_a_file_is_text_whatever_its_bytes_are(on_disk, name):
    assert name_of(Path(os.fsdecode(on_disk))) == name
    name.encode()


def test_two_files_have_two_names_whatever_their_bytes_are(tmp_path):
    bytes_and_what_looks_like_them = [b"\xd6.xml", rb"\xd6.xml", rb"\\xd6.xml", b"\\\xd6.xml", "Ö.xml".encode()]
    for name in bytes_and_what_looks_like_them:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    _, files = list_files(tmp_path)
    assert len({file.name for file in files}) == len(bytes_and_what_looks_like_them)
    assert {file.path.read_bytes() for file in files} == {*bytes_and_what_looks_like_them}


@pytest.mark.parametrize(
    "names",
    [
        ["goods_1_1_f.xml", "goods_1_2_a.xml", "goods_1_10_0.xml"],
        ["import0_1.xml", "import0_2.xml", "import0_10.xml", "import1_1.xml"],
        ["contragents_2_b.xml", "contragents_10_a.xml"],
        ["goods.xml", "goods_1_1_a.xml"],
        ["Goods_1.xml", "goods_2.xml", "GOODS_3.xml"],
    ],
)
def test_segments_are_read_in_the_order_of_their_numbers(write, tmp_path, names):
    for name in reversed(names):
        write(name)
    assert listed(tmp_path) == names


@given(st.lists(st.text(), max_size=5))
def test_any_names_can_be_ordered(texts):
    assert sorted(sorted(texts, key=natural_key, reverse=True), key=natural_key) == sorted(texts, key=natural_key)


def test_a_file_is_known_by_its_name_in_the_export_and_its_size(write, tmp_path):
    path = write("goods/goods.xml", "<a/>")
    _, (file,) = list_files(tmp_path)
    assert (file.path, file.name, file.size, file.mtime_ns) == (path, "goods/goods.xml", 4, path.stat().st_mtime_ns)


@pytest.mark.parametrize("name", ["gone", "file.xml", "file.xml/below"])
def test_what_is_no_directory_is_said_not_to_be_found(write, tmp_path, name):
    write("file.xml")
    with pytest.raises(ExportError) as refused:
        list_files(tmp_path / name)
    assert str(refused.value) == (
        f"Директория данных 1С не найдена: {tmp_path / name}. Убедитесь, что данные выгружены из 1С."
    )


def test_an_empty_directory_is_an_export_without_files(tmp_path):
    assert listed(tmp_path) == []


def test_a_directory_has_files_when_it_holds_xml(write, tmp_path):
    write("goods/goods.xml")
    write("goods_old/goods.xml")
    (tmp_path / "offers").mkdir()
    listing = ExportSnapshot(tmp_path)
    assert [listing.directory_has_files(name) for name in ("goods", "offers", "prices")] == [True, False, False]


def test_an_export_that_is_renamed_while_it_is_listed_is_said_so(write, tmp_path, monkeypatch):
    write("1c/goods/goods.xml")
    real = Path.iterdir

    def renamed_meanwhile(path):
        if path.name == "goods":
            (tmp_path / "1c").rename(tmp_path / "new")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", renamed_meanwhile)
    with pytest.raises(ExportError) as refused:
        list_files(tmp_path / "1c")
    assert str(refused.value).startswith(f"Файл {tmp_path}/1c/goods не удалось прочитать: он исчез, выгрузку")
    assert "права" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("prices/prices_1_1_a.xml", True),
        ("rests/rests.xml", True),
        ("prices___5c1f.xml", True),
        ("rests___5c1f.xml", True),
        ("Rests/r.xml", True),
        ("offers/offers.xml", False),
        ("priceLists/priceLists.xml", False),
        ("offers.xml", False),
        ("import.xml", False),
    ],
)
def test_prices_and_rests_are_known_by_the_names_of_their_files(name, beside):
    assert is_beside_offers(name) is beside


# Whether it can be remembered what a file holds --------------------------------------------------------------


@pytest.mark.parametrize(
    ("mtime", "ctime", "is_settled"),
    [
        (120, 120, True),
        (9999, 9999, True),
        (119, 120, False),
        (120, 119, False),
        (9999, 3, False),  # written in place, and its mtime set back
        (3, 9999, False),
        (-1, 9999, False),  # from the future
        (9999, -3600, False),
    ],
)
def test_a_file_is_settled_when_neither_of_its_times_is_younger_than_two_minutes(mtime, ctime, is_settled):
    now = 1_800_000_000 * 10**9
    file = ExportFile(Path("/a.xml"), "a.xml", 1, now - mtime * 10**9, now - ctime * 10**9, 7)
    assert file.is_settled(now) is is_settled


@pytest.mark.parametrize("touch", [lambda path: path.write_text("<b/>"), lambda path: path.chmod(0o600)])
def test_a_file_that_is_touched_is_listed_as_another_one(write, tmp_path, touch):
    path = write("goods/goods.xml", "<a/>")
    (_, before), moment = list_files(tmp_path), path.stat()
    touch(path)
    os.utime(path, ns=(moment.st_atime_ns, moment.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (4, moment.st_mtime_ns)
    assert list_files(tmp_path)[1] != before


def test_hidden_files_and_directories_are_no_part_of_an_export(tmp_path):
    for name in ("import.xml", "._import.xml", "__MACOSX/import.xml", ".old/import.xml", "goods/._goods_1_1.XML"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    _, files = list_files(tmp_path)
    assert [file.name for file in files] == ["import.xml"]
    assert list_hidden(tmp_path) == (
        "._import.xml", ".old/import.xml", "__MACOSX/import.xml", "goods/._goods_1_1.XML"
    )  # fmt: skip


def test_an_export_below_a_hidden_directory_is_one(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/import.xml").touch()
    assert [file.name for file in list_files(tmp_path / ".cache")[1]] == ["import.xml"]
    assert list_hidden(tmp_path / ".cache") == ()

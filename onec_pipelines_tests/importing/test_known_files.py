"""What was seen in a file is remembered: one that nothing has touched since is not opened, any other one is."""

import os
import shutil
import time
from pathlib import Path

import pytest

from onec_pipelines.commerceml.export import list_files
from onec_pipelines.demo import write_demo
from onec_pipelines.importing import ExportSnapshot, import_catalog, import_customers, import_images, import_xml
from onec_pipelines.importing.report import NOTHING_NEW

XML_TYPES = ("catalog", "stocks", "prices", "customers")
LAYOUTS = pytest.mark.parametrize("layout", ["3.1", "2.09", "2.07"])
KNOWN = "select count(*) from onec.known_files"


@pytest.fixture
def refresh(tmp_path, database_url):
    """Import everything from a directory, as the steps of one run do: what one of them has seen the next one knows."""

    def refresh(root: Path, **options) -> list[str]:
        looked_at = {}

        def export():
            return ExportSnapshot(root, looked_at)

        notices = [import_xml(name, export(), database_url, **options).notices for name in XML_TYPES]
        import_images(export(), database_url, str(tmp_path / "media"), **options)
        return [notice for said in notices for notice in said]

    return refresh


def rewrite(path: Path, old: str, new: str) -> None:
    """Write into a file in place, with its size and its time kept."""
    before = path.stat()
    with path.open("r+b") as stream:
        raw = stream.read().replace(old.encode(), new.encode())
        stream.seek(0)
        stream.write(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )


# What is read ---------------------------------------------------------------------------------------------------


@LAYOUTS
@pytest.mark.usefixtures("settled")
def test_an_unchanged_refresh_opens_no_file_and_writes_no_row(layout, tmp_path, refresh, reads, imports):
    write_demo(tmp_path / "demo", layout=layout)
    refresh(tmp_path / "demo")
    before = imports.versions()
    reads.forget()
    assert refresh(tmp_path / "demo") == [NOTHING_NEW] * 4
    assert (reads.opens, reads.bytes) == ({}, {})
    del before["landed_images"]
    assert {table: rows for table, rows in imports.versions().items() if table in before} == before


@LAYOUTS
def test_a_first_refresh_looks_at_each_file_once_and_parses_it_once_for_each_dataset_in_it(
    layout, tmp_path, refresh, reads, rows
):
    write_demo(tmp_path / "demo", layout=layout)
    refresh(tmp_path / "demo")
    parsed = dict(rows("select path, count(*) from onec.import_files group by path"))
    _, files = list_files(tmp_path / "demo")
    assert reads.opens == {file.path.name: 1 + parsed[file.name] for file in files}
    assert reads.bytes == {file.path.name: file.size * reads.opens[file.path.name] for file in files}
    if layout == "3.1":
        assert set(parsed.values()) == {1}


def test_one_import_reads_each_file_at_most_twice(tmp_path, reads, database_url):
    write_demo(tmp_path / "demo", layout="2.07")
    import_catalog(tmp_path / "demo", database_url)
    assert reads.opens == {"import0_1.xml": 2, "offers0_1.xml": 2, "contragents.xml": 1}


@pytest.mark.usefixtures("settled")
def test_one_import_learns_for_all_of_them(tmp_path, reads, database_url):
    write_demo(tmp_path / "demo", layout="2.07")
    import_catalog(tmp_path / "demo", database_url)
    reads.forget()
    import_customers(tmp_path / "demo", database_url)
    assert reads.opens == {"contragents.xml": 1}


@pytest.mark.usefixtures("settled")
def test_a_file_that_ends_oddly_is_parsed_once_to_learn_that_it_is_whole(tmp_path, imports, reads, xml):
    imports.export.root = tmp_path / "flat"
    path = imports.export.write("import.xml", f"<Каталог><Товары>{xml.good('g')}</Товары></Каталог>")
    path.write_bytes(path.read_bytes() + b"<!-- 1C -->")
    imports.catalog()
    imports.export.write("customers.xml", "<Контрагенты/>")
    imports.customers()
    reads.forget()
    imports.customers()
    assert reads.opens == {}


def test_an_export_is_imported_again_into_a_table_that_somebody_has_emptied(export, imports, connection, rows, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    connection.execute("truncate onec.products cascade")
    assert imports.catalog().notices == ()
    assert rows("select onec_id from onec.products") == ["g"]


# What is not trusted ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("settled")
def test_a_price_that_is_rewritten_in_place_with_size_and_time_kept_is_imported(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.price_types(xml.price_type("retail"))
    path = export.prices(xml.prices("g", retail=100))
    imports.catalog()
    imports.prices()
    rewrite(path, "100", "120")
    assert imports.prices().notices == ()
    assert rows("select value from onec.prices") == [120]


def test_a_file_of_a_moment_ago_is_not_remembered(export, imports, rows, reads, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    assert rows(KNOWN) == [0]
    reads.forget()
    assert imports.catalog().notices == (NOTHING_NEW,)
    assert reads.opens["goods_1_1.xml"] == 1


@pytest.mark.usefixtures("settled")
def test_a_file_from_the_future_is_not_remembered(export, imports, rows, xml):
    path = export.goods(xml.good("g"))
    os.utime(path, (time.time() + 3600,) * 2)
    imports.catalog()
    assert sorted(Path(name).name for name in rows("select path from onec.known_files")) == [
        "goods_1_0.xml",
        "offers_1_0.xml",
        "prices_1_0.xml",
        "rests_1_0.xml",
    ]


@pytest.mark.usefixtures("settled")
def test_force_looks_at_each_file_anew(export, imports, rows, reads, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    imports.connection.execute("update onec.known_files set sha256 = 'wrong', tags = '{}'")
    reads.forget()
    imports.catalog(force=True)
    assert set(reads.opens) == {f"{name}_1_0.xml" for name in ("goods", "offers", "prices", "rests")} | {
        "goods_1_1.xml"
    }
    assert rows("select count(*) from onec.known_files where sha256 = 'wrong'") == [0]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("part", range(4), ids=["size", "mtime", "ctime", "inode"])
def test_a_file_that_differs_from_the_remembered_one_in_any_respect_is_looked_at(
    part, export, imports, rows, reads, xml
):
    export.goods(xml.good("g"))
    imports.catalog()
    for path, identity in rows("select path, identity from onec.known_files"):
        other = identity.split()
        other[part] = "7"
        imports.connection.execute(
            "update onec.known_files set sha256 = 'wrong', identity = %s where path = %s", [" ".join(other), path]
        )
    reads.forget()
    assert imports.catalog().notices == (NOTHING_NEW,)
    assert reads.opens["goods_1_1.xml"] == 1


@pytest.mark.usefixtures("settled")
def test_what_another_version_of_the_program_has_seen_is_looked_at_anew(export, imports, reads, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    imports.connection.execute("update onec.known_files set looked_by = '0.0.1 other', tags = '{}'")
    reads.forget()
    assert imports.catalog().notices == (NOTHING_NEW,)  # the files are the same, and hold what they held
    assert reads.opens["goods_1_1.xml"] == 1


@pytest.mark.usefixtures("settled")
def test_a_file_in_the_place_of_another_of_its_size_and_time_is_imported(export, imports, rows, xml):
    path = export.goods(xml.good("g", "Стул"))
    imports.catalog()
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes().replace("Стул".encode(), "Стол".encode()))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    imports.catalog()
    assert rows("select name from onec.products") == ["Стол"]


# Where it is remembered -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("settled")
def test_directories_that_are_imported_in_turn_are_each_known_and_none_is_taken_for_the_other(
    export, imports, rows, reads, xml, tmp_path
):
    export.goods(xml.good("g", "Стул"))
    first, second = export.root, tmp_path / "second"
    shutil.copytree(first, second)
    rewrite(second / "goods/goods_1_1.xml", "Стул", "Стол")
    for _ in range(2):
        for root, name in ((first, "Стул"), (second, "Стол")):
            export.root = root
            assert imports.catalog().notices == ()
            assert rows("select name from onec.products") == [name]
    reads.forget()
    assert imports.catalog().notices == (NOTHING_NEW,)
    assert reads.opens == {}
    export.root = first
    imports.catalog()
    assert reads.opens["goods_1_1.xml"] == 1  # known, and parsed


@pytest.mark.usefixtures("settled")
def test_a_copy_of_what_was_imported_is_nothing_new(export, imports, xml, tmp_path):
    export.goods(xml.good("g"))
    imports.catalog()
    export.root = shutil.copytree(export.root, tmp_path / "copy")
    assert imports.catalog().notices == (NOTHING_NEW,)


@pytest.mark.usefixtures("settled")
def test_what_was_seen_long_ago_is_forgotten_when_there_is_something_new(export, imports, rows, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    imports.connection.execute("update onec.known_files set looked_at = now() - interval '31 days'")
    imports.catalog()
    assert rows(KNOWN) == [5]
    path = export.goods(xml.good("g", "Стол"))
    imports.catalog()
    assert rows("select path from onec.known_files") == [str(path)]
    imports.last = None  # it would remember the others again


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", ["1c\nexport", "/".join(["x" * 200] * 6)])
def test_a_directory_whose_name_cannot_be_looked_up_is_imported_and_not_remembered(name, export, imports, rows, xml):
    export.goods(xml.good("g"))
    odd = export.root.parent / name
    odd.parent.mkdir(parents=True, exist_ok=True)
    export.root = export.root.rename(odd)
    imports.catalog()
    assert rows("select onec_id from onec.products") == ["g"]
    assert rows(KNOWN) == [0]


def test_a_database_without_a_schema_knows_nothing(export, imports, xml):
    export.goods(xml.good("g"))
    imports.connection.execute("drop schema onec cascade")
    imports.connection.execute("drop schema onec_staging cascade")
    assert imports.catalog().counters.created == 1

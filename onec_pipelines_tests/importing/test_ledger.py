"""The ledger: files of the last import are not read again, and never is one skipped that should not be."""

import os

import pytest

from onec_pipelines.importing.ledger import LastImport, fingerprint

SKIPPED = ("Nothing has changed since the last import: no file was read again.",)


@pytest.fixture
def shop(export, imports, xml):
    """A catalogue of two goods that has been imported once."""
    export.goods(xml.good("g"))
    export.goods(xml.good("h"), segment=2)
    assert imports.catalog().notices == ()
    return export


def is_read_again(imports, **options) -> bool:
    return imports.catalog(**options).notices != SKIPPED


@pytest.mark.usefixtures("shop")
def test_an_export_in_which_nothing_changed_is_skipped_and_nothing_is_written(imports):
    first = imports.catalog()
    before = imports.versions()
    report = imports.catalog(run_id="another")
    assert report.notices == SKIPPED
    assert (report.counters.total, report.counters.skipped) == (2, 2)
    assert (report.fingerprint, report.export_kind) == (first.fingerprint, "full")
    assert imports.versions() == before


def test_the_same_content_in_touched_files_is_skipped(shop, imports, xml):
    shop.goods(xml.good("g"))
    assert not is_read_again(imports)


def test_a_changed_file_is_read(shop, imports, rows, xml):
    shop.goods(xml.good("g", "Стол"))
    assert is_read_again(imports)
    assert rows("select name from onec.products where onec_id = 'g'") == ["Стол"]


def test_an_added_and_a_removed_file_make_it_read(shop, imports, rows, xml):
    added = shop.goods(xml.good("i"), segment=3)
    assert is_read_again(imports)
    assert rows("select count(*) from onec.products where is_active") == [3]
    added.unlink()
    assert is_read_again(imports)
    assert rows("select count(*) from onec.products where is_active") == [2]


def test_files_that_change_places_are_read(shop, imports):
    one, two = (shop.root / f"goods/goods_1_{number}.xml" for number in (1, 2))
    one.rename(two.with_suffix(".tmp"))
    two.rename(one)
    two.with_suffix(".tmp").rename(two)
    assert is_read_again(imports)


@pytest.mark.usefixtures("shop")
def test_force_makes_it_read(imports):
    assert is_read_again(imports, force=True)


def test_going_back_to_an_earlier_export_makes_it_read(shop, imports, rows, xml):
    shop.goods(xml.good("g", "Стол"))
    imports.catalog()
    shop.goods(xml.good("g"))
    assert is_read_again(imports)
    assert rows("select name from onec.products where onec_id = 'g'") == ["Стул"]


def test_a_failed_import_is_no_last_import(shop, imports, rows, xml):
    shop.goods(xml.good("g", "Стол"))

    def fail(_counters):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        imports.catalog(progress=fail)
    assert is_read_again(imports)
    assert rows("select name from onec.products where onec_id = 'g'") == ["Стол"]


@pytest.mark.usefixtures("shop")
def test_another_database_knows_nothing_of_it(imports, connection, emptied):
    emptied(connection)
    assert is_read_again(imports)


@pytest.mark.usefixtures("shop")
def test_another_schema_makes_it_read(imports, monkeypatch):
    monkeypatch.setattr("onec_pipelines.importing.ledger.migrations", lambda: [type("M", (), {"version": 99})])
    assert is_read_again(imports)
    imports.last = None  # it would be read again


@pytest.mark.usefixtures("shop")
def test_another_version_of_the_program_makes_it_read(imports, monkeypatch):
    monkeypatch.setattr("onec_pipelines.importing.ledger.version", lambda _name: "99")
    assert is_read_again(imports)
    imports.last = None  # it would be read again


def test_a_fingerprint_is_short_and_depends_on_every_part_and_their_order():
    prints = {fingerprint(parts) for parts in ([], ["a"], ["a", "b"], ["b", "a"], ["a", "b", "c"])}
    assert len(prints) == 5
    assert all(len(digits) == 16 and int(digits, 16) >= 0 for digits in prints)
    assert fingerprint(iter(["a", "b"])) == fingerprint(["a", "b"])


def test_the_imports_have_a_ledger_each(shop, imports, rows, xml):
    shop.price_types(xml.price_type("retail"))
    shop.prices(xml.prices("g", retail=5))
    assert imports.prices().counters.created == 1
    assert not is_read_again(imports)
    assert rows("select import_type, path from onec.import_files order by 1, 2") == [
        ("catalog", "goods/goods_1_1.xml"),
        ("catalog", "goods/goods_1_2.xml"),
        ("prices", "priceLists/priceLists_1_1.xml"),
        ("prices", "prices/prices_1_1.xml"),
    ]


def test_the_ledger_says_what_each_file_held_and_which_run_read_it(export, imports, rows, xml):
    path = export.goods(xml.good("g") + xml.good("h") + "<Товар/>")
    imports.catalog(run_id="r")
    assert rows("select path, size_bytes, rows, run_id, length(sha256) from onec.import_files") == [
        ("goods/goods_1_1.xml", path.stat().st_size, 2, "r", 64)
    ]


def test_a_file_whose_name_is_not_utf_8_is_imported_and_its_bytes_are_written_out(shop, imports, rows, xml):
    name = os.fsdecode("Товары.xml".encode("cp1251"))
    shop.write(f"goods/{name}", f"<Каталог><Товары>{xml.good('i')}<Товар><Ид>j</Ид></Товар></Товары></Каталог>")
    assert imports.catalog().counters.created == 1
    shown = r"goods/\xd2\xee\xe2\xe0\xf0\xfb.xml"
    assert rows("select rows from onec.import_files where path = %s", shown) == [2]
    assert rows("select source_file, onec_id from onec.rejected_records") == [(shown, "j")]
    assert not is_read_again(imports)


def test_pending_items_that_land_are_the_last_imports_own_as_far_as_they_go():
    last = LastImport("f", "full", total_items=10, waiting_items=2, skipped_by_rule=0)
    assert last.after_landing(0) == (last, 0)
    landed, from_earlier = last.after_landing(5)
    assert (landed.waiting_items, from_earlier) == (0, 3)


@pytest.mark.usefixtures("shop")
def test_an_import_migrates_the_database_by_itself(imports, connection):
    for schema in ("onec", "onec_staging"):
        connection.execute(f"drop schema {schema} cascade")
    assert imports.catalog().counters.created == 2

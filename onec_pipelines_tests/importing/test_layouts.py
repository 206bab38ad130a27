"""Exports that lie as 1C or a site lays them: they are told by what they hold, wherever and however they are called."""

import pytest

PACKAGE = '<ПакетПредложений СодержитТолькоИзменения="false"><Предложения>{}</Предложения></ПакетПредложений>'
CATALOG = '<Каталог СодержитТолькоИзменения="false"><Товары>{}</Товары></Каталог>'
FOUND = """
    select p.name, (select value from onec.current_prices), (select quantity from onec.current_stocks)
    from onec.products p
"""


@pytest.fixture
def empty(export):
    """An export without a file."""
    export.root = export.root.parent / "somewhere"
    export.root.mkdir()
    return export


def write_own_tree(export, xml, catalogue):
    """What 1C lays below `webdata`: dictionaries beside the directories of goods."""
    kinds = f"<ТипыЦен>{xml.price_type('retail')}</ТипыЦен><Склады>{xml.warehouse('w')}</Склады>"
    export.write(f"{catalogue}/import___5f1c.xml", f"<Классификатор>{kinds}</Классификатор>")
    properties = "<Свойство><Ид>color</Ид><Наименование>Цвет</Наименование></Свойство>"
    export.write(
        f"{catalogue}/properties/1/import___5f1c.xml",
        f"<Классификатор><Свойства>{properties}</Свойства></Классификатор>",
    )
    export.write(f"{catalogue}/goods/1/import___5f1c.xml", CATALOG.format(xml.good("g")))
    export.write(f"{catalogue}/goods/1/offers___5f1c.xml", PACKAGE.format(xml.offer("g")))
    export.write(f"{catalogue}/goods/1/prices___5f1c.xml", PACKAGE.format(xml.prices("g", retail=5)))
    export.write(f"{catalogue}/goods/1/rests___5f1c.xml", PACKAGE.format(xml.rests("g", w=7)))


@pytest.mark.parametrize("told", [".", "webdata", "webdata/000000001"])
def test_the_tree_of_1c_is_read_from_wherever_one_points(empty, imports, xml, rows, told):
    write_own_tree(empty, xml, "webdata/000000001")
    empty.root /= told
    imports.everything()
    assert rows(FOUND) == [("Стул", 5, 7)]
    assert rows("select name from onec.properties") == ["Цвет"]


def test_the_tree_of_1c_may_be_written_with_capitals(empty, imports, xml, rows):
    empty.write("Webdata/1/Goods/1/import___5f1c.xml", CATALOG.format(xml.good("g")))
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]


def test_every_directory_of_goods_is_read(empty, imports, xml, rows):
    write_own_tree(empty, xml, "000000001")
    for number in (2, 10):
        good = xml.good(f"g{number}", f"Стол {number}")
        empty.write(f"000000001/goods/{number}/import___5f1c.xml", CATALOG.format(good))
    imports.catalog()
    assert rows("select name from onec.products order by onec_id") == ["Стул", "Стол 10", "Стол 2"]


@pytest.mark.parametrize("way", [str.capitalize, str.upper])
def test_directories_may_be_written_with_capitals(export, imports, xml, rows, way):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g"))
    export.price_types(xml.price_type("retail"))
    export.prices(xml.prices("g", retail=5))
    export.warehouses(xml.warehouse("w"))
    export.rests(xml.rests("g", w=7))
    for directory in [*export.root.iterdir()]:
        directory.rename(export.root / way(directory.name))
    imports.everything()
    assert rows(FOUND) == [("Стул", 5, 7)]


@pytest.mark.parametrize("stray", ["prices/price.pdf", "units/readme.txt", "goods/old.docx", "offers/.keep"])
def test_a_directory_that_happens_to_be_called_so_makes_no_other_layout(empty, imports, xml, rows, stray):
    empty.write("import.xml", CATALOG.format(xml.good("g")))
    empty.write("offers.xml", PACKAGE.format(xml.offer("g")))
    path = empty.root / stray
    path.parent.mkdir()
    path.write_bytes(b"%PDF")
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]


@pytest.mark.parametrize("directory", ["goods", "prices", "Offers"])
def test_a_classic_export_is_one_in_a_directory_of_any_name(empty, imports, xml, rows, directory):
    empty.write(f"{directory}/import.xml", CATALOG.format(xml.good("g")))
    empty.write(f"{directory}/offers.xml", PACKAGE.format(xml.offer("g")))
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]


def test_a_classic_export_beside_a_price_list_of_3_1_is_classic(empty, imports, xml, rows):
    empty.write("import.xml", CATALOG.format(xml.good("g")))
    empty.write("prices/prices_1.xml", PACKAGE.format(xml.prices("g", retail=5)))
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]


def test_copies_below_a_directory_that_is_none_of_1c_are_not_read(empty, imports, xml, rows):
    empty.write("import.xml", CATALOG.format(xml.good("g")))
    empty.write("backup/2024/goods/1/import___1.xml", CATALOG.format(xml.good("old")))
    imports.catalog()
    assert rows("select onec_id from onec.products") == ["g"]


def test_a_link_in_the_tree_of_1c_does_not_lead_out_of_it(empty, imports, xml, rows, tmp_path):
    write_own_tree(empty, xml, "webdata/000000001")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/import___1.xml").write_text("nothing of ours")
    (empty.root / "webdata/000000001/goods/2").symlink_to(tmp_path / "elsewhere")
    (empty.root / "webdata/000000001/goods/3").symlink_to(empty.root / "webdata")
    imports.catalog()
    assert rows("select onec_id from onec.products") == ["g"]

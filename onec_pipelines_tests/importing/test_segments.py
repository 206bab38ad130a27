"""Segments: their natural order, the later row wins whole, dictionaries merge."""

from itertools import permutations

import pytest

from onec_pipelines.commerceml.export import list_files
from onec_pipelines.importing.catalog import DATASET
from onec_pipelines.importing.dataset import new_staging
from onec_pipelines.importing.reading import read_into_staging


def test_segment_2_comes_before_segment_10(export, imports, rows, xml):
    export.goods(xml.good("g", "из десятого"), segment=10)
    export.goods(xml.good("g", "из второго"), segment=2)
    export.offers(xml.offer("g#1", "из десятого"), segment=10)
    export.offers(xml.offer("g#1", "из второго"), segment=2)
    export.groups(xml.group("a", name="из десятого"), segment=10)
    export.groups(xml.group("a", name="из второго"), segment=2)
    export.contragents(xml.customer("c", "<Наименование>из десятого</Наименование>"), segment=10)
    export.contragents(xml.customer("c", "<Наименование>из второго</Наименование>"), segment=2)
    report = imports.catalog()
    imports.customers()
    assert report.counters.total == 2
    for table in ("products", "product_variants", "categories", "customers"):
        assert rows(f"select name from onec.{table}") == ["из десятого"]


def test_the_later_row_wins_whole(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>"), segment=1)
    export.goods(xml.good("g", "Стол"), segment=2)
    imports.catalog()
    assert rows("select name, article from onec.products") == [("Стол", None)]
    assert rows("select count(*) from onec.image_references") == [0]


def test_the_later_price_list_wins_whole(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    export.prices(xml.prices("g", retail=1, dealer="дорого"), segment=1)
    export.prices(xml.prices("g", retail=2), segment=2)
    imports.catalog()
    report = imports.prices()
    assert (report.counters.total, report.counters.errors) == (1, 0)
    assert rows("select value from onec.prices") == [2]


def test_quantities_are_never_summed(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    export.rests(xml.rests("g", main=1, far=1), segment=1)
    export.rests(xml.rests("g", main=2), segment=2)
    imports.catalog()
    report = imports.stocks()
    assert report.counters.total == 2
    assert rows("""
        select w.onec_id, quantity from onec.stocks s join onec.warehouses w on w.id = s.warehouse_id order by 1
    """) == [("far", 1), ("main", 2)]


def test_dictionaries_merge_over_segments_and_over_imports(export, imports, rows, xml):
    def colours(*names):
        values = "".join(
            f"<Справочник><ИдЗначения>{name}</ИдЗначения><Значение>{name.title()}</Значение></Справочник>"
            for name in names
        )
        return (
            f"<Свойство><Ид>colour</Ид><Наименование>Цвет</Наименование>"
            f"<ВариантыЗначений>{values}</ВариантыЗначений></Свойство>"
        )

    export.properties(colours("красный", "синий"), segment=1)
    export.properties(colours("белый"), segment=2)
    export.groups(xml.group("a", xml.group("b")), segment=1)
    export.groups(xml.group("a", xml.group("c")), segment=2)
    imports.catalog()
    export.properties(colours("чёрный"), segment=1, delta=True)
    export.properties("", segment=2, delta=True)
    imports.catalog()
    assert rows("select onec_id from onec.property_values order by 1") == ["белый", "красный", "синий", "чёрный"]
    assert rows("""
        select c.onec_id, p.onec_id from onec.categories c left join onec.categories p on p.id = c.parent_id order by 1
    """) == [("a", None), ("b", "a"), ("c", "a")]


MARK = "<ПометкаУдаления>true</ПометкаУдаления>"
COLOUR = "<Свойство><Ид>colour</Ид>{}</Свойство>"
RED = "<ВариантыЗначений><Справочник><ИдЗначения>r</ИдЗначения>{}</Справочник></ВариантыЗначений>"


def test_what_a_later_segment_does_not_state_of_a_dictionary_is_that_of_an_earlier_one(export, imports, rows, xml):
    export.groups(xml.group("a", xml.group("b")), segment=1)
    export.groups(f"<Группа><Ид>b</Ид>{MARK}</Группа>", segment=2)
    export.properties(COLOUR.format(f"<Наименование>Цвет</Наименование>{RED.format('<Значение>Красный</Значение>')}"))
    export.properties(COLOUR.format("<ТипЗначений>Справочник</ТипЗначений>" + RED.format("<Значение/>")), segment=2)
    export.units("<ЕдиницаИзмерения><Код>796</Код><НаименованиеПолное>Штука</НаименованиеПолное></ЕдиницаИзмерения>")
    export.units(
        "<ЕдиницаИзмерения><Код>796</Код><НаименованиеКраткое>шт</НаименованиеКраткое></ЕдиницаИзмерения>", segment=2
    )
    export.goods(xml.good("g"))
    export.price_types(xml.price_type("retail"), segment=1)
    export.price_types("<ТипЦены><Ид>retail</Ид></ТипЦены>", segment=2)
    export.warehouses(xml.warehouse("main"), segment=1)
    export.warehouses(f"<Склад><Ид>main</Ид>{MARK}</Склад>", segment=2)
    imports.everything()
    assert rows("""
        select c.onec_id, p.onec_id, c.name, c.is_active
        from onec.categories c left join onec.categories p on p.id = c.parent_id order by 1
    """) == [("a", None, "Мебель", True), ("b", "a", "Мебель", False)]
    assert rows("select name, value_type from onec.properties") == [("Цвет", "Справочник")]
    assert rows("select value from onec.property_values") == ["Красный"]
    assert rows("select name, full_name from onec.units") == [("шт", "Штука")]
    assert rows("select name, currency from onec.price_types") == [("retail", "RUB")]
    assert rows("select name, is_active from onec.warehouses") == [("main", False)]


def test_what_a_later_import_does_not_state_of_a_dictionary_is_that_of_an_earlier_one(export, imports, rows, xml):
    named = "<Наименование>Цвет</Наименование>"
    export.goods(xml.good("g"))
    export.properties(
        COLOUR.format(f"{named}<ТипЗначений>Справочник</ТипЗначений>{RED.format('<Значение>Красный</Значение>')}")
    )
    export.price_types(xml.price_type("retail"))
    imports.everything()
    export.properties(COLOUR.format(named + RED.format("<Значение/>")), delta=True)
    export.price_types("<ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование></ТипЦены>", delta=True)
    imports.everything()
    assert rows("select value_type from onec.properties") == ["Справочник"]
    assert rows("select value from onec.property_values") == ["Красный"]
    assert rows("select name, currency from onec.price_types") == [("Розница", "RUB")]


def test_a_currency_is_taken_from_a_price_type_without_a_name_too(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.price_types("<ТипЦены><Ид>retail</Ид><Валюта>RUB</Валюта></ТипЦены>")
    imports.catalog()
    imports.prices()
    assert rows("select name, currency from onec.price_types") == [("retail", "RUB")]


@pytest.mark.parametrize("order", list(permutations(("goods", "offers", "groups")))[:3])
def test_the_order_of_files_of_different_kinds_means_nothing(order, export, imports, rows, xml):
    parts = {
        "goods": f"<Каталог><Товары>{xml.good('g', more='<Группы><Ид>a</Ид></Группы>')}</Товары></Каталог>",
        "offers": f"<ПакетПредложений><Предложения>{xml.offer('g#1')}</Предложения></ПакетПредложений>",
        "groups": f"<Классификатор><Группы>{xml.group('a')}</Группы></Классификатор>",
    }
    for number, kind in enumerate(order):
        export.write(f"goods/goods_1_{number}.xml", parts[kind])
    imports.catalog()
    assert rows("select category_id is not null from onec.products") == [True]
    assert rows("select onec_id from onec.product_variants") == ["g#1"]


def test_rows_are_held_back_no_longer_than_their_file_or_a_portion_of_it_is_read(export, connection, xml, monkeypatch):
    monkeypatch.setattr("onec_pipelines.commerceml.xml.PORTION_BYTES", 100_000)
    export.goods("".join(xml.good(str(number), "Стул" * 100) for number in range(900)))
    (file,) = (file for file in list_files(export.root)[1] if file.name == "goods/goods_1_1.xml")
    seen = []
    with connection.transaction(force_rollback=True):
        staging = new_staging(connection, DATASET.staged)

        def staged(*_: int) -> None:
            seen.append(connection.execute("select count(*) from onec_staging.goods").fetchone()[0])

        read_into_staging(DATASET, staging, file, staged)
    assert seen[-1] == 900
    assert 0 < seen[1] < 400  # after 400 goods

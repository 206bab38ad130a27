"""Price types and prices: complete lists, last wins, types that are absent or undeclared, currencies."""

import pytest

PRICES = """
    select v.onec_id, t.onec_id, x.value, x.currency
    from onec.prices x
    join onec.product_variants v on v.id = x.variant_id
    join onec.price_types t on t.id = x.price_type_id
    order by 1, 2
"""


@pytest.fixture
def shop(export, imports, xml):
    """A shop with the variants g#1 and g#2, and the price types retail (RUB) and dealer (RUB)."""
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1") + xml.offer("g#2"))
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    imports.catalog()
    return export


def priced(rows):
    return {(variant, kind): value for variant, kind, value, _ in rows(PRICES)}


def test_a_price_is_of_a_variant_in_a_price_type_in_the_currency_of_the_type(shop, imports, rows):
    shop.prices("""
        <Предложение><Ид>g#1</Ид><Цены>
          <Цена><Представление>3 159,50 руб</Представление><ИдТипаЦены>retail</ИдТипаЦены>
            <ЦенаЗаЕдиницу>3 159,50</ЦенаЗаЕдиницу><Валюта>руб.</Валюта></Цена>
        </Цены></Предложение>
    """)
    report = imports.prices()
    assert (report.counters.total, report.counters.created) == (1, 1)
    assert [(*row[:3], str(row[2]), row[3]) for row in rows(PRICES)] == [("g#1", "retail", 3159.5, "3159.50", "RUB")]


def test_a_price_keeps_its_own_currency_where_the_type_has_none(shop, imports, rows):
    shop.price_types("<ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование></ТипЦены>")
    shop.prices("""
        <Предложение><Ид>g#1</Ид><Цены><Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу>
        <Валюта>грн</Валюта></Цена></Цены></Предложение>
    """)
    imports.prices()
    assert rows(PRICES) == [("g#1", "retail", 5, "грн")]


def test_a_type_that_changes_its_currency_changes_that_of_its_prices(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5), delta=True)
    imports.prices()
    shop.prices("", delta=True)
    shop.price_types(xml.price_type("retail", "USD"), delta=True)
    imports.prices()
    assert rows(PRICES) == [("g#1", "retail", 5, "USD")]


def test_a_type_that_gains_a_currency_gives_it_to_its_prices(shop, imports, rows, xml):
    shop.price_types("<ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование></ТипЦены>")
    shop.prices(xml.prices("g#1", retail=5), delta=True)
    imports.prices()
    assert rows(PRICES) == [("g#1", "retail", 5, None)]
    shop.prices("", delta=True)
    shop.price_types(xml.price_type("retail"))
    imports.prices()
    assert rows(PRICES) == [("g#1", "retail", 5, "RUB")]


@pytest.mark.parametrize("delta", [False, True])
def test_the_list_of_a_named_offer_is_complete_in_both_modes(delta, shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5, dealer=4) + xml.prices("g#2", retail=6, dealer=5))
    imports.prices()
    shop.prices(xml.prices("g#1", retail=7) + xml.prices("g#2", retail=6, dealer=5), delta=delta)
    imports.prices(max_deactivation=0.3)
    assert priced(rows) == {("g#1", "retail"): 7, ("g#2", "retail"): 6, ("g#2", "dealer"): 5}


@pytest.mark.parametrize("delta", [False, True])
def test_an_empty_list_takes_all_prices_of_its_offer(delta, shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5) + xml.prices("g#2", retail=6))
    imports.prices()
    shop.prices(xml.prices("g#1") + xml.prices("g#2", retail=6), delta=delta)
    imports.prices()
    assert priced(rows) == {("g#2", "retail"): 6}


def test_only_a_full_export_takes_the_prices_of_an_offer_that_it_does_not_name(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5) + xml.prices("g#2", retail=6))
    imports.prices()
    shop.prices(xml.prices("g#1", retail=5), delta=True)
    imports.prices()
    assert priced(rows) == {("g#1", "retail"): 5, ("g#2", "retail"): 6}
    shop.prices(xml.prices("g#1", retail=5))
    imports.prices()
    assert priced(rows) == {("g#1", "retail"): 5}


@pytest.mark.parametrize("segment", [1, 2])
def test_of_two_lists_of_an_offer_the_later_one_wins_whole(segment, shop, imports, rows, xml):
    earlier, later = xml.prices("g#1", retail=5, dealer=4), xml.prices("g#1", retail=6)
    if segment == 1:
        shop.prices(earlier + later)
    else:
        shop.prices(earlier)
        shop.prices(later, segment=2)
    assert imports.prices().counters.total == 1
    assert priced(rows) == {("g#1", "retail"): 6}


def test_what_is_rejected_of_an_earlier_list_is_rejected_no_more(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5, dealer="дорого") + xml.prices("g#1", retail=6))
    assert imports.prices().counters.errors == 0
    assert priced(rows) == {("g#1", "retail"): 6}


def test_a_pending_price_lands_once_whatever_becomes_of_the_lists_that_are_stated_later(shop, imports, rows, xml):
    shop.prices(xml.prices("g#3", retail=5), delta=True)
    imports.prices()
    shop.prices(xml.prices("g#3", dealer=4) + xml.prices("g#3", retail="дорого"), delta=True)
    imports.prices()
    shop.offers(xml.offer("g#3"), delta=True)
    imports.catalog()
    imports.prices()
    assert priced(rows) == {("g#3", "retail"): 5}


def test_an_offer_without_a_list_of_prices_says_nothing_about_them_in_a_delta(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5))
    imports.prices()
    shop.prices("<Предложение><Ид>g#1</Ид></Предложение>" + xml.prices("g#2", retail=6), delta=True)
    imports.prices()
    assert priced(rows) == {("g#1", "retail"): 5, ("g#2", "retail"): 6}


def test_an_empty_price_states_nothing(shop, imports, rows):
    shop.prices("""
        <Предложение><Ид>g#1</Ид><Цены>
          <Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу/></Цена>
          <Цена><ИдТипаЦены>dealer</ИдТипаЦены><ЦенаЗаЕдиницу>4</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>
    """)
    report = imports.prices()
    assert (report.counters.total, report.counters.errors) == (1, 0)
    assert priced(rows) == {("g#1", "dealer"): 4}


CELL = "<Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена>"


@pytest.mark.parametrize(
    ("stated", "price", "errors"),
    [(("1", "2"), 2, 0), (("по запросу", "2"), 2, 0), (("1", "по запросу"), 9, 1), (("NaN", "1e5"), 9, 1)],
)
def test_of_a_type_stated_twice_the_last_wins_and_a_rejected_price_keeps_the_old_one(
    stated, price, errors, shop, imports, rows, xml
):
    shop.prices(xml.prices("g#1", retail=9))
    imports.prices()
    shop.prices(f"<Предложение><Ид>g#1</Ид><Цены>{''.join(map(CELL.format, stated))}</Цены></Предложение>")
    report = imports.prices()
    assert (report.counters.total, report.counters.errors) == (1, errors)
    assert priced(rows) == {("g#1", "retail"): price}


def test_one_wrong_price_costs_that_price_alone(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail="1,2,3", dealer=4) + xml.prices("g#2", retail=6))
    report = imports.prices(run_id="r")
    assert report.counters.errors == 1
    assert priced(rows) == {("g#1", "dealer"): 4, ("g#2", "retail"): 6}
    ((run, entity, onec_id, cell, file, line),) = rows(
        "select run_id, entity, onec_id, cell, source_file, source_line from onec.rejected_records"
    )
    assert (run, entity, onec_id, cell, file, line) == ("r", "price", "g#1", "retail", "prices/prices_1_1.xml", 4)
    assert report.rejected[0].onec_id == "g#1"


def test_types_are_told_by_their_ids_not_by_their_names(shop, imports, rows, xml):
    shop.price_types(xml.price_type("опт 1") + xml.price_type("опт 10"))
    shop.prices("""
        <Предложение><Ид>g#1</Ид><Цены>
          <Цена><Представление>5 за шт</Представление><ИдТипаЦены>опт 10</ИдТипаЦены>
            <ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>
    """)
    imports.prices()
    assert priced(rows) == {("g#1", "опт 10"): 5}


UNTYPED = "<Предложение><Ид>g#1</Ид><Цены><Цена><ЦенаЗаЕдиницу>{}</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"


def test_a_price_without_a_type_belongs_to_the_only_type_of_its_package(shop, imports, rows, xml):
    shop.write(
        "prices/prices_1_1.xml",
        f"<ПакетПредложений><ТипыЦен>{xml.price_type('sole')}</ТипыЦен>"
        f"<Предложения>{UNTYPED.format(5)}</Предложения></ПакетПредложений>",
    )
    imports.prices()
    assert priced(rows) == {("g#1", "sole"): 5}


def test_a_price_without_a_type_belongs_to_the_only_type_there_is(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1"))
    export.price_types(xml.price_type("retail"))
    imports.catalog()
    export.prices(UNTYPED.format(5))
    imports.prices()
    assert priced(rows) == {("g#1", "retail"): 5}
    export.prices(UNTYPED.format("дорого"), delta=True)
    assert imports.prices().counters.errors == 1
    assert priced(rows) == {("g#1", "retail"): 5}


def test_a_price_without_a_type_is_rejected_where_there_are_several(shop, imports, rows):
    shop.prices(UNTYPED.format("5</ЦенаЗаЕдиницу></Цена><Цена><ЦенаЗаЕдиницу>6"))
    report = imports.prices(run_id="first")
    assert report.counters.errors == 2
    assert priced(rows) == {}
    shop.prices("\n\n" + UNTYPED.format("5</ЦенаЗаЕдиницу></Цена><Цена><ЦенаЗаЕдиницу>6"))
    imports.prices(run_id="second")
    assert rows("select run_id, source_line from onec.rejected_records") == [("first", 6), ("first", 6)]


def test_prices_inside_a_good_belong_to_its_default_variant(export, imports, rows, xml):
    export.price_types(xml.price_type("retail"))
    export.goods(xml.good("g", more=CELL.format(5).join(("<Цены>", "</Цены>"))))
    imports.catalog()
    imports.prices()
    assert priced(rows) == {("g", "retail"): 5}
    assert rows("select onec_id, is_default from onec.product_variants") == [("g", True)]


def test_the_current_prices_of_a_type_that_is_marked_as_deleted_are_none(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5, dealer=4))
    shop.price_types(
        xml.price_type("retail")
        + '<ТипЦены Статус="Удален"><Ид>dealer</Ид><Наименование>Дилер</Наименование></ТипЦены>'
    )
    imports.prices()
    assert rows("select price_type_onec_id, value from onec.current_prices") == [("retail", 5)]


def test_the_default_mode_of_a_price_file_is_full(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5) + xml.prices("g#2", retail=5))
    imports.prices()
    shop.write(
        "prices/prices_1_1.xml",
        f"<ПакетПредложений><Предложения>{xml.prices('g#1', retail=5)}</Предложения></ПакетПредложений>",
    )
    imports.prices()
    assert priced(rows) == {("g#1", "retail"): 5}


def test_a_deletion_mark_that_comes_alone_keeps_the_name_and_the_currency_of_a_price_type(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5))
    shop.price_types("<ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование><Валюта>RUB</Валюта></ТипЦены>")
    imports.prices()
    shop.price_types("<ТипЦены><Ид>retail</Ид><ПометкаУдаления>true</ПометкаУдаления></ТипЦены>", delta=True)
    imports.prices()
    kept = rows("select name, currency, is_active from onec.price_types where onec_id = 'retail'")
    assert kept == [("Розница", "RUB", False)]

"""Rows whose parent has not arrived: they are pending, they land by themselves, and nothing stands in for a parent."""

import pytest

PENDING = "select import_type, entity, onec_id from onec.pending_records order by 1, 2, 3"


@pytest.fixture
def shop(export, xml):
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main"))
    return export


@pytest.fixture
def orphans(shop, imports, xml):
    """A shop whose offer g#1, with its price and its stock, is pending: there is no good g."""
    shop.goods(xml.good("other"), delta=True)
    shop.offers(xml.offer("g#1"), delta=True)
    shop.prices(xml.prices("g#1", retail=5), delta=True)
    shop.rests(xml.rests("g#1", main=7), delta=True)
    imports.everything()
    return shop


@pytest.mark.usefixtures("orphans")
def test_an_offer_a_price_and_a_stock_are_pending_without_the_good(imports, rows):
    assert rows(PENDING) == [("catalog", "offer", "g#1"), ("prices", "price", "g#1"), ("stocks", "stock", "g#1")]
    assert rows("select count(*) from onec.products where onec_id = 'g'") == [0]
    assert rows("select count(*) from onec.product_variants") == [0]
    assert rows("select count(*) from onec.rejected_records") == [0]
    assert rows("select source_file, source_line from onec.pending_records where entity = 'price'") == [
        ("prices/prices_1_1.xml", 4)
    ]
    assert {kind: report.counters.skipped for kind, report in imports.everything().items()} == {
        "catalog": 2,
        "stocks": 1,
        "prices": 1,
    }


def test_they_land_when_the_good_has_come(orphans, imports, rows, xml):
    orphans.goods(xml.good("g"), delta=True)
    reports = imports.everything()
    assert rows(PENDING) == []
    assert reports["catalog"].counters.created == 2
    assert reports["prices"].counters.created == reports["stocks"].counters.created == 1
    assert rows("select variant_onec_id, value from onec.current_prices") == [("g#1", 5)]
    assert rows("select variant_onec_id, value from onec.current_stocks") == [("g#1", 7)]


def test_prices_and_stocks_land_also_when_no_file_of_theirs_has_changed(orphans, imports, rows, xml):
    orphans.goods(xml.good("g"), delta=True)
    imports.catalog()
    for import_type in ("prices", "stocks"):
        report = imports(import_type)
        assert report.notices == ("Nothing has changed since the last import: no file was read again.",)
        assert (report.counters.total, report.counters.created, report.counters.skipped) == (1, 1, 0)
        assert imports(import_type).counters.skipped == 1
    assert rows(PENDING) == []


def test_rows_that_an_earlier_export_stated_land_as_well_and_are_counted(orphans, imports, rows, xml):
    orphans.goods(xml.good("h") + xml.good("other"), delta=True)
    orphans.offers(xml.offer("h#1"), delta=True)
    orphans.prices(xml.prices("h#1", retail=1), delta=True)
    imports.everything()
    assert rows(PENDING)[0] == ("catalog", "offer", "g#1")
    orphans.goods(xml.good("g"), delta=True)
    imports.catalog()
    report = imports.prices()
    assert (report.counters.total, report.counters.created, report.counters.skipped) == (2, 1, 1)
    assert imports.prices().counters.total == 1
    assert rows("select variant_onec_id, value from onec.current_prices order by 1") == [("g#1", 5), ("h#1", 1)]


def test_one_row_for_each_offer_however_often_it_is_sent(orphans, imports, rows, xml):
    (since,) = rows("select first_seen_at from onec.pending_records where import_type = 'prices'")
    for price in (5, 6):
        orphans.prices(xml.prices("g#1", retail=price), delta=True)
        orphans.prices("\n" + xml.prices("g#1", retail=price), segment=2, delta=True)
        imports.prices()
    assert rows("select first_seen_at from onec.pending_records where import_type = 'prices'") == [since]
    orphans.goods(xml.good("g"), delta=True)
    imports.everything()
    assert rows("select value from onec.current_prices") == [6]


def test_an_orphan_of_a_classic_export_is_pending_once_in_each_import(export, imports, rows, xml):
    export.goods(xml.good("other"))
    export.write(
        "offers/offers_1_1.xml",
        f"<ПакетПредложений><ТипыЦен>{xml.price_type('retail')}</ТипыЦен><Предложения><Предложение><Ид>g#1</Ид>"
        "<Наименование>Стул</Наименование><Цены><Цена><ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу>"
        "</Цена></Цены><Количество>3</Количество></Предложение></Предложения></ПакетПредложений>",
    )
    imports.everything()
    assert rows(PENDING) == [("catalog", "offer", "g#1"), ("prices", "price", "g#1"), ("stocks", "stock", "g#1")]


def test_a_price_of_an_undeclared_type_is_pending_without_the_type(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(xml.offer("g#1"))
    shop.prices(xml.prices("g#1", retail=5, vip=4))
    reports = imports.everything()
    assert rows(PENDING) == [("prices", "price", "g#1")]
    assert (reports["prices"].counters.created, reports["prices"].counters.skipped) == (1, 1)
    assert rows("select onec_id from onec.price_types") == ["retail"]
    assert rows("select price_type_onec_id, value from onec.current_prices") == [("retail", 5)]

    shop.prices("", delta=True)
    shop.price_types(xml.price_type("vip"), segment=2)
    imports.prices()
    assert rows(PENDING) == []
    assert rows("select price_type_onec_id, value from onec.current_prices order by 1") == [("retail", 5), ("vip", 4)]


def test_a_stock_in_an_undeclared_warehouse_is_pending_without_the_warehouse(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(xml.offer("g#1"))
    shop.rests(xml.rests("g#1", main=5, far=4))
    imports.everything()
    assert rows(PENDING) == [("stocks", "stock", "g#1")]
    assert rows("select onec_id from onec.warehouses") == ["main"]

    shop.rests(xml.rests("g#1", main=6), delta=True)
    imports.stocks()
    assert rows(PENDING) == [("stocks", "stock", "g#1")]
    shop.warehouses(xml.warehouse("far"), segment=2)
    imports.stocks()
    assert rows(PENDING) == []
    assert rows("select warehouse_onec_id, value from onec.current_stocks order by 1") == [("far", 4), ("main", 6)]


def test_a_list_that_is_stated_anew_replaces_what_was_pending_of_it(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(xml.offer("g#1"))
    shop.prices(xml.prices("g#1", vip=4), delta=True)
    imports.everything()
    shop.prices(xml.prices("g#1", retail=5), delta=True)
    imports.prices()
    assert rows(PENDING) == []


@pytest.mark.parametrize("delta", [False, True])
def test_a_rejected_restatement_keeps_what_is_pending(delta, orphans, imports, rows, xml):
    orphans.prices(xml.prices("g#1", retail="запрос"), delta=delta)
    orphans.rests(xml.rests("g#1", main="запрос") + xml.rests("other", main=1), delta=delta)
    reports = imports.everything()
    assert reports["prices"].counters.errors == reports["stocks"].counters.errors == 1
    assert rows(PENDING) == [("catalog", "offer", "g#1"), ("prices", "price", "g#1"), ("stocks", "stock", "g#1")]
    orphans.goods(xml.good("g"), delta=True)
    imports.everything()
    assert rows("select variant_onec_id, value from onec.current_prices") == [("g#1", 5)]
    assert rows("select value from onec.current_stocks where variant_onec_id = 'g#1'") == [7]


def test_a_full_export_that_names_it_no_longer_ends_that(orphans, imports, rows, xml):
    orphans.goods(xml.good("h"))
    orphans.offers(xml.offer("h#1"))
    orphans.prices(xml.prices("h#1", retail=5))
    orphans.rests(xml.rests("h#1", main=7))
    imports.everything()
    assert rows(PENDING) == []


def test_a_full_list_of_a_good_that_is_unknown_is_pending_while_other_prices_are_removed(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.prices(xml.prices("g", retail=5))
    imports.everything()
    shop.prices(xml.prices("h", retail=6))
    imports.prices()
    assert rows(PENDING) == [("prices", "price", "h")]
    assert rows("select count(*) from onec.prices") == [0]
    shop.goods(xml.good("h"), delta=True)
    imports.catalog()
    imports.prices()
    assert rows("select variant_onec_id, value from onec.current_prices") == [("h", 6)]


def test_a_pending_offer_keeps_everything_it_said(shop, imports, rows, xml):
    more = (
        "<Артикул>А</Артикул><Картинка>a.jpg</Картинка><Картинка>b.jpg</Картинка><ХарактеристикиТовара>"
        "<ХарактеристикаТовара><Наименование>Цвет</Наименование><Значение>синий</Значение></ХарактеристикаТовара>"
        "</ХарактеристикиТовара>"
    )
    shop.goods(xml.good("h"), delta=True)
    shop.offers(xml.offer("g#1", "Синий", more) + xml.offer("h#1", "Синий", more), delta=True)
    imports.catalog()
    shop.offers("", delta=True)
    shop.goods(xml.good("g"), delta=True)
    imports.catalog()
    said = rows("""
        select v.article, v.name, v.characteristics, v.properties, array_agg(r.path order by r.position)
        from onec.product_variants v join onec.image_references r on r.variant_id = v.id
        group by v.id
    """)
    assert len(said) == 2
    assert said[0] == said[1]


def test_what_prices_repeat_of_a_pending_offer_takes_nothing_from_it(export, imports, rows, xml):
    export.goods(xml.good("h"), delta=True)
    export.offers(xml.offer("g#1", "Стул, синий"), delta=True)
    imports.catalog()
    export.offers("", delta=True)
    export.prices(xml.prices("g#1", retail=5).replace("</Ид>", "</Ид><Артикул>A-1</Артикул>", 1), delta=True)
    imports.catalog()
    assert rows("select payload ->> 'name' from onec.pending_records") == ["Стул, синий"]
    export.goods(xml.good("g"), delta=True)
    imports.catalog()
    assert rows("select name, article from onec.product_variants") == [("Стул, синий", None)]

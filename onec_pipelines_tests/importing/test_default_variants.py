"""The variant under the bare product id: when there is one, and when it gives way."""

import pytest

VARIANTS = "select onec_id, is_default, is_active from onec.product_variants order by 1"


@pytest.fixture
def shop(export, xml):
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main"))
    return export


def test_an_offer_under_the_bare_id_is_the_default_variant(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(xml.offer("g", "Стул"))
    imports.catalog()
    assert rows("select onec_id, name, is_default from onec.product_variants") == [("g", "Стул", True)]


def test_there_is_none_while_nothing_says_so(shop, imports, rows, xml):
    shop.goods(xml.good("g"), delta=True)
    imports.everything()
    assert rows(VARIANTS) == []


def test_a_price_under_the_bare_id_makes_one(shop, imports, rows, xml):
    shop.goods(xml.good("g"), delta=True)
    shop.prices(xml.prices("g", retail=5), delta=True)
    imports.everything()
    assert rows(VARIANTS) == [("g", True, True)]
    assert rows("select variant_onec_id, value from onec.current_prices") == [("g", 5)]


def test_a_stock_under_the_bare_id_makes_one(shop, imports, rows, xml):
    shop.goods(xml.good("g"), delta=True)
    shop.rests(xml.rests("g", main=5), delta=True)
    imports.everything()
    assert rows(VARIANTS) == [("g", True, True)]


def test_an_empty_price_or_quantity_makes_none(shop, imports, rows, xml):
    shop.goods(xml.good("g"), delta=True)
    shop.prices(xml.prices("g", retail=""), delta=True)
    shop.rests(xml.rests("g", main=""), delta=True)
    imports.everything()
    assert rows(VARIANTS) == []


@pytest.mark.parametrize("others", ["", "<Предложение><Ид>h#1</Ид><Наименование>Стол</Наименование></Предложение>"])
def test_a_full_export_that_shows_a_product_without_offers_makes_one(others, shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(others)
    imports.catalog()
    assert rows(VARIANTS) == [("g", True, True)]


def test_goods_alone_do_not_show_that_there_are_no_offers(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    imports.catalog()
    assert rows(VARIANTS) == []


def test_a_delta_of_offers_shows_nothing_about_other_products(shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers(xml.offer("g#1"), delta=True)
    imports.catalog()
    assert rows(VARIANTS) == [("g#1", False, True)]


def test_a_product_that_is_marked_as_deleted_gets_none(shop, imports, rows, xml):
    shop.goods(xml.good("g", more="<ПометкаУдаления>true</ПометкаУдаления>"))
    shop.offers("")
    imports.catalog()
    assert rows(VARIANTS) == []


def test_one_is_made_although_the_guard_says_no(shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers(xml.offer("g#1") + xml.offer("h#1"))
    imports.catalog()
    shop.goods(xml.good("g") + xml.good("n"))
    shop.offers(xml.offer("g#1"))
    assert not all(guard.allows for guard in imports.catalog(max_deactivation=0).guards)
    assert rows(VARIANTS) == [("g#1", False, True), ("h#1", False, True), ("n", True, True)]


@pytest.mark.parametrize("delta", [False, True])
def test_it_gives_way_when_offers_come(delta, shop, imports, rows, xml):
    shop.goods(xml.good("g", more="<Картинка>a.jpg</Картинка>"))
    shop.offers("")
    imports.catalog()
    shop.offers(xml.offer("g#1"), delta=delta)
    imports.catalog(max_deactivation=0)
    assert rows(VARIANTS) == [("g#1", False, True)]


def test_it_gives_way_with_its_prices_and_stocks_which_1c_no_longer_sends(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.prices(xml.prices("g", retail=5))
    shop.rests(xml.rests("g", main=5))
    imports.everything()
    shop.offers(xml.offer("g#1"))
    shop.prices(xml.prices("g#1", retail=6))
    shop.rests(xml.rests("g#1", main=6))
    imports.everything(max_deactivation=0)
    assert rows(VARIANTS) == [("g#1", False, True)]
    assert rows("select value from onec.prices") == [6]
    assert rows("select quantity from onec.stocks") == [6]


@pytest.mark.parametrize(("directory", "cell"), [("prices", "retail"), ("rests", "main")])
def test_it_stands_beside_offers_while_1c_still_states_a_price_or_a_stock_of_it(
    directory, cell, shop, imports, rows, xml
):
    shop.goods(xml.good("g"))
    getattr(shop, directory)(getattr(xml, directory)("g", **{cell: 5}))
    imports.everything()
    shop.offers(xml.offer("g#1"))
    imports.everything(max_deactivation=0)
    assert rows(VARIANTS) == [("g", True, True), ("g#1", False, True)]


def test_a_delta_of_prices_does_not_take_those_of_the_default_variant(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.prices(xml.prices("g", retail=5))
    imports.everything()
    shop.offers(xml.offer("g#1"))
    shop.prices(xml.prices("g#1", retail=6), delta=True)
    imports.everything()
    assert rows(VARIANTS) == [("g", True, True), ("g#1", False, True)]
    shop.prices(xml.prices("g"), delta=True)
    imports.prices()
    assert rows(VARIANTS) == [("g#1", False, True)]


def test_offers_that_come_before_their_prices_leave_no_phantom(shop, imports, rows, xml):
    shop.prices(xml.prices("g#1", retail=5))
    shop.rests(xml.rests("g#1", main=5))
    shop.goods(xml.good("g"), delta=True)
    imports.everything()
    assert rows(VARIANTS) == []
    shop.offers(xml.offer("g#1"), delta=True)
    imports.everything()
    assert rows(VARIANTS) == [("g#1", False, True)]


def test_an_offer_under_the_bare_id_stands_beside_others(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers(xml.offer("g") + xml.offer("g#1"))
    imports.catalog()
    assert rows(VARIANTS) == [("g", True, True), ("g#1", False, True)]


def test_it_becomes_an_offer_when_it_is_stated_as_one(shop, imports, rows, xml):
    shop.goods(xml.good("g"))
    shop.offers("")
    imports.catalog()
    shop.offers(xml.offer("g", "Стул"))
    report = imports.catalog()
    assert (report.counters.created, report.counters.updated) == (0, 1)
    assert rows("select onec_id, name, is_default from onec.product_variants") == [("g", "Стул", True)]


def test_an_offer_under_the_bare_id_that_is_no_longer_named_stays_where_it_is_the_only_one(shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers(xml.offer("g") + xml.offer("h"))
    imports.catalog()
    shop.offers(xml.offer("h"))
    report = imports.catalog(max_deactivation=0)
    assert {guard.entity: guard.removed for guard in report.guards}["offers"] == 0
    assert rows(VARIANTS) == [("g", True, True), ("h", True, True)]


@pytest.mark.parametrize("gone", ["", '<Предложение Статус="Удален"><Ид>g</Ид></Предложение>'])
def test_nothing_is_left_of_the_offer_that_stated_it(gone, shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers(xml.offer("g", "Стул", "<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>") + xml.offer("h"))
    imports.catalog()
    shop.offers(xml.offer("h") + gone)
    imports.catalog()
    shop.offers(xml.offer("h"))
    imports.catalog()
    described = "select name, article, is_offer, is_active from onec.product_variants where onec_id = 'g'"
    assert rows(described) == [(None, None, False, True)]
    assert rows("select path from onec.image_references") == []


def test_it_goes_and_comes_with_its_product(shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers("")
    imports.catalog()
    shop.goods(xml.good("h"))
    imports.catalog()
    assert rows(VARIANTS) == [("g", True, False), ("h", True, True)]
    shop.goods(xml.good("g") + xml.good("h"))
    imports.catalog()
    assert rows(VARIANTS) == [("g", True, True), ("h", True, True)]


def test_one_that_gave_way_as_an_offer_stands_again_when_the_offers_are_gone(shop, imports, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    for offers in ("g", "g#1", "h#1"):
        shop.offers(xml.offer(offers) + xml.offer("h#1"))
        imports.catalog()
    assert rows(VARIANTS) == [("g", True, True), ("g#1", False, False), ("h#1", False, True)]


def test_one_with_published_images_is_inactive_until_they_are_removed(shop, imports, connection, rows, xml):
    shop.goods(xml.good("g") + xml.good("h"))
    shop.offers(xml.offer("g", more="<Картинка>a.jpg</Картинка>") + xml.offer("h"))
    imports.catalog()
    connection.execute("""
        insert into onec.product_images (product_id, variant_id, position, is_main, source_path, media_path, sha256,
            size_bytes, source_mtime_ns, width, height, format, is_listed)
        select product_id, id, 0, true, 'a.jpg', 'a.jpg', '', 1, 1, 1, 1, 'JPEG', true
        from onec.product_variants where onec_id = 'g'
    """)
    shop.offers(xml.offer("h"))
    imports.catalog()
    shop.offers(xml.offer("g#1") + xml.offer("h"))
    imports.catalog()
    assert rows(VARIANTS) == [("g", True, False), ("g#1", False, True), ("h", True, True)]
    assert rows("select count(*) from onec.image_references") == [0]
    connection.execute("delete from onec.product_images")
    imports.catalog(force=True)
    assert rows(VARIANTS) == [("g#1", False, True), ("h", True, True)]


def test_a_price_of_a_characteristic_never_makes_a_default_variant(shop, imports, rows, xml):
    shop.goods(xml.good("g"), delta=True)
    shop.prices(xml.prices("g#1", retail=5))
    imports.everything()
    assert rows(VARIANTS) == []
    assert rows("select onec_id from onec.pending_records") == ["g#1"]

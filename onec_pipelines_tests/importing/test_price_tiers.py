"""Several prices of one type: the one for the base unit and the least quantity is the price, the others are tiers."""

import itertools

import pytest

PRICES = """
    select t.onec_id, x.value
    from onec.prices x
    join onec.product_variants v on v.id = x.variant_id
    join onec.price_types t on t.id = x.price_type_id
    where v.onec_id = 'g#1'
    order by 1
"""
TIERS = """
    select t.onec_id, x.unit, x.factor, x.min_quantity, x.value, x.currency
    from onec.price_tiers x
    join onec.product_variants v on v.id = x.variant_id
    join onec.price_types t on t.id = x.price_type_id
    where v.onec_id = 'g#1'
    order by 1, x.factor, x.min_quantity, x.unit
"""
NAMES = {"unit": "Единица", "factor": "Коэффициент", "min_quantity": "МинКоличество"}


def price(value, kind="retail", **tier):
    stated = "".join(f"<{NAMES[name]}>{text}</{NAMES[name]}>" for name, text in tier.items())
    return f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>{stated}</Цена>"


def offer(*prices):
    return f"<Предложение><Ид>g#1</Ид><Цены>{''.join(prices)}</Цены></Предложение>"


PIECE, BOX = price(100, unit="шт", factor=1), price(1100, unit="упак", factor=12)
A_BOX = ("retail", "упак", 12, 0, 1100, "RUB")


@pytest.fixture
def shop(export, imports, xml):
    """A shop with the variant g#1 and the price types retail and dealer, both in RUB."""
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1"))
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    imports.catalog()
    return export


@pytest.mark.parametrize("order", list(itertools.permutations([PIECE, BOX, price(5, "dealer")])))
def test_the_price_is_that_of_the_base_unit_in_whatever_order(shop, imports, rows, order):
    shop.prices(offer(*order))
    report = imports.prices()
    assert (report.counters.total, report.counters.created) == (2, 2)
    assert rows(PRICES) == [("dealer", 5), ("retail", 100)]
    assert rows(TIERS) == [A_BOX]


@pytest.mark.parametrize("order", list(itertools.permutations([
    price(50, factor="1,0", min_quantity=1), price(45, min_quantity="10"), price(40, factor=1, min_quantity="100,5")
])))  # fmt: skip
def test_the_price_is_that_of_the_least_quantity_in_whatever_order(shop, imports, rows, order):
    shop.prices(offer(*order))
    imports.prices()
    assert rows(PRICES) == [("retail", 50)]
    assert [(row[2], float(row[3]), row[4]) for row in rows(TIERS)] == [(1, 10, 45), (1, 100.5, 40)]


def test_a_price_that_states_no_quantity_comes_before_one_that_does(shop, imports, rows):
    shop.prices(offer(price(45, min_quantity=1), price(50)))
    imports.prices()
    assert (rows(PRICES), [row[4] for row in rows(TIERS)]) == ([("retail", 50)], [45])


@pytest.mark.parametrize("order", list(itertools.permutations([
    price(9, factor=24, min_quantity=1), price(11, factor=12, min_quantity=20), price(12, factor=12, min_quantity=2)
])))  # fmt: skip
def test_without_a_price_for_the_base_unit_it_is_that_of_the_least_factor(shop, imports, rows, order):
    shop.prices(offer(*order))
    imports.prices()
    assert rows(PRICES) == [("retail", 12)]
    assert [row[2:5] for row in rows(TIERS)] == [(12, 20, 11), (24, 1, 9)]


def test_a_fraction_of_the_base_unit_is_no_base_unit(shop, imports, rows):
    shop.prices(offer(price(1, factor="0.1"), price(9)))
    imports.prices()
    assert rows(PRICES) == [("retail", 9)]


def test_a_price_of_its_type_alone_is_the_price_whatever_its_unit(shop, imports, rows):
    shop.prices(offer(BOX))
    imports.prices()
    assert (rows(PRICES), rows(TIERS)) == ([("retail", 1100)], [])


def test_of_one_unit_factor_and_quantity_the_last_price_counts(shop, imports, rows):
    shop.prices(offer(price(90, factor=1), BOX, price(1, unit="упак", factor="12.0"), PIECE, price(100), BOX))
    imports.prices()
    assert rows(PRICES) == [("retail", 100)]
    assert rows(TIERS) == [("retail", "шт", 1, 0, 100, "RUB"), A_BOX]


def test_tiers_are_replaced_whole_with_the_list_of_their_offer(shop, imports, rows):
    shop.prices(offer(PIECE, BOX, price(5000, unit="паллета", factor=60)))
    imports.prices()
    shop.prices(offer(PIECE, price(1050, unit="упак", factor=12)), delta=True)
    imports.prices()
    assert rows(TIERS) == [("retail", "упак", 12, 0, 1050, "RUB")]


def test_tiers_of_an_offer_that_a_delta_does_not_name_stay(shop, imports, rows):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices("", delta=True)
    imports.prices()
    assert rows(TIERS) == [A_BOX]


@pytest.mark.parametrize("cells", ["", price(5, "dealer")])
def test_tiers_go_with_the_price_that_a_list_no_longer_states(shop, imports, rows, cells):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices(offer(cells), delta=True)
    imports.prices()
    assert rows(TIERS) == []


def test_tiers_go_with_the_price_of_an_offer_that_a_full_export_no_longer_names(shop, imports, rows, xml):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices(xml.prices("g", retail=5))
    imports.prices(max_deactivation=1)
    assert (rows(PRICES), rows(TIERS)) == ([], [])


def test_tiers_have_the_currency_of_their_type_when_it_changes(shop, imports, rows, xml):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices("", delta=True)
    shop.price_types(xml.price_type("retail", "USD"), delta=True)
    imports.prices()
    assert rows(TIERS) == [(*A_BOX[:-1], "USD")]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"factor": "дюжина"}, "Коэффициент: не число"),
        ({"factor": "NaN"}, "Коэффициент: не число"),
        ({"min_quantity": "от 10"}, "МинКоличество: не число"),
        ({"unit": "ш" * 600, "factor": 12}, "Единица длиннее 1024 байт"),
    ],
)
def test_a_tier_that_cannot_be_read_is_rejected_and_keeps_those_of_its_type(shop, imports, rows, stated, reason):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices(offer(price(200, unit="шт"), price(1, **stated)), delta=True)
    imports.prices()
    assert rows("select onec_id, cell, reason from onec.rejected_records") == [("g#1", "retail", reason)]
    assert (rows(PRICES), rows(TIERS)) == ([("retail", 200)], [A_BOX])


def test_a_price_that_is_rejected_is_not_replaced_by_a_tier(shop, imports, rows):
    shop.prices(offer(PIECE, BOX))
    imports.prices()
    shop.prices(offer(price("много", unit="шт"), price(1200, unit="упак", factor=12)), delta=True)
    assert imports.prices().counters.errors == 1
    assert (rows(PRICES), rows(TIERS)) == ([("retail", 100)], [(*A_BOX[:4], 1200, "RUB")])


def test_a_tier_without_a_price_waits_for_none(shop, imports, rows):
    shop.prices(offer(price("много"), BOX))
    report = imports.prices()
    assert (report.counters.total, report.counters.errors) == (1, 1)
    assert (rows(PRICES), rows(TIERS)) == ([], [])


def test_a_rejected_price_that_is_stated_again_for_its_unit_is_rejected_no_longer(shop, imports, rows):
    shop.prices(offer(price("много", unit="упак", factor=12), PIECE, BOX))
    assert imports.prices().counters.errors == 0
    assert rows(TIERS) == [A_BOX]


def test_tiers_wait_with_their_price_for_their_type(shop, imports, rows, xml):
    shop.price_types(xml.price_type("dealer"))
    shop.prices(offer(PIECE, BOX))
    report = imports.prices()
    assert (report.counters.total, report.counters.skipped) == (1, 1)
    shop.prices("", delta=True)
    shop.price_types(xml.price_type("retail"), delta=True)
    imports.prices()
    assert (rows(PRICES), rows(TIERS)) == ([("retail", 100)], [A_BOX])
    assert rows("select * from onec.pending_records") == []


def test_a_price_without_a_type_has_tiers_of_the_only_one(shop, imports, rows, xml):
    untyped = (text.replace("<ИдТипаЦены>retail</ИдТипаЦены>", "") for text in (BOX, PIECE))
    shop.price_types("", delta=True)
    shop.write(
        "prices/prices_1_1.xml",
        f"<ПакетПредложений><ТипыЦен>{xml.price_type('retail')}</ТипыЦен>"
        f"<Предложения>{offer(*untyped)}</Предложения></ПакетПредложений>",
    )
    imports.prices()
    assert (rows(PRICES), rows(TIERS)) == ([("retail", 100)], [A_BOX])

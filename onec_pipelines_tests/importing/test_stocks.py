"""Warehouses and stocks: a row is an offer in one warehouse, nothing is summed; without a warehouse there is one."""

import pytest

STOCKS = """
    select v.onec_id, w.onec_id, x.quantity
    from onec.stocks x
    join onec.product_variants v on v.id = x.variant_id
    join onec.warehouses w on w.id = x.warehouse_id
    order by 1, 2
"""


@pytest.fixture
def shop(export, imports, xml):
    """A shop with the variants g#1 and g#2, and the warehouses main and far."""
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1") + xml.offer("g#2"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    imports.catalog()
    return export


def test_a_stock_is_of_a_variant_in_a_warehouse(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main="-2,5", far=0))
    report = imports.stocks()
    assert (report.counters.total, report.counters.created) == (2, 2)
    assert rows(STOCKS) == [("g#1", "far", 0), ("g#1", "main", -2.5)]


def test_numeric_columns_have_no_limit_of_scale(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main="0.1234567890123456789", far="9" * 60))
    imports.stocks()
    assert [str(quantity) for _, _, quantity in rows(STOCKS)] == ["9" * 60, "0.1234567890123456789"]


def test_a_delta_leaves_the_other_warehouses_of_a_named_offer_alone(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5, far=6) + xml.rests("g#2", main=7))
    imports.stocks()
    shop.rests(xml.rests("g#1", main=1), delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "far", 6), ("g#1", "main", 1), ("g#2", "main", 7)]


def test_a_full_export_removes_each_row_that_it_no_longer_sends(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5, far=6) + xml.rests("g#2", main=7))
    imports.stocks()
    shop.rests(xml.rests("g#1", main=1))
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "main", 1)]


def offer(onec_id, stock):
    return f"<Предложение><Ид>{onec_id}</Ид>{stock}</Предложение>"


@pytest.mark.parametrize(
    "stock",
    [
        """<Количество>9</Количество><Склад><ИдСклада>main</ИдСклада><КоличествоНаСкладе>4</КоличествоНаСкладе></Склад>
           <Склад><ИдСклада>far</ИдСклада><КоличествоНаСкладе>5</КоличествоНаСкладе></Склад>""",
        """<КоличествоНаСкладах>
             <КоличествоНаСкладе><ИдСклада>main</ИдСклада><Количество>4</Количество></КоличествоНаСкладе>
             <КоличествоНаСкладе><ИдСклада>far</ИдСклада><Количество>5</Количество></КоличествоНаСкладе>
           </КоличествоНаСкладах>""",
        """<ОстаткиПоСкладу>
             <ОстаткиПоСкладу><ИдСклада>main</ИдСклада><КоличествоНаСкладе>4</КоличествоНаСкладе></ОстаткиПоСкладу>
             <ОстаткиПоСкладу><ИдСклада>far</ИдСклада><КоличествоНаСкладе>5</КоличествоНаСкладе></ОстаткиПоСкладу>
           </ОстаткиПоСкладу>""",
        '<Склады ИдСклада="main" КоличествоНаСкладе="4"/><Склады ИдСклада="far" КоличествоНаСкладе="5"/>',
        """<Склады><Склад ИдСклада="main" КоличествоНаСкладе="4"/>
           <Склад ИдСклада="far"><Количество>5</Количество></Склад></Склады>""",
    ],
)
def test_stock_lands_in_its_warehouses_in_each_form(shop, imports, rows, stock):
    shop.rests(offer("g#1", stock))
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "far", 5), ("g#1", "main", 4)]


@pytest.mark.parametrize(
    "empty", ["<Остатки/>", "<Остатки> </Остатки>", "<КоличествоНаСкладах/>", "<ОстаткиПоСкладу/>"]
)
def test_an_empty_list_clears_the_offer_in_a_delta(shop, imports, rows, xml, empty):
    shop.rests(xml.rests("g#1", main=5, far=6) + xml.rests("g#2", main=7))
    imports.stocks()
    shop.rests(offer("g#1", empty), delta=True)
    report = imports.stocks()
    assert report.counters.total == 0
    assert rows(STOCKS) == [("g#2", "main", 7)]


def test_an_empty_list_clears_the_offer_in_a_full_export(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5) + xml.rests("g#2", main=7))
    imports.stocks()
    shop.rests(offer("g#1", "<Остатки/>") + xml.rests("g#2", main=7))
    imports.stocks()
    assert rows(STOCKS) == [("g#2", "main", 7)]


def test_a_full_export_of_empty_lists_is_guarded(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5) + xml.rests("g#2", main=7))
    imports.stocks()
    shop.rests(offer("g#1", "<Остатки/>") + offer("g#2", "<Остатки/>"))
    (guard,) = imports.stocks(max_deactivation=0.3).guards
    assert not guard.allows
    assert rows(STOCKS) == [("g#1", "main", 5), ("g#2", "main", 7)]


def test_a_list_after_an_empty_one_counts_and_one_before_does_not(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5) + offer("g#1", "<Остатки/>") + xml.rests("g#1", far=6), delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "far", 6)]


def test_what_is_rejected_before_an_empty_list_is_rejected_no_longer(shop, imports, xml):
    shop.rests(xml.rests("g#1", main="много") + offer("g#1", "<Остатки/>"), delta=True)
    assert imports.stocks().counters.errors == 0


def test_an_empty_list_clears_what_is_pending(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", lost=5), delta=True)
    imports.stocks()
    shop.rests(offer("g#1", "<Остатки/>"), delta=True)
    imports.stocks()
    assert rows("select onec_id from onec.pending_records") == []


def test_a_total_beside_an_empty_list_takes_the_place_of_the_warehouses(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5))
    imports.stocks()
    shop.rests(offer("g#1", "<Остатки/><Количество>3</Количество>"), delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "default", 3)]


def test_a_list_without_quantities_is_not_empty(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5))
    imports.stocks()
    shop.rests(xml.rests("g#1", main=""), delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "main", 5)]


def test_an_empty_quantity_states_nothing(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main="", far=6))
    report = imports.stocks()
    assert (report.counters.total, report.counters.errors) == (1, 0)
    assert rows(STOCKS) == [("g#1", "far", 6)]


def test_a_rejected_quantity_keeps_the_old_one(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5, far=6))
    imports.stocks()
    shop.rests(xml.rests("g#1", main="много", far=7))
    report = imports.stocks(max_deactivation=0)
    assert report.counters.errors == 1
    assert report.guards[0].removed == 0
    assert rows(STOCKS) == [("g#1", "far", 7), ("g#1", "main", 5)]


@pytest.mark.parametrize(
    ("first", "second", "stock", "errors"), [("5", "6", 6, 0), ("x", "6", 6, 0), ("6", "x", 9, 1), ("x", "y", 9, 1)]
)
def test_of_a_row_stated_twice_the_last_wins(first, second, stock, errors, shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=9))
    imports.stocks()
    shop.rests(xml.rests("g#1", main=first), segment=2)
    shop.rests(xml.rests("g#1", main=second), segment=10)
    report = imports.stocks()
    assert (report.counters.total, report.counters.errors) == (1, errors)
    assert rows(STOCKS) == [("g#1", "main", stock)]


def test_stock_without_a_named_warehouse_id_is_rejected_once_for_each(shop, imports):
    shop.rests("""
        <Предложение><Ид>g#1</Ид><Остатки>
          <Остаток><Склад><Количество>5</Количество></Склад></Остаток>
          <Остаток><Склад><Количество>6</Количество></Склад></Остаток>
        </Остатки></Предложение>
    """)
    assert imports.stocks().counters.errors == 2


# Without warehouses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stated", ["<Количество>7</Количество>", "<Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>"]
)
def test_stock_without_a_warehouse_belongs_to_the_default_one(stated, shop, imports, rows):
    shop.rests(f"<Предложение><Ид>g#1</Ид>{stated}</Предложение>")
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "default", 7)]
    assert rows("select name from onec.warehouses where onec_id = 'default'") == ["Основной склад"]


def test_without_such_stock_there_is_no_default_warehouse(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5))
    imports.stocks()
    assert rows("select onec_id from onec.warehouses order by 1") == ["far", "main"]


@pytest.mark.parametrize(
    "stated",
    [
        "<Количество>12</Количество><Склад ИдСклада='main' КоличествоНаСкладе='5'/>",
        "<Склад ИдСклада='main' КоличествоНаСкладе='5'/><Количество>много</Количество>",
    ],
)
def test_beside_stock_per_warehouse_it_is_ignored(stated, shop, imports, rows):
    shop.rests(f"<Предложение><Ид>g#1</Ид>{stated}</Предложение>")
    report = imports.stocks()
    assert (report.counters.total, report.counters.errors) == (1, 0)
    assert rows(STOCKS) == [("g#1", "main", 5)]


@pytest.mark.parametrize("total_in", [1, 2])
def test_beside_stock_per_warehouse_it_is_ignored_in_another_segment_too(total_in, shop, imports, rows, xml):
    shop.rests("<Предложение><Ид>g#1</Ид><Количество>12</Количество></Предложение>", segment=total_in)
    shop.rests(xml.rests("g#1", main=5), segment=3 - total_in)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "main", 5)]


def test_a_total_of_an_earlier_export_goes_once_the_offer_states_warehouses(shop, imports, rows, xml):
    total = "<Количество>10</Количество>"
    shop.rests("".join(f"<Предложение><Ид>{offer}</Ид>{total}</Предложение>" for offer in ("g#1", "g#2")))
    imports.stocks()
    shop.rests(
        "<Предложение><Ид>g#1</Ид><Количество>12</Количество><Склад ИдСклада='main' КоличествоНаСкладе='12'/>"
        "</Предложение>" + xml.rests("g#2", main="много"),
        delta=True,
    )
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "main", 12), ("g#2", "default", 10)]


def test_a_total_in_a_delta_is_ignored_where_the_warehouses_are_on_record(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5))
    imports.stocks()
    shop.rests("<Предложение><Ид>g#1</Ид><Количество>3</Количество></Предложение>", delta=True)
    assert imports.stocks().counters.total == 0
    assert rows(STOCKS) == [("g#1", "main", 5)]


def test_a_full_export_of_totals_takes_the_warehouses_away(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5))
    imports.stocks()
    shop.rests("<Предложение><Ид>g#1</Ид><Количество>3</Количество></Предложение>")
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "default", 3)]


def test_a_total_goes_once_a_warehouse_of_its_offer_is_pending_no_longer(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", undeclared=5), delta=True)
    imports.stocks()
    shop.rests("<Предложение><Ид>g#1</Ид><Количество>7</Количество></Предложение>", delta=True)
    imports.stocks()
    shop.warehouses(xml.warehouse("undeclared"), delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "undeclared", 5)]


def test_a_pending_total_goes_once_the_offer_states_warehouses(shop, imports, rows, xml):
    shop.rests("<Предложение><Ид>g#3</Ид><Количество>10</Количество></Предложение>")
    imports.stocks()
    shop.rests(xml.rests("g#3", main=5), delta=True)
    imports.stocks()
    assert rows("select payload from onec.pending_records") == [[{"warehouse_onec_id": "main", "quantity": "5"}]]
    shop.offers(xml.offer("g#3"), delta=True)
    imports.catalog()
    imports.stocks()
    assert rows(STOCKS) == [("g#3", "main", 5)]


def test_a_pending_warehouse_takes_no_total_that_was_stated_later(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", undeclared=5), delta=True)
    imports.stocks()
    shop.rests("<Предложение><Ид>g#1</Ид><Количество>7</Количество></Предложение>", delta=True)
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "default", 7)]


def test_stock_inside_a_good_belongs_to_its_default_variant(export, imports, rows, xml):
    export.goods(xml.good("g", more="<Количество>3</Количество>"))
    imports.catalog()
    imports.stocks()
    assert rows(STOCKS) == [("g", "default", 3)]


def test_the_classic_form_with_attributes(shop, imports, rows, xml):
    shop.write(
        "rests/rests_1_1.xml",
        f"<ПакетПредложений><Склады>{xml.warehouse('w')}</Склады><Предложения><Предложение><Ид>g#1</Ид>"
        '<Склад ИдСклада="w" КоличествоНаСкладе="3"/></Предложение></Предложения></ПакетПредложений>',
    )
    imports.stocks()
    assert rows(STOCKS) == [("g#1", "w", 3)]


def test_current_stocks_show_what_can_be_sold(shop, imports, rows, xml):
    shop.rests(xml.rests("g#1", main=5) + xml.rests("g#2", main=6))
    imports.stocks()
    shop.offers('<Предложение Статус="Удален"><Ид>g#2</Ид></Предложение>', delta=True)
    imports.catalog()
    assert rows("""
        select product_onec_id, variant_onec_id, product_name, variant_name, warehouse_name, value
        from onec.current_stocks
    """) == [("g", "g#1", "Стул", "Стул, синий", "main", 5)]

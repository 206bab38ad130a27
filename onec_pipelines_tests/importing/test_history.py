"""What was: the register of imports, the versions that ended, and the tables as they were at any time."""

import uuid
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onec_pipelines.importing import import_prices
from onec_pipelines_tests.importing.test_any_export import exports, write

PRICES_NOW = "select variant_onec_id, price_type_onec_id, value, currency from onec.current_prices order by 1, 2"
STOCKS_NOW = "select variant_onec_id, warehouse_onec_id, quantity from onec.current_stocks order by 1, 2"
PRICES_AT = "select variant_onec_id, price_type_onec_id, value, currency from onec.prices_at(%s) order by 1, 2"
STOCKS_AT = "select variant_onec_id, warehouse_onec_id, quantity from onec.stocks_at(%s) order by 1, 2"
REGISTER = "select import_type, export_kind, created, updated, removed, rejected from onec.imports order by id"
PAST = "select value, upper_inf(tstzrange(valid_from, valid_to)) from onec.past_prices order by valid_from"


@pytest.fixture
def shop(export, xml):
    """A chair, of which there are five in one warehouse, for ten roubles."""
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    export.goods(xml.good("g", more="<Артикул>A-1</Артикул>"))
    export.prices(xml.prices("g", retail=10))
    export.rests(xml.rests("g", main=5))
    return export


@pytest.fixture
def moment(rows):
    """The time of the server, which is later than every import so far."""
    return lambda: rows("select clock_timestamp()")[0]


@pytest.mark.usefixtures("shop")
def test_an_import_that_wrote_something_is_registered_with_what_it_wrote(imports, rows):
    imports.everything()
    assert rows(REGISTER) == [
        ("catalog", "full", 1, 0, 0, 0),
        ("stocks", "full", 1, 0, 0, 0),
        ("prices", "full", 1, 0, 0, 0),
    ]


@pytest.mark.usefixtures("shop")
def test_an_import_of_the_same_files_is_not_registered(imports, rows):
    imports.everything()
    imports.everything()
    imports.everything(force=True)
    assert len(rows(REGISTER)) == 3


def test_an_import_by_which_pending_rows_land_is_registered_as_that(shop, xml, imports, rows):
    shop.prices(xml.prices("late", retail=7))
    imports.everything()
    shop.goods(xml.good("late"), segment=2)
    imports.catalog()
    imports.prices()
    assert rows(REGISTER)[-1] == ("prices", "landed", 1, 0, 0, 0)


def test_rows_have_the_time_of_the_import_that_wrote_them(shop, xml, imports, rows):
    imports.everything()
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    assert rows("select i.id from onec.prices x join onec.imports i on i.at = x.updated_at") == [4]


def test_the_register_names_files_catalogues_and_the_date_of_the_export(shop, imports, rows):
    shop.write(
        "goods/goods_1_1.xml",
        '<Каталог СодержитТолькоИзменения="false"><Ид>c</Ид><Товары><Товар><Ид>g</Ид><Наименование>Стул</Наименование>'
        "</Товар></Товары></Каталог>",
    )
    file = shop.root / "goods/goods_1_1.xml"
    stated = '<КоммерческаяИнформация ДатаФормирования="2026-03-01T10:00:00">'
    file.write_text(file.read_text("utf-8").replace("<КоммерческаяИнформация>", stated), "utf-8")
    imports.catalog(timezone="Asia/Vladivostok")
    assert rows("select catalogs, (exported_at at time zone 'UTC')::text from onec.imports") == [
        (["c"], "2026-03-01 00:00:00")
    ]
    assert ("goods/goods_1_1.xml", 1) in rows("select path, rows from onec.import_sources")


@pytest.mark.usefixtures("shop")
def test_a_first_import_and_an_unchanged_one_write_nothing_to_the_past(imports, rows):
    imports.everything()
    imports.everything(force=True)
    for table in ("past_prices", "past_stocks", "entity_changes"):
        assert rows(f"select * from onec.{table}") == []


def test_a_price_that_is_replaced_is_kept_until_the_time_of_the_one_that_holds(shop, xml, imports, rows):
    imports.everything()
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    assert rows("select value, valid_to = (select updated_at from onec.prices) from onec.past_prices") == [(10, True)]


def test_a_price_and_a_stock_that_are_removed_are_kept(shop, xml, imports, rows):
    imports.everything()
    shop.prices(xml.prices("g", dealer=8))
    shop.rests(xml.rests("g", far=1))
    imports.everything()
    assert rows("select value from onec.past_prices") == [10]
    assert rows("select quantity from onec.past_stocks") == [5]


@pytest.mark.usefixtures("shop")
def test_what_somebody_empties_is_kept(imports, rows, connection):
    imports.everything()
    connection.execute("truncate onec.prices, onec.price_tiers, onec.stocks")
    assert rows("select value from onec.past_prices") == [10]
    assert rows("select quantity from onec.past_stocks") == [5]
    imports.everything()


def test_what_changes_twice_in_one_import_leaves_one_version(shop, xml, imports, rows):
    imports.everything()
    shop.price_types(xml.price_type("retail", "EUR") + xml.price_type("dealer"))
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    assert rows("select value, currency from onec.past_prices") == [(10, "RUB")]


def test_an_import_that_fails_leaves_no_trace(shop, xml, imports, rows, connection):
    imports.everything()
    shop.prices(xml.prices("g", retail=12))
    connection.execute("alter table onec.prices add constraint refuses check (value < 11)")
    with pytest.raises(Exception, match="refuses"):
        imports.prices()
    connection.execute("alter table onec.prices drop constraint refuses")
    assert (len(rows(REGISTER)), rows("select * from onec.past_prices")) == (3, [])


def test_a_product_is_kept_as_it_was_in_the_columns_that_changed(shop, xml, imports, rows):
    imports.everything()
    shop.goods(xml.good("g", "Кресло", more="<Артикул>A-1</Артикул>"))
    imports.catalog()
    assert rows("select before from onec.entity_changes where entity = 'products'") == [{"name": "Стул"}]


def test_a_product_that_goes_and_comes_back_is_kept_as_both(shop, xml, imports, rows):
    imports.everything()
    shop.goods(xml.good("other"))
    imports.catalog()
    shop.goods(xml.good("g", more="<Артикул>A-1</Артикул>"))
    imports.catalog()
    was_active = (
        "select was_active from onec.entity_changes join onec.products p on p.id = entity_id where p.onec_id = 'g'"
    )
    assert rows(f"{was_active} and entity = 'products' order by changed_at") == [True, False]


def test_with_no_days_of_history_nothing_is_kept(shop, xml, imports, rows):
    imports.everything(history_days=0)
    shop.prices(xml.prices("g", retail=12))
    report = imports.prices(history_days=0)
    assert rows("select * from onec.past_prices") == []
    assert report.changes is None


def test_the_past_of_customers_is_not_kept(shop, xml, imports, rows):
    shop.contragents(xml.customer("c", "<Наименование>Иванов</Наименование>"))
    imports.customers()
    shop.contragents(xml.customer("c", "<Наименование>Петров</Наименование>"))
    imports.customers()
    assert rows("select * from onec.entity_changes") == []
    assert rows(REGISTER)[-1] == ("customers", "full", 0, 1, 0, 0)


def test_versions_go_to_the_table_of_their_month(shop, xml, imports, rows):
    imports.everything()
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    month = rows("select to_char(now() at time zone 'UTC', 'YYYY_MM')")[0]
    assert rows("select relname from onec.past_prices p join pg_class on pg_class.oid = p.tableoid") == [
        f"past_prices_{month}"
    ]


@pytest.mark.usefixtures("shop")
def test_versions_of_a_month_without_a_table_move_there_when_it_is_made(imports, rows, connection):
    imports.everything()
    month = rows("select to_char(now() at time zone 'UTC', 'YYYY_MM')")[0]
    connection.execute(f"drop table onec.past_prices_{month}")
    connection.execute("update onec.prices set value = 11, updated_at = now()")
    assert rows("select relname from onec.past_prices p join pg_class on pg_class.oid = p.tableoid") == [
        "past_prices_default"
    ]
    imports.prices(force=True)
    assert set(rows("select relname from onec.past_prices p join pg_class on pg_class.oid = p.tableoid")) == {
        f"past_prices_{month}"
    }


@pytest.mark.usefixtures("shop")
def test_a_month_that_ended_too_long_ago_is_dropped(imports, rows, connection):
    connection.execute("""
        create table onec.past_prices_2020_01 partition of onec.past_prices
            for values from ('2020-01-01Z') to ('2020-02-01Z');
        insert into onec.past_prices values (1, 1, 5, 'RUB', null, '2020-01-01Z', '2020-01-02Z'),
            (1, 1, 6, 'RUB', null, '2019-01-01Z', '2019-01-02Z');
    """)
    imports.catalog(history_days=0)
    assert rows("select value from onec.past_prices order by 1") == [5, 6]
    imports.catalog(history_days=3650)
    assert rows("select value from onec.past_prices order by 1") == [5, 6]
    imports.catalog(history_days=30)
    assert rows("select value from onec.past_prices") == []
    assert rows("select to_regclass('onec.past_prices_2020_01')") == [None]


def test_a_reader_of_the_past_keeps_no_import_from_landing(shop, xml, imports, rows, connection):
    imports.everything()
    month = rows("select to_char(now() at time zone 'UTC', 'YYYY_MM')")[0]
    connection.execute(f"drop table onec.past_prices_{month}")
    shop.prices(xml.prices("g", retail=12))
    with connection.transaction():
        connection.execute("select * from onec.past_prices")
        imports.prices()
    assert rows("select relname from onec.past_prices p join pg_class on pg_class.oid = p.tableoid") == [
        "past_prices_default"
    ]
    imports.prices(force=True)


def test_who_may_write_and_make_no_table_imports_and_keeps_the_past(shop, xml, imports, rows, connection):
    imports.everything()
    month = rows("select to_char(now() at time zone 'UTC', 'YYYY_MM')")[0]
    connection.execute(f"drop table onec.past_prices_{month}")
    clerk = f"clerk_{uuid.uuid4().hex[:8]}"
    connection.execute(f"""
        create role {clerk} login;
        grant usage on schema onec to {clerk};
        grant select, insert, update, delete on all tables in schema onec to {clerk};
        grant usage, create on schema onec_staging to {clerk};
    """)
    shop.prices(xml.prices("g", retail=12))
    host = connection.info.host
    url = f"postgresql://{clerk}@/{connection.info.dbname}?host={host}&port={connection.info.port}"
    try:
        assert import_prices(shop.root, url).counters.updated == 1
        assert rows("select relname from onec.past_prices p join pg_class on pg_class.oid = p.tableoid") == [
            "past_prices_default"
        ]
    finally:
        connection.execute(f"drop owned by {clerk}; drop role {clerk}")
    imports.prices(force=True)


def test_a_version_that_began_after_now_by_a_clock_that_was_set_back_is_dropped(shop, xml, imports, rows, connection):
    imports.everything()
    connection.execute("update onec.prices set updated_at = now() + interval '1 hour'")
    past = len(rows("select * from onec.past_prices"))
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    assert len(rows("select * from onec.past_prices")) == past
    assert rows("select * from onec.past_prices where valid_from >= valid_to") == []


def test_what_variants_that_gave_way_cost_is_kept(shop, xml, imports, rows, moment):
    imports.everything()
    then = moment()
    shop.offers(xml.offer("g#1"))
    shop.prices(xml.prices("g#1", retail=11))
    shop.rests(xml.rests("g#1", main=1))
    imports.everything()
    imports.everything(force=True)
    assert rows(PRICES_NOW) == [("g#1", "retail", 11, "RUB")]
    assert rows("select onec_id from onec.product_variants") == ["g#1"]
    assert rows(PRICES_AT, then) == [("g", "retail", 10, "RUB")]
    assert rows(STOCKS_AT, then) == [("g", "main", 5)]


def test_price_history_names_the_import_that_stated_each_price(shop, xml, imports, rows):
    imports.everything()
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    history_of = (
        "select article, product_name, price_type_name, value, valid_to is null, import_id from onec.price_history"
    )
    assert rows(f"{history_of} order by valid_from") == [
        ("A-1", "Стул", "retail", 10, False, 3),
        ("A-1", "Стул", "retail", 12, True, 4),
    ]


def test_price_changes_tell_what_was_and_what_became(shop, xml, imports, rows, moment):
    shop.prices(xml.prices("g", retail=10, dealer=8))
    imports.everything()
    then = moment()
    shop.prices(xml.prices("g", retail=12))
    imports.prices()
    assert rows("select was, becomes from onec.price_changes(%s, now()) order by 1", then) == [(8, None), (10, 12)]


def test_an_import_reports_what_rose_fell_and_went(shop, xml, imports):
    goods = "".join(xml.good(name) for name in "abcd")
    shop.goods(goods)
    shop.prices("".join(xml.prices(name, retail=100) for name in "abcd"))
    imports.everything()
    shop.prices(xml.prices("a", retail=110) + xml.prices("b", retail=150) + xml.prices("c", retail=50))
    changes = imports.prices().changes
    assert (changes.raised, changes.lowered, changes.removed, changes.median_percent) == (2, 1, 1, 10)
    assert [(change.name, change.of, change.was, change.becomes) for change in changes.largest] == [
        ("Стул", "retail", 100, 50),
        ("Стул", "retail", 100, 150),
        ("Стул", "retail", 100, 110),
        ("Стул", "retail", 100, None),
    ]


def test_what_changes_twice_in_one_transaction_was_what_it_was_first(shop, imports, rows, connection):  # noqa: ARG001
    imports.everything()
    with connection.transaction():
        connection.execute("update onec.products set name = 'Стол', updated_at = now()")
        connection.execute("update onec.products set name = 'Шкаф', is_active = false, updated_at = now()")
    assert rows("select before, was_active from onec.entity_changes") == [({"name": "Стул", "is_active": True}, True)]
    imports.catalog(force=True)


def test_what_comes_and_changes_in_one_transaction_has_no_past(imports, rows, connection):
    imports.catalog()
    with connection.transaction():
        connection.execute("insert into onec.warehouses (onec_id, name) values ('w', 'Склад')")
        connection.execute("update onec.warehouses set name = 'Магазин', updated_at = now()")
    assert rows("select * from onec.entity_changes") == []


@pytest.mark.parametrize("table", ["past_prices", "past_stocks", "entity_changes"])
def test_the_table_of_the_next_month_is_made_ahead(imports, rows, table):
    imports.catalog()
    name = "to_char(now() at time zone 'UTC' + interval '1 month', 'YYYY_MM')"
    assert rows(f"select to_regclass('onec.{table}_' || {name}) is not null") == [True]


def test_at_the_time_of_an_import_holds_what_it_stated(shop, xml, imports, rows):
    imports.everything()
    shop.goods(xml.good("other"))
    imports.catalog()
    first, last = rows("select min(at), max(at) from onec.imports where import_type = 'catalog'")[0]
    priced = rows("select at from onec.imports where import_type = 'prices'")[0]
    assert rows(PRICES_AT, first) == []
    assert rows(PRICES_AT, priced) == [("g", "retail", 10, "RUB")]
    assert rows(PRICES_AT, last) == []


def test_a_price_that_was_removed_is_there_until_then(shop, xml, imports, rows, moment):
    shop.prices(xml.prices("g", retail=10, dealer=8))
    imports.everything()
    both = moment()
    shop.prices(xml.prices("g", retail=10))
    imports.prices()
    assert rows(PRICES_AT, both) == [("g", "dealer", 8, "RUB"), ("g", "retail", 10, "RUB")]
    assert rows(PRICES_AT, moment()) == [("g", "retail", 10, "RUB")]


@pytest.mark.parametrize("entity", ["products", "product_variants", "price_types"])
def test_what_was_active_then_decides_what_was_shown(shop, imports, rows, connection, moment, entity):  # noqa: ARG001
    imports.everything()
    shown = moment()
    connection.execute(f"update onec.{entity} set is_active = false, updated_at = now()")
    hidden = moment()
    connection.execute(f"update onec.{entity} set is_active = true, updated_at = now()")
    assert [len(rows(PRICES_AT, then)) for then in (shown, hidden, moment())] == [1, 0, 1]


def test_an_import_that_only_removes_reports_what_went(shop, xml, imports):
    shop.prices(xml.prices("g", retail=10, dealer=8))
    imports.everything()
    shop.prices(xml.prices("g", retail=10))
    changes = imports.prices().changes
    assert (changes.raised, changes.lowered, changes.removed) == (0, 0, 1)


@pytest.mark.usefixtures("shop")
def test_a_first_import_has_raised_nothing(imports):
    changes = imports.everything()["prices"].changes
    assert (changes.created, changes.raised, changes.median_percent, changes.largest) == (1, 0, None, ())


@pytest.mark.usefixtures("shop")
def test_the_lowest_price_is_that_of_the_days_before_the_price_of_now_began(imports, rows, connection):
    imports.everything()
    connection.execute("""
        set onec.history = off;
        update onec.prices set updated_at = now() - interval '5 days';
        insert into onec.past_prices
        select variant_id, price_type_id, value, 'RUB', null, now() - make_interval(days => since),
            now() - make_interval(days => until)
        from onec.prices, (values (3, 90, 50), (7, 50, 20), (9, 20, 5)) past (past_value, since, until)
        where (select true) and variant_id is not null;
        reset onec.history;
    """)
    connection.execute("""
        update onec.past_prices set value = case when valid_to < now() - interval '40 days' then 3
            when valid_to < now() - interval '10 days' then 7 else 9 end
    """)
    lowest = "select onec.lowest_price(variant_id, price_type_id, %s) from onec.prices"
    assert (rows(lowest, 10), rows(lowest, 30), rows(lowest, 60)) == ([9], [7], [3])


@pytest.mark.usefixtures("shop")
def test_a_price_that_never_was_another_has_no_lowest_before(imports, rows):
    imports.everything()
    assert rows("select onec.lowest_price(variant_id, price_type_id) from onec.prices") == [None]


@pytest.mark.usefixtures("shop")
def test_stock_days_count_the_days_in_any_warehouse(imports, rows, connection):
    imports.everything()
    connection.execute("""
        set onec.history = off;
        update onec.stocks set quantity = 0, updated_at = now() - interval '2 days';
        insert into onec.past_stocks
        select variant_id, warehouse_id, 4, null, now() - interval '10 days', now() - interval '2 days'
        from onec.stocks;
        insert into onec.past_stocks
        select variant_id, 99, 1, null, now() - interval '12 days', now() - interval '8 days'
        from onec.stocks;
        reset onec.history;
    """)
    days = "select article, days_in, days_out, is_in_stock from onec.stock_days(now() - interval '20 days', now())"
    assert rows(days) == [("A-1", 10, 2, False)]


bounded = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@bounded
@given(steps=st.lists(st.tuples(exports(), st.booleans(), st.sampled_from([0.0, 1.0])), min_size=6, max_size=30))
def test_the_tables_of_any_time_are_what_they_were_then(steps, shop, imports, rows, connection, emptied, moment):
    emptied(connection)
    seen = []
    for elements, delta, limit in steps:
        write(shop, elements, [], delta=delta)
        for import_type in ("catalog", "prices", "stocks"):
            imports(import_type, max_deactivation=limit)
            seen.append((moment(), rows(PRICES_NOW), rows(STOCKS_NOW)))
    for then, prices, stocks in seen:
        assert rows(PRICES_AT, then) == prices
        assert rows(STOCKS_AT, then) == stocks
    first = seen[0][0] - timedelta(days=1)
    assert rows(PRICES_AT, first) == rows(STOCKS_AT, first) == []

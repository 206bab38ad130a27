"""What an export says about that which it does not name: a delta nothing, a full one that it is gone, within limits."""

import pytest

ACTIVE = "select onec_id from onec.{} where is_active order by 1"


def twenty(element, *, but=0):
    """Twenty of an element, without the last few."""
    return "".join(element(f"g{number}") for number in range(20 - but))


# Full and changes -------------------------------------------------------------------------------------------------


def test_a_delta_says_nothing_about_what_it_does_not_name(export, imports, rows, xml):
    export.groups(xml.group("a") + xml.group("b"))
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g#1") + xml.offer("h#1"))
    imports.catalog()
    export.groups(xml.group("a", name="Новая"), delta=True)
    export.goods(xml.good("g", "Новый"), delta=True)
    export.offers(xml.offer("g#1", "Новое"), delta=True)
    report = imports.catalog()
    assert report.export_kind == "changes"
    assert report.guards == ()
    assert rows(ACTIVE.format("categories")) == ["a", "b"]
    assert rows(ACTIVE.format("products")) == ["g", "h"]
    assert rows(ACTIVE.format("product_variants")) == ["g#1", "h#1"]


def test_a_full_export_deactivates_what_it_does_not_name(export, imports, rows, xml):
    export.groups(xml.group("a") + xml.group("b"))
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g#1") + xml.offer("h#1"))
    imports.catalog()
    export.groups(xml.group("a"))
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1"))
    report = imports.catalog()
    assert report.export_kind == "full"
    assert rows(ACTIVE.format("categories")) == ["a"]
    assert rows(ACTIVE.format("products")) == ["g"]
    assert rows(ACTIVE.format("product_variants")) == ["g#1"]
    assert report.details["products_no_longer_named"] == 1


def test_what_is_named_again_is_active_again(export, imports, rows, xml):
    for names in (("g", "h"), ("g",), ("g", "h")):
        export.groups("".join(map(xml.group, names)))
        export.goods("".join(map(xml.good, names)))
        export.offers("".join(xml.offer(f"{name}#1") for name in names))
        imports.catalog()
        assert rows(ACTIVE.format("categories")) == list(names)
        assert rows(ACTIVE.format("products")) == list(names)
        assert rows(ACTIVE.format("product_variants")) == [f"{name}#1" for name in names]


MANY = 20_000


@pytest.mark.parametrize(
    ("dataset", "value", "kinds"), [("prices", "value", "price_types"), ("stocks", "quantity", "warehouses")]
)
def test_a_few_changes_scan_the_table_once_to_count_it_and_no_offers(
    export, imports, xml, connection, dataset, value, kinds
):
    export.goods(xml.good("g"))
    export.price_types(xml.price_type("a"))
    export.warehouses(xml.warehouse("a"))
    export.prices(xml.prices("g", a=1))
    export.rests(xml.rests("g", a=1))
    imports.everything()
    connection.execute(f"""
        insert into onec.products (onec_id, name) select 'more' || n, 'Стул' from generate_series(1, {MANY}) n;
        insert into onec.product_variants (onec_id, product_id)
        select onec_id || '#1', id from onec.products where onec_id like 'more%';
        insert into onec.{dataset} (variant_id, {kinds[:-1]}_id, {value})
        select v.id, k.id, 1 from onec.product_variants v, onec.{kinds} k where v.onec_id like 'more%';
        analyze onec.products, onec.product_variants, onec.{dataset}
    """)
    export.prices(xml.prices("g", a=2), delta=True)
    export.rests(xml.rests("g", a=2), delta=True)
    before = rows_scanned(connection)
    assert imports(dataset).changes.raised == 1
    after = rows_scanned(connection)
    assert after["product_variants"] - before["product_variants"] < 10
    assert after[dataset] - before[dataset] < MANY + 10


def rows_scanned(connection) -> dict[str, int]:
    """How many rows of each table were read one after another; what a session has read is known when it has ended."""
    connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    return dict(connection.execute("select relname, seq_tup_read from pg_stat_user_tables where schemaname = 'onec'"))


def test_one_segment_that_is_a_delta_makes_the_entity_one(export, imports, rows, xml):
    export.goods(xml.good("g") + xml.good("h") + xml.good("i"))
    export.offers(xml.offer("g#1") + xml.offer("g#2"))
    imports.catalog()
    export.goods(xml.good("g"), segment=1)
    export.goods(xml.good("h"), segment=2, delta=True)
    export.offers(xml.offer("g#1"))
    report = imports.catalog()
    assert report.export_kind == "changes"
    assert rows(ACTIVE.format("products")) == ["g", "h", "i"]
    assert "g#1" in rows(ACTIVE.format("product_variants"))
    assert "g#2" not in rows(ACTIVE.format("product_variants"))


def test_an_empty_delta_segment_is_a_delta_as_well(export, imports, rows, xml):
    export.goods(xml.good("g") + xml.good("h"))
    imports.catalog()
    export.goods(xml.good("g"), segment=1)
    export.goods("", segment=2, delta=True)
    imports.catalog()
    assert rows(ACTIVE.format("products")) == ["g", "h"]


def test_an_export_that_shows_nothing_takes_nothing(export, imports, rows, xml):
    export.groups(xml.group("a"))
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1"))
    export.contragents(xml.customer("c"))
    imports.catalog()
    imports.customers()
    for write in (export.groups, export.goods, export.offers, export.contragents):
        write("")
    assert imports.catalog().guards == ()
    assert imports.customers().guards == ()
    for table in ("categories", "products", "product_variants", "customers"):
        assert len(rows(ACTIVE.format(table))) == 1


def test_empty_containers_of_dictionary_files_are_no_empty_catalogue(export, imports, rows, xml):
    export.goods(xml.good("g"), delta=True)
    export.write("units/units.xml", '<Каталог СодержитТолькоИзменения="false"><Ид>k</Ид></Каталог>')
    imports.catalog()
    export.goods(xml.good("h"), delta=True)
    assert imports.catalog().export_kind == "changes"
    assert rows(ACTIVE.format("products")) == ["g", "h"]


@pytest.mark.parametrize(("delta", "kind"), [(True, "changes"), (False, "full")])
def test_dictionaries_alone_are_changes_or_full_as_they_say(delta, kind, export, imports, xml):
    export.goods(xml.good("g"))
    imports.catalog()
    export.write("goods/goods_1_1.xml", "<Каталог/>")
    export.properties("<Свойство><Ид>p</Ид><Наименование>Цвет</Наименование></Свойство>", delta=delta)
    export.price_types(xml.price_type("retail"), delta=delta)
    assert imports.catalog().export_kind == imports.prices().export_kind == kind


def test_a_classifier_without_a_mark_beside_a_delta_is_one(export, imports, rows, xml):
    export.groups(xml.group("a") + xml.group("b"))
    imports.catalog()
    export.groups("")
    export.write(
        "goods/goods_1_1.xml",
        f"<Классификатор><Группы>{xml.group('a')}</Группы></Классификатор>"
        f'<Каталог СодержитТолькоИзменения="true"><Товары>{xml.good("g")}</Товары></Каталог>',
    )
    imports.catalog()
    assert rows(ACTIVE.format("categories")) == ["a", "b"]


@pytest.mark.parametrize(
    ("package", "vanishes"),
    [
        ("<Каталог>{}</Каталог>", True),
        ('<Каталог СодержитТолькоИзменения="false">{}</Каталог>', True),
        ('<Каталог СодержитТолькоИзменения="true">{}</Каталог>', False),
        ("<Каталог>{}<СодержитТолькоИзменения>true</СодержитТолькоИзменения></Каталог>", False),
        ("<Каталог>{}<СодержитТолькоИзменения>false</СодержитТолькоИзменения></Каталог>", True),
    ],
)
def test_the_forms_of_the_mark(package, vanishes, export, imports, rows, xml):
    export.goods(xml.good("g") + xml.good("h"))
    imports.catalog()
    export.write("goods/goods_1_1.xml", package.format(f"<Товары>{xml.good('g')}</Товары>"))
    imports.catalog()
    assert rows(ACTIVE.format("products")) == (["g"] if vanishes else ["g", "h"])


def test_a_package_of_changes_is_a_delta_without_a_mark(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1") + xml.offer("g#2"))
    imports.catalog()
    export.write(
        "offers/offers_1_1.xml",
        f"<ИзмененияПакетаПредложений><Предложения>{xml.offer('g#1')}</Предложения></ИзмененияПакетаПредложений>",
    )
    imports.catalog()
    assert rows(ACTIVE.format("product_variants")) == ["g#1", "g#2"]


def test_a_rejected_row_is_named(export, imports, rows, xml):
    export.groups(xml.group("a") + xml.group("b"))
    export.goods(xml.good("g") + xml.good("h"))
    imports.catalog()
    export.groups(xml.group("a") + "<Группа><Ид>b</Ид></Группа>")
    export.goods(xml.good("g") + "<Товар><Ид>h</Ид><Артикул>без имени</Артикул></Товар>")
    report = imports.catalog()
    assert report.counters.errors == 2
    assert {guard.removed for guard in report.guards} == {0}
    assert rows(ACTIVE.format("products")) == ["g", "h"]
    assert rows(ACTIVE.format("categories")) == ["a", "b"]


def test_a_rejected_good_of_2_04_names_its_product_and_its_variant(export, imports, rows, xml):
    export.goods(xml.good("g#1") + xml.good("g#2") + xml.good("h#1"))
    imports.catalog()
    nameless = "<Товар><Ид>{}</Ид><Артикул>без имени</Артикул></Товар>".format
    export.goods(xml.good("g#1") + nameless("g#2") + nameless("h#1"))
    report = imports.catalog(max_deactivation=0)
    assert report.counters.errors == 2
    assert {guard.entity: (guard.before, guard.removed) for guard in report.guards} == {
        "goods": (2, 0),
        "offers": (3, 0),
    }
    assert rows(ACTIVE.format("products")) == ["g", "h"]
    assert rows(ACTIVE.format("product_variants")) == ["g#1", "g#2", "h#1"]


def test_a_full_export_deactivates_customers(export, imports, rows, xml):
    export.contragents(xml.customer("c") + xml.customer("d"))
    imports.customers()
    export.contragents(xml.customer("c"))
    imports.customers()
    assert rows(ACTIVE.format("customers")) == ["c"]


def test_suppliers_alone_take_no_customer(export, imports, rows, xml):
    export.contragents(xml.customer("c"))
    imports.customers()
    export.contragents(xml.customer("s", "<Наименование>ООО</Наименование><Роль>Поставщик</Роль>"))
    imports.customers()
    assert rows(ACTIVE.format("customers")) == ["c"]


@pytest.mark.parametrize("delta", [True, False])
def test_a_buyer_who_turned_supplier_is_no_active_customer_any_more_and_may_come_back(
    delta, export, imports, rows, xml
):
    everybody = xml.customer("c") + xml.customer("d")
    export.contragents(everybody)
    imports.customers()
    export.contragents(xml.customer("c", "<Роль>Поставщик</Роль>") + xml.customer("d"), delta=delta)
    assert [(guard.before, guard.removed) for guard in imports.customers().guards] == ([] if delta else [(2, 0)])
    assert rows(ACTIVE.format("customers")) == ["d"]
    export.contragents(everybody, delta=delta)
    imports.customers()
    assert rows(ACTIVE.format("customers")) == ["c", "d"]


def test_of_two_rows_that_call_one_contragent_a_buyer_and_a_supplier_the_later_one_counts(export, imports, rows, xml):
    supplier = "<Роль>Поставщик</Роль>"
    export.contragents(
        xml.customer("c") + xml.customer("c", supplier) + xml.customer("d", supplier) + xml.customer("d")
    )
    imports.customers()
    assert rows(ACTIVE.format("customers")) == ["d"]


# The guard ---------------------------------------------------------------------------------------------------------

COUNT = "select count(*) from onec.{} where is_active"


def decisions(report):
    return {guard.entity: (guard.before, guard.removed, guard.allows) for guard in report.guards}


def test_the_guard_lets_go_what_is_within_its_share(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog(max_deactivation=0.3)
    export.goods(twenty(xml.good, but=6))
    assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (20, 6, True)}
    assert rows(COUNT.format("products")) == [14]


def test_where_the_guard_says_no_everything_else_lands_and_nothing_of_the_entity_is_deactivated(
    export, imports, rows, xml
):
    export.groups("".join(map(xml.group, "abcd")))
    export.goods(twenty(xml.good))
    export.offers(twenty(lambda name: xml.offer(f"{name}#1")))
    imports.catalog(max_deactivation=0.3)
    export.groups("".join(map(xml.group, "abce")))
    export.goods(twenty(xml.good, but=8) + xml.good("new"))
    export.offers(twenty(lambda name: xml.offer(f"{name}#1", "Новое"), but=8))
    report = imports.catalog(max_deactivation=0.3)
    assert rows(ACTIVE.format("categories")) == ["a", "b", "c", "e"]
    assert rows(COUNT.format("products")) == [21]
    assert rows(COUNT.format("product_variants") + " and not is_default") == [20]
    assert rows("select count(*) from onec.product_variants where name = 'Новое'") == [12]
    assert decisions(report) == {"goods": (20, 8, False), "offers": (20, 8, False), "categories": (4, 1, True)}
    told = " ".join(report.notices)
    assert "нет 8 из 20 товаров, которые были в прежних (40 %)" in told
    assert "ONEC_MAX_DEACTIVATION" in told


def test_after_a_no_the_next_import_reads_the_same_files_again(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(xml.good("g0"))
    imports.catalog(max_deactivation=0.3)
    assert rows(COUNT.format("products")) == [20]
    assert imports.catalog(max_deactivation=0.3).guards != ()
    imports.catalog(max_deactivation=1)
    assert rows(COUNT.format("products")) == [1]


def test_the_guard_of_one_entity_keeps_nothing_of_another(export, imports, rows, xml):
    export.groups(twenty(xml.group))
    export.goods(twenty(xml.good))
    imports.catalog()
    export.groups(twenty(xml.group, but=10))
    export.goods(twenty(xml.good, but=6))
    assert decisions(imports.catalog(max_deactivation=0.3)) == {
        "goods": (20, 6, True),
        "categories": (20, 10, False),
    }
    assert rows(COUNT.format("products")) == [14]
    assert rows(COUNT.format("categories")) == [20]


def test_offers_go_with_goods_that_may_go(export, imports, rows, xml):
    def offers(goods, each):
        return "".join(xml.offer(f"g{number}#{one}") for number in goods for one in range(each))

    export.goods(twenty(xml.good))
    export.offers(offers(range(14), 1) + offers(range(14, 20), 5))
    imports.catalog()
    export.goods(twenty(xml.good, but=6))
    export.offers(offers(range(14), 1))
    assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (20, 6, True), "offers": (44, 30, True)}
    assert rows(COUNT.format("product_variants")) == [14]


def test_offers_of_goods_that_are_kept_are_kept(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    export.offers(
        "".join(xml.offer(f"g0#{number}") for number in range(90)) + twenty(lambda name: xml.offer(f"{name}#x"))
    )
    imports.catalog()
    export.goods(twenty(xml.good, but=8))
    export.offers(
        "".join(xml.offer(f"g0#{number}") for number in range(89)) + twenty(lambda name: xml.offer(f"{name}#x"), but=8)
    )
    assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (20, 8, False), "offers": (110, 1, True)}
    assert rows(COUNT.format("product_variants")) == [109]


@pytest.mark.parametrize(
    ("limit", "but", "goes"),
    [(0.1, 5, True), (0.1, 6, False), (0, 1, False), (0.01, 1, True), (0.95, 20, False), (1, 20, True)],
)
def test_a_few_rows_never_block_but_all_do(limit, but, goes, export, imports, rows, xml):
    export.goods(twenty(xml.good) + xml.good("new"))
    imports.catalog()
    export.goods(twenty(xml.good, but=but) + xml.good("other" if but == 20 else "new"))
    imports.catalog(max_deactivation=limit)
    assert rows("select count(*) from onec.products where is_active and onec_id like 'g%%'") == [20 - but * goes]


def test_of_three_rows_all_of_which_would_go_none_goes(export, imports, rows, xml):
    export.goods("".join(map(xml.good, "ghi")))
    imports.catalog()
    export.goods("".join(map(xml.good, "xyz")))
    imports.catalog(max_deactivation=0.9)
    assert rows(ACTIVE.format("products")) == list("ghixyz")


def foreign(xml, *, first=0):
    return "".join(xml.good(f"foreign{number}") for number in range(first, first + 200))


def test_a_foreign_export_that_is_repeated_never_takes_what_was_there_before_it(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(foreign(xml))
    for _ in range(3):
        assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (20, 20, False)}
    assert rows(COUNT.format("products")) == [220]


def test_the_right_export_after_it_is_not_blocked(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(foreign(xml))
    imports.catalog(max_deactivation=0.3)
    export.goods(twenty(xml.good, but=1))
    assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (20, 1, True)}
    assert rows(COUNT.format("products")) == [19]


def test_what_came_with_a_blocked_export_goes_without_asking_while_that_lasts(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(foreign(xml))
    imports.catalog(max_deactivation=0.3)
    export.goods(foreign(xml, first=100))
    report = imports.catalog(max_deactivation=0.3)
    assert decisions(report) == {"goods": (20, 20, False)}
    assert report.counters.removed == 100
    assert rows(COUNT.format("products")) == [220]


def test_the_first_yes_ends_it(export, imports, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(foreign(xml))
    imports.catalog(max_deactivation=0.3)
    export.goods(twenty(xml.good))
    imports.catalog(max_deactivation=0.3)
    export.goods(foreign(xml) + twenty(xml.good))
    imports.catalog()
    export.goods(twenty(xml.good))
    assert decisions(imports.catalog(max_deactivation=0.3)) == {"goods": (220, 200, False)}


def test_a_row_that_was_inactive_when_the_guard_said_no_goes_without_asking(export, imports, rows, xml):
    export.goods(twenty(xml.good) + xml.good("old"))
    imports.catalog()
    export.goods(twenty(xml.good))
    imports.catalog()
    export.goods(foreign(xml) + xml.good("old"))
    imports.catalog(max_deactivation=0.3)
    export.goods(foreign(xml))
    imports.catalog(max_deactivation=0.3)
    assert rows("select is_active from onec.products where onec_id in ('old', 'g0')") == [True, False]


@pytest.mark.parametrize("left", ["<Цены/>", "far"])
def test_the_guard_counts_prices_that_lists_which_are_named_leave_out(left, export, imports, rows, xml):
    export.goods(twenty(xml.good))
    export.price_types(xml.price_type("retail") + xml.price_type("far"))
    export.prices(twenty(lambda name: xml.prices(name, retail=5, far=3)))
    imports.everything()
    one = (lambda name: xml.prices(name, far=3)) if left == "far" else xml.prices
    export.prices(twenty(one))
    report = imports.everything(max_deactivation=0.3)["prices"]
    assert decisions(report) == {"prices": (40, 20 if left == "far" else 40, False)}
    assert report.counters.removed == 0
    assert rows("select count(*) from onec.prices") == [40]
    report = imports.everything(max_deactivation=1)["prices"]
    assert report.counters.removed == (20 if left == "far" else 40)
    assert rows("select count(*) from onec.prices") == [20 if left == "far" else 0]


def test_the_guard_of_prices_says_no_to_the_same_export_as_often_as_it_comes(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    export.price_types(xml.price_type("retail") + xml.price_type("far"))
    export.prices(twenty(lambda name: xml.prices(name, retail=5, far=3)))
    imports.everything()
    export.prices(twenty(lambda name: xml.prices(name, far=3), but=1))
    for _ in range(3):
        assert decisions(imports.prices(max_deactivation=0.3)) == {"prices": (40, 21, False)}
    assert rows("select count(*) from onec.prices") == [40]


def test_a_kept_price_takes_the_value_that_is_stated(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    export.price_types(xml.price_type("retail"))
    export.prices(twenty(lambda name: xml.prices(name, retail=5)))
    imports.everything()
    export.prices(twenty(lambda name: xml.prices(name, retail=6), but=10))
    imports.everything(max_deactivation=0.3)
    assert rows("select value, count(*) from onec.prices group by value order by 1") == [(5, 10), (6, 10)]


@pytest.mark.parametrize("mark", ["<ПометкаУдаления>true</ПометкаУдаления>", ""])
def test_the_guard_counts_the_default_variant_that_goes_with_its_good(mark, export, imports, rows, xml):
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g") + xml.offer("h"))
    imports.catalog()
    export.goods(xml.good("h") + (xml.good("g", more=mark) if mark else ""))
    export.offers(xml.offer("h"))
    guards = {guard.entity: (guard.before, guard.removed) for guard in imports.catalog().guards}
    assert guards["offers"] == (2, 1)
    assert rows(ACTIVE.format("product_variants")) == ["h"]


def test_a_default_variant_that_stays_with_its_good_is_not_counted_where_no_goods_are_sent(export, imports, rows, xml):
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g") + xml.offer("h"))
    imports.catalog()
    export.goods("", delta=True)
    export.offers(xml.offer("h"))
    (guard,) = imports.catalog(max_deactivation=0).guards
    assert (guard.entity, guard.before, guard.removed) == ("offers", 2, 0)
    assert rows("select onec_id, is_offer, is_active from onec.product_variants order by 1") == [
        ("g", False, True), ("h", True, True)
    ]  # fmt: skip


def test_prices_and_stocks_of_a_default_variant_that_gave_way_are_no_matter_of_the_guard_and_those_of_others_are(
    export, imports, rows, xml
):
    export.goods(xml.good("g") + xml.good("h") + xml.good("i"))
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    export.prices(xml.prices("g", retail=1) + xml.prices("h", retail=2) + xml.prices("i", retail=3))
    export.rests(xml.rests("g", main=1, far=2) + xml.rests("h", main=3, far=4))
    imports.everything()
    export.offers(xml.offer("g#1") + xml.offer("h#1"))
    export.prices(xml.prices("g#1", retail=5) + xml.prices("h", retail=2))
    export.rests(xml.rests("g#1", main=5) + xml.rests("h", main=3))
    guards = [guard for report in imports.everything().values() for guard in report.guards]
    assert {
        guard.entity: (guard.before, guard.removed) for guard in guards if guard.entity in {"prices", "stocks"}
    } == {
        "prices": (2, 1),
        "stocks": (2, 1),
    }
    assert rows("select value from onec.prices order by 1") == [2, 5]
    assert rows("select quantity from onec.stocks order by 1") == [3, 5]


def test_a_default_variant_with_a_rejected_stock_has_not_given_way(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.warehouses(xml.warehouse("main"))
    export.rests(xml.rests("g", main=1))
    imports.everything()
    export.offers(xml.offer("g#1"))
    export.rests(xml.rests("g#1", main=5) + xml.rests("g", main="много"))
    (guard,) = imports.everything(max_deactivation=0)["stocks"].guards
    assert (guard.before, guard.removed) == (1, 0)
    assert rows("select quantity from onec.stocks order by 1") == [1, 5]


def test_what_is_already_inactive_is_not_counted(export, imports, rows, xml):
    export.goods(twenty(xml.good))
    imports.catalog()
    for but in (6, 10):
        export.goods(twenty(xml.good, but=but))
        imports.catalog(max_deactivation=0.3)
    assert rows(COUNT.format("products")) == [10]


@pytest.mark.parametrize(
    ("import_type", "table"), [("prices", "onec.prices"), ("stocks", "onec.stocks"), ("customers", "onec.customers")]
)
def test_the_guard_stands_before_prices_stocks_and_customers(import_type, table, export, imports, rows, xml):
    export.goods(twenty(xml.good))
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main"))
    imports.catalog()

    def write(but):
        export.prices(twenty(lambda name: xml.prices(name, retail=5), but=but))
        export.rests(twenty(lambda name: xml.rests(name, main=5), but=but))
        export.contragents(twenty(xml.customer, but=but))

    write(0)
    imports(import_type, max_deactivation=0.3)
    write(8)
    report = imports(import_type, max_deactivation=0.3)
    assert decisions(report) == {import_type: (20, 8, False)}
    assert report.counters.removed == 0
    active = "where is_active" if import_type == "customers" else ""
    assert rows(f"select count(*) from {table} {active}") == [20]
    report = imports(import_type, max_deactivation=0.5)
    assert report.counters.removed == 8
    assert rows(f"select count(*) from {table} {active}") == [12]


# Deletion marks ----------------------------------------------------------------------------------------------------

MARKS = [
    ' Статус="Удален">',
    "><Статус>Удален</Статус>",
    "><ПометкаУдаления>true</ПометкаУдаления>",
    "><ПометкаУдаления>Да</ПометкаУдаления>",
]


@pytest.mark.parametrize(("mark", "delta"), [*((mark, True) for mark in MARKS), (MARKS[0], False)])
def test_a_deletion_mark_deactivates_at_once_and_taken_back_reactivates(mark, delta, export, imports, rows):
    def write(mark):
        export.groups(f"<Группа{mark}<Ид>a</Ид><Наименование>Мебель</Наименование></Группа>", delta=delta)
        export.goods(f"<Товар{mark}<Ид>g</Ид><Наименование>Стул</Наименование></Товар>", delta=delta)
        export.offers(f"<Предложение{mark}<Ид>g#1</Ид><Наименование>Стул</Наименование></Предложение>", delta=delta)
        export.properties(f"<Свойство{mark}<Ид>p</Ид><Наименование>Цвет</Наименование></Свойство>", delta=delta)
        export.price_types(f"<ТипЦены{mark}<Ид>t</Ид><Наименование>Опт</Наименование></ТипЦены>", delta=delta)
        export.contragents(f"<Контрагент{mark}<Ид>c</Ид><Наименование>ООО</Наименование></Контрагент>", delta=delta)

    for stated, active in ((">", True), (mark, False), (">", True)):
        write(stated)
        for import_type in ("catalog", "prices", "customers"):
            imports(import_type, max_deactivation=0)
        for table in ("categories", "products", "product_variants", "properties", "price_types", "customers"):
            assert rows(f"select is_active from onec.{table}") == [active], table


def test_what_arrives_with_a_deletion_mark_and_was_never_seen_is_created_inactive(export, imports, rows, xml):
    mark = "<ПометкаУдаления>true</ПометкаУдаления>"
    export.groups(f"<Группа><Ид>a</Ид>{mark}</Группа>", delta=True)
    export.goods(xml.good("g", "Стул", mark) + f"<Товар><Ид>h</Ид>{mark}</Товар>", delta=True)
    export.offers(f"<Предложение><Ид>g#1</Ид>{mark}</Предложение>", delta=True)
    export.contragents(xml.customer("c", f"{mark}<Наименование>Анна</Наименование>"), delta=True)
    assert imports.catalog().counters.created == 3
    imports.customers()
    for table, ids in (("categories", "a"), ("products", "gh"), ("product_variants", ["g#1"]), ("customers", "c")):
        assert rows(f"select onec_id, is_active from onec.{table} order by 1") == [(one, False) for one in ids]


def test_a_deletion_mark_that_comes_alone_takes_nothing_but_the_activity(export, imports, rows, xml):
    export.goods(xml.good("g", "Стул", "<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>"))
    export.offers(xml.offer("g#1", "Синий", "<Картинка>b.jpg</Картинка>"))
    imports.catalog()
    export.goods('<Товар Статус="Удален"><Ид>g</Ид></Товар>', delta=True)
    export.offers('<Предложение Статус="Удален"><Ид>g#1</Ид></Предложение>', delta=True)
    imports.catalog()
    assert rows("select name, article, is_active from onec.products") == [("Стул", "A-1", False)]
    assert rows("select name, is_active from onec.product_variants") == [("Синий", False)]
    assert rows("select path from onec.image_references order by 1") == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("known", [False, True])
def test_one_that_comes_alone_after_the_row_itself_takes_nothing_but_the_activity_either(
    known, export, imports, rows, xml
):
    goods = xml.good("g", "Стул", "<Артикул>A-1</Артикул><Картинка>a.jpg</Картинка>")
    offers = xml.offer("g#1", "Синий", "<Артикул>A-1-1</Артикул>")
    groups = xml.group("a", xml.group("b", name="Столы"))
    if known:
        export.groups(groups)
        export.goods(goods)
        export.offers(offers)
        imports.catalog()
    export.groups(groups + '<Группа Статус="Удален"><Ид>b</Ид></Группа>')
    export.goods(goods + '<Товар Статус="Удален"><Ид>g</Ид></Товар>')
    export.offers(offers)
    export.offers("<Предложение><Ид>g#1</Ид><ПометкаУдаления>true</ПометкаУдаления></Предложение>", segment=2)
    imports.catalog()
    assert rows("select name, article, is_active from onec.products") == [("Стул", "A-1", False)]
    assert rows("select path from onec.image_references") == ["a.jpg"]
    assert rows("select name, article, is_active from onec.product_variants") == [("Синий", "A-1-1", False)]
    assert rows("select onec_id, parent_onec_id, name, is_active from onec.categories order by 1") == [
        ("a", None, "Мебель", True),
        ("b", "a", "Столы", False),
    ]


def test_one_that_comes_with_an_image_and_no_name_leaves_those_that_are_known(export, imports, rows, xml):
    image = "<Картинка>{}.jpg</Картинка>".format
    export.goods(xml.good("g", "Стул", image("a") + image("b")))
    export.offers(xml.offer("g#1", "Синий", image("c") + image("d")))
    imports.catalog()
    export.goods(f'<Товар Статус="Удален"><Ид>g</Ид>{image("x")}</Товар>', delta=True)
    export.offers(f'<Предложение Статус="Удален"><Ид>g#1</Ид>{image("x")}</Предложение>', delta=True)
    imports.catalog()
    assert rows("select path from onec.image_references order by 1") == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_one_that_comes_alone_for_a_pending_offer_takes_nothing_from_it(export, imports, rows, xml):
    export.offers(xml.offer("g#1", "Синий", "<Артикул>A-1</Артикул>"))
    imports.catalog()
    export.offers('<Предложение Статус="Удален"><Ид>g#1</Ид></Предложение>', delta=True)
    imports.catalog()
    export.goods(xml.good("g"), delta=True)
    imports.catalog()
    assert rows("select name, article, is_active from onec.product_variants") == [("Синий", "A-1", False)]


def test_of_a_mark_that_comes_alone_before_the_row_itself_nothing_is_left(export, imports, rows, xml):
    export.goods('<Товар Статус="Удален"><Ид>g</Ид></Товар>' + xml.good("g"))
    imports.catalog()
    assert rows("select name, is_active from onec.products") == [("Стул", True)]


def test_the_mark_of_a_group_that_comes_alone_leaves_it_in_its_place(export, imports, rows, xml):
    described = "<Группа><Ид>b</Ид><Наименование>Столы</Наименование><Описание>Из дуба</Описание></Группа>"
    export.groups(xml.group("a", described))
    imports.catalog()
    export.groups('<Группа Статус="Удален"><Ид>b</Ид></Группа>', delta=True)
    imports.catalog()
    assert rows("select parent_onec_id, name, description, is_active from onec.categories where onec_id = 'b'") == [
        ("a", "Столы", "Из дуба", False)
    ]

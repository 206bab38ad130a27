"""GUIDs that differ only in case are one identifier, and a row keeps the one that it has."""

import pytest

UPPER = "A1111111-0000-11E5-8000-00155D00000"
"""Without its last digit."""
LOWER = UPPER.lower()
EVERYTHING = """
    select p.onec_id, v.onec_id, c.onec_id, b.onec_id, x.value, t.onec_id, s.quantity, w.onec_id
    from onec.products p
    left join onec.product_variants v on v.product_id = p.id
    left join onec.categories c on c.id = p.category_id
    left join onec.brands b on b.id = p.brand_id
    left join onec.prices x on x.variant_id = v.id
    left join onec.price_types t on t.id = x.price_type_id
    left join onec.stocks s on s.variant_id = v.id
    left join onec.warehouses w on w.id = s.warehouse_id
"""
BY_0_1_0 = "delete from onec.former_ids"
"""The identifiers on record are now those that 0.1.0 has written."""
LABELS = "select property_name, value from onec.product_attributes"
ROWS = (
    "categories",
    "brands",
    "properties",
    "property_values",
    "products",
    "product_variants",
    "price_types",
    "warehouses",
)


def write(export, xml, dictionaries, goods, *, delta=False):
    """Write an export whose dictionaries have ids in one case, and whose goods and offers refer to them in another."""
    d, g = dictionaries, goods
    export.groups(xml.group(f"{d}1"), delta=delta)
    export.properties(f"""<Свойство><Ид>{d}2</Ид><Наименование>Цвет</Наименование><ВариантыЗначений>
        <Справочник><ИдЗначения>{d}3</ИдЗначения><Значение>синий</Значение></Справочник>
        </ВариантыЗначений></Свойство>""", delta=delta)  # fmt: skip
    export.price_types(xml.price_type(f"{d}4"), delta=delta)
    export.warehouses(xml.warehouse(f"{d}5"), delta=delta)
    export.goods(xml.good(f"{d}6", more=f"""<Группы><Ид>{g}1</Ид></Группы><Изготовитель><Ид>{g}7</Ид>
        <Наименование>Завод</Наименование></Изготовитель><ЗначенияСвойств><ЗначенияСвойства><Ид>{g}2</Ид>
        <Значение>{g}3</Значение></ЗначенияСвойства></ЗначенияСвойств>"""), delta=delta)  # fmt: skip
    export.offers(xml.offer(f"{g}6#{d}8"), delta=delta)
    export.prices(xml.prices(f"{d}6#{g}8", **{f"{g}4": 5}), delta=delta)
    export.rests(xml.rests(f"{g}6#{g}8", **{f"{g}5": 7}), delta=delta)


def ids(onec_id):
    return (f"{onec_id}6", f"{onec_id}6#{onec_id}8", f"{onec_id}1", f"{onec_id}7", 5, f"{onec_id}4", 7, f"{onec_id}5")


@pytest.mark.parametrize(("dictionaries", "goods"), [(UPPER, LOWER), (LOWER, UPPER), (UPPER, UPPER)])
def test_guids_of_any_case_are_one_id(export, imports, rows, xml, dictionaries, goods):
    write(export, xml, dictionaries, goods)
    imports.everything()
    assert rows(EVERYTHING) == [ids(LOWER)]
    assert rows(LABELS) == [("Цвет", "синий")]
    assert rows("select * from onec.pending_records") == []


@pytest.mark.parametrize("delta", [True, False])
@pytest.mark.parametrize(("dictionaries", "goods"), [(UPPER, LOWER), (LOWER, UPPER), (LOWER, LOWER), (UPPER, UPPER)])
def test_a_row_is_found_by_its_id_in_any_case_and_keeps_it(
    export, imports, rows, connection, xml, delta, dictionaries, goods
):
    write(export, xml, LOWER, LOWER)
    imports.everything()
    for table in ROWS:
        connection.execute(f"update onec.{table} set onec_id = upper(onec_id)")
    connection.execute("""
        update onec.products
        set group_onec_ids = array[upper(group_onec_ids[1])], brand_onec_id = upper(brand_onec_id),
            properties = upper(properties::text)::jsonb
    """)
    connection.execute(BY_0_1_0)
    write(export, xml, dictionaries, goods, delta=delta)
    reports = imports.everything(force=True)
    assert [(report.counters.created, report.counters.updated) for report in reports.values()] == [(0, 0)] * 3
    assert rows(EVERYTHING) == [ids(UPPER)]
    assert rows(LABELS) == [("Цвет", "синий")]


def test_a_new_offer_of_a_product_in_another_case_is_its_variant(export, imports, rows, connection, xml):
    export.goods(xml.good(f"{LOWER}6"))
    imports.catalog()
    connection.execute("update onec.products set onec_id = upper(onec_id)")
    connection.execute("delete from onec.product_variants")
    connection.execute(BY_0_1_0)
    export.offers(xml.offer(f"{LOWER}6#{UPPER}8"))
    imports.catalog()
    assert rows("select onec_id, product_id is not null from onec.product_variants") == [(f"{UPPER}6#{LOWER}8", True)]


def test_a_good_finds_the_offer_that_waits_for_it_in_another_case(export, imports, rows, connection, xml):
    export.offers(xml.offer(f"{LOWER}6#{LOWER}8"))
    imports.catalog()
    connection.execute("""
        update onec.pending_records
        set onec_id = upper(onec_id), payload = payload || jsonb_build_object('onec_id', upper(onec_id))
    """)
    connection.execute(BY_0_1_0)
    export.offers("", delta=True)
    export.goods(xml.good(f"{LOWER}6"))
    imports.catalog()
    assert rows("select count(*) from onec.pending_records") == [0]
    assert rows("select name from onec.product_variants") == ["Стул, синий"]


def test_prices_that_waited_for_their_type_in_another_case_land(export, imports, rows, connection, xml):
    export.goods(xml.good("g"))
    export.prices(xml.prices("g", **{f"{LOWER}4": 5}))
    imports.everything()
    connection.execute(
        "update onec.pending_records set payload = replace(payload::text, %s, %s)::jsonb", [LOWER, UPPER]
    )
    connection.execute(BY_0_1_0)
    export.prices("", delta=True)
    export.price_types(xml.price_type(f"{LOWER}4"), delta=True)
    imports.prices()
    assert rows("select value from onec.prices") == [5]


def test_of_two_cases_of_what_waits_one_goes_on(export, imports, rows, connection, xml):
    export.offers(xml.offer(f"{LOWER}6#{LOWER}8"))
    imports.catalog()
    connection.execute("""
        insert into onec.pending_records (import_type, entity, onec_id, payload, source_file, source_line)
        select import_type, entity, upper(onec_id), payload, source_file, source_line from onec.pending_records
    """)
    connection.execute(BY_0_1_0)
    export.offers("", delta=True)
    imports.catalog()
    assert rows("select onec_id from onec.pending_records") == [f"{LOWER}6#{LOWER}8"]


def test_an_id_that_is_no_guid_differs_by_its_case(export, imports, rows, xml):
    export.goods(xml.good("Ab-1") + xml.good("aB-1") + xml.good(f"{UPPER}6x"))
    imports.catalog()
    assert rows("select onec_id from onec.products order by 1") == [f"{UPPER}6x", "Ab-1", "aB-1"]


def test_one_property_in_two_cases_has_the_values_of_both(export, imports, rows, xml):
    values = "".join(
        f"<ЗначенияСвойства><Ид>{onec_id}2</Ид><Значение>{value}</Значение></ЗначенияСвойства>"
        for onec_id, value in ((UPPER, "Ш"), (LOWER, "Д"))
    )
    export.goods(xml.good("g", more=f"<ЗначенияСвойств>{values}</ЗначенияСвойств>"))
    imports.catalog()
    assert rows("select properties from onec.products") == [{f"{LOWER}2": ["Ш", "Д"]}]


def test_where_both_are_on_record_the_one_in_lower_case_goes_on(export, imports, rows, connection, xml):
    export.goods(xml.good(f"{LOWER}6"))
    imports.catalog()
    connection.execute(f"insert into onec.products (onec_id, name) values ('{UPPER}6', 'Стул')")
    connection.execute(BY_0_1_0)
    export.goods(xml.good(f"{UPPER}6", "Стол"), delta=True)
    imports.catalog()
    assert rows("select onec_id, name from onec.products order by 1") == [(f"{UPPER}6", "Стул"), (f"{LOWER}6", "Стол")]


def test_customers_are_found_in_any_case(export, imports, rows, connection, xml):
    export.contragents(xml.customer(f"{LOWER}6"))
    imports.customers()
    connection.execute("update onec.customers set onec_id = upper(onec_id)")
    connection.execute(BY_0_1_0)
    export.contragents(xml.customer(f"{LOWER}6", "<Наименование>Петров</Наименование>"))
    imports.customers()
    assert rows("select onec_id, name from onec.customers") == [(f"{UPPER}6", "Петров")]

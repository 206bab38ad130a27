"""Several catalogues in one shop: each speaks for its own goods, offers, groups, prices and stocks alone."""

import pytest

ACTIVE = "select onec_id from onec.{} where is_active order by 1"
FULL = ' СодержитТолькоИзменения="false"'
CHANGES = ' СодержитТолькоИзменения="true"'


@pytest.fixture
def catalog(export):
    """Write the goods, groups, offers, prices and stocks of a catalogue, as 1C does: a directory for each."""

    def write(name, goods=(), *, more="", mark=FULL, offers=None, price_type="retail", price=5, groups=None):
        stated = "".join(f"<Товар><Ид>{good}</Ид><Наименование>Стул</Наименование></Товар>" for good in goods)
        listed = "".join(
            f"<Группа><Ид>{group}</Ид><Наименование>Мебель</Наименование></Группа>" for group in groups or ()
        )
        export.write(
            f"{name}/import.xml",
            f"<Классификатор><Ид>{name}</Ид><Группы>{listed}</Группы></Классификатор>"
            f"<Каталог{mark}><Ид>{name}</Ид><Товары>{stated}{more}</Товары></Каталог>",
        )
        sold = "".join(
            f"<Предложение><Ид>{offer}</Ид><Наименование>Стул</Наименование><Цены><Цена><ИдТипаЦены>{price_type}</ИдТипаЦены>"
            f"<ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу></Цена></Цены>"
            f'<Склад ИдСклада="w" КоличествоНаСкладе="3"/></Предложение>'
            for offer in (goods if offers is None else offers)
        )
        export.write(
            f"{name}/offers.xml",
            f"<ПакетПредложений{mark}><Ид>{name}#</Ид><ИдКаталога>{name}</ИдКаталога>"
            "<ТипыЦен><ТипЦены><Ид>retail</Ид><Наименование>Розница</Наименование></ТипЦены>"
            "<ТипЦены><Ид>dealer</Ид><Наименование>Опт</Наименование></ТипЦены></ТипыЦен>"
            "<Склады><Склад><Ид>w</Ид><Наименование>Склад</Наименование></Склад></Склады>"
            f"<Предложения>{sold}</Предложения></ПакетПредложений>",
        )

    return write


@pytest.fixture
def remove(export):
    def remove(name):
        for file in (export.root / name).iterdir():
            file.unlink()
        (export.root / name).rmdir()

    return remove


def state(rows):
    """Active products and variants, and the variants that have prices and stocks."""
    of = "select v.onec_id from onec.{} x join onec.product_variants v on v.id = x.variant_id order by 1"
    return [
        rows(ACTIVE.format("products")),
        rows(ACTIVE.format("product_variants")),
        rows(of.format("prices")),
        rows(of.format("stocks")),
    ]


def test_the_catalogues_that_name_a_product_are_on_record(catalog, imports, rows):
    catalog("one", ["a", "b"])
    catalog("two", ["b", "c"])
    imports.everything()
    assert rows(
        "select p.onec_id, c.catalog_onec_id from onec.product_catalogs c join onec.products p on p.id = c.product_id "
        "order by 1, 2"
    ) == [("a", "one"), ("b", "one"), ("b", "two"), ("c", "two")]


def test_a_full_export_of_one_catalogue_says_nothing_of_another(catalog, remove, imports, rows):
    catalog("one", ["a", "b"], groups=["ga"])
    catalog("two", ["c", "d"], groups=["gb"])
    imports.everything()
    remove("two")
    catalog("one", ["a"], groups=["gx"])
    imports.everything()
    assert state(rows) == [["a", "c", "d"]] * 4
    assert rows(ACTIVE.format("categories")) == ["gb", "gx"]


def test_the_second_catalogue_that_comes_alone_takes_nothing_of_the_first(catalog, remove, imports, rows):
    catalog("one", ["a", "b"], groups=["ga"])
    imports.everything()
    remove("one")
    catalog("two", ["c"], groups=["gb"])
    imports.everything()
    assert state(rows) == [["a", "b", "c"]] * 4
    assert rows(ACTIVE.format("categories")) == ["ga", "gb"]
    remove("two")
    catalog("one", ["a"])
    imports.everything()
    assert state(rows) == [["a", "c"]] * 4


def test_a_product_goes_when_no_catalogue_names_it_any_more(catalog, imports, rows):
    catalog("one", ["a", "b"])
    catalog("two", ["b", "c"])
    imports.everything()
    catalog("one", ["a"])
    imports.everything()
    assert state(rows)[:2] == [["a", "b", "c"]] * 2
    catalog("two", ["c"])
    imports.everything()
    assert state(rows) == [["a", "c"]] * 4


def test_a_delta_of_one_catalogue_beside_a_full_export_of_another_keeps_its_own(catalog, imports, rows):
    catalog("one", ["a", "b"])
    catalog("two", ["c", "d"])
    imports.everything()
    catalog("one", ["a"])
    catalog("two", ["d"], mark=CHANGES)
    imports.everything()
    assert state(rows) == [["a", "c", "d"]] * 4


def test_two_packages_bring_two_price_lists_of_one_offer(catalog, imports, rows):
    prices = "select t.onec_id, x.value from onec.prices x join onec.price_types t on t.id = x.price_type_id order by 1"
    catalog("one", ["a"], price=100)
    catalog("two", [], offers=["a"], price_type="dealer", price=80)
    imports.everything()
    assert rows(prices) == [("dealer", 80), ("retail", 100)]
    catalog("one", ["a"], price=110)
    imports.everything()
    assert rows(prices) == [("dealer", 80), ("retail", 110)]
    catalog("two", [], offers=["a"], price_type="retail", price=70)
    imports.everything()
    assert rows(prices) == [("retail", 70)]


PRICES = """select v.onec_id, t.onec_id, x.value from onec.prices x join onec.price_types t on t.id = x.price_type_id
    join onec.product_variants v on v.id = x.variant_id order by 1, 2"""


def test_the_later_list_of_one_catalogue_replaces_no_list_of_another(catalog, export, imports, rows):
    catalog("one", ["a"], price=100)
    catalog("two", [], offers=["a"], price_type="dealer", price=80)
    export.write(
        "zero/offers.xml",
        "<ПакетПредложений><ИдКаталога>one</ИдКаталога><Предложения><Предложение><Ид>a</Ид><Цены><Цена>"
        "<ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>120</ЦенаЗаЕдиницу></Цена></Цены></Предложение></Предложения>"
        "</ПакетПредложений>",
    )
    imports.everything()
    assert rows(PRICES) == [("a", "dealer", 80), ("a", "retail", 120)]


def test_a_price_goes_with_its_catalogue_although_another_one_prices_the_offer(catalog, imports, rows):
    catalog("one", ["a", "b"])
    catalog("two", [], offers=["a"], price_type="dealer", price=80)
    imports.everything()
    catalog("one", ["a", "b"], offers=["b"])
    imports.everything()
    assert rows(PRICES) == [("a", "dealer", 80), ("b", "retail", 5)]


def test_an_offer_goes_when_the_last_catalogue_that_named_it_does_no_more(catalog, remove, imports, rows):
    catalog("one", ["a", "b"], offers=["a#1", "b#1"])
    catalog("two", ["c"], offers=["c#1", "a#1"])
    imports.catalog()
    catalog("one", ["a", "b"], offers=["b#1"])
    imports.catalog()
    assert rows(ACTIVE.format("product_variants")) == ["a#1", "b#1", "c#1"]
    remove("one")
    catalog("two", ["c"], offers=["c#1"])
    imports.catalog()
    assert rows(ACTIVE.format("product_variants")) == ["b#1", "c#1"]


def test_rows_of_before_there_were_catalogues_go_with_the_catalogue_of_their_product(
    catalog, imports, rows, connection
):
    catalog("one", ["a", "b"])
    imports.everything()
    connection.execute("delete from onec.product_catalogs; delete from onec.catalogs")  # as 0.1.0 left them
    catalog("two", ["c"])
    catalog("one", ["a", "b"], mark=FULL + " ")
    imports.everything()
    assert state(rows) == [["a", "b", "c"]] * 4
    catalog("one", ["a"])
    imports.everything()
    assert state(rows) == [["a", "c"]] * 4


def test_on_the_first_import_after_0_1_0_no_catalogue_speaks_for_products_of_which_none_is_on_record(
    catalog, remove, imports, rows, connection
):
    catalog("one", ["a", "b"])
    imports.everything()
    connection.execute("delete from onec.product_catalogs; delete from onec.catalogs")
    remove("one")
    catalog("two", ["c"])
    catalog("three", ["d"])
    imports.everything()
    assert state(rows) == [["a", "b", "c", "d"]] * 4


def test_a_pending_offer_waits_on_while_another_catalogue_speaks(catalog, remove, imports, rows):
    waiting = "select import_type from onec.pending_records order by 1"
    catalog("one", ["a"], offers=["a", "lost"])
    catalog("two", ["c"])
    imports.everything()
    assert rows(waiting) == ["catalog", "prices", "stocks"]
    remove("one")
    catalog("two", ["c", "d"])
    imports.everything()
    assert rows(waiting) == ["catalog", "prices", "stocks"]
    remove("two")
    catalog("one", ["a"])
    imports.everything()
    assert rows(waiting) == []


def test_what_a_guard_keeps_its_catalogue_still_has(catalog, imports, rows):
    many = [f"g{number}" for number in range(20)]
    catalog("one", many)
    catalog("two", ["c"])
    imports.everything()
    catalog("one", many[:5])
    imports.everything(max_deactivation=0.3)
    assert rows("select count(*) from onec.products where is_active") == [21]
    imports.everything(max_deactivation=1)
    assert state(rows) == [["c", *sorted(many[:5])]] * 4


def test_one_catalogue_leaves_no_mark(catalog, imports, rows):
    catalog("one", ["a"], groups=["ga"])
    imports.everything()
    for table, mark in (
        ("prices", "catalog_id"), ("stocks", "catalog_id"), ("product_variants", "catalog_ids"),
        ("categories", "classifier_ids"),
    ):  # fmt: skip
        assert rows(f"select {mark} from onec.{table}") == [None]


def test_a_catalogue_of_which_no_full_package_came_for_a_month_is_named(catalog, remove, imports, connection):
    catalog("one", ["a", "b"])
    catalog("two", ["c"])
    assert not [notice for notice in imports.catalog().notices if "Каталог" in notice]
    connection.execute("update onec.catalogs set heard_at = '2026-01-02 12:00'")
    remove("two")
    catalog("one", ["a"])
    (notice,) = imports.catalog().notices
    assert notice.startswith("Каталог two не выгружался целиком с 2026-01-02; его активные товары остаются: 1.")

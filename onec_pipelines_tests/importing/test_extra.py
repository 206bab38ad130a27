"""What has no column is in `extra` of the product or the variant."""

import pytest

GOOD = "select code, barcode, extra from onec.products"
OFFER = "select barcode, extra from onec.product_variants where onec_id = 'g#1'"
BARCODES = "<Штрихкод>460</Штрихкод><Штрихкод>461</Штрихкод><Штрихкод>462</Штрихкод>"


def test_a_good_keeps_what_has_no_column(export, imports, rows, xml):
    export.goods(xml.good("g", more=f"<Код>ФР-43</Код>{BARCODES}<Категория>kind</Категория><Новинка>Да</Новинка>"))
    report = imports.catalog()
    assert rows(GOOD) == [("ФР-43", "460", {"Штрихкод": ["461", "462"], "Категория": "kind", "Новинка": "Да"})]
    assert report.notices == ("Элементы, для которых нет колонки, сохранены в extra: Товар/Новинка (1).",)


def test_what_a_good_no_longer_states_goes_with_the_rest(export, imports, rows, xml):
    export.goods(xml.good("g", more=f"<Код>1</Код>{BARCODES}"))
    imports.catalog()
    export.goods(xml.good("g"), delta=True)
    imports.catalog()
    assert rows(GOOD) == [(None, None, {})]


def test_a_mark_that_comes_alone_takes_nothing_of_it(export, imports, rows, xml):
    export.goods(xml.good("g", more=f"<Код>1</Код>{BARCODES}"))
    imports.catalog()
    export.goods("<Товар><Ид>g</Ид><ПометкаУдаления>true</ПометкаУдаления></Товар>", delta=True)
    imports.catalog()
    assert rows(GOOD) == [("1", "460", {"Штрихкод": ["461", "462"]})]


@pytest.mark.parametrize("delta", [True, False])
def test_an_offer_keeps_what_has_no_column_until_it_is_described_anew(export, imports, rows, xml, delta):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more=f"{BARCODES}<Описание>Синий</Описание>"))
    imports.catalog()
    stated = {"Штрихкод": ["461", "462"], "Описание": "Синий"}
    assert rows(OFFER) == [("460", stated)]
    export.offers("<Предложение><Ид>g#1</Ид><ГТД>7</ГТД></Предложение>", delta=delta)
    imports.catalog()
    assert rows(OFFER) == [("460", stated | {"ГТД": "7"})]
    export.offers(xml.offer("g#1"), delta=delta)
    imports.catalog()
    assert rows(OFFER) == [(None, {})]


def test_an_offer_that_is_pending_keeps_it(export, imports, rows, xml):
    export.offers(xml.offer("g#1", more=BARCODES))
    imports.catalog()
    export.goods(xml.good("g"))
    export.offers("", delta=True)
    imports.catalog()
    assert rows(OFFER) == [("460", {"Штрихкод": ["461", "462"]})]


def test_an_offer_that_was_pending_in_0_1_0_has_none(export, imports, rows, xml, connection):
    export.offers(xml.offer("g#1"))
    imports.catalog()
    connection.execute("update onec.pending_records set payload = payload - 'extra'")
    export.goods(xml.good("g"))
    export.offers("", delta=True)
    imports.catalog()
    assert rows(OFFER) == [(None, {})]


def test_a_variant_that_is_a_good_keeps_its_own(export, imports, rows, xml):
    export.goods(xml.good("g#1", more="<Код>1</Код>") + xml.good("g#2", more="<Код>2</Код>"))
    export.offers("<Предложение><Ид>g#1</Ид><ГТД>7</ГТД></Предложение>")
    imports.catalog()
    assert rows("select onec_id, extra from onec.product_variants order by 1") == [
        ("g#1", {"Код": "1", "ГТД": "7"}),
        ("g#2", {"Код": "2"}),
    ]


def test_prices_take_nothing_of_it(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g#1", more=BARCODES))
    imports.catalog()
    export.offers("", delta=True)
    export.prices(xml.prices("g#1", retail=5).replace("</Ид>", "</Ид><Артикул>A</Артикул>", 1), delta=True)
    imports.catalog()
    assert rows(OFFER) == [("460", {"Штрихкод": ["461", "462"]})]


def test_a_default_variant_that_no_offer_describes_any_more_has_none(export, imports, rows, xml):
    export.goods(xml.good("g"))
    export.offers(xml.offer("g", more=BARCODES) + xml.offer("other"))
    imports.catalog()
    export.offers(xml.offer("other"))
    imports.catalog(max_deactivation=1)
    assert rows("select extra from onec.product_variants where onec_id = 'g'") == [{}]


def test_too_much_of_it_is_rejected_and_the_good_is_not(export, imports, rows, xml):
    export.goods(xml.good("g", more=f"<Модель>{'м' * 200_000}</Модель>"))
    assert imports.catalog().counters.errors == 1
    assert rows("select entity, onec_id, cell, reason from onec.rejected_records") == [
        ("product", "g", "extra", "сведения, для которых нет колонки (extra), длиннее 256 кБ")
    ]
    assert rows(GOOD) == [(None, None, {})]


def test_properties_of_offers_are_readable_without_a_join(export, imports, rows, xml):
    export.properties("""<Свойство><Ид>p</Ид><Наименование>Размер</Наименование><ВариантыЗначений><Справочник>
        <ИдЗначения>v-41</ИдЗначения><Значение>41</Значение></Справочник></ВариантыЗначений></Свойство>""")
    values = """<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>v-41</Значение><Значение>42</Значение>
        </ЗначенияСвойства></ЗначенияСвойств>"""
    export.goods(xml.good("g", more="<Артикул>A</Артикул>"))
    export.offers(xml.offer("g#1", more=values))
    imports.catalog()
    assert rows(
        "select variant_onec_id, product_onec_id, article, property_name, value from onec.variant_attributes"
    ) == [("g#1", "g", "A", "Размер", "41, 42")]


def test_an_empty_date_is_no_value(export, imports, rows, xml):
    dates = "".join(f"<Значение>{date}</Значение>" for date in ("0001-01-01T00:00:00", "01.01.0001 0:00:00"))
    values = f"<ЗначенияСвойства><Ид>p</Ид>{dates}</ЗначенияСвойства>"
    export.goods(xml.good("g", more=f"<ЗначенияСвойств>{values}</ЗначенияСвойств>"))
    imports.catalog()
    assert rows("select properties, extra from onec.products") == [({}, {})]

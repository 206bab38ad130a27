"""Price types and prices."""

import pytest

from onec_pipelines.commerceml import prices
from onec_pipelines.commerceml.records import Package, Price, PriceList, PriceType, Rejection


@pytest.fixture
def read_offers(read):
    """Read the facts of what stands in Предложения."""

    def read_offers(inside):
        facts = read(prices.READERS, f"<ПакетПредложений><Предложения>{inside}</Предложения></ПакетПредложений>")
        return [fact for fact in facts if not isinstance(fact, Package)]

    return read_offers


@pytest.mark.parametrize("container", ["ПакетПредложений", "Классификатор", "ИзмененияПакетаПредложений"])
def test_price_types_stand_in_the_package_or_in_the_classifier(read, container):
    types = read(
        prices.READERS,
        f"""<{container}><ТипыЦен>
          <ТипЦены><Ид>r</Ид><Наименование>Розница</Наименование><Валюта>RUB</Валюта></ТипЦены>
          <ТипЦены><Ид>w</Ид><Наименование> Опт 1 </Наименование></ТипЦены>
          <ТипЦены><Ид>x</Ид></ТипЦены>
        </ТипыЦен></{container}>""",
    )
    assert types[:-1] == [
        PriceType("r", "Розница", "RUB", deleted=False, line=2),
        PriceType("w", "Опт 1", None, deleted=False, line=3),
        PriceType("x", "", None, deleted=False, line=4),
    ]


def test_a_price_type_without_an_id_is_rejected(read):
    rejection, _ = read(
        prices.READERS,
        "<Классификатор><ТипыЦен><ТипЦены><Наименование>Розница</Наименование></ТипЦены></ТипыЦен></Классификатор>",
    )
    assert rejection == Rejection("price_type", None, None, "нет Ид", {}, 1)


def test_an_offer_states_its_list_and_each_price_with_its_line(read_offers):
    facts = read_offers(
        """
        <Предложение>
          <Ид>good#char</Ид>
          <Цены>
            <Цена>
              <Представление>3 159,50 руб. за шт</Представление>
              <ИдТипаЦены>r</ИдТипаЦены>
              <ЦенаЗаЕдиницу>3 159,50</ЦенаЗаЕдиницу>
              <Валюта>руб.</Валюта>
              <Единица>шт</Единица>
              <Коэффициент>1</Коэффициент>
            </Цена>
            <Цена><ИдТипаЦены>w</ИдТипаЦены><ЦенаЗаЕдиницу>2000.00</ЦенаЗаЕдиницу></Цена>
          </Цены>
        </Предложение>"""
    )
    assert facts == [
        PriceList("good#char", 2),
        Price("good#char", "r", "3159.50", "руб.", "шт", "1", None, 5),
        Price("good#char", "w", "2000.00", None, None, None, None, 13),
    ]


def test_prices_inside_a_good_are_those_of_its_bare_id(read):
    price_list, price, _ = read(
        prices.READERS,
        """<Каталог><Товары><Товар><Ид>137</Ид><Наименование>Мяч</Наименование>
          <Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>10</ЦенаЗаЕдиницу></Цена></Цены>
        </Товар></Товары></Каталог>""",
    )
    assert (price_list.onec_id, price.onec_id, price.value) == ("137", "137", "10")


def test_an_empty_list_is_stated_and_no_list_is_not(read_offers):
    assert read_offers("<Предложение><Ид>empty</Ид><Цены/></Предложение><Предложение><Ид>none</Ид></Предложение>") == [
        PriceList("empty", 1)
    ]


@pytest.mark.parametrize(
    "price",
    [
        "<Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу/></Цена>",
        "<Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу> </ЦенаЗаЕдиницу></Цена>",
        "<Цена><ИдТипаЦены>r</ИдТипаЦены></Цена>",
        "<Цена/>",
    ],
)
def test_an_empty_price_states_nothing(read_offers, price):
    facts = read_offers(f"<Предложение><Ид>1</Ид><Цены>{price}</Цены></Предложение>")
    assert facts == [PriceList("1", 1)]


@pytest.mark.parametrize("value", ["по запросу", "NaN", "Infinity", "1,234.56", "1e5", "9" * 2000])
def test_a_price_that_is_no_number_is_rejected_and_the_others_are_not(read_offers, value):
    _, rejection, price = read_offers(
        f"""<Предложение><Ид>1</Ид><Цены>
          <Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена>
          <Цена><ИдТипаЦены>w</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>"""
    )
    assert (rejection.entity, rejection.onec_id, rejection.cell, rejection.line) == ("price", "1", "r", 2)
    assert rejection.reason == "ЦенаЗаЕдиницу: не число"
    assert rejection.payload == {"ЦенаЗаЕдиницу": value, "ИдТипаЦены": "r"}
    assert price.value == "5"


def test_a_price_without_a_type_has_none_for_the_import_to_find(read_offers):
    _, price = read_offers(
        "<Предложение><Ид>1</Ид><Цены><Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
    )
    assert price.price_type_onec_id is None


def test_a_rejected_price_without_a_type_is_told_from_others_by_its_line(read_offers):
    _, rejection = read_offers(
        "<Предложение><Ид>1</Ид><Цены>\n<Цена><ЦенаЗаЕдиницу>?</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
    )
    assert rejection.cell == "строка 2"


def test_a_price_of_an_overlong_type_is_rejected(read_offers):
    _, rejection = read_offers(
        f"""<Предложение><Ид>1</Ид><Цены>
          <Цена><ИдТипаЦены>{"x" * 1025}</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>"""
    )
    assert rejection.reason == "ИдТипаЦены длиннее 1024 байт"


def test_a_type_stated_twice_is_two_prices_in_order(read_offers):
    _, first, last = read_offers(
        """<Предложение><Ид>1</Ид><Цены>
          <Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
          <Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>7</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>"""
    )
    assert (first.value, last.value) == ("5", "7")


@pytest.mark.parametrize(
    ("onec_id", "reason"),
    [("", "нет Ид"), ("<Ид/>", "нет Ид"), (f"<Ид>{'x' * 1025}</Ид>", "Ид длиннее 1024 байт")],
)
def test_prices_of_an_offer_without_a_usable_id_are_rejected_once(read_offers, onec_id, reason):
    (rejection,) = read_offers(
        f"""<Предложение>{onec_id}<Цены>
          <Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
          <Цена><ИдТипаЦены>w</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена>
        </Цены></Предложение>"""
    )
    assert (rejection.entity, rejection.reason, rejection.line) == ("price", reason, 1)


def test_an_entry_of_the_dictionary_without_an_id_and_a_name_says_nothing(read):
    inside = "<ТипыЦен><ТипЦены><Ид/><Наименование> </Наименование><Описание>-</Описание></ТипЦены></ТипыЦен>"
    assert read(prices.READERS, f"<Классификатор>{inside}</Классификатор>")[:-1] == []

"""Warehouses and stocks, in each of the forms that 1C has for them."""

import pytest

from onec_pipelines.commerceml import stocks
from onec_pipelines.commerceml.records import Package, Rejection, Stock, Warehouse
from onec_pipelines.commerceml.stocks import DEFAULT_WAREHOUSE


@pytest.fixture
def read_offer(read):
    """Read the facts of one offer with the id `1` and what stands in it."""

    def read_offer(inside, onec_id="<Ид>1</Ид>"):
        facts = read(
            stocks.READERS,
            f"<ПакетПредложений><Предложения><Предложение>{onec_id}{inside}</Предложение></Предложения>"
            "</ПакетПредложений>",
        )
        return [fact for fact in facts if not isinstance(fact, Package)]

    return read_offer


@pytest.mark.parametrize("container", ["ПакетПредложений", "Классификатор"])
def test_warehouses_stand_in_the_package_or_in_the_classifier(read, container):
    warehouses = read(
        stocks.READERS,
        f"""<{container}><Склады>
          <Склад><Ид>m</Ид><Наименование>Главный</Наименование></Склад>
          <Склад><Ид>x</Ид></Склад>
          <Склад><Наименование>Без Ид</Наименование></Склад>
        </Склады></{container}>""",
    )
    assert warehouses[:-1] == [
        Warehouse("m", "Главный", deleted=False, line=2),
        Warehouse("x", "", deleted=False, line=3),
        Rejection("warehouse", None, None, "нет Ид", {}, 4),
    ]


def test_warehouses_in_the_stock_of_an_offer_are_no_warehouses_of_the_dictionary(read_offer):
    facts = read_offer("<Остатки><Остаток><Склады><Склад><Ид>m</Ид></Склад></Склады></Остаток></Остатки>")
    assert facts == []


FORMS = {
    "Остатки of 2.09 and 3.1": (
        """<Остатки>
             <Остаток><Склад><Ид>m</Ид><Количество>3</Количество></Склад></Остаток>
             <Остаток><Склад><Ид>s</Ид><Количество>0</Количество></Склад></Остаток>
           </Остатки>""",
        [("m", "3"), ("s", "0")],
    ),
    "several Склад in one Остаток": (
        """<Остатки><Остаток>
             <Склад><Ид>m</Ид><Количество>3</Количество></Склад>
             <Склад><Ид>s</Ид><Количество>4</Количество></Склад>
           </Остаток></Остатки>""",
        [("m", "3"), ("s", "4")],
    ),
    "attributes of Склад": (
        '<Склад ИдСклада="m" КоличествоНаСкладе="3"/><Склад ИдСклада=" s " КоличествоНаСкладе=" 4 "/>',
        [("m", "3"), ("s", "4")],
    ),
    "children of Склад": ("<Склад><Ид>m</Ид><Количество>3</Количество></Склад>", [("m", "3")]),
    "bare Количество": ("<Количество>10</Количество>", [(DEFAULT_WAREHOUSE, "10")]),
    "Остаток without warehouses": (
        "<Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>",
        [(DEFAULT_WAREHOUSE, "7")],
    ),
    "bare Количество beside attributes": (
        '<Количество>7</Количество><Склад ИдСклада="m" КоличествоНаСкладе="3"/>',
        [("m", "3")],
    ),
    "bare Количество beside Остатки": (
        """<Количество>7</Количество>
           <Остатки><Остаток><Склад><Ид>m</Ид><Количество>3</Количество></Склад></Остаток></Остатки>""",
        [("m", "3")],
    ),
    "bare Количество beside a warehouse that states nothing": (
        '<Количество>7</Количество><Склад ИдСклада="m" КоличествоНаСкладе=""/>',
        [(DEFAULT_WAREHOUSE, "7")],
    ),
    "a warehouse twice": (
        '<Склад ИдСклада="m" КоличествоНаСкладе="3"/><Склад ИдСклада="m" КоличествоНаСкладе="5"/>',
        [("m", "3"), ("m", "5")],
    ),
    "negative": ("<Количество>-3</Количество>", [(DEFAULT_WAREHOUSE, "-3")]),
    "fractional": ("<Количество>1 000,125</Количество>", [(DEFAULT_WAREHOUSE, "1000.125")]),
    "zero": ("<Количество>0</Количество>", [(DEFAULT_WAREHOUSE, "0")]),
    "empty Количество": ("<Количество/>", []),
    "blank Количество": ("<Количество> </Количество>", []),
    "ИдСклада and КоличествоНаСкладе in Склад": (
        """<Склад><ИдСклада>m</ИдСклада><КоличествоНаСкладе>3</КоличествоНаСкладе></Склад>
           <Склад><ИдСклада>s</ИдСклада><КоличествоНаСкладе>0</КоличествоНаСкладе></Склад><Количество>3</Количество>""",
        [("m", "3"), ("s", "0")],
    ),
    "КоличествоНаСкладах": (
        """<КоличествоНаСкладах>
             <КоличествоНаСкладе><ИдСклада>m</ИдСклада><Количество>3</Количество></КоличествоНаСкладе>
             <КоличествоНаСкладе ИдСклада="s" Количество="4"/>
             <КоличествоНаСкладе ИдСклада="t">5</КоличествоНаСкладе>
           </КоличествоНаСкладах>""",
        [("m", "3"), ("s", "4"), ("t", "5")],
    ),
    "ОстаткиПоСкладу": (
        """<ОстаткиПоСкладу>
             <ОстаткиПоСкладу><ИдСклада>m</ИдСклада><КоличествоНаСкладе>3</КоличествоНаСкладе></ОстаткиПоСкладу>
             <ОстаткиПоСкладу ИдСклада="s"><КоличествоНаСкладе>4</КоличествоНаСкладе></ОстаткиПоСкладу>
           </ОстаткиПоСкладу>""",
        [("m", "3"), ("s", "4")],
    ),
    "attributes of Склады": (
        '<Склады ИдСклада="m" КоличествоНаСкладе="3"/><Склады ИдСклада="s" КоличествоНаСкладе="4"/>',
        [("m", "3"), ("s", "4")],
    ),
    "Склад in the Склады of an offer": (
        """<Склады><Склад ИдСклада="m" КоличествоНаСкладе="3"/>
             <Склад><Ид>s</Ид><Количество>4</Количество></Склад></Склады>""",
        [("m", "3"), ("s", "4")],
    ),
    "an attribute and a child": (
        '<Склад ИдСклада="m"><Количество>3</Количество></Склад><Склад КоличествоНаСкладе="4"><Ид>s</Ид></Склад>',
        [("m", "3"), ("s", "4")],
    ),
    "attributes of Остаток": ('<Остатки><Остаток ИдСклада="m" Количество="3"/></Остатки>', [("m", "3")]),
    "an empty attribute beside a child": (
        '<Склад ИдСклада="" КоличествоНаСкладе=""><Ид>m</Ид><Количество>3</Количество></Склад>',
        [("m", "3")],
    ),
    "empty Остатки": ("<Остатки/>", [(None, None)]),
    "empty КоличествоНаСкладах": ("<КоличествоНаСкладах> </КоличествоНаСкладах>", [(None, None)]),
    "empty ОстаткиПоСкладу": ("<ОстаткиПоСкладу/>", [(None, None)]),
    "empty Остатки beside a total": ("<Остатки/><Количество>0</Количество>", [(None, None), (DEFAULT_WAREHOUSE, "0")]),
    "empty Остатки beside a warehouse": ('<Остатки/><Склад ИдСклада="m" КоличествоНаСкладе="3"/>', [("m", "3")]),
    "empty Склад": ("<Склад/>", []),
    "empty Остаток": ("<Остатки><Остаток/></Остатки>", []),
    "Склад without Количество": ("<Остатки><Остаток><Склад><Ид>m</Ид></Склад></Остаток></Остатки>", []),
    "absent": ("<Наименование>Мяч</Наименование>", []),
}


@pytest.mark.parametrize("form", FORMS)
def test_stock_is_read_in_each_of_its_forms(read_offer, form):
    inside, expected = FORMS[form]
    assert [(fact.warehouse_onec_id, fact.quantity) for fact in read_offer(inside)] == expected


def test_a_stock_knows_its_line_and_the_id_of_its_offer(read_offer):
    (stock,) = read_offer(
        """
        <Остатки>
          <Остаток>
            <Склад><Ид>m</Ид><Количество>3</Количество></Склад>
          </Остаток>
        </Остатки>""",
        onec_id="<Ид>good#char</Ид>",
    )
    assert stock == Stock("good#char", "m", "3", 4)


def test_stock_inside_a_good_is_that_of_its_bare_id(read):
    stock, _ = read(
        stocks.READERS,
        "<Каталог><Товары><Товар><Ид>137</Ид><Количество>2</Количество></Товар></Товары></Каталог>",
    )
    assert stock == Stock("137", DEFAULT_WAREHOUSE, "2", 1)


@pytest.mark.parametrize("quantity", ["много", "NaN", "-Infinity", "1e3"])
def test_a_quantity_that_is_no_number_is_rejected_and_the_others_are_not(read_offer, quantity):
    rejection, stock = read_offer(
        f'<Склад ИдСклада="m" КоличествоНаСкладе="{quantity}"/><Склад ИдСклада="s" КоличествоНаСкладе="4"/>'
    )
    assert rejection == Rejection(
        "stock",
        "1",
        "m",
        "Количество: не число",
        {"Количество": quantity, "Склад": "m"},
        1,
    )
    assert stock.quantity == "4"


@pytest.mark.parametrize(
    "inside",
    [
        "<Остатки><Остаток><Склад><Количество>3</Количество></Склад></Остаток></Остатки>",
        '<Склад КоличествоНаСкладе="3"/>',
        '<Склад ИдСклада="" КоличествоНаСкладе="3"/>',
    ],
)
def test_stock_of_a_warehouse_without_an_id_is_rejected_and_not_given_to_the_default_one(read_offer, inside):
    (rejection,) = read_offer(inside)
    assert (rejection.entity, rejection.onec_id, rejection.cell, rejection.reason) == (
        "stock",
        "1",
        None,
        "нет Ид склада",
    )


def test_stock_of_a_warehouse_with_an_overlong_id_is_rejected(read_offer):
    (rejection,) = read_offer(f'<Склад ИдСклада="{"x" * 1025}" КоличествоНаСкладе="3"/>')
    assert rejection.reason == "Ид склада длиннее 1024 байт"


@pytest.mark.parametrize(
    ("onec_id", "reason"),
    [("", "нет Ид"), (f"<Ид>{'x' * 1025}</Ид>", "Ид длиннее 1024 байт")],
)
def test_stock_of_an_offer_without_a_usable_id_is_rejected_once(read_offer, onec_id, reason):
    (rejection,) = read_offer(
        '<Склад ИдСклада="m" КоличествоНаСкладе="3"/><Склад ИдСклада="s" КоличествоНаСкладе="4"/>', onec_id
    )
    assert (rejection.entity, rejection.reason, rejection.line) == ("stock", reason, 1)


def test_an_entry_of_the_dictionary_without_an_id_and_a_name_says_nothing(read):
    inside = "<Склады><Склад><Ид/><Наименование> </Наименование><Описание>-</Описание></Склад></Склады>"
    assert read(stocks.READERS, f"<Классификатор>{inside}</Классификатор>")[:-1] == []

"""Deletion marks, the flag of changes, blank elements, pairs of name and value: what all readers share."""

import time

import pytest

from onec_pipelines.commerceml import catalog, customers, prices, stocks
from onec_pipelines.commerceml.facts import add_values, read_file
from onec_pipelines.commerceml.records import (
    Category,
    Customer,
    Good,
    Offer,
    Package,
    PriceType,
    Property,
    Unit,
    Warehouse,
)

MARKS = {
    "attribute": '<{0} Статус="Удален">{1}</{0}>',
    "attribute with ё": '<{0} Статус="Удалён">{1}</{0}>',
    "Статус": "<{0}>{1}<Статус>Удален</Статус></{0}>",
    "ПометкаУдаления true": "<{0}>{1}<ПометкаУдаления>true</ПометкаУдаления></{0}>",
    "ПометкаУдаления Да": "<{0}><ПометкаУдаления>Да</ПометкаУдаления>{1}</{0}>",
}
NO_MARKS = {
    "nothing": "<{0}>{1}</{0}>",
    "another attribute": '<{0} Статус="Новый">{1}</{0}>',
    "another Статус": "<{0}>{1}<Статус>Изменен</Статус></{0}>",
    "ПометкаУдаления false": "<{0}>{1}<ПометкаУдаления>false</ПометкаУдаления></{0}>",
    "empty ПометкаУдаления": "<{0}>{1}<ПометкаУдаления/></{0}>",
}
ENTITIES = {
    Good: ("Товар", "<Каталог><Товары>{}</Товары></Каталог>", catalog.READERS),
    Offer: ("Предложение", "<ПакетПредложений><Предложения>{}</Предложения></ПакетПредложений>", catalog.READERS),
    Category: ("Группа", "<Классификатор><Группы>{}</Группы></Классификатор>", catalog.READERS),
    Property: ("Свойство", "<Классификатор><Свойства>{}</Свойства></Классификатор>", catalog.READERS),
    Unit: (
        "ЕдиницаИзмерения",
        "<Классификатор><ЕдиницыИзмерения>{}</ЕдиницыИзмерения></Классификатор>",
        catalog.READERS,
    ),
    PriceType: ("ТипЦены", "<ПакетПредложений><ТипыЦен>{}</ТипыЦен></ПакетПредложений>", prices.READERS),
    Warehouse: ("Склад", "<Классификатор><Склады>{}</Склады></Классификатор>", stocks.READERS),
    Customer: ("Контрагент", "<Контрагенты>{}</Контрагенты>", customers.READERS),
}
FIELDS = "<Ид>1</Ид><Код>1</Код><Наименование>Имя</Наименование>"


@pytest.mark.parametrize("form", [*MARKS, *NO_MARKS])
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.__name__)
def test_a_deletion_mark_counts_in_each_of_its_forms_on_each_entity(read, entity, form):
    tag, around, readers = ENTITIES[entity]
    element = {**MARKS, **NO_MARKS}[form].format(tag, FIELDS)
    facts = read(readers, around.format(element))
    assert [fact.deleted for fact in facts if isinstance(fact, entity)] == [form in MARKS]


def test_a_mark_of_a_nested_group_is_not_the_mark_of_its_parent(read):
    facts = read(
        catalog.READERS,
        """<Классификатор><Группы>
          <Группа><Ид>parent</Ид><Наименование>Спорт</Наименование>
            <Группы><Группа><Ид>child</Ид><Наименование>Мячи</Наименование><ПометкаУдаления>true</ПометкаУдаления></Группа></Группы>
          </Группа>
        </Группы></Классификатор>""",
    )
    assert {fact.onec_id: fact.deleted for fact in facts if isinstance(fact, Category)} == {
        "parent": False,
        "child": True,
    }


@pytest.mark.parametrize(
    ("container", "changes_only"),
    [
        ('<Каталог СодержитТолькоИзменения="true"><Товары/></Каталог>', True),
        ('<Каталог СодержитТолькоИзменения="false"><Товары/></Каталог>', False),
        ("<Каталог><Товары/></Каталог>", False),
        ('<Каталог СодержитТолькоИзменения=""><Товары/></Каталог>', False),
        ("<Каталог><Товары/><СодержитТолькоИзменения>true</СодержитТолькоИзменения></Каталог>", True),
        ("<Каталог><Товары/><СодержитТолькоИзменения>Да</СодержитТолькоИзменения></Каталог>", True),
        ("<Каталог><Товары/><СодержитТолькоИзменения>false</СодержитТолькоИзменения></Каталог>", False),
        ('<ПакетПредложений СодержитТолькоИзменения="true"><Предложения/></ПакетПредложений>', True),
        ("<ПакетПредложений><Предложения/></ПакетПредложений>", False),
        ("<ИзмененияПакетаПредложений><Предложения/></ИзмененияПакетаПредложений>", True),
        (
            '<ИзмененияПакетаПредложений СодержитТолькоИзменения="false"><Предложения/></ИзмененияПакетаПредложений>',
            False,
        ),
        ('<Классификатор СодержитТолькоИзменения="true"><Группы/></Классификатор>', True),
        ('<Контрагенты СодержитТолькоИзменения="true"/>', True),
        ("<Контрагенты/>", False),
    ],
)
def test_a_container_says_whether_it_holds_changes_only(read, container, changes_only):
    (package,) = read(catalog.READERS, container)
    assert package.changes_only is changes_only


def test_the_flag_of_2_03_stands_behind_all_the_goods(read):
    facts = read(
        catalog.READERS,
        """<Каталог>
          <Товары>
            <Товар><Ид>1</Ид><Наименование>Мяч</Наименование></Товар>
            <Товар><Ид>2</Ид><Наименование>Сетка</Наименование></Товар>
          </Товары>
          <СодержитТолькоИзменения>true</СодержитТолькоИзменения>
        </Каталог>""",
    )
    assert [type(fact) for fact in facts] == [Good, Good, Package]
    assert facts[-1].changes_only


def test_a_container_names_the_lists_it_held_though_their_records_are_freed(read):
    (*_, package) = read(
        catalog.READERS,
        """<Каталог><Ид>1</Ид>
          <Товары><Товар><Ид>1</Ид><Наименование>Мяч</Наименование></Товар></Товары>
        </Каталог>""",
    )
    assert {"Каталог", "Товары"} <= package.lists


def test_the_empty_catalogue_of_a_dictionary_file_holds_no_list_of_goods(read):
    packages = read(
        catalog.READERS,
        """<Каталог СодержитТолькоИзменения="true">
          <Ид>916c4658</Ид><ИдКлассификатора>916c4658</ИдКлассификатора><Наименование>Товары 1С</Наименование>
        </Каталог>
        <Классификатор СодержитТолькоИзменения="true"><Ид>916c4658</Ид><Склады/></Классификатор>""",
    )
    assert ["Товары" in package.lists for package in packages] == [False, False]
    assert "Склады" in packages[1].lists


@pytest.mark.parametrize("blank", ["<{0}/>", "<{0}></{0}>", "<{0}>\n\t</{0}>", "<{0}><!-- пусто --></{0}>"])
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.__name__)
def test_a_blank_element_is_nothing(read, entity, blank):
    tag, around, readers = ENTITIES[entity]
    facts = read(readers, around.format(blank.format(tag)))
    assert [fact for fact in facts if not isinstance(fact, Package)] == []


def test_facts_come_in_the_order_of_the_file(write):
    path = write(
        "offers.xml",
        """<КоммерческаяИнформация><ПакетПредложений><Предложения>
          <Предложение><Ид>1</Ид><Цены/></Предложение>
          <Предложение><Ид>2</Ид><Цены/></Предложение>
          <Предложение><Ид>1</Ид><Цены/></Предложение>
        </Предложения></ПакетПредложений></КоммерческаяИнформация>""",
    )
    facts = list(read_file(path, "offers.xml", prices.READERS))
    assert [(fact.onec_id, fact.line) for fact in facts[:-1]] == [("1", 2), ("2", 3), ("1", 4)]


# Values of one name -------------------------------------------------------------------------------------------


def good_with(values):
    return f"<Каталог><Товары><Товар><Ид>1</Ид><Наименование>Мяч</Наименование>{values}</Товар></Товары></Каталог>"


def test_values_of_one_name_are_a_list_in_their_order_and_a_single_one_is_none(read):
    requisites = "".join(
        f"<ЗначениеРеквизита><Наименование>{name}</Наименование>{''.join(f'<Значение>{v}</Значение>' for v in values)}"
        "</ЗначениеРеквизита>"
        for name, values in (("a", "1"), ("b", "12"), ("c", "1"), ("a", "2"), ("a", "34"), ("b", "3"))
    )
    good, _ = read(catalog.READERS, good_with(f"<ЗначенияРеквизитов>{requisites}</ЗначенияРеквизитов>"))
    assert good.requisites == {"a": ["1", "2", "3", "4"], "b": ["1", "2", "3"], "c": "1"}


def test_properties_that_stand_in_two_lists_are_added_up(read):
    stated = "<ЗначенияСвойств><ЗначенияСвойства><Ид>a</Ид><Значение>{}</Значение></ЗначенияСвойства></ЗначенияСвойств>"
    good, _ = read(catalog.READERS, good_with("".join(map(stated.format, "123"))))
    assert good.properties == {"a": ["1", "2", "3"]}


def test_a_name_that_is_repeated_without_end_takes_no_more_time_for_each_value():
    pairs = {}
    began = time.process_time()
    for _ in range(100_000):
        add_values(pairs, "a", ["1"])
    assert len(pairs["a"]) == 100_000
    assert time.process_time() - began < 2  # some 0.05 s; with a new list for each value some 30

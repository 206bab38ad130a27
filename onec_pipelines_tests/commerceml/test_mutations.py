"""Whatever is done to a valid file, the readers give facts or an ExportError that names it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onec_pipelines.commerceml import catalog, customers, prices, stocks
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.commerceml.records import Fact, Package
from onec_pipelines.errors import ExportError

ALL_READERS = (catalog.READERS, catalog.READERS_BESIDE_PRICES, prices.READERS, stocks.READERS, customers.READERS)
VALID = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" ВерсияСхемы="2.08">
<Классификатор>
  <Группы><Группа><Ид>g</Ид><Наименование>Спорт</Наименование>
    <Группы><Группа><Ид>h</Ид><Наименование>Мячи</Наименование></Группа></Группы></Группа></Группы>
  <Свойства><Свойство><Ид>p</Ид>
    <ВариантыЗначений><Справочник><ИдЗначения>v</ИдЗначения></Справочник></ВариантыЗначений></Свойство></Свойства>
  <ЕдиницыИзмерения><ЕдиницаИзмерения><Код>796 </Код></ЕдиницаИзмерения></ЕдиницыИзмерения>
  <ТипыЦен><ТипЦены><Ид>r</Ид></ТипЦены></ТипыЦен><Склады><Склад><Ид>m</Ид></Склад></Склады>
</Классификатор>
<Каталог СодержитТолькоИзменения="true"><Товары>
  <Товар Статус="Удален"><Ид>1#2</Ид><Наименование>Мяч &amp; сетка</Наименование>
    <БазоваяЕдиница Код="796">шт</БазоваяЕдиница><Группы><Ид>g</Ид></Группы><Картинка>a.jpg</Картинка>
    <ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств>
    <СтавкиНалогов><СтавкаНалога><Ставка>20%</Ставка></СтавкаНалога></СтавкиНалогов></Товар>
</Товары></Каталог>
<ПакетПредложений><Предложения>
  <Предложение><Ид>1</Ид>
    <Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>5,5</ЦенаЗаЕдиницу></Цена></Цены>
    <Количество>7</Количество><Склад ИдСклада="m" КоличествоНаСкладе="3"/>
    <Остатки><Остаток><Склад><Ид>m</Ид><Количество>8</Количество></Склад></Остаток></Остатки></Предложение>
</Предложения></ПакетПредложений>
<Контрагенты>
  <Контрагент><Ид>1</Ид><Роль>Покупатель</Роль><ИНН>500100732259</ИНН>
    <Адрес><АдресноеПоле><Тип>Город</Тип><Значение>Москва</Значение></АдресноеПоле></Адрес>
    <Контакты><Контакт><Тип>Телефон</Тип><Значение>8 912 000-00-00</Значение></Контакт></Контакты></Контрагент>
</Контрагенты>
</КоммерческаяИнформация>
"""
TOKENS = re.findall(r"<[^>]*>|[^<]+", VALID)
TEXTS = [place for place, token in enumerate(TOKENS) if token.strip() and not token.startswith("<")]
a_few_hundred = settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("mutations") / "file.xml"


def read(path, readers):
    """Read the facts, or the one sentence of an ExportError; anything else is for the test to fail on."""
    try:
        return list(read_file(path, path.name, readers))
    except ExportError as error:
        return [str(error)]


def assert_facts_or_a_sentence(path, content):
    path.write_bytes(content)
    for readers in ALL_READERS:
        for fact in read(path, readers):
            assert isinstance(fact, Fact) or fact.startswith("Файл file.xml")


def test_unchanged_it_holds_something_for_each_reader(path):
    path.write_text(VALID)
    for readers in ALL_READERS:
        facts = read(path, readers)
        assert all(isinstance(fact, Fact) for fact in facts)
        assert any(not isinstance(fact, Package) for fact in facts)


@a_few_hundred
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(VALID.encode())), st.integers(0, 8), st.binary(max_size=4)),
        min_size=1,
        max_size=3,
    )
)
def test_any_bytes_may_change(path, edits):
    content = VALID.encode()
    for place, removed, inserted in edits:
        content = content[:place] + inserted + content[place + removed :]
    assert_facts_or_a_sentence(path, content)


@a_few_hundred
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(TOKENS) - 1), st.sampled_from([*TOKENS, "", "<a>", "&e;", "\u00a0", "9" * 2000])),
        min_size=1,
        max_size=6,
    )
)
def test_any_tags_may_change_places(path, edits):
    tokens = list(TOKENS)
    for place, token in edits:
        tokens[place] = token
    assert_facts_or_a_sentence(path, "".join(tokens).encode())


@a_few_hundred
@given(
    edits=st.dictionaries(
        st.sampled_from(TEXTS),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="<>&")),
        min_size=1,
        max_size=6,
    )
)
def test_any_text_may_stand_where_another_stood(path, edits):
    assert_facts_or_a_sentence(path, "".join(edits.get(place, token) for place, token in enumerate(TOKENS)).encode())

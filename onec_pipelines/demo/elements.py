"""XML elements of CommerceML, one function an entity, and how a document becomes bytes.

What the layouts disagree about is in `Dialect`; where an element goes is the business of `layouts`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree as ET

from onec_pipelines.demo.records import (
    Contragent,
    Good,
    Group,
    Offer,
    Price,
    PriceType,
    Property,
    Stock,
    Unit,
    Warehouse,
    guid,
)

Node = ET.Element

ENCODINGS = {
    "utf-8": ("UTF-8", "utf-8"),
    "utf-8-sig": ("UTF-8", "utf-8-sig"),
    "windows-1251": ("windows-1251", "cp1251"),
}
"""Encoding of `write_demo` -> (name in the XML declaration, codec)."""

FULL = "false"
"""The value of `СодержитТолькоИзменения`: this export says everything."""

CLASSIFIER_ID = guid("classifier")
CATALOGUE_NAME = "Основной каталог товаров"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one layout spells a document. `versioned` entities carry НомерВерсии and an explicit ПометкаУдаления."""

    namespace: str
    version: str
    formed_at: str
    versioned: bool = False
    okpo_tag: str = "КодПоОКПО"


def node(tag: str, *content: Node | str, **attributes: str) -> Node:
    """Make an element from its children or its text."""
    element = ET.Element(tag, attributes)
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


def document(dialect: Dialect, *content: Node, encoding: str) -> bytes:
    """Serialize a `КоммерческаяИнформация`; a character the encoding lacks becomes a character reference."""
    root = ET.Element("КоммерческаяИнформация", {
        "xmlns": dialect.namespace,
        "xmlns:xs": "http://www.w3.org/2001/XMLSchema",
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "ВерсияСхемы": dialect.version,
        "ДатаФормирования": dialect.formed_at,
    })  # fmt: skip
    root.extend(content)
    ET.indent(root, "\t")
    declared, codec = ENCODINGS[encoding]
    body = ET.tostring(root, encoding="unicode").replace(" />", "/>")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{body}\n'
    return text.encode(codec, "xmlcharrefreplace")


def catalogue(*content: Node) -> Node:
    """Make a `Каталог`: with goods, or empty as in the dictionary files of 3.1."""
    return node("Каталог", *_identity(CLASSIFIER_ID), *content, СодержитТолькоИзменения=FULL)


def classifier(*content: Node) -> Node:
    """Make a `Классификатор` with some of the dictionaries."""
    heading = (node("Ид", CLASSIFIER_ID), node("Наименование", CATALOGUE_NAME))
    return node("Классификатор", *heading, *content, СодержитТолькоИзменения=FULL)


def package(*content: Node) -> Node:
    """Make a `ПакетПредложений`."""
    return node("ПакетПредложений", *_identity(f"{CLASSIFIER_ID}#"), *content, СодержитТолькоИзменения=FULL)


def _identity(onec_id: str) -> tuple[Node, ...]:
    return (node("Ид", onec_id), node("ИдКлассификатора", CLASSIFIER_ID), node("Наименование", CATALOGUE_NAME))


def _marks(dialect: Dialect, *, deleted: bool = False) -> Iterable[Node]:
    if dialect.versioned:
        yield node("НомерВерсии", "AAAAAAAAAAE=")
    if dialect.versioned or deleted:
        yield node("ПометкаУдаления", "true" if deleted else "false")


def groups(stated: Iterable[Group], dialect: Dialect) -> Node:
    """Make `Группы` and everything inside."""
    return node("Группы", *(
        node("Группа", node("Ид", group.onec_id), *_marks(dialect), node("Наименование", group.name),
             *((groups(group.groups, dialect),) if group.groups else ()))
        for group in stated
    ))  # fmt: skip


def units(stated: Iterable[Unit], dialect: Dialect) -> Node:
    """Make `ЕдиницыИзмерения` of 2.09 and 3.1."""
    return node("ЕдиницыИзмерения", *(
        node("ЕдиницаИзмерения", node("Ид", unit.code), *_marks(dialect), node("НаименованиеКраткое", unit.name),
             node("Код", unit.code), node("НаименованиеПолное", unit.full_name), node("МеждународноеСокращение"))
        for unit in stated
    ))  # fmt: skip


def price_types(stated: Iterable[PriceType], dialect: Dialect) -> Node:
    """Make `ТипыЦен`."""
    return node("ТипыЦен", *(
        node("ТипЦены", node("Ид", kind.onec_id), *_marks(dialect), node("Наименование", kind.name),
             node("Валюта", kind.currency), _tax())
        for kind in stated
    ))  # fmt: skip


def _tax() -> Node:
    return node("Налог", node("Наименование", "НДС"), node("УчтеноВСумме", "true"))


def warehouses(stated: Iterable[Warehouse], dialect: Dialect) -> Node:
    """Make `Склады`."""
    return node("Склады", *(
        node("Склад", node("Ид", place.onec_id), *_marks(dialect), node("Наименование", place.name))
        for place in stated
    ))  # fmt: skip


def properties(stated: Iterable[Property], dialect: Dialect, *, part: int | None = None) -> Node:
    """Make `Свойства` with whole dictionaries, or with their first (0) or second (1) part."""
    shares = ((one, _share(one, part)) for one in stated)
    return node("Свойства", *(_property(one, values, dialect) for one, values in shares if values is not None))


def _share(stated: Property, part: int | None) -> tuple[tuple[str, str], ...] | None:
    """Give the values of that part; None for a property that has nothing to do there."""
    if part is None:
        return stated.values
    if part < len(stated.parts):
        return stated.parts[part]
    return () if part == 0 else None


def _property(stated: Property, values: tuple[tuple[str, str], ...], dialect: Dialect) -> Node:
    entries = (node("Справочник", node("ИдЗначения", onec_id), node("Значение", label)) for onec_id, label in values)
    return node(
        "Свойство",
        node("Ид", stated.onec_id),
        node("Наименование", stated.name),
        *_marks(dialect),
        node("ТипЗначений", stated.value_type),
        *((node("ВариантыЗначений", *entries),) if values else ()),
    )


def _property_values(stated: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterable[Node]:
    if stated:
        yield node("ЗначенияСвойств", *(
            node("ЗначенияСвойства", node("Ид", onec_id), *(node("Значение", value) for value in values))
            for onec_id, values in stated
        ))  # fmt: skip


def good(stated: Good, unit: Node, dialect: Dialect) -> Node:
    """Make a `Товар`; `unit` is its `БазоваяЕдиница`, which 2.07 spells in its own way."""
    return node(
        "Товар",
        *((node("Ид", stated.onec_id),) if stated.onec_id else ()),
        *_marks(dialect, deleted=stated.deleted),
        node("Штрихкод", stated.barcode),
        node("Артикул", stated.article),
        node("Наименование", stated.name),
        unit,
        node("Группы", *(node("Ид", group) for group in stated.groups)),
        node("Описание", stated.description),
        *(node("Картинка", image.path) for image in stated.images),
        node("Страна", stated.country),
        *_manufacturer(stated.manufacturer),
        *_property_values(stated.properties),
        node("СтавкиНалогов", node("СтавкаНалога", node("Наименование", "НДС"), node("Ставка", stated.vat))),
        _requisites({"ТипНоменклатуры": "Товар", "Полное наименование": stated.name}),
    )


def _manufacturer(name: str) -> Iterable[Node]:
    if name:
        onec_id = guid(f"manufacturer {name}")
        yield node(
            "Изготовитель", node("Ид", onec_id), node("Наименование", name), node("ОфициальноеНаименование", name)
        )


def _requisites(stated: Mapping[str, str]) -> Node:
    return node("ЗначенияРеквизитов", *(
        node("ЗначениеРеквизита", node("Наименование", name), node("Значение", value))
        for name, value in stated.items()
    ))  # fmt: skip


def offer(stated: Offer, *content: Node, dialect: Dialect) -> Node:
    """Make a `Предложение` of the catalogue; `content` is the prices and stock that 2.07 puts into it."""
    if not stated.onec_id:
        return node("Предложение")
    if not stated.listed:
        return node("Предложение", node("Ид", stated.onec_id), *content)
    return node(
        "Предложение",
        node("Ид", stated.onec_id),
        *_marks(dialect),
        node("Штрихкод", stated.barcode),
        node("Артикул", stated.article),
        node("Наименование", stated.name),
        *_characteristics(stated.characteristics),
        *_property_values(stated.properties),
        *(node("Картинка", image.path) for image in stated.images),
        *content,
        **({"Статус": "Удален"} if stated.deleted else {}),
    )


def _characteristics(stated: tuple[tuple[str, str], ...]) -> Iterable[Node]:
    if stated:
        yield node("ХарактеристикиТовара", *(
            node("ХарактеристикаТовара", node("Наименование", name), node("Значение", value))
            for name, value in stated
        ))  # fmt: skip


def prices(stated: tuple[Price, ...]) -> Iterable[Node]:
    """Make `Цены`, or nothing when there are none."""
    if stated:
        yield node("Цены", *(
            node("Цена", node("Представление", f"{price.value} {price.currency} за шт"),
                 node("ИдТипаЦены", price.type_id), node("ЦенаЗаЕдиницу", price.value),
                 node("Валюта", price.currency), node("Единица", "шт"), node("Коэффициент", "1"))
            for price in stated
        ))  # fmt: skip


def stock_elements(stated: tuple[Stock, ...]) -> Iterable[Node]:
    """Make `Остатки` of 2.09 and 3.1, or nothing when there are none."""
    if stated:
        yield node("Остатки", *(
            node("Остаток", node("Склад", node("Ид", stock.warehouse_id), node("Количество", stock.quantity)))
            for stock in stated
        ))  # fmt: skip


def stock_attributes(stated: tuple[Stock, ...]) -> Iterable[Node]:
    """Make the total and the `Склад` attributes of 2.07; a total of empty quantities is as empty as they are."""
    if stated:
        known = [Decimal(stock.quantity.replace(",", ".")) for stock in stated if stock.quantity]
        yield node("Количество", str(sum(known)) if known else "")
    for stock in stated:
        yield node("Склад", ИдСклада=stock.warehouse_id, КоличествоНаСкладе=stock.quantity)


def contragents(stated: Iterable[Contragent], dialect: Dialect) -> Node:
    """Make `Контрагенты`."""
    return node("Контрагенты", *(_contragent(one, dialect) for one in stated), СодержитТолькоИзменения=FULL)


def _contragent(stated: Contragent, dialect: Dialect) -> Node:
    legal = stated.kind == "legal_entity"
    codes = {"ИНН": stated.inn, "КПП": stated.kpp, dialect.okpo_tag: stated.okpo}
    return node(
        "Контрагент",
        node("Ид", stated.onec_id),
        *_marks(dialect),
        node("Наименование", stated.name),
        node("ОфициальноеНаименование" if legal else "ПолноеНаименование", stated.full_name),
        *(node("Роль", role) for role in stated.roles),
        *(node(tag, code) for tag, code in codes.items() if code),
        *_account(stated.account),
        *_address("ЮридическийАдрес" if legal else "АдресРегистрации", stated.address),
        *_contacts(stated.contacts),
        *_representative(stated.representative),
    )


def _account(number: str) -> Iterable[Node]:
    if number:
        bank = node("Банк", node("Наименование", "АО «Банк-Пример»"), node("БИК", "000000000"))
        yield node("РасчетныеСчета", node("РасчетныйСчет", node("НомерСчета", number), bank))


def _address(tag: str, address: str) -> Iterable[Node]:
    if address:
        index = node("АдресноеПоле", node("Тип", "Почтовый индекс"), node("Значение", address[:6]))
        yield node(tag, node("Представление", address), index)


def _contacts(stated: tuple[tuple[str, str], ...]) -> Iterable[Node]:
    if stated:
        yield node("Контакты", *(
            node("Контакт", node("Тип", kind), node("Значение", value)) for kind, value in stated
        ))  # fmt: skip


def _representative(name: str) -> Iterable[Node]:
    """Make a `Контрагент` inside a `Контрагент`: a person to talk to, no customer."""
    if name:
        person = node(
            "Контрагент",
            node("Отношение", "Контактное лицо"),
            node("Ид", guid(f"representative {name}")),
            node("Наименование", name),
        )
        yield node("Представители", node("Представитель", person))

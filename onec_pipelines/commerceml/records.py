"""What a CommerceML file says, as values: records without XML and without SQL.

A record is a row of its staging table, its fields are the columns: a column is named once. Identifiers are 1C's own
(`onec_id`); numbers are text in PostgreSQL's notation; `line` is where the record starts in its file.
"""

from collections.abc import Mapping
from typing import NamedTuple

Values = Mapping[str, str | list[str]]
"""Name or id -> value, or values where 1C states several."""


class Category(NamedTuple):
    """`Классификатор/Группы/Группа`."""

    onec_id: str
    parent_onec_id: str | None
    name: str
    description: str | None
    deleted: bool
    line: int


class Unit(NamedTuple):
    """`ЕдиницыИзмерения/ЕдиницаИзмерения`, or the attributes of a 2.0x `Товар/БазоваяЕдиница`.

    `name` is empty where no short name is stated.
    """

    onec_id: str
    name: str
    full_name: str | None
    deleted: bool
    line: int


class Property(NamedTuple):
    """`Классификатор/Свойства/Свойство`; `name` is empty where a deletion mark comes alone.

    One without an `Ид` goes by its name.
    """

    onec_id: str
    name: str
    value_type: str | None
    deleted: bool
    line: int


class PropertyValue(NamedTuple):
    """An entry of a `ВариантыЗначений`: `Справочник`, `Вариант` or `ВариантЗначения`."""

    property_onec_id: str
    onec_id: str
    value: str
    line: int


class Good(NamedTuple):
    """`Каталог/Товары/Товар`.

    `onec_id` is the product's. Where 2.04 writes `good#char`, that whole id is `variant_onec_id`. `name` is None where
    a deletion mark comes alone. `extra` is what has no column, by element.
    """

    onec_id: str
    code: str | None
    article: str | None
    name: str | None
    description: str | None
    barcode: str | None
    group_onec_ids: tuple[str, ...]
    unit_code: str | None
    brand_onec_id: str | None
    brand_name: str | None
    vat: str | None
    vat_rate: str | None
    country: str | None
    manufacturer: str | None
    properties: Values
    requisites: Values
    dimensions: Values
    images: tuple[str, ...] | None
    extra: Mapping[str, object]
    variant_onec_id: str | None
    deleted: bool
    line: int


class Offer(NamedTuple):
    """`Предложения/Предложение` as a variant of a product: `good#characteristic`, or the bare product id.

    `beside_prices`: found in a prices or rests file, where 1C repeats the offer only to carry its prices or stocks.
    `from_good`: made from a 2.04 `Товар`, whose id names a variant.
    `is_bare`: describes nothing, but carries prices, stocks or a mark; it takes nothing from what it does not state.
    `extra`: what has no column, by element.
    """

    onec_id: str
    article: str | None
    name: str | None
    barcode: str | None
    characteristics: Values
    properties: Values
    dimensions: Values
    images: tuple[str, ...] | None
    extra: Mapping[str, object]
    beside_prices: bool
    from_good: bool
    is_bare: bool
    deleted: bool
    line: int


class PriceType(NamedTuple):
    """`ТипыЦен/ТипЦены`; `name` is empty where a deletion mark comes alone."""

    onec_id: str
    name: str
    currency: str | None
    deleted: bool
    line: int


class PriceList(NamedTuple):
    """An offer has a `Цены`: the prices in it, possibly none, are all that the offer has."""

    onec_id: str
    line: int


class Price(NamedTuple):
    """`Цены/Цена` of an offer; `price_type_onec_id` is None where 1C names no type.

    It may hold for a unit, of which there are `factor` in the base unit, and from a `min_quantity` on.
    """

    onec_id: str
    price_type_onec_id: str | None
    value: str
    currency: str | None
    unit: str | None
    factor: str | None
    min_quantity: str | None
    line: int


class Warehouse(NamedTuple):
    """`Склады/Склад`; `name` is empty where a deletion mark comes alone."""

    onec_id: str
    name: str
    deleted: bool
    line: int


class Stock(NamedTuple):
    """The quantity of an offer in a warehouse; both are None where the offer says that it has no stock."""

    onec_id: str
    warehouse_onec_id: str | None
    quantity: str | None
    line: int


class Customer(NamedTuple):
    """`Контрагенты/Контрагент` in the role of a buyer.

    What 1C does not state is None, and what it states empty is empty: a text of no letters, a list of no entries. So
    says each entry of `addresses` (by element: all of that name) and of `extra` (None). `stated_kind` is what names and
    elements say of the kind, whatever the ИНН. `email` and `phone` are normalised; `contacts` holds every contact as it
    was written.
    """

    onec_id: str
    stated_kind: str | None
    name: str | None
    full_name: str | None
    inn: str | None
    inn_scheme: str | None
    inn_valid: bool | None
    kpp: str | None
    okpo: str | None
    email: str | None
    phone: str | None
    roles: tuple[str, ...] | None
    addresses: Mapping[str, list[dict[str, object]]]
    contacts: list[dict[str, object]] | None
    bank_accounts: list[dict[str, object]] | None
    representatives: list[dict[str, object]] | None
    extra: Mapping[str, object]
    deleted: bool
    line: int


class NotForUs(NamedTuple):
    """A record that a rule skips, such as a supplier among customers; `roles` are those that it states."""

    entity: str
    onec_id: str
    roles: tuple[str, ...]
    line: int


class Rejection(NamedTuple):
    """A record or a cell that is rejected, with the reason in Russian.

    `cell` is the price type or the warehouse of a rejected cell, None for a whole record. `payload` holds what 1C
    stated; it is stored in `rejected_records` and shown nowhere else.
    """

    entity: str
    onec_id: str | None
    cell: str | None
    reason: str
    payload: Mapping[str, str | None]
    line: int | None


class Package(NamedTuple):
    """A container, read to its end: the lists in it (`Товары`, `Предложения`, ...) and whether it is a delta.

    One that is not `marked` does not say which of both it is. `catalog` is the catalogue for which it speaks, of a
    `Классификатор` (`is_classifier`) its own id; None where it names none.
    """

    lists: frozenset[str]
    changes_only: bool
    marked: bool = True
    catalog: str | None = None
    is_classifier: bool = False


class Unhandled(NamedTuple):
    """An element that no reader knows, such as `Товар/Новинка`."""

    path: str


class Mended(NamedTuple):
    """What of a file was mended while it was read (mending.py): in Russian, how often, and the line of the first."""

    what: str
    times: int
    line: int


Record = (
    Category
    | Unit
    | Property
    | PropertyValue
    | Good
    | Offer
    | PriceType
    | PriceList
    | Price
    | Warehouse
    | Stock
    | Customer
)
Fact = Record | Rejection | NotForUs | Package | Unhandled | Mended
"""What a reader yields."""

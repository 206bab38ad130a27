"""The words the invented shop is told in: plain frozen records, the same for every layout.

Quantities, prices and codes are the text that 1C writes, oddities included; nothing is parsed or corrected here.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

_NAMESPACE = UUID("00000000-0000-5000-8000-00000000dec0")

Flaw = Literal["", "missing", "truncated", "html", "empty"]
Kind = Literal["legal_entity", "entrepreneur", "individual"]

ZERO_GUID = "00000000-0000-0000-0000-000000000000"


def guid(name: str) -> str:
    """Give the same invented GUID for the same name, always."""
    return str(uuid5(_NAMESPACE, name))


@dataclass(frozen=True, slots=True)
class Group:
    """A node of the catalogue tree with the groups inside it."""

    onec_id: str
    name: str
    groups: tuple["Group", ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure; `code` as written, so it may end in a space."""

    code: str
    name: str
    full_name: str


@dataclass(frozen=True, slots=True)
class Property:
    """A property and its dictionary: (id, label) pairs, cut into `parts` wherever the layout has segments."""

    onec_id: str
    name: str
    value_type: Literal["Справочник", "Число", "Строка"]
    values: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[tuple[str, str], ...], ...] = ()
    of_offers: bool = False


@dataclass(frozen=True, slots=True)
class PriceType:
    """A price list."""

    onec_id: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place where stock lies."""

    onec_id: str
    name: str


@dataclass(frozen=True, slots=True)
class DemoImage:
    """A `Картинка`: the path as in the XML (empty for an empty element) and what is wrong with the file."""

    path: str
    flaw: Flaw = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A `Товар`; an empty `onec_id` is a good without `Ид`. `unlisted` lie on disk, the XML names none of them."""

    onec_id: str
    article: str
    name: str
    unit: str = "796 "
    groups: tuple[str, ...] = ()
    barcode: str = ""
    description: str = ""
    vat: str = "20"
    country: str = "РОССИЯ"
    manufacturer: str = ""
    properties: tuple[tuple[str, tuple[str, ...]], ...] = ()
    images: tuple[DemoImage, ...] = ()
    unlisted: tuple[DemoImage, ...] = ()
    deleted: bool = False
    segment: int = 1


@dataclass(frozen=True, slots=True)
class Price:
    """A `Цена`: `value` is the text of `ЦенаЗаЕдиницу`, `currency` the price's own, sloppy one."""

    type_id: str
    value: str
    currency: str = "руб"


@dataclass(frozen=True, slots=True)
class Stock:
    """An offer in one warehouse; `segment` is the rests file it stands in where the layout has several."""

    warehouse_id: str
    quantity: str
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A `Предложение`; an empty `onec_id` is the empty element.

    `listed` is False for an offer that 3.1 and 2.09 state in prices or rests only; 2.07 has no such place and
    writes an offer of nothing but `Ид` and `Цены`.
    """

    onec_id: str
    article: str = ""
    name: str = ""
    barcode: str = ""
    characteristics: tuple[tuple[str, str], ...] = ()
    properties: tuple[tuple[str, tuple[str, ...]], ...] = ()
    images: tuple[DemoImage, ...] = ()
    prices: tuple[Price, ...] = ()
    stocks: tuple[Stock, ...] = ()
    deleted: bool = False
    listed: bool = True
    segment: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contragent:
    """A `Контрагент`; `kind` is what its names and ИНН amount to. `contacts` are (Тип, Значение) pairs."""

    onec_id: str
    kind: Kind
    name: str
    full_name: str
    inn: str = ""
    kpp: str = ""
    okpo: str = ""
    roles: tuple[str, ...] = ("Покупатель",)
    contacts: tuple[tuple[str, str], ...] = ()
    address: str = ""
    account: str = ""
    representative: str = ""

    @property
    def is_customer(self) -> bool:
        """Say whether a role is `Покупатель`, in any case, or there is none."""
        return not self.roles or "покупатель" in {role.casefold() for role in self.roles}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """All that the export states, in the order in which it states it: a later good or cell replaces an earlier."""

    groups: tuple[Group, ...]
    units: tuple[Unit, ...]
    properties: tuple[Property, ...]
    price_types: tuple[PriceType, ...]
    warehouses: tuple[Warehouse, ...]
    goods: tuple[Good, ...]
    offers: tuple[Offer, ...]
    contragents: tuple[Contragent, ...]

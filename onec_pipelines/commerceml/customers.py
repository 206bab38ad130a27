"""Customers: the contragents whose role is Покупатель. Personal data; none of it stands in a reason.

    <Контрагенты><Контрагент>
      <Ид>..</Ид><Роль>Покупатель</Роль><Наименование>..</Наименование>
      <ОфициальноеНаименование>..</ОфициальноеНаименование><ИНН>7701000009</ИНН><КПП>770101001</КПП>
      <АдресРегистрации><Представление>..</Представление>..</АдресРегистрации>
      <Контакты><Контакт><Тип>Почта</Тип><Значение>buyer@example.com</Значение></Контакт></Контакты>
    </Контрагент></Контрагенты>

Names, numbers and lists may stand in `РеквизитыЮрЛица` or `РеквизитыФизЛица`. What has no column of its own is `extra`.
An element stated empty is told from one that is absent. Whoever is no buyer (a supplier, say, or a folder of the list)
is passed over as not for us.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from onec_pipelines.commerceml.contacts import first_email, first_phone, read_contact
from onec_pipelines.commerceml.extra import add_value, value_of
from onec_pipelines.commerceml.facts import Reader, add_values, is_blank, is_deleted, is_deletion_mark
from onec_pipelines.commerceml.phones import HOME
from onec_pipelines.commerceml.records import Customer, Fact, NotForUs, Rejection
from onec_pipelines.commerceml.tax_ids import read_kpp, read_tax_id, split_pair
from onec_pipelines.commerceml.values import ValueRejected, check_id, is_true
from onec_pipelines.commerceml.xml import Element, children, line_of, text

Entry = dict[str, object]

BUYER = "покупатель"
TEXTS = {
    "Ид": "onec_id",
    "Наименование": "name",
    "ОфициальноеНаименование": "official_name",
    "ПолноеНаименование": "full_name",
    "ИНН": "inn",
    "КПП": "kpp",
    "ОКПО": "okpo",
    "КодПоОКПО": "okpo",
}
ADDRESSES = frozenset(
    {
        "Адрес",
        "АдресДоставки",
        "АдресПроживания",
        "АдресПрописки",
        "АдресРегистрации",
        "АдресФактический",
        "АдресЮридический",
        "ПочтовыйАдрес",
        "ФактическийАдрес",
        "ЮридическийАдрес",
    }
)
LISTS = {
    "Контакты": "contacts",
    "РасчетныеСчета": "bank_accounts",
    "Представители": "representatives",
}
REQUISITES = {"РеквизитыЮрЛица": "legal_entity", "РеквизитыФизЛица": "individual"}
"""Elements around the others, and whose they are."""
PERSON = frozenset({"Фамилия", "Имя", "Отчество"})
"""Of several the first counts: the merge makes a name of them."""
IGNORED = frozenset({"ПометкаУдаления", "НомерВерсии"})
"""The one is read by `is_deleted`, the other is 1C's count of how often the record was saved."""
_BETWEEN_ROLES = re.compile(r"\s*[,;/|+&]\s*|\s+и\s+")
_ENTREPRENEUR = re.compile(
    r"\b(?:ИП|ИПБОЮЛ|ПБОЮЛ|ПБЮЛ|ЧП|ФОП|СПД|предприниматель|підприємець|кәсіпкер|глава КФХ)\b", re.IGNORECASE
)
_BEGINS_AS_ENTREPRENEUR = re.compile(
    rf"\W*(?:(?:индивидуальный|частный|фізична особа|жеке)\W+)?(?:{_ENTREPRENEUR.pattern})", re.IGNORECASE
)


@dataclass(slots=True)
class _Draft:
    texts: dict[str, str] = field(default_factory=dict)
    requisites: str | None = None
    is_folder: bool = False
    roles: list[str] | None = None
    addresses: dict[str, list[Entry]] = field(default_factory=dict)
    lists: dict[str, list[Entry]] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)


def readers(region: str = HOME) -> Mapping[str, Reader]:
    """The reader; `region` is the country of telephone numbers that state none."""
    return {"Контрагент": partial(read_customer, region=region)}


def read_customer(element: Element, region: str = HOME) -> Iterator[Fact]:
    """A customer, or that the contragent is none."""
    if is_blank(element):
        return
    draft, line = _Draft(), line_of(element)
    _read(draft, element)
    try:
        onec_id = check_id(draft.texts.get("onec_id") or None)
    except ValueRejected as rejected:
        yield Rejection("customer", None, None, str(rejected), _payload(draft), line)
        return
    roles = tuple(draft.roles or ())
    if draft.is_folder or (roles and BUYER not in {role.lower() for role in roles}):
        yield NotForUs("customer", onec_id, roles, line)
        return
    yield _customer(draft, onec_id, region, deleted=is_deleted(element), line=line)


def _payload(draft: _Draft) -> dict[str, str | None]:
    return {name: content[:1000] for name, content in draft.texts.items()}


def _read(draft: _Draft, element: Element) -> None:
    """Read what stands in a contragent, or in an element around a part of it."""
    for tag, child in children(element):
        if tag in TEXTS:
            draft.texts[TEXTS[tag]] = draft.texts.get(TEXTS[tag]) or text(child) or ""
        elif tag in ADDRESSES:
            draft.addresses.setdefault(tag, []).extend(_read_address(tag, child))
        elif tag == "Адреса":
            _read_addresses(draft, child)
        elif tag in LISTS:
            draft.lists.setdefault(LISTS[tag], []).extend(_read_list(tag, child))
        elif tag in {"Роль", "Роли"}:
            draft.roles = [*(draft.roles or []), *_read_roles(child)]
        elif tag in REQUISITES and len(child):
            draft.requisites = REQUISITES[tag]
            _read(draft, child)
        elif tag == "ЭтоГруппа":
            draft.is_folder = is_true(text(child))
        elif tag not in IGNORED and not is_deletion_mark(tag, child):
            _add_extra(draft.extra, tag, value_of(child))


def _read_roles(element: Element) -> list[str]:
    """`Покупатель, Поставщик` in one element are two; `Роли` holds several."""
    stated = [text(element), *(text(nested) for _, nested in children(element))]
    return [role for roles in stated if roles for role in _BETWEEN_ROLES.split(roles) if role]


def _read_list(tag: str, element: Element) -> Iterator[Entry]:
    for name, child in children(element):
        stated = value_of(child)
        entry = stated if isinstance(stated, dict) else {"text": stated} if stated else {}
        if tag != "Контакты":
            yield {"kind": name} | entry
        elif entry:
            yield read_contact(name, entry)


def _read_addresses(draft: _Draft, element: Element) -> None:
    """`Адреса`: an empty one says that there is no `Адрес`."""
    draft.addresses.setdefault("Адрес", [])
    for tag, child in children(element):
        draft.addresses.setdefault(tag, []).extend(_read_address(tag, child))


def _read_address(kind: str, element: Element) -> Iterator[Entry]:
    address: Entry = {}
    fields: dict[str, str | list[str]] = {}
    for tag, child in children(element):
        content = text(child)
        if tag == "АдресноеПоле":
            pair = {name: text(part) for name, part in children(child)}
            stated_as, content = pair.get("Тип"), pair.get("Значение")
            if stated_as and content:
                add_values(fields, stated_as, [content])
        elif content:
            if tag in _PARTS_OF_ADDRESS:
                address[_PARTS_OF_ADDRESS[tag]] = content
            else:
                add_values(fields, tag, [content])
    if text(element):
        address["text"] = text(element)
    if fields:
        address["fields"] = fields
    if address:
        yield {"kind": kind} | address


_PARTS_OF_ADDRESS = {"Представление": "text", "Значение": "value", "Комментарий": "comment"}


def _add_extra(extra: Entry, tag: str, value: object) -> None:
    """What is stated empty is None there."""
    extra.setdefault(tag, None)
    if tag not in PERSON or extra[tag] is None:
        add_value(extra, tag, value)


def _customer(draft: _Draft, onec_id: str, region: str, *, deleted: bool, line: int) -> Customer:
    texts, contacts = draft.texts, draft.lists.get("contacts")
    inn, kpp = split_pair(texts["inn"]) if "inn" in texts else (None, "")
    tax_id = read_tax_id(inn) if inn else None
    kpp = texts.get("kpp") or kpp
    return Customer(
        onec_id=onec_id,
        stated_kind=stated_kind(texts, draft.requisites),
        name=texts.get("name"),
        full_name=texts.get("official_name") or texts.get("full_name", texts.get("official_name")),
        inn=tax_id.number if tax_id else inn,
        inn_scheme=tax_id.scheme or "" if tax_id else inn,
        inn_valid=tax_id.is_valid if tax_id else None,
        kpp=read_kpp(kpp) if kpp else texts.get("kpp"),
        okpo=texts.get("okpo"),
        email=None if contacts is None else first_email(contacts) or "",
        phone=None if contacts is None else first_phone(contacts, region) or "",
        roles=None if draft.roles is None else tuple(draft.roles),
        addresses=draft.addresses,
        contacts=contacts,
        bank_accounts=draft.lists.get("bank_accounts"),
        representatives=draft.lists.get("representatives"),
        extra=draft.extra,
        deleted=deleted,
        line=line,
    )


def stated_kind(texts: Mapping[str, str], requisites: str | None) -> str | None:
    """What names and elements say of the kind: empty where they say nothing, None where that follows from another name.

    ОфициальноеНаименование and РеквизитыЮрЛица are those of a legal entity; but 1C's exchange rules write an
    entrepreneur's, too, there, whose name then begins as such.
    """
    official, full, name = (texts.get(stated, "") for stated in ("official_name", "full_name", "name"))
    if (official or requisites == "legal_entity") and not _BEGINS_AS_ENTREPRENEUR.match(official or full or name):
        return "legal_entity"
    if any(map(_ENTREPRENEUR.search, (official, full, name))):
        return "entrepreneur"
    if requisites == "individual":
        return requisites
    return "" if texts.keys() & {"official_name", "full_name"} else None


READERS: Mapping[str, Reader] = readers()

"""Customers: the contragents whose role is Покупатель. Personal data; none of it stands in a reason.

    <Контрагенты><Контрагент>
      <Ид>..</Ид><Роль>Покупатель</Роль><Наименование>..</Наименование>
      <ОфициальноеНаименование>..</ОфициальноеНаименование><ИНН>7701000009</ИНН><КПП>770101001</КПП>
      <АдресРегистрации><Представление>..</Представление>..</АдресРегистрации>
      <Контакты><Контакт><Тип>Почта</Тип><Значение>buyer@example.com</Значение></Контакт></Контакты>
    </Контрагент></Контрагенты>

Whoever is no buyer (a supplier, say) is passed over as not for us.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from onec_pipelines.commerceml.facts import Element, Reader, is_blank, is_deleted
from onec_pipelines.commerceml.records import Customer, Fact, NotForUs, Rejection, Unhandled
from onec_pipelines.commerceml.values import ValueRejected, check_id
from onec_pipelines.commerceml.xml import children, line_of, local_name, text

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
ADDRESSES = frozenset({"АдресРегистрации", "ЮридическийАдрес", "ФактическийАдрес", "Адрес"})
LISTS = {
    "Контакты": "contacts",
    "РасчетныеСчета": "bank_accounts",
    "Представители": "representatives",
}
IGNORED = frozenset(
    {
        "ПометкаУдаления",
        "Статус",  # both are read by is_deleted
        "НомерВерсии",
        "Код",
        "Комментарий",
        "Фамилия",
        "Имя",
        "Отчество",
        "Пол",
        "ДатаРождения",
        "МестоРождения",
        "УдостоверениеЛичности",
        "Обращение",
        "Место",
        "МестоРаботы",
        "ОсновнойВидДеятельности",
        "ОКВЭД",
        "ОКДП",
        "ОКОПФ",
        "ОКФС",
        "ЕГРПО",
        "ДатаРегистрации",
        "ДатаОбновления",
        "Руководитель",
    }
)
_EMAIL = re.compile(r"""[^\s@,;:<>()"']+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])""")
_LOOKED_AT = 1000
"""Characters of a contact in which an address or a number is looked for."""
_ENTREPRENEUR = re.compile(r"\bИП\b|индивидуальный предприниматель", re.IGNORECASE)
_PHONE_TYPE = re.compile(r"тел|моб|phone", re.IGNORECASE)
_INN_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


@dataclass(slots=True)
class _Draft:
    texts: dict[str, str] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    addresses: list[dict[str, object]] = field(default_factory=list)
    lists: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    unhandled: list[str] = field(default_factory=list)


def read_customer(element: Element) -> Iterator[Fact]:
    """A customer, or that the contragent is none."""
    if is_blank(element):
        return
    draft, line = _read_draft(element), line_of(element)
    yield from map(Unhandled, draft.unhandled)
    stated = draft.texts.get("onec_id")
    try:
        onec_id = check_id(stated)
    except ValueRejected as refused:
        yield Rejection("customer", None, None, str(refused), _payload(draft), line)
        return
    if draft.roles and BUYER not in {role.lower() for role in draft.roles}:
        yield NotForUs("customer", onec_id, line)
        return
    yield _customer(draft, onec_id, deleted=is_deleted(element), line=line)


def _payload(draft: _Draft) -> dict[str, str | None]:
    return {name: content[:1000] for name, content in draft.texts.items()}


def _read_draft(element: Element) -> _Draft:
    draft = _Draft()
    for tag, child in children(element):
        content = text(child)
        if tag in TEXTS:
            if content is not None:
                draft.texts.setdefault(TEXTS[tag], content)
        elif tag == "Роль":
            draft.roles += [content] if content else []
        elif tag == "Роли":
            draft.roles += [role for _, nested in children(child) if (role := text(nested))]
        elif tag in ADDRESSES:
            draft.addresses += _read_address(tag, child)
        elif tag in LISTS:
            draft.lists.setdefault(LISTS[tag], []).extend(_read_entry(name, entry) for name, entry in children(child))
        elif tag not in IGNORED:
            draft.unhandled.append(f"{local_name(element)}/{tag}")
    return draft


def _customer(draft: _Draft, onec_id: str, *, deleted: bool, line: int) -> Customer:
    texts = draft.texts
    inn = texts.get("inn")
    contacts = [_contact(entry) for entry in draft.lists["contacts"]] if "contacts" in draft.lists else None
    return Customer(
        onec_id=onec_id,
        kind=customer_kind(texts),
        name=texts.get("name"),
        full_name=texts.get("official_name") or texts.get("full_name"),
        inn=inn,
        inn_valid=is_valid_inn(inn) if inn else None,
        kpp=texts.get("kpp"),
        okpo=texts.get("okpo"),
        email=first_email(contacts or []),
        phone=first_phone(contacts or []),
        roles=tuple(draft.roles),
        addresses=draft.addresses or None,
        contacts=contacts,
        bank_accounts=draft.lists.get("bank_accounts"),
        representatives=draft.lists.get("representatives"),
        deleted=deleted,
        line=line,
    )


def customer_kind(texts: Mapping[str, str]) -> str | None:
    """`legal_entity`, `entrepreneur` or `individual`; None where nothing stated tells (then: an individual).

    A legal entity has a КПП, an ИНН of 10 digits or an ОфициальноеНаименование; an entrepreneur an ИНН of 12
    digits and `ИП` in a name.
    """
    inn = texts.get("inn", "")
    if len(inn) == 12:
        names = f"{texts.get('name', '')} {texts.get('full_name', '')} {texts.get('official_name', '')}"
        return "entrepreneur" if _ENTREPRENEUR.search(names) else "individual"
    if texts.get("kpp") or len(inn) == 10 or texts.get("official_name"):
        return "legal_entity"
    return None


def is_valid_inn(inn: str) -> bool:
    """Whether the control digits of an ИНН of 10 or 12 digits are right."""
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", inn):
        return False
    digits = [int(digit) for digit in inn]
    places = (9,) if len(inn) == 10 else (10, 11)
    return all(_control_digit(digits[:place]) == digits[place] for place in places)


def _control_digit(digits: list[int]) -> int:
    weights = _INN_WEIGHTS[-len(digits) :]
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11 % 10


def _contact(entry: dict[str, object]) -> dict[str, object]:
    return {
        name: entry[tag]
        for tag, name in (("Тип", "type"), ("Значение", "value"), ("Комментарий", "comment"))
        if tag in entry
    }


def first_email(contacts: list[dict[str, object]]) -> str | None:
    """The first contact that is an e-mail address, in lower case; a postal address under `Почта` is none."""
    for contact in contacts:
        found = _EMAIL.search(str(contact.get("value", ""))[:_LOOKED_AT])
        if found:
            return found.group().lower()
    return None


def first_phone(contacts: list[dict[str, object]]) -> str | None:
    """The first phone, normalised."""
    for contact in contacts:
        if _PHONE_TYPE.search(str(contact.get("type", ""))):
            phone = normalise_phone(str(contact.get("value", ""))[:_LOOKED_AT])
            if phone:
                return phone
    return None


def normalise_phone(stated: str) -> str | None:
    """`8 (912) 000-00-00` -> `+79120000000`; another country's number keeps its digits; None for no number."""
    first = re.split(r"[,;]|доб|ext", stated, maxsplit=1, flags=re.IGNORECASE)[0]
    digits = re.sub(r"[^0-9]", "", first)
    if len(digits) == 11 and digits[0] in "78":
        return f"+7{digits[1:]}"
    if len(digits) == 10 and not first.strip().startswith("+"):
        return f"+7{digits}"
    if not 5 <= len(digits) <= 15:
        return None
    return f"+{digits}" if first.strip().startswith("+") else digits


def _read_address(kind: str, element: Element) -> Iterator[dict[str, object]]:
    address: dict[str, object] = {"kind": kind}
    fields: dict[str, object] = {}
    for tag, child in children(element):
        content = text(child)
        if tag == "Представление" and content:
            address["text"] = content
        elif tag == "Комментарий" and content:
            address["comment"] = content
        elif tag == "АдресноеПоле":
            pair = {name: text(part) for name, part in children(child)}
            if pair.get("Тип") and pair.get("Значение"):
                fields[str(pair["Тип"])] = pair["Значение"]
    if text(element):
        address["text"] = text(element)
    if fields:
        address["fields"] = fields
    if len(address) > 1:
        yield address


def _read_entry(kind: str, element: Element) -> dict[str, object]:
    content = text(element)
    return {"kind": kind} | _tree(element) | ({"text": content} if content else {})


def _tree(element: etree._Element) -> dict[str, object]:
    """Nested elements as nested mappings; a tag that repeats becomes a list, empty ones are left out."""
    tree: dict[str, object] = {}
    for tag, child in children(element):
        value: object = _tree(child) if len(child) else text(child)
        if not value:
            continue
        if tag in tree:
            known = tree[tag]
            tree[tag] = [*(known if isinstance(known, list) else [known]), value]
        else:
            tree[tag] = value
    return tree


READERS: Mapping[str, Reader] = {"Контрагент": read_customer}

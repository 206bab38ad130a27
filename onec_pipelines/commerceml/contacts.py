"""Contacts of a contragent: each as it was written, and which of them is the e-mail and which the telephone.

    <Контакт><Тип>Почта</Тип><Значение>buyer@example.com</Значение><Комментарий>..</Комментарий></Контакт>

The type is also `КонтактВид`, the value also `Представление`. Under `Почта` stands an e-mail or a postal address: the
value tells.
"""

import re
from collections.abc import Iterable

from onec_pipelines.commerceml.phones import read_phone

Contact = dict[str, object]

LOOKED_AT = 1000
"""Characters of a contact in which an address is looked for."""
NAMES = (
    ("type", ("Тип", "КонтактВид", "Вид")),
    ("value", ("Значение", "Представление", "text")),
    ("comment", ("Комментарий",)),
)
"""What a contact is kept under, and the elements that state it, the first of them that does."""
_EMAIL = re.compile(
    r"""[^\s@,;:/<>()"'\[\]]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])(?![@\w-]|\.\w|/(?!\S*@))"""
)
_ADDRESS_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*://\S*|\bwww\.\S*|\b(?:xmpp|jabber|sip|skype|im):\S*", re.IGNORECASE)
_EMAIL_TYPE = re.compile(r"почт|mail|мейл|мэйл", re.IGNORECASE)
_OTHER_TYPE = re.compile(
    r"jabber|xmpp|джаббер|icq|аська|skype|скайп|telegram|телеграм|whats|ватсап|viber|вайбер"
    r"|сайт|site|web|веб|www|url|http|страниц|соц|facebook|instagram|vk|вконтакте",
    re.IGNORECASE,
)
_PHONE_TYPE = re.compile(r"тел(?!егр|екс|ефакс)|моб|сотов|phone|cell|mob", re.IGNORECASE)
_INTERNAL_TYPE = re.compile(r"внутр|internal", re.IGNORECASE)


def read_contact(tag: str, stated: Contact) -> Contact:
    """A contact from its elements; one that has no type bears that of its own element, if that tells one."""
    rest = dict(stated)
    contact: Contact = {}
    for name, elements in NAMES:
        found = next((element for element in elements if element in rest), None)
        if found:
            contact[name] = rest.pop(found)
    if tag != "Контакт" and stated:
        contact.setdefault("type", tag)
    return contact | rest


def first_email(contacts: Iterable[Contact]) -> str | None:
    """The first e-mail address, in lower case: of those that are called one, else of those not called anything else."""
    for contact in sorted(contacts, key=lambda contact: not _EMAIL_TYPE.search(_type(contact))):
        if _EMAIL_TYPE.search(_type(contact)) or not _OTHER_TYPE.search(_type(contact)):
            found = _EMAIL.search(_ADDRESS_ELSEWHERE.sub(" ", _said(contact)))
            if found:
                return found.group().lower()
    return None


def first_phone(contacts: Iterable[Contact], region: str) -> str | None:
    """The first contact that is a telephone or not called anything, and can be read; an internal one comes last."""
    for contact in sorted(contacts, key=lambda contact: bool(_INTERNAL_TYPE.search(_type(contact)))):
        if not _type(contact) or _PHONE_TYPE.search(_type(contact)):
            phone = read_phone(_said(contact), region)
            if phone:
                return phone
    return None


def _type(contact: Contact) -> str:
    return str(contact.get("type", ""))[:LOOKED_AT]


def _said(contact: Contact) -> str:
    return str(contact.get("value", ""))[:LOOKED_AT]

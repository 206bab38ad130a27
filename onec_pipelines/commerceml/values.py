"""Values as 1C writes them: numbers, flags, tax rates, identifiers. Pure functions over text."""

import re

MAX_ID_BYTES = 1024
"""PostgreSQL indexes keys of up to 2,704 bytes; 1C's own identifiers have 73."""
MAX_NUMBER_LENGTH = 1000
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)\Z")
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_NO_DATE = re.compile(r"(?:0001-01-01|0?1\.0?1\.0001)(?:[T ]0?0:00(?::00(?:[.,]0+)?)?(?:Z|[+-][0-9:]+)?)?\Z")
_SENTINEL = re.compile(r"-999999999[.,]90*\Z")
_NO_VAT = re.compile(r"\bбез\b", re.IGNORECASE)
_RATE = re.compile(r"(?<![0-9])[0-9]{1,3}(?:[.,][0-9]{1,4})?(?![0-9])")
_TRUE = frozenset({"true", "да", "1"})


class ValueRejected(ValueError):  # noqa: N818 - it says what happened
    """A value is not what its element must hold; the message is the reason, in Russian."""


def parse_number(text: str, name: str) -> str:
    """A number in PostgreSQL's notation: `3 159,50` -> `3159.50`. Digits are kept as written.

    `name` is the element, as the reason names it.

    Raises:
        ValueRejected: it is no finite decimal number (`NaN`, `по запросу`, `1,234.56`).
    """
    number, found = text, _NUMBER.match(text)
    if not found:
        number = _plain_number(text)
        found = _NUMBER.match(number)
    if not found or len(number) > MAX_NUMBER_LENGTH:
        raise ValueRejected(f"{name}: не число")
    return number.replace(",", ".")


def _plain_number(text: str) -> str:
    return _SPACES.sub("", text).replace("\u2212", "-")


def is_true(text: str | None) -> bool:
    """`true`, `Да` and `1`, in any case."""
    return text is not None and text.strip().lower() in _TRUE


def means_empty(text: str | None) -> bool:
    """Whether a value stands for no value: nothing, the zero GUID, or the date or the number that 1C has for none."""
    if text is None or text == ZERO_GUID:
        return True
    if "0001" in text and len(text) < 40 and _NO_DATE.match(text):
        return True
    return "999" in text and len(text) < 40 and _SENTINEL.match(_plain_number(text)) is not None


def parse_vat(text: str | None) -> str | None:
    """A VAT rate in percent: `20`, `20%`, `НДС20`, `20/120`; None for `Без НДС` and what names no rate."""
    if text is None or _NO_VAT.search(text[:100]):
        return None
    rate = _RATE.search(text[:100])
    return rate.group().replace(",", ".") if rate else None


def check_id(text: str | None, name: str = "Ид") -> str:
    """The identifier unchanged; `name` is the element, as the reason names it.

    Raises:
        ValueRejected: it is absent or longer than `MAX_ID_BYTES`.
    """
    if text is None:
        raise ValueRejected(f"нет {name}")
    if not fits_index(text):
        raise ValueRejected(f"{name} длиннее {MAX_ID_BYTES} байт")
    return text


def fits_index(text: str) -> bool:
    """Whether a value is short enough to be a key in PostgreSQL (`MAX_ID_BYTES` in UTF-8)."""
    return len(text) * 4 <= MAX_ID_BYTES or (len(text) <= MAX_ID_BYTES and len(text.encode()) <= MAX_ID_BYTES)


def fold_guids(text: str) -> str:
    """An identifier with the GUIDs in it, which are one in any case, in lower case: `good#char` has two."""
    if text == text.lower():
        return text
    return "#".join(part.lower() if _GUID.match(part) else part for part in text.split("#"))


def cases_of(onec_id: str) -> set[str]:
    """The forms in which files may be named after an identifier: a GUID in any case."""
    return {onec_id, onec_id.lower(), onec_id.upper()} if _GUID.match(onec_id) else {onec_id}

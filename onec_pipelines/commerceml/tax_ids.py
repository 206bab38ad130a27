"""Tax ids: what stands in `ИНН` and `КПП`, in whichever country the contragent is registered.

1C has one field for the number of any country. Its form tells which number it may be; lengths are shared between
countries, so that only a number of the Russian form can be told to be wrong.
"""

import re
from dataclasses import dataclass

from stdnum.by import unp
from stdnum.ru import inn
from stdnum.ua import edrpou

_PAIR = re.compile(r"(?:ИНН\W*)?([0-9]{10}|[0-9]{12})\s*(?:[/\\|,;]|КПП)\W*([0-9A-Z]*)\W*")
_KAZAKH = re.compile(
    r"[0-9]{2}(?:0[1-9]|1[0-2])"  # year and month: of registration, or of birth
    r"(?:(?P<bin>[4-6])[0-3][0-9]{6}|(?:0[1-9]|[12][0-9]|3[01])[0-6][0-9]{5})"  # its kind, or the day
)
_KAZAKH_WEIGHTS = ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))
_LONGEST = 20


@dataclass(frozen=True, slots=True)
class TaxId:
    """A tax id.

    Attributes:
        number: without spaces.
        scheme: `ru_inn`, `kz_bin`, `kz_iin`, `by_unp` or `ua_edrpou`, as its form tells; None for any other.
        is_valid: whether the check digits are right; None where no rule is known that must hold.
    """

    number: str
    scheme: str | None
    is_valid: bool | None


def split_pair(stated: str) -> tuple[str, str]:
    """ИНН and КПП of `7701000009/770101001`; any other text is an ИНН as it is, without КПП."""
    pair = _PAIR.fullmatch(stated)
    return (pair[1], pair[2]) if pair else (stated, "")


def read_kpp(stated: str) -> str:
    """A КПП; none (empty) where it is `0`, `-` or another text without a digit that says something."""
    return stated if re.search("[1-9]", stated) else ""


def read_tax_id(stated: str) -> TaxId:
    """What a number is, by its form."""
    number = re.sub(r"\s", "", stated) if re.fullmatch(r"[0-9\s]+", stated) else stated
    if len(number) > _LONGEST or not re.search("[1-9]", number):
        return TaxId(number, None, is_valid=False)
    if re.fullmatch("[0-9]{10}", number):
        return TaxId(number, "ru_inn", inn.is_valid(number))
    if re.fullmatch("[0-9]{12}", number):
        return _of_twelve_digits(number)
    if re.fullmatch("[0-9]{8}", number):
        return TaxId(number, "ua_edrpou", edrpou.is_valid(number) or None)
    if re.fullmatch("[0-9A-ZА-Я]{2}[0-9]{7}", number):
        return TaxId(number, "by_unp", unp.is_valid(number) or None)
    return TaxId(number, None, is_valid=None)


def _of_twelve_digits(number: str) -> TaxId:
    """A person's ИНН; or what begins with a date as the Kazakh numbers do, and is no ИНН that can be right."""
    kazakh = _KAZAKH.fullmatch(number)
    if inn.is_valid(number) or not kazakh:
        return TaxId(number, "ru_inn", inn.is_valid(number))
    return TaxId(number, "kz_bin" if kazakh["bin"] else "kz_iin", _is_valid_kazakh(number) or None)


def _is_valid_kazakh(number: str) -> bool:
    """The check digit of a БИН or ИИН: the weighted sum modulo 11; where that is 10, with the second weights."""
    for weights in _KAZAKH_WEIGHTS:
        control = sum(weight * int(digit) for weight, digit in zip(weights, number[:11], strict=True)) % 11
        if control < 10:
            return control == int(number[11])
    return False

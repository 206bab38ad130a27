"""Telephone numbers as people write them into 1C -> `+79120000000`, by the rules of Google's libphonenumber.

An extension, a second number and the words beside a number are no part of it. What cannot be read is no number.
"""

import re

import phonenumbers
from phonenumbers import Leniency, PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher, ValidationResult

HOME = "RU"
"""The country of numbers that state none."""
LOOKED_AT = 1000
"""Characters in which a number is looked for."""
_EIGHT_FOR_SEVEN = re.compile(r"\+8(?=[\s(-])")
"""No country has the code 8: somebody began with + what is dialled with 8."""
_ABROAD = re.compile(r"0[1-9][0-9]{8}")
"""No code of a Russian town begins with 0: the Belarusian ones are dialled 8 029, the Ukrainian ones 050."""
_NEIGHBOUR = re.compile(r"(?:37[0-9]|38|99[0-9])[0-9\s()-]{8,20}")
"""Codes of countries, with which no Russian number begins."""


def read_phone(stated: str, region: str = HOME) -> str | None:
    """The first number of a text, in the form E.164; `region` is the country of those that state none."""
    text = _EIGHT_FOR_SEVEN.sub("8", stated[:LOOKED_AT])
    for match in PhoneNumberMatcher(text, region, Leniency.POSSIBLE):
        number = _of_its_country(match.number, match.raw_string)
        if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return _without_plus(text)


def _of_its_country(number: PhoneNumber, written: str) -> PhoneNumber:
    national = phonenumbers.national_significant_number(number)
    if written.startswith("+") or not _ABROAD.fullmatch(national):
        return number
    if phonenumbers.normalize_digits_only(written).startswith("8"):
        return phonenumbers.parse(national, "BY")
    ukrainian = phonenumbers.parse(national, "UA")
    return ukrainian if phonenumbers.is_valid_number(ukrainian) else PhoneNumber()  # or a date


def _without_plus(text: str) -> str | None:
    """`375291234567`: a neighbour's number, with nothing beside it, whose + was left out."""
    number = _NEIGHBOUR.fullmatch(text) and phonenumbers.parse(f"+{text}")
    if not number or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)

"""Tax ids of several countries in one field."""

import pytest

from onec_pipelines.commerceml.tax_ids import TaxId, read_kpp, read_tax_id, split_pair


@pytest.mark.parametrize(
    ("inn", "valid"),
    [
        ("7707083893", True),
        ("7707083894", False),
        ("500100732259", True),
        ("500100732258", False),
        ("500100732249", False),
    ],
)
def test_a_russian_number_has_control_digits(inn, valid):
    assert read_tax_id(inn) == TaxId(inn, "ru_inn", valid)


@pytest.mark.parametrize("stated", ["0000000000", "000000000000", "00000000", "0", "-", "не указан", "9" * 5000])
def test_what_says_no_number_is_not_valid(stated):
    assert read_tax_id(stated) == TaxId(stated, None, is_valid=False)


@pytest.mark.parametrize(
    ("stated", "scheme"),
    [("000140000012", "kz_bin"), ("800101300016", "kz_iin"), ("200988541", "by_unp"), ("32855961", "ua_edrpou")],
)
def test_the_form_tells_the_number_of_a_neighbour(stated, scheme):
    assert read_tax_id(stated) == TaxId(stated, scheme, is_valid=True)


@pytest.mark.parametrize(
    ("stated", "scheme"),
    [
        ("000140000013", "kz_bin"),
        ("800101000000", "kz_iin"),
        ("200988542", "by_unp"),
        ("АВ1234567", "by_unp"),
        ("32855962", "ua_edrpou"),
        ("77070838930", None),
        ("00000000000001", None),
        ("DE123456789", None),
    ],
)
def test_a_number_that_may_be_of_any_country_is_never_called_wrong(stated, scheme):
    assert read_tax_id(stated) == TaxId(stated, scheme, is_valid=None)


def test_a_right_russian_number_that_begins_like_a_kazakh_one_is_russian():
    assert read_tax_id("770140000082") == TaxId("770140000082", "ru_inn", is_valid=True)


def test_spaces_are_no_part_of_a_number():
    assert read_tax_id("7707 083 893") == TaxId("7707083893", "ru_inn", is_valid=True)


@pytest.mark.parametrize(
    ("stated", "pair"),
    [
        ("7701000009/770101001", ("7701000009", "770101001")),
        ("7701000009 / 770101001", ("7701000009", "770101001")),
        ("7701000009\\770101001", ("7701000009", "770101001")),
        ("ИНН 7701000009 КПП 770101001", ("7701000009", "770101001")),
        ("500100732259/", ("500100732259", "")),
        ("7701000009", ("7701000009", "")),
        ("770/1", ("770/1", "")),
    ],
)
def test_inn_and_kpp_in_one_are_two(stated, pair):
    assert split_pair(stated) == pair


@pytest.mark.parametrize(("stated", "kpp"), [("770101001", "770101001"), ("0", ""), ("-", ""), ("000000000", "")])
def test_a_kpp_of_zeros_or_dashes_is_none(stated, kpp):
    assert read_kpp(stated) == kpp

"""Telephone numbers as people write them."""

import pytest

from onec_pipelines.commerceml.phones import read_phone


@pytest.mark.parametrize(
    "stated",
    [
        "8 (912) 000-00-00",
        "+7 912 000 00 00",
        "79120000000",
        "9120000000",
        "8.912.000.00.00",
        "(8-91200) 0-00-00",
        "+8(912)000-00-00",
        "+7(912)0000000",
        "тел.: 8 912 000-00-00, спросить Анну",
        "с 9 до 18: 8(912)0000000",
        "8 912 000-00-00 до 18:00",
    ],
)
def test_a_russian_number_is_one_however_it_is_written(stated):
    assert read_phone(stated) == "+79120000000"


def test_eight_after_a_plus_is_the_russian_eight():
    assert read_phone("+8 (000) 000-00-15") == "+70000000015"


def test_a_number_is_looked_for_in_the_beginning_of_a_text():
    assert read_phone(f"{'а ' * 500}8 912 000-00-00") is None


@pytest.mark.parametrize("more", [", доб. 12", " Доб.12", " вн. 12", " #5", " x123", " (внутр. 5)", " доб.(123)"])
def test_an_extension_is_no_part_of_a_number(more):
    assert read_phone(f"8 912 000-00-00{more}") == "+79120000000"


@pytest.mark.parametrize("between", ["; ", ", ", " / ", "/", " и ", "\n", " или "])
def test_of_two_numbers_the_first_counts(between):
    assert read_phone(f"8 912 000-00-00{between}8 912 111-11-11") == "+79120000000"


@pytest.mark.parametrize(
    ("stated", "phone"),
    [
        ("+375 29 123-45-67", "+375291234567"),
        ("375291234567", "+375291234567"),
        ("8 (029) 123-45-67", "+375291234567"),
        ("8 044 500-12-34", "+375445001234"),
        ("+380 (50) 123-45-67", "+380501234567"),
        ("380501234567", "+380501234567"),
        ("050 123-45-67", "+380501234567"),
        ("8 727 123 45 67", "+77271234567"),
        ("+998 90 123 45 67", "+998901234567"),
        ("+49 30 12345", "+493012345"),
    ],
)
def test_another_country_s_number_is_not_taken_for_a_russian_one(stated, phone):
    assert read_phone(stated) == phone


def test_the_region_tells_whose_a_number_is_that_names_no_country():
    assert [read_phone("029 123-45-67", region) for region in ("BY", "UA")] == ["+375291234567", "+380291234567"]


@pytest.mark.parametrize(
    "stated",
    ["", "нет", "112", "доб. 12", "10-09", "123-45-67", "2-00-19, Примерск", "+7", "9" * 100_000, "01.02.2023 10:00"],
)
def test_what_cannot_be_read_is_no_number(stated):
    assert read_phone(stated) is None

"""Values as 1C writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onec_pipelines.commerceml.values import (
    MAX_ID_BYTES,
    ZERO_GUID,
    ValueRejected,
    check_id,
    is_true,
    means_empty,
    parse_number,
    parse_vat,
)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("3159.00", "3159.00"),
        ("37.5", "37.5"),
        ("45000.0", "45000.0"),
        ("0", "0"),
        ("007", "007"),
        ("3159,50", "3159.50"),
        ("3 159,50", "3159.50"),
        ("3\u00a0159,50", "3159.50"),
        ("3\u202f159,50", "3159.50"),
        ("1 234 567", "1234567"),
        ("  12\n", "12"),
        ("-2.5", "-2.5"),
        ("- 2,5", "-2.5"),
        ("\u22122,5", "-2.5"),
        ("+5", "+5"),
        ("5.", "5."),
        (",5", ".5"),
        ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
    ],
)
def test_a_number_keeps_its_digits_and_gets_a_point(written, number):
    assert parse_number(written, "Цена") == number


@pytest.mark.parametrize(
    "written",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        "1e5",
        "1E5",
        "1,234.56",
        "1.234,56",
        "1.2.3",
        "--1",
        "1-",
        ".",
        ",",
        "-",
        "",
        " ",
        "по запросу",
        "100 руб.",
        "0x10",
        "1_000",
        "١٢٣",  # Arabic digits, which Python's int() takes
        "１２",
        "½",
        "9" * 1001,
    ],
)
def test_what_is_no_plain_number_is_rejected(written):
    with pytest.raises(ValueRejected, match=r"^Цена: не число$"):
        parse_number(written, "Цена")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_any_decimal_written_with_a_comma_is_read_back(value):
    assert parse_number(f"{value:f}".replace(".", ","), "Цена") == f"{value:f}"


@pytest.mark.parametrize("written", ["true", "True", "TRUE", "Да", "да", "1", " true "])
def test_a_flag_is_true_in_any_of_its_forms(written):
    assert is_true(written)


@pytest.mark.parametrize("written", ["false", "Нет", "0", "", None, "да нет"])
def test_any_other_flag_is_false(written):
    assert not is_true(written)


@pytest.mark.parametrize(
    "written",
    [
        None,
        ZERO_GUID,
        "-999 999 999,9",
        "-999\u00a0999\u00a0999,9",
        "-999999999,9",
        "-999999999.9",
        "-999 999 999,90",
        "\u2212999 999 999,9",
        "0001-01-01T00:00:00",
        "0001-01-01 00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000+03:00",
        "0001-01-01",
        "01.01.0001 0:00:00",
        "01.01.0001 00:00:00",
        "01.01.0001 0:00",
        "01.01.0001",
    ],
)
def test_the_zero_guid_the_sentinel_number_and_the_empty_date_mean_empty(written):
    assert means_empty(written)


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "0001",
        "0001-01-01T10:00:00",
        "0001-01-02",
        "01.01.2001",
        "11.01.0001",
        "999",
        "999 999 999,9",
        "-999 999 999",
        "-999 999 999,91",
        "9" * 50,
    ],
)
def test_other_values_do_not_mean_empty(written):
    assert not means_empty(written)


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("20", "20"),
        ("20%", "20"),
        ("20 %", "20"),
        ("20.00", "20.00"),
        ("6,5%", "6.5"),
        ("0", "0"),
        ("0%", "0"),
        ("НДС20", "20"),
        ("НДС 10%", "10"),
        ("20/120", "20"),
        ("Без НДС", None),
        ("без ндс", None),
        ("Без НДС (ст. 145)", None),
        ("БезНДС", None),
        ("Не облагается", None),
        ("Общая", None),
        ("", None),
        (None, None),
        ("9" * 200_000, None),
    ],
)
def test_a_vat_rate_is_a_percentage_or_none(written, rate):
    assert parse_vat(written) == rate


@pytest.mark.parametrize("written", ["137", "a#b", "Бренд", "", "я" * (MAX_ID_BYTES // 2)])
def test_an_id_is_any_string(written):
    assert check_id(written) == written


def test_an_absent_id_is_rejected():
    with pytest.raises(ValueRejected, match="нет Ид"):
        check_id(None)


@pytest.mark.parametrize("written", ["x" * (MAX_ID_BYTES + 1), "я" * (MAX_ID_BYTES // 2 + 1)])
def test_an_id_too_long_for_an_index_is_rejected_without_being_repeated(written):
    with pytest.raises(ValueRejected) as rejected:
        check_id(written)
    assert str(rejected.value) == "Ид длиннее 1024 байт"

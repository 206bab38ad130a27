"""Which file is the later one, and what several files of one list state together."""

import pytest

ACTIVE = "select onec_id from onec.products where is_active order by 1"
UUIDS = [f"{digit}0000000-0000-4000-8000-000000000001" for digit in "0f"]


@pytest.fixture
def goods(export):
    """Write a file of goods: `goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)`."""

    def write(name, date, ids, *, full, title="Стул"):
        stated = f' ДатаФормирования="{date}"' if date else ""
        mark = f' СодержитТолькоИзменения="{"false" if full else "true"}"'
        rows = "".join(f"<Товар><Ид>{one}</Ид><Наименование>{title}</Наименование></Товар>" for one in ids.split())
        path = export.write(f"goods/{name}", "")
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация{stated}>'
            f"<Каталог{mark}><Товары>{rows}</Товары></Каталог></КоммерческаяИнформация>",
            "utf-8",
        )

    return write


def name_of(rows, onec_id="a"):
    return rows(f"select name from onec.products where onec_id = '{onec_id}'")


@pytest.mark.parametrize("newer", [0, 1])
def test_of_two_files_with_equal_numbers_the_one_that_1c_formed_later_wins(newer, goods, imports, rows):
    dates = ["2026-11-20T10:00:00", "2026-11-20T9:30:00"]
    for uuid, date in zip(UUIDS, dates if newer == 0 else dates[::-1], strict=True):
        goods(f"goods_1_1_{uuid}.xml", date, "a", full=True, title=date)
    imports.catalog()
    assert name_of(rows) == [dates[0]]


def test_a_delta_wins_over_the_full_export_beside_it_whatever_their_names(goods, imports, rows):
    goods(f"goods_1_1_{UUIDS[1]}.xml", "2026-11-20T10:00:00", "a b", full=True, title="Чашка")
    goods(f"goods_1_1_{UUIDS[0]}.xml", "2026-11-21T10:00:00", "a", full=False, title="Чашка новая")
    imports.catalog()
    assert name_of(rows) == ["Чашка новая"]


@pytest.mark.parametrize("date", ["", "2026-11-20T10:00:00"])
def test_of_the_same_moment_or_none_changes_come_after_full(date, goods, imports, rows):
    goods("goods_2_1.xml", date, "a", full=True, title="Чашка")
    goods("goods_1_1.xml", date, "a", full=False, title="Чашка новая")
    imports.catalog()
    assert name_of(rows) == ["Чашка новая"]


def test_without_dates_the_higher_number_wins(goods, imports, rows):
    goods("goods_1_10.xml", "", "a", full=True, title="Десятый")
    goods("goods_1_9.xml", "", "a", full=True, title="Девятый")
    imports.catalog()
    assert name_of(rows) == ["Десятый"]


def test_the_later_date_wins_also_where_a_file_without_one_stands_between_the_two(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-21T10:00:00", "a b", full=True, title="Новое")
    goods("goods_1_2.xml", "", "b", full=True, title="Без даты")
    goods("goods_1_3.xml", "2026-11-20T10:00:00", "a b", full=True, title="Старое")
    imports.catalog()
    assert (name_of(rows, "a"), name_of(rows, "b")) == (["Новое"], ["Без даты"])


def test_changes_without_a_date_come_after_full_also_where_older_changes_stand_beside_them(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-21T10:00:00", "a", full=True, title="Полная")
    goods("goods_1_2.xml", "", "a", full=False, title="Без даты")
    goods("goods_1_3.xml", "2026-11-20T10:00:00", "a", full=False, title="Старое")
    imports.catalog()
    assert name_of(rows) == ["Без даты"]


def test_segments_with_dates_of_their_own_are_one_full_export(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    goods("goods_1_2.xml", "2026-11-20T10:00:09", "c", full=True)
    assert imports.catalog().export_kind == "full"
    goods("goods_1_1.xml", "2026-11-21T10:00:00", "a", full=True)
    goods("goods_1_2.xml", "2026-11-21T10:00:09", "c", full=True)
    assert imports.catalog().notices == ()
    assert rows(ACTIVE) == ["a", "c"]


DATE = "2026-11-20T10:00:00"


def portions(goods, *ids, date=DATE, numbers=(1, 2, 3)):
    for number, some in zip(numbers, ids, strict=True):
        goods(f"goods_1_{number}.xml", date, some, full=number == numbers[0])


def test_portions_of_one_moment_are_one_full_export(goods, imports, rows):
    portions(goods, "a", "b", "c d")
    imports.catalog()
    portions(goods, "a", "b", "c")
    assert imports.catalog().export_kind == "full"
    assert rows(ACTIVE) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("date", "numbers", "reason"),
    [
        (DATE, (1, 2, 4), "между их номерами есть пропуск"),
        (DATE, (2, 1, 3), "между их номерами есть пропуск"),
        ("", (1, 2, 3), "в них нет ДатаФормирования"),
    ],
)
def test_portions_with_a_gap_or_without_a_date_are_changes_and_a_notice_says_so(
    date, numbers, reason, goods, imports, rows
):
    portions(goods, "a", "b", "c d", numbers=numbers)
    imports.catalog()
    portions(goods, "a", "b", "c", date=date, numbers=numbers)
    report = imports.catalog()
    assert report.export_kind == "changes"
    assert reason in report.notices[0]
    assert rows(ACTIVE) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("other", ["goods_2_1.xml", "goods_3_1.xml"])
def test_changes_of_another_package_are_no_portions(other, goods, imports, rows):
    goods("goods_1_2.xml", DATE, "a b", full=True)
    imports.catalog()
    goods("goods_1_2.xml", DATE, "a", full=True)
    goods(other, DATE, "c", full=False)
    assert imports.catalog().export_kind == "changes"
    assert rows(ACTIVE) == ["a", "b", "c"]


def test_changes_of_another_moment_are_no_portions(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    imports.catalog()
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a", full=True)
    goods("goods_1_2.xml", "2026-11-20T12:00:00", "c", full=False)
    report = imports.catalog()
    assert (report.export_kind, report.notices) == ("changes", ())
    assert rows(ACTIVE) == ["a", "b", "c"]


def test_what_only_an_older_delta_states_does_not_count_as_named(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    imports.catalog()
    goods("goods_1_1.xml", "2026-11-22T10:00:00", "a", full=True)
    goods("goods_1_2.xml", "2026-11-21T10:00:00", "a b c", full=False, title="Старое")
    assert imports.catalog().export_kind == "full"
    assert rows(ACTIVE) == ["a"]
    assert name_of(rows) == ["Стул"]


def test_a_delta_is_older_by_the_newest_of_several_full_files(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b c", full=True)
    imports.catalog()
    goods("goods_1_1.xml", "2026-11-22T10:00:00", "a", full=True)
    goods("goods_1_2.xml", "2026-11-22T10:00:09", "b", full=True)
    goods("goods_1_3.xml", "2026-11-22T10:00:05", "c", full=False)
    assert imports.catalog().export_kind == "full"
    assert rows(ACTIVE) == ["a", "b"]


def test_a_delta_without_a_date_is_not_older_than_a_full_file_with_one(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    imports.catalog()
    goods("goods_1_1.xml", "2026-11-22T10:00:00", "a", full=True)
    goods("goods_1_2.xml", "", "c", full=False)
    assert imports.catalog().export_kind == "changes"
    assert rows(ACTIVE) == ["a", "b", "c"]


def test_an_older_delta_beside_full_prices_and_stocks_names_nothing_either(export, imports, rows, xml):
    def write(kind, date, rows, *, full, segment):
        path = getattr(export, kind)(rows, segment=segment, delta=not full)
        text = path.read_text("utf-8").replace(
            "<КоммерческаяИнформация>", f'<КоммерческаяИнформация ДатаФормирования="{date}">'
        )
        path.write_text(text, "utf-8")

    export.goods(xml.good("a") + xml.good("b"))
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    write("prices", "2026-11-20T10:00:00", xml.prices("a", retail=1) + xml.prices("b", retail=1), full=True, segment=1)
    write("rests", "2026-11-20T10:00:00", xml.rests("a", main=1, far=1) + xml.rests("b", main=1), full=True, segment=1)
    imports.everything()
    write("prices", "2026-11-22T10:00:00", xml.prices("a", retail=2), full=True, segment=1)
    write("prices", "2026-11-21T10:00:00", xml.prices("b", retail=9), full=False, segment=2)
    write("rests", "2026-11-22T10:00:00", xml.rests("a", main=2), full=True, segment=1)
    write("rests", "2026-11-21T10:00:00", xml.rests("a", far=9) + xml.rests("b", main=9), full=False, segment=2)
    imports.everything()
    assert rows("select value from onec.prices") == [2]
    assert rows("select quantity from onec.stocks") == [2]


def test_two_full_files_more_than_a_day_apart_are_named(goods, imports, rows):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    goods("goods_1_2.xml", "2026-11-22T10:00:00", "c", full=True)
    (notice,) = imports.catalog().notices
    assert notice.startswith(
        "Полная выгрузка goods/goods_1_1.xml старше другой полной, goods/goods_1_2.xml, больше чем на день"
    )
    assert rows(ACTIVE) == ["a", "b", "c"]


def test_two_full_files_a_day_apart_are_segments_and_not_worth_a_word(goods, imports):
    goods("goods_1_1.xml", "2026-11-20T10:00:00", "a b", full=True)
    goods("goods_1_2.xml", "2026-11-21T10:00:00", "c", full=True)
    assert imports.catalog().notices == ()


def test_a_date_that_does_not_exist_is_older_than_any_and_keeps_nothing_from_landing(goods, imports, rows):
    goods("goods_1_1.xml", "2026-02-30T10:00:00", "a b", full=True)
    goods("goods_1_2.xml", "2026-11-21T10:00:00", "c", full=True)
    (notice,) = imports.catalog().notices
    assert notice.startswith(
        "Полная выгрузка goods/goods_1_1.xml старше другой полной, goods/goods_1_2.xml, больше чем на день"
    )
    assert rows(ACTIVE) == ["a", "b", "c"]

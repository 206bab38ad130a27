"""What an export is: known files are opened by nobody, and what changes meanwhile is noticed."""

import os

import pytest

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.errors import ExportError


def document(inside: str) -> str:
    return f"<КоммерческаяИнформация>{inside}</КоммерческаяИнформация>"


GOODS = document("<Каталог><Товары><Товар><Ид>1</Ид></Товар></Товары></Каталог>")
PRICES = document("<ПакетПредложений><Предложения><Предложение><Цены/></Предложение></Предложения></ПакетПредложений>")


@pytest.fixture
def export(write, tmp_path) -> ExportSnapshot:
    write("import.xml", GOODS)
    write("prices.xml", PRICES)
    return ExportSnapshot(tmp_path)


def names(files) -> list[str]:
    return [file.name for file in files]


# What is opened -----------------------------------------------------------------------------------------------


def test_an_export_that_nobody_asks_is_not_even_listed(tmp_path):
    absent = ExportSnapshot(tmp_path / "absent")
    with pytest.raises(ExportError, match="не найдена"):
        _ = absent.files


def test_each_file_is_read_once_whatever_is_asked(export, reads):
    assert names(export.files_of("catalog")) == ["import.xml"]
    assert names(export.files_of("prices")) == ["prices.xml"]
    assert export.states_any({"Цены"})
    assert not export.states_any({"Остатки"})
    assert reads.opens == {"import.xml": 1, "prices.xml": 1}


def test_a_question_opens_no_file_behind_the_first_that_answers_it(write, tmp_path, reads):
    write("a.xml", document("<Классификатор/>"))
    write("b.xml", GOODS)
    write("c.xml", GOODS)
    assert ExportSnapshot(tmp_path).states_any({"Товары"})
    assert reads.opens == {"a.xml": 1, "b.xml": 1}


def test_what_was_read_to_its_end_to_answer_is_known_from_then_on(export, reads):
    assert not export.states_any({"Остатки"})
    assert len(export.contents) == 2
    assert reads.opens == {"import.xml": 1, "prices.xml": 1}


def test_a_small_file_that_answers_is_known_from_then_on(export, reads):
    assert export.states_any({"Товары"})
    assert len(export.contents) == 2
    assert reads.opens == {"import.xml": 1, "prices.xml": 1}


def test_what_was_read_in_part_is_not_taken_for_all_of_it(write, tmp_path):
    write("import.xml", GOODS + " " * (2 << 20) + PRICES)
    export = ExportSnapshot(tmp_path)
    assert export.states_any({"Товары"})
    assert export.states_any({"Цены"})
    (content,) = export.contents.values()
    assert content.tags.keys() == {"Товары", "Товар", "Предложения", "Предложение", "Цены"}


def test_what_one_snapshot_has_looked_at_the_next_one_knows(export, tmp_path, reads):
    assert len(export.contents) == 2
    reads.forget()
    assert ExportSnapshot(tmp_path, export.looked_at).contents == export.contents
    assert reads.opens == {}


def test_a_file_that_is_touched_meanwhile_is_looked_at_anew(export, tmp_path, reads):
    assert len(export.contents) == 2
    reads.forget()
    os.utime(tmp_path / "import.xml")
    assert len(ExportSnapshot(tmp_path, export.looked_at).contents) == 2
    assert reads.opens == {"import.xml": 1}


# Whether files are whole ----------------------------------------------------------------------------------------


def test_a_file_that_seems_to_hold_nothing_must_be_whole(write, tmp_path):
    write("import.xml", GOODS)
    write("offers.xml", PRICES[: len(PRICES) // 3])
    with pytest.raises(ExportError, match=r"offers\.xml"):
        ExportSnapshot(tmp_path).files_of("customers")


def test_a_file_that_ends_oddly_is_parsed_once_to_know_that_it_is_whole(write, tmp_path, reads):
    write("import.xml", GOODS + "<!-- written by 1C -->")
    export = ExportSnapshot(tmp_path)
    assert [export.files_of("customers"), export.files_of("prices")] == [{}, {}]
    assert reads.opens == {"import.xml": 2}
    assert ExportSnapshot(tmp_path, export.looked_at).files_of("stocks") == {}
    assert reads.opens == {"import.xml": 2}


# What changes meanwhile -----------------------------------------------------------------------------------------


def changed(export: ExportSnapshot, dataset: str) -> str:
    with pytest.raises(ExportError) as refused:
        export.refuse_if_changed(dataset)
    return str(refused.value)


def test_an_export_that_stays_as_it_is_is_not_opened_to_see_that(export, reads):
    assert len(export.contents) == 2
    reads.forget()
    export.refuse_if_changed("catalog")
    assert reads.opens == {}


def test_a_file_that_is_written_in_place_with_its_size_and_time_kept_has_changed(export, tmp_path):
    path = tmp_path / "prices.xml"
    assert len(export.contents) == 2
    moment = path.stat().st_mtime_ns
    path.write_text(PRICES.replace("Предложение>", "Предложениe>"), encoding="utf-8")
    os.utime(path, ns=(moment, moment))
    path.write_bytes(path.read_bytes()[: len(PRICES.encode())].ljust(len(PRICES.encode())))
    os.utime(path, ns=(moment, moment))
    assert changed(export, "prices").startswith("Во время импорта изменились файлы: prices.xml.")
    export.refuse_if_changed("catalog")


@pytest.mark.parametrize("touch", [os.utime, lambda path: path.unlink(), lambda path: path.write_text("")])
def test_a_file_that_is_touched_emptied_or_gone_has_changed(export, tmp_path, touch):
    assert len(export.contents) == 2
    touch(tmp_path / "prices.xml")
    assert "prices.xml" in changed(export, "prices")


def test_a_file_that_comes_counts_for_the_dataset_that_it_holds(export, write):
    assert len(export.contents) == 2
    write("more.xml", GOODS)
    assert "more.xml" in changed(export, "catalog")
    export.refuse_if_changed("prices")


def test_whose_a_file_is_may_change_while_it_is_read(export, tmp_path):
    assert len(export.contents) == 2
    (tmp_path / "prices.xml").chmod(0o640)
    export.refuse_if_changed("prices")

"""An ImportReport as metadata: what an export says is text on one line, or a cell of a table, and never Markdown."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from onec_pipelines.importing import Counters, ImportReport, UnlandedRow
from onec_pipelines.importing.report import Change, Changes
from onec_pipelines.orchestration.runs.metadata import failure_metadata, report_metadata

ROW = UnlandedRow(
    reason="нет товара",
    article="A-1",
    name="Стул",
    cell=None,
    file="offers/1.xml",
    line=7,
    onec_id="g#1",
    import_type="catalog",
    entity="offer",
    first_seen_at=datetime(2026, 11, 20, 15, 2, tzinfo=UTC),
)


def report(errors: int = 0, **more: object) -> ImportReport:
    return ImportReport("catalog", "onec.products", 1, "full", "0" * 16, Counters(errors=errors), 0.1, **more)


def test_notices_are_text_a_line_each():
    metadata = report_metadata("catalog", report(notices=("![x](/y)\n\x1b[2J", "two")), "UTC")
    assert metadata["notices"].text == "![x](/y)\\n\\x1b[2J\ntwo"


def test_without_notices_there_is_no_such_key():
    assert "notices" not in report_metadata("catalog", report(), "UTC")


def test_rejected_rows_are_a_table_of_text():
    acts = replace(ROW, reason="\x9b", article="\t", name="\x1b[2J", file="\n", onec_id="\u202eid")
    table = report_metadata("catalog", report(rejected=(acts,)), "UTC")["rejected_rows"]
    assert [record.data for record in table.records] == [
        {"reason": r"\u009b", "article": r"\t", "name": r"\x1b[2J", "file": r"\n", "line": 7, "id": r"\u202eid"}
    ]


def test_the_reason_of_a_row_comes_first_then_the_good_then_the_place():
    nameless = replace(ROW, article=None, name=None, line=None, onec_id=None)
    table = report_metadata("catalog", report(rejected=(ROW, nameless)), "UTC")["rejected_rows"]
    assert [column.name for column in table.schema.columns] == ["reason", "article", "name", "file", "line", "id"]
    assert [list(record.data.values()) for record in table.records] == [
        ["нет товара", "A-1", "Стул", "offers/1.xml", 7, "g#1"],
        ["нет товара", None, None, "offers/1.xml", None, None],
    ]


def test_a_pending_row_says_since_when_it_waits_in_the_zone_of_the_settings():
    metadata = report_metadata("catalog", report(pending=(ROW,), details={"pending": 1}), "Europe/Moscow")
    (record,) = metadata["pending_rows"].records
    assert list(record.data) == ["reason", "article", "name", "file", "line", "id", "waiting_since"]
    assert record.data["waiting_since"] == "2026-11-20T18:02:00+03:00"


def test_a_table_of_rows_has_a_heading_that_says_how_many_there_are_and_how_to_have_them_all():
    rows = (ROW,) * 10
    metadata = report_metadata("catalog", report(20_004, rejected=rows, pending=rows, details={"pending": 10}), "UTC")
    assert metadata["rejected"].text == "10 of 20,004; all of them: onec rejected --type catalog --csv FILE"
    assert metadata["pending"].text == "10 of 10"


def test_without_such_rows_there_is_neither_table_nor_heading():
    metadata = report_metadata("catalog", report(details={"pending": 0}), "UTC")
    assert metadata.keys().isdisjoint({"rejected", "rejected_rows", "pending", "pending_rows"})


def test_the_sentence_of_a_failure_is_one_line_of_text():
    metadata = failure_metadata("catalog", "Файл \x1b[2J\n.xml", Counters())
    assert metadata["error_message"].text == r"Файл \x1b[2J\n.xml"


def test_what_rose_and_fell_is_plotted_and_the_largest_changes_are_a_table_that_begins_with_them():
    largest = (
        Change("A-1", "Стул\x1b[31m", "Розничная", Decimal("100.50"), Decimal("50.25")),
        Change(None, "Стол", "Опт", Decimal(5), None),
    )
    changes = Changes(raised=3, lowered=1, removed=1, median_percent=-2.5, largest=largest)
    metadata = report_metadata("prices", report(changes=changes), "UTC")
    assert (metadata["raised"].value, metadata["lowered"].value, metadata["median_change_pct"].value) == (3, 1, -2.5)
    assert [list(record.data.values()) for record in metadata["largest_changes"].records] == [
        ["-50.0 %", "100.50", "50.25", "A-1", r"Стул\x1b[31m", "Розничная"],
        ["", "5", "", "", "Стол", "Опт"],
    ]


def test_an_import_of_which_no_history_is_kept_says_nothing_of_changes():
    assert report_metadata("prices", report(), "UTC").keys().isdisjoint({"raised", "lowered", "median_change_pct"})

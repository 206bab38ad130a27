"""An ImportReport as metadata: what an export says is text on one line, or a cell of a table, and never Markdown."""

from onec_pipelines.importing import Counters, ImportReport, RejectedRow
from onec_pipelines.orchestration.runs.metadata import failure_metadata, report_metadata


def report(**more: object) -> ImportReport:
    return ImportReport("catalog", "onec.products", 1, "full", "0" * 16, Counters(), 0.1, **more)


def test_notices_are_text_a_line_each():
    metadata = report_metadata("catalog", report(notices=("![x](/y)\n\x1b[2J", "two")), "UTC")
    assert metadata["notices"].text == "![x](/y)\\n\\x1b[2J\ntwo"


def test_without_notices_there_is_no_such_key():
    assert "notices" not in report_metadata("catalog", report(), "UTC")


def test_rejected_rows_are_a_table_of_text():
    rows = (RejectedRow("goods/\x1b[2J.xml", 7, "\u202eid", "не число: '\x9b'"), RejectedRow("a", None, None, "b"))
    table = report_metadata("catalog", report(rejected=rows), "UTC")["rejected_rows"]
    assert [record.data for record in table.records] == [
        {"file": r"goods/\x1b[2J.xml", "line": 7, "id": r"\u202eid", "reason": r"не число: '\u009b'"},
        {"file": "a", "line": None, "id": None, "reason": "b"},
    ]


def test_the_sentence_of_a_failure_is_one_line_of_text():
    metadata = failure_metadata("catalog", "Файл \x1b[2J\n.xml", Counters())
    assert metadata["error_message"].text == r"Файл \x1b[2J\n.xml"

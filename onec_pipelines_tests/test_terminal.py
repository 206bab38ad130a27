"""What people see on a terminal: the report of an import, the list of sessions, the bar."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.runs.history import Session
from onec_pipelines.terminal import print_report, print_sessions, progress_bars, progress_text, watch_sessions

STARTED = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)
CATALOG = {"total_items": 184, "processed_items": 184, "created": 182, "updated": 0, "skipped": 1, "errors": 1}
IMAGES = {"total_products": 56, "processed": 56, "copied": 91, "skipped": 10, "errors": 4}
COMPLETED = Session(
    run_id="9564b328-b80f-4ad9-b617-c6800c97c6df",
    import_type="all",
    status="completed",
    processed=240,
    total=240,
    started_at=STARTED,
    finished_at=STARTED + timedelta(seconds=1.5),
    counters={"catalog": CATALOG, "product_images": IMAGES},
    error_message=None,
)
FAILED = replace(
    COMPLETED,
    run_id="be90b8ea-72aa-43fe-802c-517090c1ac37",
    import_type="images",
    status="failed",
    processed=28,
    total=56,
    counters={},
    error_message="Невозможно загрузить изображения: каталог товаров пуст. Сначала импортируйте полный каталог.",
)


def printed(show, *args: object, width: int = 80) -> str:
    file = io.StringIO()
    show(Console(file=file, width=width), *args)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_a_report_is_a_line_for_each_asset_and_the_outcome():
    assert printed(print_report, COMPLETED) == (
        "asset           total  processed  created  updated  skipped  errors\n"
        "catalog           184        184      182        0        1       1\n"
        "product_images     56         56       91                10       4\n"
        "completed in 1.5 s, run 9564b328-b80f-4ad9-b617-c6800c97c6df"
    )


def test_a_report_and_a_list_of_sessions_tell_what_was_removed():
    session = replace(COMPLETED, counters={"catalog": {**CATALOG, "removed": 7}, "product_thumbnails": IMAGES})
    assert printed(print_report, session).splitlines()[:3] == [
        "asset               total  processed  created  updated  skipped  errors  removed",
        "catalog               184        184      182        0        1       1        7",
        "product_thumbnails     56         56       91                10       4",
    ]
    assert "1 error, 182 created, 7 removed, 1 skipped\n" in printed(print_sessions, [session], "Europe/Moscow")


def test_a_report_says_what_a_person_should_know():
    session = replace(COMPLETED, notices=("customers: Директория контрагентов не найдена.",))
    said = printed(print_report, session, width=40)
    assert "\ncustomers: Директория контрагентов не найдена.\n" in said


def test_the_report_of_a_failed_import_ends_with_its_error_on_one_line():
    assert printed(print_report, FAILED, width=40).endswith(f"\n{FAILED.error_message}")


def test_an_import_that_failed_before_its_first_asset_has_no_table():
    assert printed(print_report, FAILED).startswith("failed in 1.5 s, run be90b8ea-")


def test_an_error_is_not_taken_for_markup():
    session = replace(FAILED, error_message="no such file: [red]a[/red].xml")
    assert printed(print_report, session).endswith("no such file: [red]a[/red].xml")
    assert "[red]a[/red]" in printed(print_sessions, [session], "UTC")


def test_what_acts_in_a_notice_or_an_error_is_shown():
    session = replace(FAILED, notices=("\x1b]0;x\x07 :smile:",), error_message="\x9b2J\n[link=http://x]y[/link]")
    for text in (printed(print_report, session), printed(print_sessions, [session], "UTC")):
        assert r"\x1b]0;x\x07 :smile:" in text
        assert r"\u009b2J\n[link=http://x]y[/link]" in text


def test_sessions_are_lines_in_the_zone_of_the_settings():
    assert printed(print_sessions, [COMPLETED, FAILED], "Europe/Moscow") == (
        "id        type        status       progress            started              took\n"
        "9564b328  all         completed    ████ 240/240        2026-02-01 01:30    1.5 s\n"
        "          catalog         1 error, 182 created, 1 skipped\n"
        "          product_images  4 errors, 91 copied, 10 skipped\n"
        "be90b8ea  images      failed       at 28/56            2026-02-01 01:30    1.5 s\n"
        f"          {FAILED.error_message}\n"
        "Times are those of Europe/Moscow."
    )


def test_the_longest_line_of_a_session_has_80_columns():
    session = replace(COMPLETED, import_type="thumbnails", processed=649_000, total=649_000)
    slow = replace(session, status="in_progress", started_at=STARTED, finished_at=STARTED + timedelta(hours=2))
    assert [len(line) for line in printed(print_sessions, [slow], "UTC").splitlines()[:2]] == [80, 80]


def test_a_session_that_has_not_started_has_no_time():
    pending = replace(COMPLETED, status="pending", started_at=None, finished_at=None, counters={}, processed=0, total=0)
    assert printed(print_sessions, [pending], "UTC").splitlines()[1] == ("9564b328  all         pending      ░░░░ 0/0")


def test_without_a_session_the_first_command_is_named():
    assert printed(print_sessions, [], "UTC") == "No import has run yet: onec import all"


@pytest.mark.parametrize(
    ("status", "processed", "total", "text"),
    [
        ("pending", 0, 0, "░░░░ 0/0"),
        ("in_progress", 1, 3, "█░░░ 1/3"),
        ("in_progress", 4, 3, "████ 4/3"),
        ("completed", 3, 3, "████ 3/3"),
        ("completed", 0, 0, "████ 0/0"),
        ("failed", 1, 3, "at 1/3"),
        ("failed", 0, 3, "at 0/3"),
        ("failed", 0, 0, ""),
    ],
)
def test_only_what_goes_on_has_a_bar_that_is_not_full(status, processed, total, text):
    session = replace(COMPLETED, import_type="catalog", status=status, processed=processed, total=total)
    assert progress_text(session) == text


def test_where_there_is_no_terminal_no_bar_is_drawn(capfd):
    with progress_bars() as show:
        show("product_images", Counters(total=5, processed=2))
    assert capfd.readouterr() == ("", "")


def test_watching_ends_when_every_session_has_ended():
    looks = iter([[replace(COMPLETED, status="in_progress", processed=120), FAILED], [COMPLETED, FAILED]])
    shown = printed(watch_sessions, lambda: next(looks), "Europe/Moscow")
    assert "completed" in shown
    assert next(looks, None) is None

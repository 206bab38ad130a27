"""How it looks on a terminal: progress bars while an import goes, its report, the list of sessions, lists of rows."""

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from onec_pipelines.importing.past import Since
from onec_pipelines.importing.report import NOTHING_NEW, came_to, number_text, shown_of
from onec_pipelines.shown import counted, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from onec_pipelines.importing import Counters, UnlandedRow
    from onec_pipelines.importing.explaining import Explanation, Fact
    from onec_pipelines.importing.past import Good, Import, Version
    from onec_pipelines.importing.planning import Plan
    from onec_pipelines.importing.report import Changes
    from onec_pipelines.orchestration.runs.history import Session
    from onec_pipelines.orchestration.runs.progress import Watch
    from onec_pipelines.orchestration.status import Status

STYLES = {"completed": "green", "failed": "red", "in_progress": "yellow", "pending": "dim"}
BAR_WIDTH = 4
ENDED = frozenset({"completed", "failed"})
WATCH_EVERY_SECONDS = 1.0
INDENT = 4
REASON = 68
"""So wide the column of reasons is at most: a day stands beside it."""
NO_IMPORT = "No import has run yet: onec import all"
HEADER = f"{'id':<8}  {'type':<10}  {'status':<11}  {'progress':<18}  {'started':<16}  {'took':>7}"


@contextmanager
def progress_bars() -> "Iterator[Watch]":
    """A function that shows an asset's counters as a bar, on a terminal; it shows nothing elsewhere.

    The bars are drawn on a duplicate of stderr: while a step runs, Dagster writes what is printed into a file.
    """
    if not sys.stderr.isatty():
        yield lambda _asset, _counters: None
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as stderr,
        Progress(*columns, console=Console(file=stderr), redirect_stdout=False, redirect_stderr=False) as progress,
    ):

        def show(asset: str, counters: "Counters") -> None:
            if asset not in tasks:
                tasks[asset] = progress.add_task(asset.replace("_", " "), total=None)
            progress.update(tasks[asset], completed=counters.processed, total=counters.total or None)

        yield show


def print_report(console: Console, session: "Session") -> None:
    """What one import came to: a line for each asset, what a person should know, and the error of a failed one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("asset")
    removes = any(counters.get("removed") for counters in session.counters.values())
    for column in ("total", "processed", "created", "updated", "skipped", "errors", *["removed"] * removes):
        table.add_column(column, justify="right")
    for asset, counters in session.counters.items():
        table.add_row(asset, *_cells(counters)[: len(table.columns) - 1])
    if session.counters:
        console.print(table)
    for notice in session.notices:
        console.print(Text(visible(notice), style="yellow"), soft_wrap=True)
    console.print(
        Text.assemble(
            (session.status, STYLES[session.status]), f" in {session.duration_seconds or 0:.1f} s, run {session.run_id}"
        )
    )
    if session.error_message:
        console.print(Text(visible(session.error_message), style="red"), soft_wrap=True)


def _cells(counters: dict[str, int]) -> list[str]:
    """The cells of a row under the columns of the report; images are copied where rows are created."""
    total, processed = [str(value) for value in list(counters.values())[:2]] or ["", ""]
    created = counters.get("created", counters.get("copied", 0))
    updated = counters.get("updated")
    return [
        total,
        processed,
        str(created),
        "" if updated is None else str(updated),
        str(counters.get("skipped", 0)),
        str(counters.get("errors", 0)),
        str(counters.get("removed", "")),
    ]


def print_sessions(console: Console, sessions: list["Session"], zone: str) -> None:
    """The list of sessions, newest first: a line each, below it the counters of its assets, notices and its error."""
    console.print(sessions_text(sessions, zone), soft_wrap=True)


def watch_sessions(console: Console, look: "Callable[[], list[Session]]", zone: str) -> None:
    """Show the list again and again, until every session in it has ended."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            sessions = look()
            live.update(sessions_text(sessions, zone), refresh=True)
            if all(session.status in ENDED for session in sessions):
                return
            time.sleep(WATCH_EVERY_SECONDS)


def sessions_text(sessions: list["Session"], zone: str) -> Text:
    """The list of sessions as it is shown."""
    if not sessions:
        return Text(NO_IMPORT)
    lines = [Text(HEADER, style="bold")]
    for session in sessions:
        lines.append(_session_line(session, zone))
        if session.source:
            lines.append(Text(f"          {visible(session.source)}", style="dim"))
        for asset, counters in session.counters.items():
            lines.append(Text(f"          {asset:<15} {', '.join(came_to(counters))}", style="dim"))
        notices = [notice for notice in session.notices if not notice.endswith(NOTHING_NEW)]
        lines.extend(Text(f"          {visible(notice)}", style="yellow") for notice in notices)
        if session.error_message:
            lines.append(Text(f"          {visible(session.error_message)}", style="red"))
    lines.append(Text(f"Times are those of {zone}.", style="dim"))
    return Text("\n").join(lines)


def _session_line(session: "Session", zone: str) -> Text:
    started = session.started_at
    shown = started.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if started else ""
    seconds = session.duration_seconds
    duration = "" if seconds is None else f"{seconds:.1f} s" if seconds < 1000 else f"{seconds / 60:.0f} min"
    return Text.assemble(
        f"{session.run_id[:8]}  {session.import_type:<10}  ",
        (f"{session.status:<11}", STYLES[session.status]),
        f"  {progress_text(session):<18}  {shown:<16}  {duration:>7}",
    )


def progress_text(session: "Session") -> str:
    """`████ 809/809`; only what goes on has a bar that is not full."""
    reached = f"{session.processed}/{session.total}"
    if session.status == "failed":
        return f"at {reached}" if session.total else ""
    share = session.processed / session.total if session.total else 0.0
    filled = BAR_WIDTH if session.status == "completed" else min(BAR_WIDTH, int(share * BAR_WIDTH))
    return f"{'█' * filled}{'░' * (BAR_WIDTH - filled)} {reached}"


def print_unlanded(console: Console, rows: list["UnlandedRow"], total: int, zone: str) -> None:
    """The first rows that are rejected or pending: since when and why, below it which they are and where they stood.

    The reason is for those who run 1C, in Russian, and has no other word beside it. What has no name, as a customer has
    none here, goes by its id. A path is one piece, so that it can be copied.
    """

    def why(row: "UnlandedRow") -> tuple[str, str]:
        return visible(row.reason), f"{row.first_seen_at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"

    width = min(REASON, max(len(visible(row.reason)) for row in rows))
    console.print(Text(shown_of(len(rows), total, "--csv FILE"), style="bold"))
    console.print(Text(f"{'reason':<{width}}  since", style="dim"))
    for (reason, since), alike in groupby(rows, why):
        console.print(Text.assemble((f"{reason:<{width}}", "yellow"), (f"  {since}", "dim")), soft_wrap=True)
        for row in alike:
            named = "  ".join(filter(None, (row.article, row.name or row.onec_id, row.cell)))
            place = row.file if row.line is None else f"{row.file}, line {row.line}"
            for text, style in ((named, ""), (place, "dim")) if named else ((place, "dim"),):
                console.print(Text(f"{' ' * INDENT}{visible(text)}", style), soft_wrap=True)


def print_history(console: Console, found: "Mapping[Good, list[Version]]", zone: str) -> None:
    """The versions of prices and stocks of each good: a line each, the newest first."""
    for good, versions in found.items():
        console.print(Text(_title(good.article, good.name), style="bold"), soft_wrap=True)
        for (variant, kind, of), alike in groupby(versions, lambda v: (v.variant, v.kind, v.of)):
            console.print(Text(visible(f"  {variant}: {kind}, {of}")), soft_wrap=True)
            for version in alike:
                until = _moment(version.valid_to, zone) if version.valid_to else "now"
                value = " ".join(filter(None, (number_text(version.value), version.currency)))
                held = f"    {_moment(version.valid_from, zone)} - {until:<16}"
                line = f"{held}  {visible(value):<18}{_by(version.import_id)}".rstrip()
                console.print(Text(line, style="" if version.valid_to is None else "dim"), soft_wrap=True)
        if not versions:
            console.print(Text("  It has, and had, neither a price nor a stock."))
    console.print(Text(f"Times are those of {zone}.", style="dim"))


def print_changes(console: Console, told: "Sequence[tuple[Import | Since, Changes | None]]", zone: str) -> None:
    """How prices and stocks changed: the numbers, and the largest changes as a table."""
    for by, changes in told:
        console.print(Text(_changed_by(by, zone), style="bold"), soft_wrap=True)
        if changes is not None:
            _print_changes(console, changes)
    if not told:
        console.print(Text("No import of prices or stocks is on record yet."))
    console.print(Text(f"Times are those of {zone}.", style="dim"))


def _print_changes(console: Console, changes: "Changes") -> None:
    median = "" if changes.median_percent is None else f", median {changes.median_percent:+.1f} %"
    numbers = _numbers({name: getattr(changes, name) for name in ("created", "raised", "lowered", "removed")})
    console.print(Text(f"  {numbers}{median}"))
    for change in changes.largest:
        percent = "" if change.percent is None else f"{change.percent:+.1f} %"
        was, becomes = (number_text(value) or "none" for value in (change.was, change.becomes))
        console.print(Text(f"  {percent:>10}  {was} -> {becomes}"), soft_wrap=True)
        named = f"{_title(change.article, change.name)}, {visible(change.of)}"
        console.print(Padding(Text(named, "dim"), (0, 0, 0, 14), expand=False))


def _numbers(counted: "Mapping[str, int]") -> str:
    """`1,204 created, 3 removed`: no zeros."""
    return ", ".join(f"{number:,} {name}" for name, number in counted.items() if number) or "nothing"


def print_plan(console: Console, plan: "Plan", samples: int) -> None:
    """What an import would do: of each dataset the numbers, some rows and what a person should know."""
    for name, planned in plan.planned.items():
        counters = planned.report.counters
        published = "published" if planned.writes else "published again"
        created = published if name == "images" else "created"
        counted = {created: counters.created, "updated": counters.updated, "removed": counters.removed}
        counted |= {"rejected": counters.errors, "pending": planned.report.details.get("pending", 0)}
        console.print(Text.assemble((f"{name:<10} ", "bold"), _numbers(counted)), soft_wrap=True)
        for sample in planned.samples:
            console.print(Text(f"  {visible(sample)}", style="dim"), soft_wrap=True)
        if planned.report.changes and planned.writes:
            _print_changes(console, replace(planned.report.changes, largest=planned.report.changes.largest[:samples]))
        for notice in planned.report.notices:
            if notice != NOTHING_NEW:
                console.print(Padding(Text(visible(notice), "yellow"), (0, 0, 0, 2), expand=False))
    for name, reason in plan.absent.items():
        console.print(Text.assemble((f"{name:<10} ", "bold"), visible(reason)), soft_wrap=True)
    says = plan.writes or plan.kept
    console.print(Text("This is a plan: nothing was changed." if says else "The import would change nothing."))


def _changed_by(by: "Import | Since", zone: str) -> str:
    if isinstance(by, Since):
        return f"{by.import_type} since {_moment(by.at, zone)}"
    came = _numbers({name: getattr(by, name) for name in ("created", "updated", "removed", "rejected")})
    return f"import {by.id}: {by.import_type}, {by.export_kind}, {_moment(by.at, zone)}: {came}"


def print_explanation(console: Console, explanation: "Explanation", zone: str) -> None:
    """A good and its variants with where each value comes from, what did not land, and what is not there."""
    for thing in explanation.things:
        console.print(Text(visible(thing.title), style="bold"), soft_wrap=True)
        console.print(Text(f"  {visible(thing.onec_id)}", style="dim"))
        for source, alike in groupby(thing.facts, lambda fact: _source(fact, zone)):
            for fact in alike:
                line = Text.assemble((f"  {visible(fact.what):<14} ", "cyan"), visible(fact.value))
                console.print(line, soft_wrap=True)
            console.print(Text(f"{' ' * 17}{source}", style="dim"), soft_wrap=True)
    for row in explanation.unlanded:
        place = f"{row.source_file}:{row.source_line}" if row.source_line else row.source_file
        named = " ".join(filter(None, (row.entity, row.onec_id, row.of)))
        console.print(Text.assemble((f"{row.fate} ", "yellow"), visible(f"{named}, {place}")), soft_wrap=True)
        if row.reason:
            console.print(Padding(Text(visible(row.reason)), (0, 0, 0, INDENT), expand=False))
    for sentence in explanation.why_not:
        console.print(Text(visible(sentence), style="yellow"), soft_wrap=True)
    console.print(Text(f"Times are those of {zone}.", style="dim"))


def _source(fact: "Fact", zone: str) -> str:
    """Since when a value holds, by which import, and where that stood."""
    known = (f"since {_moment(fact.since, zone)}", _by(fact.import_id), fact.place and visible(fact.place))
    return ", ".join(filter(None, known))


def _title(article: str | None, name: str) -> str:
    return visible("  ".join(filter(None, (article, name))))


def _by(import_id: int | None) -> str:
    return "" if import_id is None else f"import {import_id}"


def print_status(console: Console, status: "Status", zone: str) -> None:
    """Where everything is and how it is, a word in front of what it is about."""
    export = status.export
    lines = [
        ("database", f"PostgreSQL {status.server_version}, {status.database}"),
        ("media", f"{status.media}, {counted(status.published_images, 'image')}"),
        ("export", export.directory),
        (
            "",
            f"{counted(export.files, 'XML file')}, {counted(export.images, 'image')}"
            if export.files
            else "no XML file",
        ),
    ]
    if export.changed_at:
        stated = f"; 1C says {export.exported_at}" if export.exported_at else ""
        lines.append(("", f"changed {_moment(export.changed_at, zone)}, {_age(export.changed_at)} ago{stated}"))
    lines += [("", problem) for problem in export.problems]
    if status.exchange:
        states = ", ".join(f"{number:,} {state}" for state, number in status.exchange.deliveries.items())
        newest = f"; the last came {_moment(status.exchange.last_at, zone)}" if status.exchange.last_at else ""
        lines.append(("exchange", f"port {status.exchange.port}, deliveries: {states or 'none'}{newest}"))
    for number, (name, last) in enumerate(status.imports.items()):
        said = f"{last.status:<11}  {_moment(last.at, zone)}  {last.came_to}" if last else "never"
        lines.append(("" if number else "imports", f"{name:<9}  {said}"))
    for word, waiting in (("pending", status.pending), ("rejected", status.rejected)):
        lines.append((word, ", ".join(f"{name} {rows:,}" for name, rows in waiting.items()) or "none"))
    seen, refresh = status.daemon_seen_at, status.next_refresh
    alive = f"at work, seen {_age(seen)} ago" if seen and status.daemon_is_alive else "none: make ui, or onec daemon"
    lines += [("daemon", alive), ("next", _moment(refresh, zone) if refresh else "never: the schedule is stopped")]
    for word, said in lines:
        console.print(Text.assemble((f"{word:<10}", "bold"), visible(said)), soft_wrap=True)
    console.print(Text(f"Times are those of {zone}.", style="dim"))


def _moment(at: datetime | None, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if at else ""


def _age(at: datetime) -> str:
    """How long ago a moment is, in the largest unit of which there are two: `90 min`, `3 h`, `12 days`."""
    seconds = int((datetime.now(UTC) - at).total_seconds())
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"

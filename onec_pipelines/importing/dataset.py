"""The course that the imports of XML share: preflight, lock, read, stage, merge, record, in one transaction.

What differs between datasets is said by a `DatasetImport` (reading.py), which the module of each dataset defines. An
import lands whole or not at all: whatever goes wrong, the tables stay as they were.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from onec_pipelines.commerceml.manifest import PORTION
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.records import Mended, NotForUs, Rejection
from onec_pipelines.commerceml.snapshot import Contents, ExportSnapshot
from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import await_workers, import_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.datasets import CATALOG
from onec_pipelines.errors import ExportError
from onec_pipelines.importing.catalogs import silent
from onec_pipelines.importing.changes import changes_now
from onec_pipelines.importing.guarding import Merged, merge_guarded, merge_pending
from onec_pipelines.importing.history import HISTORY_DAYS, LANDED, Entry, has_written, prepare_history, register
from onec_pipelines.importing.ids import read_folding, settle_former_ids
from onec_pipelines.importing.known_files import recall, remember
from onec_pipelines.importing.ledger import (
    LastImport,
    data_version,
    digest_of,
    fingerprint,
    note_change,
    read_last,
    write_files,
    write_last,
)
from onec_pipelines.importing.parallel import count_workers, read_in_processes
from onec_pipelines.importing.reading import DatasetImport, Reading, read_files
from onec_pipelines.importing.report import (
    NOTHING_NEW,
    Changes,
    Counters,
    Guard,
    ImportReport,
    Progress,
    no_progress,
)
from onec_pipelines.importing.steps import read_steps
from onec_pipelines.importing.unlanded import count_unlanded, first_unlanded
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

BLOCKED = "guard"
"""The fingerprint of an import that a guard kept from taking rows away: the next one reads the files again."""

FEW_ROWS = 1000
"""So few staged rows are analysed: PostgreSQL takes a table that was not for ten pages, and others are read whole."""
SHOWN_EMPTY = 20
SHOWN_HIDDEN = 5
SHOWN_MENDED = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for; see `onec_pipelines.importing`."""

    export: ExportSnapshot
    database_url: str
    run_id: str | None = None
    force: bool = False
    max_deactivation: float = 0.3
    progress: Progress = no_progress
    workers: int = 1
    history_days: int = HISTORY_DAYS
    timezone: str = "Europe/Moscow"


@dataclass(frozen=True, slots=True)
class Read:
    """The files of an import, their digest, and what has been read of them."""

    contents: Contents
    digest: str
    staging: Staging
    reading: Reading


@dataclass(frozen=True, slots=True)
class Landed:
    """What has landed: `total` items, of which `counts` and `removed` say what was written."""

    export_kind: str
    fingerprint: str
    total: int
    counts: Mapping[str, int]
    removed: int
    skipped_by_rule: int
    notices: tuple[str, ...]
    guards: tuple[Guard, ...] = ()
    changes: Changes | None = None


def import_dataset(dataset: DatasetImport, request: Request) -> ImportReport:
    """Import one dataset.

    Raises:
        ExportError: the export cannot be imported; nothing was written.
        ImportBusyError: another import of the type is running.
        DatabaseError: the database cannot be used.
    """
    started = time.monotonic()
    with (
        losses_told(f"the import of {dataset.name}"),
        import_lock(request.database_url, dataset.name),
        lend(request.database_url) as connection,
    ):
        refuse_unless_ready(connection, request, dataset.name)
        migrate_connection(connection)
        prepare_history(connection, request.history_days)
        with ready_to_land(dataset, connection, request) as land:
            landed = land()
        return report_of(dataset, connection, request, landed, started)


@contextmanager
def ready_to_land(
    dataset: DatasetImport, connection: psycopg.Connection, request: Request
) -> Iterator[Callable[[], Landed]]:
    """The transaction of an import, with all that it reads in staging; what it gives merges that, and is called once.

    Where the files are those of the last import, only what is pending is tried again.
    """
    contents = request.export.files_of(dataset.name)
    remember(connection, request.export)
    last = read_last(connection, dataset.name)
    spares = request.export.takes_nothing_away(dataset.name)  # the same files may be judged later, with others
    digest = fingerprint([digest_of(contents), PORTION]) if spares else digest_of(contents)
    if last and last.fingerprint == digest and not request.force and not _is_emptied(connection, dataset, last):
        with connection.transaction():
            yield lambda: _land_pending(dataset, connection, request, last)
        return
    with _staged(dataset, connection, request, contents) as (staging, reading):
        if spares:
            reading.take_nothing_away()
        yield lambda: _land_files(dataset, connection, request, Read(contents, digest, staging, reading))


def _is_emptied(connection: psycopg.Connection, dataset: DatasetImport, last: LastImport) -> bool:
    """Whether somebody has emptied the table since: its files are read again."""
    has_landed = last.total_items > last.waiting_items + last.skipped_by_rule
    has_rows = f"select (exists (select from {dataset.table}))::integer"  # noqa: S608 - a table of ours
    return has_landed and not number(connection, has_rows)


def refuse_unless_ready(connection: psycopg.Connection, request: Request, import_type: str) -> None:
    """The preflight as a guard: raise ExportError with all that stands against the import."""
    problems = problems_of(connection, request.export, import_type, force=request.force)
    if problems:
        raise ExportError(" ".join(problems))


def problems_of(
    connection: psycopg.Connection, export: ExportSnapshot, import_type: str, *, force: bool = False
) -> list[str]:
    """What stands against an import: the preflight, with what the database knows of the files; with `force` without."""
    try:
        if force:
            export.remembered.clear()
        else:
            recall(connection, export)
    except ExportError as error:
        return [str(error)]
    return preflight(export, import_type, has_products=has_products(connection))


def has_products(connection: psycopg.Connection) -> bool:
    """Whether the catalogue holds a product; a database without our schema holds none."""
    if not number(connection, "select (to_regclass('onec.products') is not null)::integer"):
        return False
    return bool(number(connection, "select exists (select from onec.products)::integer"))


def _land_pending(dataset: DatasetImport, connection: psycopg.Connection, request: Request, last: LastImport) -> Landed:
    """Merge what is pending, where nothing new was exported."""
    counts: Mapping[str, int] = {}
    from_earlier = removed = 0
    if count_unlanded(connection, "pending", dataset.name):
        staging = new_staging(connection, dataset.staged)
        show_rejected(connection, dataset.staged)
        merged = merge_pending(connection, dataset)
        counts, removed = merged.counts, merged.removed
        last, from_earlier = last.after_landing(merged.landed)
        write_last(connection, dataset.name, last)
        note_change(connection, dataset.name, wrote=merged.wrote)
        if has_written(counts):
            register(
                connection, Entry(dataset.name, request.run_id, LANDED, last.fingerprint, items=_items(dataset, merged))
            )
        staging.drop()
    return Landed(
        last.export_kind,
        last.fingerprint,
        last.total_items + from_earlier,
        counts,
        removed,
        last.skipped_by_rule,
        (NOTHING_NEW,),
        changes=changes_now(connection, dataset.name, counts, removed),
    )


def _land_files(dataset: DatasetImport, connection: psycopg.Connection, request: Request, read: Read) -> Landed:
    """Merge what the files state, and record what was imported."""
    reading = read.reading
    if reading.rows <= FEW_ROWS:
        read.staging.analyze()
    show_rejected(connection, dataset.staged)
    merged = merge_guarded(connection, dataset, reading, request.max_deactivation)
    rejected = merge(connection, read_steps("merge/rejected"), {"import_type": dataset.name, "run_id": request.run_id})
    request.export.refuse_if_changed(dataset.name)
    skipped_by_rule = reading.seen[NotForUs]
    total = merged.stated + count_unlanded(connection, "rejected", dataset.name) + skipped_by_rule
    write_files(connection, dataset.name, request.run_id, reading.files)
    known_as = read.digest if all(guard.allows for guard in merged.guards) else BLOCKED
    write_last(
        connection,
        dataset.name,
        LastImport(known_as, reading.export_kind, total, merged.pending, skipped_by_rule),
    )
    note_change(connection, dataset.name, wrote=merged.wrote)
    if has_written(merged.counts) or has_written(rejected):
        register(connection, _entry(dataset, request, read, merged))
    read.staging.drop()
    return Landed(
        reading.export_kind,
        read.digest,
        total + merged.landed,
        merged.counts,
        merged.removed,
        skipped_by_rule,
        (
            *_notices(read.contents, reading, merged.guards, dataset),
            *(silent(connection) if dataset.about is CATALOG else ()),
            *_of_hidden(request.export),
        ),
        merged.guards,
        changes_now(connection, dataset.name, merged.counts, merged.removed),
    )


def _entry(dataset: DatasetImport, request: Request, read: Read, merged: Merged) -> Entry:
    """What the register says of an import of files."""
    exported = (content.exported_moment(request.timezone) for content in read.contents.values())
    return Entry(
        dataset.name,
        request.run_id,
        read.reading.export_kind,
        read.digest,
        items=_items(dataset, merged),
        catalogs=sorted({catalog for _, catalog in read.reading.spoken if catalog}),
        exported_at=max((moment for moment in exported if moment), default=None),
        files=read.reading.files,
    )


def _items(dataset: DatasetImport, merged: Merged) -> tuple[int, int, int]:
    """The items created, updated and removed."""
    return (_written(dataset, merged.counts, "created"), _written(dataset, merged.counts, "updated"), merged.removed)


def report_of(
    dataset: DatasetImport, connection: psycopg.Connection, request: Request, landed: Landed, started: float
) -> ImportReport:
    """The report of what has landed; `started` is when the import began, on the monotonic clock."""
    counters = _counters(dataset, connection, landed)
    request.progress(counters)
    return ImportReport(
        import_type=dataset.name,
        table=dataset.table,
        row_count=_row_count(connection, dataset.table),
        export_kind=landed.export_kind,
        fingerprint=landed.fingerprint,
        counters=counters,
        duration_seconds=time.monotonic() - started,
        details=_details(dataset, connection, landed.counts, landed.skipped_by_rule),
        rejected=first_unlanded(connection, "rejected", dataset.name),
        pending=first_unlanded(connection, "pending", dataset.name),
        data_version=data_version(connection, dataset.name),
        notices=landed.notices,
        guards=landed.guards,
        changes=landed.changes,
    )


@contextmanager
def _staged(
    dataset: DatasetImport, connection: psycopg.Connection, request: Request, contents: Contents
) -> Iterator[tuple[Staging, Reading]]:
    """The transaction of an import, with its files in staging.

    Other processes see the tables of staging only when those are committed: then they are dropped whatever happens,
    and those of an import that was killed by the next one.
    """
    workers = count_workers(request.workers, contents)
    if workers == 1:
        with connection.transaction():
            staging = new_staging(connection, dataset.staged)
            yield staging, read_files(dataset, staging, contents, request.progress)
        return
    await_workers(connection, dataset.name)
    staging = new_staging(connection, dataset.staged)
    try:
        reading = read_in_processes(dataset, request.database_url, contents, workers, request.progress)
        with connection.transaction():
            yield staging, reading
    except BaseException:
        with tolerated(log, "the server is gone, and the transaction with it", psycopg.Error):  # the server may be gone
            staging.drop()
        raise


def new_staging(connection: psycopg.Connection, tables: Mapping[type, str]) -> Staging:
    """Make an empty staging table for each record type."""
    settle_former_ids(connection)
    staging = Staging(connection, read_folding(connection))
    staging.create(tables)
    return staging


def show_rejected(connection: psycopg.Connection, tables: Mapping[type, str]) -> None:
    """Let merges find the staging table of rejected rows as `pg_temp.rejected`, whatever it is called."""
    view = f"create or replace temp view rejected as select * from onec_staging.{tables[Rejection]}"  # noqa: S608
    connection.execute(view.encode())


def _counters(dataset: DatasetImport, connection: psycopg.Connection, landed: Landed) -> Counters:
    total, removed = landed.total, landed.removed
    created, updated = (_written(dataset, landed.counts, verb) for verb in ("created", "updated"))
    errors = count_unlanded(connection, "rejected", dataset.name)
    return Counters(total, total, created, updated, total - created - updated - errors, errors, removed)


def _written(dataset: DatasetImport, counts: Mapping[str, int], verb: str) -> int:
    """The items that were created or updated."""
    return sum(counts.get(f"{table} {verb}", 0) for table in dict.fromkeys(dataset.items.values()))


def _row_count(connection: psycopg.Connection, table: str) -> int:
    return number(connection, f"select count(*) from {table}")  # noqa: S608 - a table of ours


def number(connection: psycopg.Connection, query: str, *values: object) -> int:
    """The first number of the first row of a query, 0 where it has none; values are bound as `%s`."""
    row = connection.execute(query.encode(), values).fetchone()
    return int(row[0]) if row else 0


def _details(
    dataset: DatasetImport, connection: psycopg.Connection, counts: Mapping[str, int], skipped_by_rule: int
) -> dict[str, int]:
    """Counts beside the counters: what else was written, what is pending; of items, where they are of two tables."""
    tables = set(dataset.items.values())
    told = tables if len(tables) == 1 else ()
    details = {
        name.replace(" ", "_"): rows for name, rows in counts.items() if rows and name.rsplit(" ", 1)[0] not in told
    }
    details["pending"] = count_unlanded(connection, "pending", dataset.name)
    if skipped_by_rule:
        details["not_for_us"] = skipped_by_rule
    return details


def _notices(contents: Contents, reading: Reading, guards: tuple[Guard, ...], dataset: DatasetImport) -> Iterator[str]:
    yield from (str(guard) for guard in guards if not guard.allows)
    empty = [entry.file.name for entry in reading.files if entry.rows == 0 and entry.content.items(dataset.name)]
    for name in empty[:SHOWN_EMPTY]:
        yield f"В файле {name} есть раздел {dataset.about.noun}, но прочитать в нём нечего."
    if len(empty) > SHOWN_EMPTY:
        yield f"Таких файлов ещё {len(empty) - SHOWN_EMPTY}."
    yield from reading.notices
    yield from _of_mended(reading.mended)
    if not contents:
        yield f"В выгрузке нет файлов {dataset.about.noun}."
    if reading.unhandled:
        shown = ", ".join(f"{path} ({times})" for path, times in reading.unhandled.most_common(5))
        yield f"Элементы, для которых нет колонки, сохранены в extra: {shown}."


def _of_mended(mended: list[tuple[str, Mended]]) -> Iterator[str]:
    """Where 1C has written what XML forbids, for those who can mend it there."""
    for name, mend in mended[:SHOWN_MENDED]:
        yield f"Файл {name} исправлен при чтении: {mend.what}: {mend.times}, первый в строке {mend.line}."
    if len(mended) > SHOWN_MENDED:
        files = len({name for name, _ in mended})
        yield f"Исправлены при чтении и другие файлы: всего исправленных {files}."


def _of_hidden(export: ExportSnapshot) -> Iterator[str]:
    """What lies beside an export and is no part of it: the first of it by name, all of it by number."""
    if stray := export.stray:
        more = f" и ещё {len(stray) - SHOWN_HIDDEN}" if len(stray) > SHOWN_HIDDEN else ""
        shown = f"{', '.join(stray[:SHOWN_HIDDEN])}{more}"
        yield f"Файлы не относятся к выгрузке (заказы, пустые или с другим корневым элементом): {shown}."
    if names := export.hidden:
        more = f" и ещё {len(names) - SHOWN_HIDDEN}" if len(names) > SHOWN_HIDDEN else ""
        yield f"Скрытые файлы не относятся к выгрузке и не прочитаны: {', '.join(names[:SHOWN_HIDDEN])}{more}."

"""The course that the imports of XML share: preflight, lock, read, stage, merge, record, in one transaction.

What differs between datasets, a `Dataset` says; it is defined in the dataset's own module. An import lands
whole or not at all: whatever goes wrong, the tables stay as they were.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psycopg

from onec_pipelines.commerceml.export import (
    Export,
    ExportFile,
    FileContent,
    fingerprint,
    holds_dataset,
    list_export,
    read_content,
)
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.reading import Reader, read_file
from onec_pipelines.commerceml.records import NotForUs, Package, Refusal, Unhandled
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.merging import count, merge
from onec_pipelines.database.migrate import migrate_connection, migrations
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import ExportError
from onec_pipelines.importing.ledger import LastImport, LedgerFile, read_last, write_files, write_last
from onec_pipelines.importing.report import Counters, Guard, ImportReport, Progress, RejectedRow, no_progress

PROGRESS_EVERY = 200
"""Records between two calls of the progress function."""
SHOWN_REFUSALS = 10


@dataclass(frozen=True, slots=True)
class Entity:
    """Rows that a full export takes away by not naming them.

    `name` is the count in `merge/vanishing.sql` and, with `_full`, the value bound in the merge. The entity is
    full when every `container` list that was read is, and `record` is what must have been seen.
    """

    name: str
    containers: frozenset[str]
    record: type


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one import reads, stages and merges.

    Attributes:
        name: the import type.
        table: the main table.
        tables: record type -> staging table.
        readers: the readers for a file.
        items: the record types that count as items, and the tables whose merge counts them.
        entities: what a full export may take away.
        prepare: makes the staged rows the latest of each key; runs before the merge.
        count_items: items staged from the files, and waiting rows that landed now.
    """

    name: str
    table: str
    tables: Mapping[type, str]
    readers: Callable[[ExportFile], Mapping[str, Reader]]
    items: Mapping[type, str]
    entities: tuple[Entity, ...]
    prepare: Callable[[Staging], None]
    count_items: Callable[[psycopg.Connection], int]
    merges: tuple[str, ...]
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """What has been gathered while the files were read."""

    files: list[LedgerFile] = field(default_factory=list)
    seen: Counter[type] = field(default_factory=Counter)
    full: dict[str, bool] = field(default_factory=dict)
    unhandled: Counter[str] = field(default_factory=Counter)

    @property
    def export_kind(self) -> str:
        """`changes` when any segment that stated something was a delta."""
        return "full" if all(self.full.values()) else "changes"


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for; see `onec_pipelines.importing`."""

    data_dir: Path
    database_url: str
    run_id: str | None = None
    force: bool = False
    max_deactivation: float = 0.3
    progress: Progress = no_progress


def import_dataset(dataset: Dataset, request: Request) -> ImportReport:
    """Import one dataset.

    Raises:
        ExportError: the export cannot be imported; nothing was written.
        ImportBusyError: another import of the type is running.
        DatabaseError: the database cannot be used.
    """
    started = time.monotonic()
    with import_lock(request.database_url, dataset.name), connect(request.database_url) as connection:
        migrate_connection(connection)
        refuse_unless_ready(connection, request.data_dir, dataset.name)
        export = list_export(request.data_dir)
        contents = _contents(export, dataset.name)
        last = read_last(connection, dataset.name)
        digest = _digest(contents)
        if last and last.fingerprint == digest and not request.force:
            report = _import_nothing_new(dataset, connection, request, last, started)
        else:
            report = _import_files(dataset, connection, request, contents, digest, started)
    return report


def refuse_unless_ready(connection: psycopg.Connection, data_dir: Path, import_type: str) -> None:
    """The preflight as a guard: raise ExportError with all that stands against the import."""
    problems = preflight(data_dir, import_type, has_products=has_products(connection))
    if problems:
        raise ExportError(" ".join(problems))


def has_products(connection: psycopg.Connection) -> bool:
    """Whether the catalogue holds a product."""
    row = connection.execute("select exists (select from onec.products)").fetchone()
    return bool(row and row[0])


def _contents(export: Export, name: str) -> dict[ExportFile, FileContent]:
    contents = ((file, read_content(file)) for file in export.files)
    return {file: content for file, content in contents if holds_dataset(file, content, name)}


def _digest(contents: Mapping[ExportFile, FileContent]) -> str:
    schema = max(migration.version for migration in migrations())
    files = (f"{file.name} {content.sha256}" for file, content in contents.items())
    return fingerprint([f"{version('onec-pipelines')} {schema}", *files])


def _import_nothing_new(
    dataset: Dataset, connection: psycopg.Connection, request: Request, last: LastImport, started: float
) -> ImportReport:
    """The files are those of the last import: only what waits is tried again."""
    counts: dict[str, int] = {}
    if _waiting(connection, dataset.name):
        with connection.transaction():
            staging = _new_staging(dataset, connection)
            values = {**dataset.values, **{f"{entity.name}_full": False for entity in dataset.entities}}
            counts = _merge(dataset, connection, values)
            staging.drop()
    created, updated = _written(dataset, counts)
    errors = count_refusals(connection, dataset.name)
    counters = Counters(
        total=last.total_items,
        processed=last.total_items,
        created=created,
        updated=updated,
        skipped=last.total_items - created - updated - errors,
        errors=errors,
    )
    request.progress(counters)
    return ImportReport(
        import_type=dataset.name,
        table=dataset.table,
        row_count=_row_count(connection, dataset.table),
        export_kind=last.export_kind,
        fingerprint=last.fingerprint,
        counters=counters,
        duration_seconds=time.monotonic() - started,
        details=_details(dataset, connection, counts, last.skipped_by_rule),
        rejected=shown_refusals(connection, dataset.name),
        notices=("Nothing has changed since the last import: no file was read again.",),
    )


def _import_files(  # noqa: PLR0913, PLR0917 - the state of one import, handed on once
    dataset: Dataset,
    connection: psycopg.Connection,
    request: Request,
    contents: Mapping[ExportFile, FileContent],
    digest: str,
    started: float,
) -> ImportReport:
    with connection.transaction():
        staging = _new_staging(dataset, connection)
        reading = _read(dataset, staging, contents, request.progress)
        dataset.prepare(staging)
        guards = list(_guards(dataset, connection, reading, request.max_deactivation))
        allowed = {guard.entity for guard in guards if guard.allows}
        values = {
            **dataset.values,
            **{f"{e.name}_full": e.name in allowed for e in dataset.entities},
            **{f"{e.name}_segments_full": reading.full.get(e.name, False) for e in dataset.entities},
        }
        counts = _merge(dataset, connection, values)
        items = dataset.count_items(connection)
        counts |= merge(connection, "refusals", {"import_type": dataset.name, "run_id": request.run_id})
        _refuse_changed_files(contents)
        errors = count_refusals(connection, dataset.name)
        skipped_by_rule = reading.seen[NotForUs]
        total = items + errors + skipped_by_rule
        write_files(connection, dataset.name, request.run_id, reading.files)
        blocked = not all(guard.allows for guard in guards)
        last = LastImport("guard" if blocked else digest, reading.export_kind, total, skipped_by_rule)
        write_last(connection, dataset.name, last)
        staging.drop()
    created, updated = _written(dataset, counts)
    skipped = total - created - updated - errors
    counters = Counters(total, total, created, updated, skipped, errors)
    request.progress(counters)
    return ImportReport(
        import_type=dataset.name,
        table=dataset.table,
        row_count=_row_count(connection, dataset.table),
        export_kind=reading.export_kind,
        fingerprint=digest,
        counters=counters,
        duration_seconds=time.monotonic() - started,
        details=_details(dataset, connection, counts, skipped_by_rule),
        rejected=shown_refusals(connection, dataset.name),
        notices=tuple(_notices(contents, reading, guards, dataset)),
        guards=tuple(guards),
    )


def _new_staging(dataset: Dataset, connection: psycopg.Connection) -> Staging:
    staging = Staging(connection)
    staging.create({**dataset.tables, Refusal: f"{dataset.name}_refusals"})
    connection.execute(
        f"create or replace temp view refusals as select * from onec_staging.{dataset.name}_refusals"  # noqa: S608
    )
    return staging


def _read(
    dataset: Dataset, staging: Staging, contents: Mapping[ExportFile, FileContent], progress: Progress
) -> Reading:
    reading = Reading()
    total = sum(content.items(dataset.name) for content in contents.values())
    read = 0
    progress(Counters(total=total))
    for file, content in contents.items():
        rows = 0
        for record in _stage_file(dataset, staging, file, reading):
            rows += 1
            if record in dataset.items:
                read += 1
                if read % PROGRESS_EVERY == 0:
                    progress(Counters(total=max(total, read), processed=read, errors=reading.seen[Refusal]))
        reading.files.append(LedgerFile(file, content, rows))
    staging.flush()
    return reading


def _stage_file(dataset: Dataset, staging: Staging, file: ExportFile, reading: Reading) -> Iterator[type]:
    """Stage the facts of a file; yield the type of each staged one."""
    stated: set[type] = set()
    for fact in read_file(file.path, file.name, dataset.readers(file)):
        kind = type(fact)
        if isinstance(fact, Package):
            _note_package(dataset, fact, stated, reading)
        elif isinstance(fact, Unhandled):
            reading.unhandled[fact.path] += 1
        elif isinstance(fact, NotForUs):
            reading.seen[kind] += 1
        else:
            stated.add(kind)
            reading.seen[kind] += 1
            staging.add(fact, file.name)
            yield kind


def _note_package(dataset: Dataset, package: Package, stated: set[type], reading: Reading) -> None:
    """A container speaks for an entity when it held one of its lists and stated a record of it, or is its own list."""
    for entity in dataset.entities:
        if package.lists & entity.containers and entity.record in stated:
            reading.full[entity.name] = reading.full.get(entity.name, True) and not package.changes_only


def _guards(dataset: Dataset, connection: psycopg.Connection, reading: Reading, limit: float) -> Iterator[Guard]:
    for entity in dataset.entities:
        if reading.full.get(entity.name) and reading.seen[entity.record]:
            before, gone = count(connection, "vanishing", entity.name)
            yield Guard(entity.name, before, gone, limit)


def _merge(dataset: Dataset, connection: psycopg.Connection, values: Mapping[str, object]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in dataset.merges:
        counts |= merge(connection, name, values)
    return counts


def _written(dataset: Dataset, counts: Mapping[str, int]) -> tuple[int, int]:
    tables = dict.fromkeys(dataset.items.values())
    created = sum(counts.get(f"{table} created", 0) for table in tables)
    return created, sum(counts.get(f"{table} updated", 0) for table in tables)


def _refuse_changed_files(contents: Mapping[ExportFile, FileContent]) -> None:
    changed = [file.name for file in contents if not file.is_unchanged()]
    if changed:
        raise ExportError(
            f"Во время импорта изменились файлы: {', '.join(changed[:5])}. 1С ещё выгружает данные. "
            "Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
        )


def _waiting(connection: psycopg.Connection, import_type: str) -> int:
    return number(connection, "select count(*) from onec.pending_records where import_type = %s", import_type)


def count_refusals(connection: psycopg.Connection, import_type: str) -> int:
    """The rows of a type that stand refused."""
    return number(connection, "select count(*) from onec.rejected_records where import_type = %s", import_type)


def _row_count(connection: psycopg.Connection, table: str) -> int:
    return number(connection, f"select count(*) from {table}")  # noqa: S608 - a table of ours


def number(connection: psycopg.Connection, query: str, *values: object) -> int:
    """The number that a query gives."""
    row = connection.execute(query.encode(), values).fetchone()
    return int(row[0]) if row else 0


def shown_refusals(connection: psycopg.Connection, import_type: str) -> tuple[RejectedRow, ...]:
    """The first refused rows of a type."""
    rows = connection.execute(
        "select source_file, source_line, onec_id, reason from onec.rejected_records "
        "where import_type = %s order by id limit %s",
        [import_type, SHOWN_REFUSALS],
    )
    return tuple(RejectedRow(*row) for row in rows)


def _details(
    dataset: Dataset, connection: psycopg.Connection, counts: Mapping[str, int], skipped_by_rule: int
) -> dict[str, int]:
    """Counts beside the counters: what else was written, what waits."""
    details = {
        name.replace(" ", "_"): rows
        for name, rows in counts.items()
        if rows and not name.startswith("refusals") and name.rsplit(" ", 1)[0] not in dataset.items.values()
    }
    details["pending"] = _waiting(connection, dataset.name)
    if skipped_by_rule:
        details["not_for_us"] = skipped_by_rule
    return details


def _notices(
    contents: Mapping[ExportFile, FileContent], reading: Reading, guards: list[Guard], dataset: Dataset
) -> Iterator[str]:
    yield from (str(guard) for guard in guards if not guard.allows)
    for entry in reading.files:
        if entry.rows == 0 and entry.content.items(dataset.name):
            yield f"{entry.file.name} names {dataset.name} but holds none that could be read."
    if not contents:
        yield f"No file of the export holds {dataset.name}."
    if reading.unhandled:
        shown = ", ".join(f"{path} ({times})" for path, times in reading.unhandled.most_common(5))
        yield f"Elements that are not imported: {shown}."

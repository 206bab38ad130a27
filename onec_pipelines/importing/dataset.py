"""The course that the imports of XML share: preflight, lock, read, stage, merge, record, in one transaction.

What differs between datasets, a `Dataset` says; it is defined in the dataset's own module. An import lands
whole or not at all: whatever goes wrong, the tables stay as they were.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from onec_pipelines.commerceml.export import Export, ExportFile, is_beside_offers, list_export
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.reading import Reader, read_file
from onec_pipelines.commerceml.records import NotForUs, Package, Refusal, Unhandled
from onec_pipelines.database.connection import connect, first_line
from onec_pipelines.database.locks import import_lock, merge_lock
from onec_pipelines.database.merging import count, merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import DatabaseError, ExportError
from onec_pipelines.importing.files import Contents, digest_of, find_files, refuse_changed_files
from onec_pipelines.importing.ledger import (
    LastImport,
    LedgerFile,
    read_last,
    read_tags,
    write_files,
    write_last,
    write_tags,
)
from onec_pipelines.importing.report import Counters, Guard, ImportReport, Progress, RejectedRow, no_progress

PROGRESS_EVERY = 200
"""Records between two calls of the progress function."""
SHOWN_REFUSALS = 10
BLOCKED = "guard"
"""The fingerprint of an import that a guard kept from taking rows away: the next one reads the files again."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Rows that a full export takes away by not naming them.

    The entity is full when every package is that stated a `record` of it in one of its `lists`.

    Attributes:
        name: the count in `merge/vanishing.sql`. In a merge `<name>_segments_full` says that the entity is full,
            and `<name>_full` that rows which are not named may be taken away, too.
        lists: where its records stand.
        record: what must have been seen.
        own_list: a list that speaks for the entity even when it is empty.
        marked_beside: whether its package bears no mark of its own, so that any delta in the file makes it one.
    """

    name: str
    lists: frozenset[str]
    record: type
    own_list: str | None = None
    marked_beside: bool = False


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
        count_items: a query for the number of items that the files state, of those among them that wait, and of
            items that waited from an earlier export and landed now.
    """

    name: str
    table: str
    tables: Mapping[type, str]
    readers: Callable[[ExportFile], Mapping[str, Reader]]
    items: Mapping[type, str]
    entities: tuple[Entity, ...]
    prepare: Callable[[Staging], None]
    count_items: str
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
    try:
        with import_lock(request.database_url, dataset.name), connect(request.database_url) as connection:
            refuse_unless_ready(connection, request.data_dir, dataset.name)
            migrate_connection(connection)
            export = list_export(request.data_dir)
            contents = find_files(export, dataset.name, read_tags(connection))
            last = read_last(connection, dataset.name)
            digest = digest_of(contents)
            if last and last.fingerprint == digest and not request.force:
                return _import_nothing_new(dataset, connection, request, last, started)
            return _import_files(dataset, connection, request, export, contents, digest, started)
    except psycopg.OperationalError as error:
        answer = first_line(error.diag.message_primary or str(error))
        raise DatabaseError(
            f"PostgreSQL gave up during the import of {dataset.name}: {answer}; nothing was changed: "
            "import again when the server works."
        ) from error


def refuse_unless_ready(connection: psycopg.Connection, data_dir: Path, import_type: str) -> None:
    """The preflight as a guard: raise ExportError with all that stands against the import."""
    problems = preflight(data_dir, import_type, has_products=has_products(connection))
    if problems:
        raise ExportError(" ".join(problems))


def has_products(connection: psycopg.Connection) -> bool:
    """Whether the catalogue holds a product; a database without our schema holds none."""
    if not number(connection, "select (to_regclass('onec.products') is not null)::integer"):
        return False
    return bool(number(connection, "select exists (select from onec.products)::integer"))


def _import_nothing_new(
    dataset: Dataset, connection: psycopg.Connection, request: Request, last: LastImport, started: float
) -> ImportReport:
    """The files are those of the last import: only what waits is tried again."""
    counts: dict[str, int] = {}
    from_earlier = 0
    if _waiting(connection, dataset.name):
        with connection.transaction():
            staging = _new_staging(dataset, connection)
            values = {
                f"{entity.name}_{what}": False for entity in dataset.entities for what in ("full", "segments_full")
            }
            counts = _merge(dataset, connection, values)
            _, _, landed = _count_items(dataset, connection)
            last, from_earlier = last.after_landing(landed)
            write_last(connection, dataset.name, last)
            staging.drop()
    counters = _counters(dataset, connection, last.total_items + from_earlier, counts)
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
    export: Export,
    contents: Contents,
    digest: str,
    started: float,
) -> ImportReport:
    with connection.transaction():
        staging = _new_staging(dataset, connection)
        reading = _read(dataset, staging, contents, request.progress)
        dataset.prepare(staging)
        guards = list(_guards(dataset, connection, reading, request.max_deactivation))
        counts = _merge(dataset, connection, _what_is_full(dataset, reading, guards))
        items, waiting, from_earlier = _count_items(dataset, connection)
        counts |= merge(connection, "refusals", {"import_type": dataset.name, "run_id": request.run_id})
        refuse_changed_files(export, dataset.name, contents)
        skipped_by_rule = reading.seen[NotForUs]
        total = items + count_refusals(connection, dataset.name) + skipped_by_rule
        write_files(connection, dataset.name, request.run_id, reading.files)
        write_tags(connection, contents.values())
        known_as = digest if all(guard.allows for guard in guards) else BLOCKED
        last = LastImport(known_as, reading.export_kind, total, waiting, skipped_by_rule)
        write_last(connection, dataset.name, last)
        staging.drop()
    counters = _counters(dataset, connection, total + from_earlier, counts)
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


def _what_is_full(dataset: Dataset, reading: Reading, guards: list[Guard]) -> dict[str, object]:
    """What the merge is told of each entity. One guard that says no keeps everything from being taken away."""
    allowed = {guard.entity for guard in guards} if all(guard.allows for guard in guards) else set()
    return {
        **{f"{entity.name}_full": entity.name in allowed for entity in dataset.entities},
        **{f"{entity.name}_segments_full": reading.full.get(entity.name, False) for entity in dataset.entities},
    }


def _new_staging(dataset: Dataset, connection: psycopg.Connection) -> Staging:
    staging = Staging(connection)
    staging.create({**dataset.tables, Refusal: f"{dataset.name}_refusals"})
    connection.execute(
        f"create or replace temp view refusals as select * from onec_staging.{dataset.name}_refusals"  # noqa: S608
    )
    return staging


def _read(dataset: Dataset, staging: Staging, contents: Contents, progress: Progress) -> Reading:
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
    packages: list[tuple[Package, set[type]]] = []
    for fact in read_file(file.path, file.name, dataset.readers(file)):
        kind = type(fact)
        if isinstance(fact, Package):
            packages.append((fact, stated.copy()))
        elif isinstance(fact, Unhandled):
            reading.unhandled[fact.path] += 1
        elif isinstance(fact, NotForUs):
            reading.seen[kind] += 1
        else:
            stated.add(kind)
            reading.seen[kind] += 1
            staging.add(fact, file.name)
            yield kind
    _note_packages(dataset, file.name, packages, reading)


def _note_packages(dataset: Dataset, file: str, packages: list[tuple[Package, set[type]]], reading: Reading) -> None:
    """Note which entities the packages of a file speak for, and whether they state them in full."""
    any_delta = any(package.changes_only for package, _ in packages)
    for entity in dataset.entities:
        for package, stated in packages:
            if _speaks_for(entity, file, package, stated):
                delta = any_delta if entity.marked_beside else package.changes_only
                reading.full[entity.name] = reading.full.get(entity.name, True) and not delta


def _speaks_for(entity: Entity, file: str, package: Package, stated: set[type]) -> bool:
    if package.lists & entity.lists and entity.record in stated:
        return True
    return entity.own_list in package.lists and not is_beside_offers(file)


def _guards(dataset: Dataset, connection: psycopg.Connection, reading: Reading, limit: float) -> Iterator[Guard]:
    for entity in dataset.entities:
        if reading.full.get(entity.name) and reading.seen[entity.record]:
            before, gone = count(connection, "vanishing", entity.name)
            yield Guard(entity.name, before, gone, limit)


def _merge(dataset: Dataset, connection: psycopg.Connection, values: Mapping[str, object]) -> dict[str, int]:
    merge_lock(connection)
    counts: dict[str, int] = {}
    for name in dataset.merges:
        counts |= merge(connection, name, {**dataset.values, **values})
    return counts


def _count_items(dataset: Dataset, connection: psycopg.Connection) -> tuple[int, int, int]:
    """Items that the files state, those that wait, and earlier ones that landed; see `Dataset.count_items`."""
    stated, waiting, landed = connection.execute(dataset.count_items.encode()).fetchone() or (0, 0, 0)
    return stated, waiting, landed


def _counters(dataset: Dataset, connection: psycopg.Connection, total: int, counts: Mapping[str, int]) -> Counters:
    tables = dict.fromkeys(dataset.items.values())
    created = sum(counts.get(f"{table} created", 0) for table in tables)
    updated = sum(counts.get(f"{table} updated", 0) for table in tables)
    errors = count_refusals(connection, dataset.name)
    return Counters(total, total, created, updated, total - created - updated - errors, errors)


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


def _notices(contents: Contents, reading: Reading, guards: list[Guard], dataset: Dataset) -> Iterator[str]:
    yield from (str(guard) for guard in guards if not guard.allows)
    for entry in reading.files:
        if entry.rows == 0 and entry.content.items(dataset.name):
            yield f"{entry.file.name} names {dataset.name} but holds none that could be read."
    if not contents:
        yield f"No file of the export holds {dataset.name}."
    if reading.unhandled:
        shown = ", ".join(f"{path} ({times})" for path, times in reading.unhandled.most_common(5))
        yield f"Elements that are not imported: {shown}."

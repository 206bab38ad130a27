"""The last step of an import of images: record what was published, in one transaction, and report."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from psycopg.types.json import Jsonb

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import import_lock, merge_lock
from onec_pipelines.database.merging import merge, tables_written
from onec_pipelines.errors import DatabaseError, ImportBusyError
from onec_pipelines.images.contact_sheet import contact_sheet
from onec_pipelines.images.source import ImageRejected
from onec_pipelines.images.store import MediaStore, MediaStoreError, open_store
from onec_pipelines.importing.dataset import Request, number
from onec_pipelines.importing.guarding import Watch
from onec_pipelines.importing.history import Entry, has_written, register
from onec_pipelines.importing.images.stored_plan import (
    DURING,
    counters_of,
    drop_plan,
    has_landed,
    refuse_another_plan,
    run_of,
)
from onec_pipelines.importing.ledger import data_version, note_change, read_last
from onec_pipelines.importing.report import Counters, Guard, ImportReport
from onec_pipelines.importing.steps import read_steps, statement
from onec_pipelines.importing.unlanded import count_unlanded, first_unlanded
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

TABLE = "onec.product_images"
PATIENCE = "60s"
"""Another import holds the lock until it has been refused: that must not cost hours of publishing."""
LANDED = "select total, seconds, pictures, guard from onec.landed_images"
KEEP_DAYS = 7
DELETED_AT_ONCE = 1000
"""Files that are deleted under one lock: an import waits for no more. An object store takes as many in one request."""


def collect_images(request: Request, media_url: str, *, keep_days: int = KEEP_DAYS) -> ImportReport:
    """Record what the shards published, forget the plan, and delete files that no record has named for `keep_days`.

    Done a second time, it deletes and reports: its worker may die when all has landed.

    Raises: see `publish_images`; DatabaseError, too, where a shard has not been published.
    """
    url = request.database_url
    with losses_told(DURING), import_lock(url, "images", patience=PATIENCE), lend(url) as connection:
        sheet = b"" if has_landed(connection, run_of(request)) else _land(connection, request, media_url)
        report = _report(connection)
    request.progress(report.counters)
    notices = (*report.notices, *_delete_files(url, media_url, keep_days))
    return replace(report, contact_sheet=sheet, notices=notices)


def _land(connection: psycopg.Connection, request: Request, media_url: str) -> bytes:
    """Record what was published, in one transaction; return the contact sheet."""
    refuse_another_plan(connection, request)
    request.progress(counters_of(connection))
    _refuse_unpublished(connection)
    with connection.transaction(), _flushing(connection, media_url) as sheet:
        counts, guard = merge_images(connection, request)
        _note(connection, run_of(request), counts, guard)
        drop_plan(connection)
    return sheet


def merge_images(connection: psycopg.Connection, request: Request) -> tuple[dict[str, int], Guard]:
    """Merge the plan and its results, and register that; return the rows written and what the guard said."""
    merge_lock(connection)
    steps = read_steps("merge/product_images")
    watch = Watch(connection, "images", steps, request.max_deactivation)
    counts, (guard,) = watch.merge({"images"}, lambda _: {})
    note_change(connection, "images", wrote="product_images" in tables_written(steps, counts))
    rejected = merge(connection, read_steps("merge/rejected"), {"import_type": "images", "run_id": request.run_id})
    if tables_written(steps, counts) or has_written(rejected):
        register(connection, _entry(connection, request, counts))
    return counts, guard


def _entry(connection: psycopg.Connection, request: Request, counts: Mapping[str, int]) -> Entry:
    """What the register says of an import of images."""
    items = (counts["product_images created"], counts["product_images updated"], counts["images no longer listed"])
    return Entry("images", request.run_id, _export_kind(connection), _fingerprint(connection), items)


def _note(connection: psycopg.Connection, run_id: str, counts: dict[str, int], guard: Guard) -> None:
    """Note what the import came to, in place of the one before."""
    planned = connection.execute(statement("queries/images", "planned")).fetchone()
    total, seconds, settled, without_images = planned or (0, 0.0, 0, 0)
    images: Counter[str] = Counter(
        dict(connection.execute("select fate, count(*) from pg_temp.images_now group by fate").fetchall())
    )
    images.update(unchanged=settled, without_images=without_images, removed=counts.get("images no longer listed", 0))
    connection.execute("delete from onec.landed_images")
    connection.execute(
        "insert into onec.landed_images (run_id, total, seconds, pictures, guard) values (%s, %s, %s, %s, %s)",
        [run_id, total, seconds, Jsonb(images), Jsonb([guard.before, guard.removed, guard.limit])],
    )


def _refuse_unpublished(connection: psycopg.Connection) -> None:
    left = number(
        connection,
        "select count(*) from onec_staging.images_files f where not exists "
        "(select from onec_staging.images_results r where r.path = f.path)",
    )
    if left:
        raise DatabaseError(
            f"{left} files of this import of images have not been published: a step was passed over; nothing on "
            "record was changed: import again."
        )


@contextmanager
def _flushing(connection: psycopg.Connection, media_url: str) -> Iterator[bytes]:
    """Give a contact sheet and leave time to record what was published; all of it is on the disk at the end."""
    if not number(connection, "select count(*) from onec_staging.images_shards"):
        yield b""
        return
    store = open_store(media_url)
    with ThreadPoolExecutor(1) as thread:
        flushed = thread.submit(store.flush)
        published = connection.execute(statement("queries/images", "published")).fetchall()
        yield _contact_sheet(published, store)
        flushed.result()


def _contact_sheet(fresh: list[tuple[str, str]], store: MediaStore) -> bytes:
    """Some of the images that were published, to be looked at; that they cannot be read back fails no import."""
    try:
        return contact_sheet((article, store.read(path)) for article, path in fresh)
    except (MediaStoreError, ImageRejected, MemoryError) as error:
        passed_over(log, "no contact sheet", error)
        return b""


def _report(connection: psycopg.Connection) -> ImportReport:
    total, seconds, images, decision = connection.execute(LANDED).fetchone() or (0, 0.0, {}, None)
    guards = (Guard("images", *decision),) if decision else ()
    seen: Counter[str] = Counter(images)
    removed = seen.pop("removed", 0)
    skipped = seen["unchanged"] + seen["not_shipped"] + seen["without_images"]
    errors = count_unlanded(connection, "rejected", "images")
    return ImportReport(
        import_type="images",
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_images"),
        export_kind=_export_kind(connection),
        fingerprint=_fingerprint(connection),
        counters=Counters(total, total, seen["published"], 0, skipped, errors, removed),
        duration_seconds=seconds,
        details={name: images for name, images in sorted(seen.items()) if images},
        rejected=first_unlanded(connection, "rejected", "images"),
        data_version=data_version(connection, "images"),
        notices=tuple(str(guard) for guard in guards if not guard.allows),
        guards=guards,
    )


def _export_kind(connection: psycopg.Connection) -> str:
    catalog = read_last(connection, "catalog")
    return catalog.export_kind if catalog else "full"


def _fingerprint(connection: psycopg.Connection) -> str:
    row = connection.execute(statement("queries/images", "fingerprint")).fetchone()
    return str(row[0]) if row else ""


def _delete_files(url: str, media_url: str, keep_days: int) -> tuple[str, ...]:
    """Delete the files that no record has named for `keep_days`, those too that killed imports left.

    Some at a time, each time under the lock of images and with another look at the records: another import waits for
    no more than that, and this one leaves the rest to it.
    """
    deleted = told = 0
    try:
        while batch := _delete_some(url, media_url, keep_days):
            deleted += batch
            if deleted >= 2 * told or batch < DELETED_AT_ONCE:  # each line is an event of the run
                told = deleted
                log.info("%d files of removed images are deleted from the media store", deleted)
    except MediaStoreError as error:
        return (f"Files that no image names any more are still in the media store: {error}",)
    except ImportBusyError:
        log.info("another import of images deletes the files that no image names any more")
    return ()


def _delete_some(url: str, media_url: str, keep_days: int) -> int:
    with import_lock(url, "images"), lend(url) as connection:
        connection.execute(statement("queries/images", "files that are named again"))
        bounds = {"keep_days": keep_days, "batch": DELETED_AT_ONCE}
        gone = [path for (path,) in connection.execute(statement("queries/images", "files to delete"), bounds)]
        if gone:
            open_store(media_url).delete(gone)
            connection.execute("delete from onec.media_deletions where media_path = any(%s)", [gone])
    return len(gone)

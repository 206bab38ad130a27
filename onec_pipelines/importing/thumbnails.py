"""Thumbnails of the published pictures: made where they are missing, recorded, and removed with their picture.

    make_thumbnails(url, media_url, sizes=(200, 800))     thumbnails/200/03/03ab....webp in the media store

A thumbnail is named by the content of its picture (SHA-256), so the file under a name never changes its meaning:
readers see the old thumbnails until the new ones are on record, in one transaction at the end. Files of this
form that no record names are removed afterwards, those too that a killed run left. 1C cannot have a picture
there unless it names it `thumbnails/<size>/<two digits>/<64 hexadecimal digits>`; even such a one is left alone.

That end may be hours away. What has been made until then is kept in checkpoints, in a staging table that a run which
is killed or fails leaves to the next one: it makes what is missing there and in the records.

What a thumbnail looks like is the business of `images.thumbnails`.
"""

import hashlib
import os
import re
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypedDict, Unpack

import psycopg

from onec_pipelines.commerceml.records import Refusal
from onec_pipelines.database.connection import connect, losses_told
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import OnecError
from onec_pipelines.images.reading import ImageMissing, ImageRefused
from onec_pipelines.images.scan import FileIndex
from onec_pipelines.images.store import MediaStore, MediaStoreError, open_store
from onec_pipelines.images.thumbnails import thumbnails
from onec_pipelines.importing.dataset import count_refusals, number, shown_refusals
from onec_pipelines.importing.ledger import read_last
from onec_pipelines.importing.report import Counters, ImportReport, Progress, no_progress

TYPE = "thumbnails"
"""The import type: the name of the lock, and of what is refused."""
TABLE = "onec.product_thumbnails"
FORMATS = {"webp": ("webp", "WebP"), "jpeg": ("jpg", "JPEG")}
"""Format -> the suffix of its files, and its name in the media store."""
OURS = re.compile(r"thumbnails/[0-9]+/[0-9a-f]{2}/[0-9a-f]{64}\.(webp|jpg)")
LARGEST = 4096
WORKERS = min(4, os.cpu_count() or 1)
"""Pillow works without the interpreter's lock."""
QUEUE = 4 * WORKERS
"""Pictures that are held at once, whatever their number."""
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_PICTURES = 500
"""A checkpoint is due after so long, or so many pictures with new thumbnails; a killed run loses no more."""
FETCH = 2000
BATCH = 10_000
NO_PICTURE = "No picture is published yet: import images first."
GONE = "файла нет в хранилище: импортируйте изображения ещё раз"
CHANGED = "файл в хранилище не тот, что записан: импортируйте изображения ещё раз"
SOURCES = """
select
    i.sha256,
    min(p.onec_id),
    array_agg(distinct i.media_path),
    (
        select jsonb_agg(latest.thumbnail)
        from (
            select distinct on (t.size) jsonb_build_array(
                t.sha256, t.size, t.format, t.quality, t.media_path, t.size_bytes, t.width, t.height
            ) as thumbnail
            from (
                select 0 as seq, sha256, size, format, quality, media_path, size_bytes, width, height
                from onec.product_thumbnails
                union all
                select seq, sha256, size, format, quality, media_path, size_bytes, width, height
                from onec_staging.thumbnails_made
            ) t
            where t.sha256 = i.sha256 and t.format = %(format)s and t.size = any(%(sizes)s)
            order by t.size, t.seq desc
        ) latest
    )
from onec.product_images i
join onec.products p on p.id = i.product_id
where i.sha256 > %(after)s
group by i.sha256
order by i.sha256
limit %(fetch)s
"""
LAST_STYLE = """
select
    array_agg(distinct size order by size),
    mode() within group (order by format),
    mode() within group (order by quality)
from onec.product_thumbnails
having count(*) > 0
"""
MADE_BY_DIGEST = "create index if not exists thumbnails_made_sha256 on onec_staging.thumbnails_made (sha256)"
UNNAMED = """
select path
from unnest(%s::text[]) path
where not exists (select from onec.product_thumbnails t where t.media_path = path)
    and not exists (select from onec.product_images i where i.media_path = path)
"""
FINGERPRINT = """
select lpad(to_hex(coalesce(bit_xor(hashtextextended(sha256 || ' ' || size || ' ' || format || ' ' || quality, 0)), 0)),
    16, '0')
from onec.product_thumbnails
"""


class ThumbnailOptions(TypedDict, total=False):
    """What may be asked for; what is not stays as the last run had it.

    Attributes:
        sizes: pixels of the squares that thumbnails fit into; at first 200 and 800.
        format: `webp`, as at first, or `jpeg`.
        quality: 1 to 100; at first 80.
        force: make again what is there.
        run_id: what refused pictures are signed with.
        progress: called with the counters while thumbnails are made.
    """

    sizes: Sequence[int]
    format: str
    quality: int
    force: bool
    run_id: str | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Style:
    """What thumbnails are like."""

    sizes: tuple[int, ...] = (200, 800)
    format: str = "webp"
    quality: int = 80

    def __post_init__(self) -> None:
        """Raise OnecError for thumbnails that cannot be made."""
        if not self.sizes or not all(1 <= size <= LARGEST for size in self.sizes):
            raise OnecError(f"A thumbnail has 1 to {LARGEST} pixels, not {', '.join(map(str, self.sizes)) or 'none'}.")
        if self.format not in FORMATS:
            raise OnecError(f"Thumbnails can be {' or '.join(FORMATS)}, not {self.format!r}.")
        if not 1 <= self.quality <= 100:
            raise OnecError(f"The quality of thumbnails is a number from 1 to 100, not {self.quality}.")


@dataclass(frozen=True, slots=True)
class ThumbnailRow:
    """A row of `product_thumbnails`; its fields are the columns of the staging table."""

    sha256: str
    size: int
    format: str
    quality: int
    media_path: str
    size_bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Source:
    """A picture by its content, the files that hold it, and its thumbnails of this style on record or in a checkpoint.

    `onec_id` is one of the products that show it.
    """

    sha256: str
    onec_id: str
    media_paths: list[str]
    recorded: list[ThumbnailRow]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a picture: the thumbnails to have on record, how many were made, and why not all."""

    source: Source
    rows: list[ThumbnailRow]
    made: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Making:
    """What one run makes thumbnails with; `stored` is what the media store held when it began."""

    store: MediaStore
    stored: FileIndex
    style: Style
    force: bool


@dataclass(slots=True)
class _Tally:
    """What has been counted so far: pictures, but for the thumbnails made of them and the files removed."""

    total: int
    processed: int = 0
    made: int = 0
    skipped: int = 0
    errors: int = 0
    thumbnails_made: int = 0
    files_removed: int = 0

    def count(self, outcome: Outcome) -> Counters:
        self.processed += 1
        self.thumbnails_made += outcome.made
        if outcome.reason:
            self.errors += 1
        elif outcome.made:
            self.made += 1
        else:
            self.skipped += 1
        return Counters(max(self.total, self.processed), self.processed, self.made, 0, self.skipped, self.errors)


class _Checkpoints:
    """The thumbnails that have been made, committed from time to time: what a run leaves that is killed or fails."""

    def __init__(self, connection: psycopg.Connection, store: MediaStore) -> None:
        self.store = store
        self.staging = Staging(connection)
        self.staging.resume(ThumbnailRow, "thumbnails_made")
        connection.execute(MADE_BY_DIGEST)
        self.waiting: list[Outcome] = []
        self.saved = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """Note what became of a picture, and save what waits when it is time to."""
        if outcome.made:
            self.waiting.append(outcome)
        if len(self.waiting) >= CHECKPOINT_PICTURES or time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        """Commit what waits, once its files are on the disk."""
        if self.waiting:
            self.store.flush()
            with self.staging.connection.transaction():
                for outcome in self.waiting:
                    _stage(outcome, self.staging)
                self.staging.flush()
        self.waiting.clear()
        self.saved = time.monotonic()


def make_thumbnails(database_url: str, media_url: str, **options: Unpack[ThumbnailOptions]) -> ImportReport:
    """Bring the thumbnails of all published pictures up to date; the items of the report are pictures.

    Raises:
        ImportBusyError: another process makes thumbnails.
        OnecError: they cannot be made in this style.
        DatabaseError, MediaStoreError: the database or the media store cannot be used.
    """
    started = time.monotonic()
    with losses_told("the making of thumbnails"), import_lock(database_url, TYPE), connect(database_url) as connection:
        migrate_connection(connection)
        return _make(connection, open_store(media_url), options, started)


def sizes_due(source: Source, stored: FileIndex, style: Style, *, force: bool) -> list[int]:
    """The sizes in which a picture has no thumbnail of this style, or none that the media store holds whole."""
    there = {row.size for row in _still_stored(source, stored) if row.quality == style.quality and not force}
    return [size for size in style.sizes if size not in there]


def thumbnail_path(sha256: str, size: int, thumbnail_format: str) -> str:
    """Where a thumbnail is in the media store."""
    suffix, _ = FORMATS[thumbnail_format]
    return f"thumbnails/{size}/{sha256[:2]}/{sha256}.{suffix}"


def style_of(connection: psycopg.Connection, options: ThumbnailOptions) -> Style:
    """The style that is asked for; where nothing is said, that of the thumbnails that are there."""
    last = connection.execute(LAST_STYLE).fetchone()
    style = Style(tuple(last[0]), last[1], last[2]) if last else Style()
    return Style(
        tuple(sorted({*(options.get("sizes") or style.sizes)})),
        options.get("format") or style.format,
        options.get("quality") or style.quality,
    )


def _make(connection: psycopg.Connection, store: MediaStore, options: ThumbnailOptions, started: float) -> ImportReport:
    progress = options.get("progress", no_progress)
    making = _Making(store, store.listing(), style_of(connection, options), options.get("force", False))
    tally = _Tally(number(connection, "select count(distinct sha256) from onec.product_images"))
    progress(Counters(tally.total))
    staging, checkpoints = _new_staging(connection), _Checkpoints(connection, store)
    with closing(_outcomes(_sources(connection, making.style), making)) as outcomes:
        for outcome in outcomes:
            _stage(outcome, staging)
            checkpoints.add(outcome)
            progress(tally.count(outcome))
    checkpoints.save()
    with connection.transaction():
        staging.flush()
        merge(connection, "product_thumbnails", {})
        merge(connection, "refusals", {"import_type": TYPE, "run_id": options.get("run_id")})
        staging.drop()
        checkpoints.staging.drop()
    notices = list(_remove_unnamed(connection, making, tally))
    report = _report(connection, tally, time.monotonic() - started, notices)
    progress(report.counters)
    return report


def _new_staging(connection: psycopg.Connection) -> Staging:
    """Stage what there should be in the end: all thumbnails, those that are there too, and all refusals."""
    staging = Staging(connection)
    staging.create({ThumbnailRow: "product_thumbnails", Refusal: f"{TYPE}_refusals"})
    connection.execute(f"create or replace temp view refusals as select * from onec_staging.{TYPE}_refusals")  # noqa: S608
    return staging


def _sources(connection: psycopg.Connection, style: Style) -> Iterator[Source]:
    """The pictures by their digest, some at a time, so that no snapshot is held while thumbnails are made."""
    after = ""
    while rows := _page(connection, style, after):
        for sha256, onec_id, media_paths, recorded in rows:
            yield Source(sha256, onec_id, media_paths, [ThumbnailRow(*row) for row in recorded or ()])
        after = rows[-1][0]


def _page(connection: psycopg.Connection, style: Style, after: str) -> list[tuple[Any, ...]]:
    """The rows of `SOURCES`, planned each time: a plan that was made for an empty table would be kept as it grows."""
    values = {"format": style.format, "sizes": list(style.sizes), "after": after, "fetch": FETCH}
    return connection.execute(SOURCES, values, prepare=False).fetchall()


def _outcomes(sources: Iterable[Source], making: _Making) -> Generator[Outcome]:
    """Make what is due in a few threads and yield the outcomes in order; closing it drops what waits."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="thumbnails") as threads:
        queue: deque[Future[Outcome]] = deque()
        try:
            for source in sources:
                queue.append(_started(source, making, threads))
                while len(queue) >= QUEUE or (queue and queue[0].done()):
                    yield queue.popleft().result()
            while queue:
                yield queue.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _started(source: Source, making: _Making, threads: ThreadPoolExecutor) -> Future[Outcome]:
    """Give a thread what is due; a picture that has its thumbnails costs no hand-over."""
    due = sizes_due(source, making.stored, making.style, force=making.force)
    if due:
        return threads.submit(_outcome, source, due, making)
    settled: Future[Outcome] = Future()
    settled.set_result(Outcome(source, source.recorded))
    return settled


def _outcome(source: Source, due: Sequence[int], making: _Making) -> Outcome:
    kept = {row.size: row for row in _still_stored(source, making.stored)}
    try:
        made = {row.size: row for row in _made(source, due, making)}
    except ImageRefused as refused:
        return Outcome(source, list(kept.values()), reason=refused.reason)
    return Outcome(source, list({**kept, **made}.values()), len(made))


def _made(source: Source, due: Sequence[int], making: _Making) -> Iterator[ThumbnailRow]:
    style = making.style
    data = _read(source, making)
    for size, made in thumbnails(data, due, style.format, style.quality).items():
        path = thumbnail_path(source.sha256, size, style.format)
        making.store.put(path, made.data, FORMATS[style.format][1])
        yield ThumbnailRow(
            source.sha256, size, style.format, style.quality, path, len(made.data), made.width, made.height
        )


def _read(source: Source, making: _Making) -> bytes:
    """The picture, from a file that still holds it: an import of images may have replaced one meanwhile."""
    refusal = ImageRefused(GONE)
    for path in source.media_paths:
        try:
            data = making.store.read(path)
        except ImageMissing:
            continue
        if hashlib.sha256(data).hexdigest() == source.sha256:
            return data
        refusal = ImageRefused(CHANGED)
    raise refusal


def _still_stored(source: Source, stored: FileIndex) -> Iterator[ThumbnailRow]:
    for row in source.recorded:
        held = stored.get(row.media_path)
        if held and held.size == row.size_bytes:
            yield row


def _stage(outcome: Outcome, staging: Staging) -> None:
    path = outcome.source.media_paths[0]
    for row in outcome.rows:
        staging.add(row, path)
    if outcome.reason:
        staging.add(Refusal("thumbnail", outcome.source.onec_id, path, outcome.reason, {}, None), path)


def _remove_unnamed(connection: psycopg.Connection, making: _Making, tally: _Tally) -> Iterator[str]:
    """Remove the thumbnails that no record names; tell where that is not possible."""
    ours = (path for path in making.stored if OURS.fullmatch(path))
    try:
        while batch := list(islice(ours, BATCH)):
            for (path,) in connection.execute(UNNAMED, [batch]).fetchall():
                making.store.delete(path)
                tally.files_removed += 1
    except MediaStoreError as error:
        yield f"Some thumbnails that no record names are still in the media store: {error}"


def _report(connection: psycopg.Connection, tally: _Tally, seconds: float, notices: list[str]) -> ImportReport:
    catalog = read_last(connection, "catalog")
    return ImportReport(
        import_type=TYPE,
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_thumbnails"),
        export_kind=catalog.export_kind if catalog else "full",
        fingerprint=_fingerprint(connection),
        counters=Counters(
            tally.processed, tally.processed, tally.made, 0, tally.skipped, count_refusals(connection, TYPE)
        ),
        duration_seconds=seconds,
        details={"thumbnails_made": tally.thumbnails_made, "files_removed": tally.files_removed},
        rejected=shown_refusals(connection, TYPE),
        notices=(*notices, *([] if tally.processed else [NO_PICTURE])),
    )


def _fingerprint(connection: psycopg.Connection) -> str:
    row = connection.execute(FINGERPRINT).fetchone()
    return row[0] if row else ""

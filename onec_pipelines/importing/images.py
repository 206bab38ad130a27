"""Import of product images: plan from references and files, publish in shards, collect what came of it.

    shards = plan_images(request, media_url)                  decide about every picture
    publish_shard(request, media_url, shard)                  for each of 1..shards: in turn, or on any machine
    report = collect_images(request, media_url)               record it all in one transaction

A product whose pictures are all unchanged and recorded as they should be is counted and nothing else, which is most of
an import; the others are planned picture by picture.

`publish_images` does the three in turn. Between them the plan and its results stand in UNLOGGED tables of
`onec_staging`, which carry the run's id: a run that is repeated or killed leaves them to the next import, which
begins anew. Files are published as the run goes, each whole or not at all; what is on record changes in one
transaction at the end. A shard that is begun a second time, because its worker died, goes on where the results
end; one that is given to two workers at once is worked on by one of them.

Nothing here removes a picture because its file was not shipped: only a reference that is gone does.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import tee
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql

from onec_pipelines.commerceml.export import IMAGES, list_export
from onec_pipelines.database.connection import connect, losses_told
from onec_pipelines.database.locks import import_lock, is_run_locked, merge_lock, run_lock, shard_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import SCHEMA, Staging
from onec_pipelines.errors import DatabaseError, ImportBusyError
from onec_pipelines.images.contact_sheet import contact_sheet
from onec_pipelines.images.plan import Action, PlannedImage, Reference, plan
from onec_pipelines.images.publish import Outcome, Status, ToPublish, publish_all
from onec_pipelines.images.reading import ImageRefused
from onec_pipelines.images.scan import FileIndex, scan
from onec_pipelines.images.store import MediaStore, MediaStoreError, open_store
from onec_pipelines.importing.dataset import Request, count_refusals, number, refuse_unless_ready, shown_refusals
from onec_pipelines.importing.ledger import read_last
from onec_pipelines.importing.references import FETCH, Owner, Product, read_products, references_of
from onec_pipelines.importing.report import Counters, ImportReport

TABLE = "onec.product_images"
DURING = "the import of images"
SHARD_BYTES = 512 * 2**20
"""How much a shard publishes: coarse, as each costs a step of the run."""
FILE_COST = 16 * 2**10
"""What a file counts for besides its bytes."""
SYNC_SECONDS = 1.0
"""How often a shard records its results and learns how far the others are."""
FATES = {
    Action.UNCHANGED: "unchanged",
    Action.REFUSED: "corrupt",
    Action.DUPLICATE: "duplicate",
}
"""What the plan says of a picture -> what it counts as; of one that is not there `_fate` decides."""
NOWHERE = "файла нет ни в выгрузке, ни в хранилище"
TABLES = ("run", "products", "references", "files", "shards", "results")
"""The tables of a plan: `onec_staging.images_<name>`."""
RUN = """
create unlogged table onec_staging.images_run (
    run_id text not null,
    base text not null,
    begun_at timestamptz not null default now(),
    shown_at timestamptz not null default clock_timestamp(),
    total integer not null,
    processed integer not null default 0,
    skipped integer not null default 0,
    errors integer not null default 0,
    unchanged integer not null default 0
)
"""
SHOW_EVERY = 500
"""Products with nothing to do that are gone through between two calls of progress."""
FILES = """
select f.source, f.media_path, f.known_sha256, f.uses, f.products, f.place
from onec_staging.images_files f
where f.shard = %s and f.place > %s
    and not exists (select from onec_staging.images_results r where r.media_path = f.media_path)
order by f.place
limit %s
"""
RESULT_TYPES = ["text", "text", "text", "text", "int8", "int8", "int4", "int4", "text"]
COUNTERS = """
select
    total,
    processed + coalesce(sum(s_processed), 0)::int,
    coalesce(sum(s_created), 0)::int,
    skipped + coalesce(sum(s_skipped), 0)::int,
    errors + coalesce(sum(s_errors), 0)::int
from onec_staging.images_run
left join (
    select processed as s_processed, created as s_created, skipped as s_skipped, errors as s_errors
    from onec_staging.images_shards
) shards on true
group by total, processed, skipped, errors
"""
RESULT = """
select
    total,
    unchanged,
    (select count(*) from onec_staging.images_products where not has_images),
    extract(epoch from clock_timestamp() - begun_at)::float8
from onec_staging.images_run
"""
FRESH = """
select coalesce(nullif(p.article, ''), r.onec_id), r.publishes
from onec_staging.images_files f
join onec_staging.images_results done using (media_path)
join onec_staging.images_references r on r.seq = f.place
join onec.products p on p.id = r.product_id
where done.status = 'published'
order by r.position, r.seq
limit 48
"""
"""Pictures for the contact sheet, with some in reserve for those that cannot be decoded."""
SHOWN = """
update onec_staging.images_run
set shown_at = clock_timestamp()
where shown_at < clock_timestamp() - interval '1.9 s'
"""
FINGERPRINT = """
select coalesce(lpad(to_hex(bit_xor(hashtextextended(
    coalesce(v.onec_id, p.onec_id) || ' ' || i.position || ' ' || i.source_path || ' ' || i.sha256, 0
))), 16, '0'), repeat('0', 16))
from onec.product_images i
join onec.products p on p.id = i.product_id
left join onec.product_variants v on v.id = i.variant_id
"""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference and what the plan says of it; its fields are the columns of the staging table.

    `publishes` is the media path of the file that must be published for it, from `source`; the columns from
    `media_path` on are what is on record, where it stays when nothing is published. `is_stored` says whether the
    media store has that.
    """

    product_id: int
    variant_id: int | None
    onec_id: str
    position: int
    source_path: str
    is_listed: bool
    fate: str
    reason: str | None
    publishes: str | None
    source: str | None
    source_size: int
    known_sha256: str | None
    is_stored: bool
    media_path: str | None
    sha256: str | None
    size_bytes: int | None
    source_mtime_ns: int | None
    width: int | None
    height: int | None
    format: str | None


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    """An active product whose pictures are staged: those of all others stay as they are.

    The catalogue may be imported while pictures are published.
    """

    product_id: int
    has_images: bool


@dataclass(slots=True)
class _Tally:
    """What the plan has counted so far; `publishes` is about the product that is being planned."""

    total: int
    seen: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    planned: int = 0
    publishes: bool = False

    def counters(self) -> Counters:
        """Products that wait for a file to be published are not yet gone through."""
        skipped = self.settled + self.seen["unchanged"] + self.seen["not_shipped"] + self.seen["without_images"]
        return Counters(self.total, self.planned, 0, 0, skipped, self.seen["missing"] + self.seen["corrupt"])

    def settle(self, images: int) -> None:
        """Count a product with which nothing is to be done."""
        self.planned += 1
        self.settled += images


def publish_images(request: Request, media_url: str, *, full: bool = False) -> ImportReport:
    """Publish the pictures of all active products.

    Args:
        request: what to import from where.
        media_url: the media store.
        full: decode each picture that is published, to its last pixel.

    Raises:
        ExportError, ImportBusyError, DatabaseError: as the other imports.
        MediaStoreError: the media store cannot be used.
    """
    request = replace(request, run_id=request.run_id or str(uuid.uuid4()))
    with losses_told(DURING), run_lock(request.database_url, _run_id(request)):
        try:
            for shard in range(1, plan_images(request, media_url) + 1):
                publish_shard(request, media_url, shard, full=full)
            return collect_images(request, media_url)
        except BaseException:
            _forget_plan(request)
            raise


def plan_images(request: Request, media_url: str, *, shard_bytes: int = SHARD_BYTES) -> int:
    """Decide about every picture, and return how many shards are to be published: 1 to that number.

    The run of `request.run_id` must hold its `run_lock` from now until its pictures are collected: by that
    another import knows it is alive.

    Raises: see `publish_images`.
    """
    url = request.database_url
    with losses_told(DURING), import_lock(url, "images"), connect(url) as connection:
        refuse_unless_ready(connection, request.data_dir, "images")
        migrate_connection(connection)
        _refuse_beside_another(connection, _run_id(request))
        with connection.transaction():
            _drop_plan(connection)
            _plan(connection, request, media_url)
            merge(connection, "images_plan", {"shard_bytes": shard_bytes, "file_cost": FILE_COST})
        return number(connection, "select count(*) from onec_staging.images_shards")


def _plan(connection: psycopg.Connection, request: Request, media_url: str) -> None:
    """Stage every reference with what is to be done about it."""
    base = list_export(request.data_dir).images_base
    connection.execute(RUN)
    tally = _Tally(total=number(connection, "select count(*) from onec.products where is_active"))
    request.progress(tally.counters())
    staging = Staging(connection)
    staging.create({ImageReference: "images_references", PlannedProduct: "images_products"})
    index = scan(base / IMAGES)
    store = open_store(media_url)
    store.sweep()
    stored = store.listing()
    with closing(read_products(connection)) as products:
        unsettled = _unsettled(products, index, stored, tally, request)
        references = _references(unsettled, index, tally, staging)
        for image in plan(references, index, stored=stored, force=request.force):
            row = _row(image, stored)
            tally.seen[row.fate] += 1
            tally.publishes |= row.publishes is not None
            staging.add(row, row.source_path)
    staging.flush()
    counted = tally.counters()
    request.progress(counted)
    connection.execute(
        "insert into onec_staging.images_run (run_id, base, total, processed, skipped, errors, unchanged) "
        "values (%s, %s, %s, %s, %s, %s, %s)",
        [
            _run_id(request),
            base.relative_to(request.data_dir).as_posix(),
            counted.total,
            counted.processed,
            counted.skipped,
            counted.errors,
            tally.settled,
        ],
    )


def _unsettled(
    products: Iterable[Product], index: FileIndex, stored: FileIndex, tally: _Tally, request: Request
) -> Iterator[Product]:
    """The products with which something may be to be done; all others are counted."""
    for place, product in enumerate(products):
        if request.force or not product.is_settled(index, stored):
            request.progress(tally.counters())
            yield product
            continue
        tally.settle(len(product.rows))
        if place % SHOW_EVERY == 0:
            request.progress(tally.counters())


def _references(products: Iterable[Product], index: FileIndex, tally: _Tally, staging: Staging) -> Iterator[Reference]:
    """The references of each product in order; it has been planned when the last of them has been taken."""
    for product in products:
        found = references_of(product, index)
        staging.add(PlannedProduct(product.product_id, has_images=bool(found)), "")
        tally.seen["without_images"] += not found
        tally.publishes = False
        yield from found
        tally.planned += not tally.publishes


def _row(image: PlannedImage, stored: FileIndex) -> ImageReference:
    reference = image.reference
    product = cast("Owner", reference.product)
    owner = cast("Owner", reference.variant or product)
    publishes = image.media_path if image.action is Action.PUBLISH else None
    known = None if image.action is Action.DUPLICATE else reference.published
    is_stored = bool(known and stored.get(known.media_path))
    return ImageReference(
        product_id=product.id,
        variant_id=owner.id if reference.variant else None,
        onec_id=owner.onec_id,
        position=reference.position,
        source_path=reference.path,
        is_listed=owner.is_listed,
        fate=_fate(image.action, is_stored=is_stored),
        reason=NOWHERE if known and image.action is Action.MISSING else image.reason,
        publishes=publishes,
        source=image.source or None,
        source_size=image.size,
        known_sha256=image.known_sha256,
        is_stored=is_stored,
        media_path=known.media_path if known else None,
        sha256=known.sha256 if known else None,
        size_bytes=known.size_bytes if known else None,
        source_mtime_ns=known.mtime_ns if known else None,
        width=known.width if known else None,
        height=known.height if known else None,
        format=known.format if known else None,
    )


def _fate(action: Action, *, is_stored: bool) -> str:
    """What a picture counts as. One that is not shipped is missing only if it is not published either."""
    if action is Action.MISSING:
        return "not_shipped" if is_stored else "missing"
    return FATES.get(action, "publish")


def adopt_plan(database_url: str, run_id: str, parent_run_id: str) -> None:
    """Go on with the plan of the run that this one repeats from where it failed, if that still stands."""
    with losses_told(DURING), connect(database_url) as connection:
        if _planned_run(connection) == parent_run_id and not is_run_locked(connection, parent_run_id):
            connection.execute(
                "update onec_staging.images_run set run_id = %s where run_id = %s", [run_id, parent_run_id]
            )


def publish_shard(request: Request, media_url: str, shard: int, *, full: bool = False) -> Counters:
    """Publish the files of a shard that have no result yet, and return how far the whole import is.

    Raises: see `publish_images`; ImportBusyError, too, where the plan is not of this run.
    """
    with losses_told(DURING), connect(request.database_url) as connection, shard_lock(connection, shard):
        base = _planned_base(connection, request)
        progress = _ShardProgress(connection, request, shard)
        files, counted = tee(_files(connection, shard))
        wanted = (ToPublish(*file) for *file, _, _, _ in files)
        with closing(publish_all(wanted, base, open_store(media_url), full=full)) as outcomes:
            for outcome, (*_, uses, products, _) in zip(outcomes, counted, strict=True):
                progress.add(outcome, uses, products)
        progress.sync()
        return progress.counters


def _files(connection: psycopg.Connection, shard: int) -> Iterator[tuple[Any, ...]]:
    """The rows of `FILES`, some at a time."""
    place = 0
    while rows := connection.execute(FILES, [shard, place, FETCH]).fetchall():
        yield from rows
        *_, place = rows[-1]


class _ShardProgress:
    """The results of a shard, recorded every second, and the counters of the whole import as far as they are known."""

    def __init__(self, connection: psycopg.Connection, request: Request, shard: int) -> None:
        self.connection = connection
        self.request = request
        self.shard = shard
        self.results: list[tuple[object, ...]] = []
        self.reached = Counters()
        self.counters = Counters()
        self.sync()

    def add(self, outcome: Outcome, uses: int, products: int) -> None:
        """Note what became of a file that so many references name, and that is the last of so many products."""
        file = outcome.published
        facts = (
            (file.sha256, file.size_bytes, file.mtime_ns, file.width, file.height, file.format) if file else [None] * 6
        )
        self.results.append((outcome.file.media_path, outcome.status.value, outcome.reason, *facts))
        copied = int(outcome.status is Status.PUBLISHED)
        refused = uses if file is None else 0
        more = Counters(0, products, copied, 0, uses - copied - refused, refused)
        self.reached = _sum(self.reached, more)
        self.counters = _sum(self.counters, more)
        self.request.progress(self.counters)
        if time.monotonic() - self.synced >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Record the results, and learn how far the other shards are."""
        reached, self.reached = self.reached, Counters()
        with self.connection.transaction(), self.connection.cursor() as cursor:
            _planned_base(self.connection, self.request)
            with cursor.copy("copy onec_staging.images_results from stdin (format binary)") as copy:
                copy.set_types(RESULT_TYPES)
                for result in self.results:
                    copy.write_row(result)
            cursor.execute(
                "update onec_staging.images_shards set processed = processed + %s, created = created + %s, "
                "skipped = skipped + %s, errors = errors + %s where shard = %s",
                [reached.processed, reached.created, reached.skipped, reached.errors, self.shard],
            )
        self.results.clear()
        self.counters = _counters(self.connection)
        self.request.progress(self.counters)
        self.synced = time.monotonic()


def _sum(one: Counters, other: Counters) -> Counters:
    return Counters(
        one.total + other.total,
        one.processed + other.processed,
        one.created + other.created,
        one.updated + other.updated,
        one.skipped + other.skipped,
        one.errors + other.errors,
    )


def _counters(connection: psycopg.Connection) -> Counters:
    """How far the import is, over all its shards."""
    total, processed, created, skipped, errors = connection.execute(COUNTERS).fetchone() or (0, 0, 0, 0, 0)
    return Counters(total, processed, created, 0, skipped, errors)


def may_show_progress(database_url: str) -> bool:
    """Whether no shard, on whatever machine, has shown progress within the last two seconds; then this one does."""
    with connect(database_url) as connection:
        return connection.execute(SHOWN).rowcount == 1


def collect_images(request: Request, media_url: str) -> ImportReport:
    """Record what the shards published, remove what no record names any more, and forget the plan.

    Raises: see `publish_images`; DatabaseError, too, where a shard has not been published.
    """
    url = request.database_url
    with losses_told(DURING), import_lock(url, "images"), connect(url) as connection:
        _planned_base(connection, request)
        request.progress(_counters(connection))
        _refuse_unpublished(connection)
        sheet = _flush(connection, media_url)
        with connection.transaction():
            merge_lock(connection)
            counts = merge(connection, "product_images", {})
            merge(connection, "refusals", {"import_type": "images", "run_id": request.run_id})
            report = _report(connection, counts)
            _drop_plan(connection)
        _delete_files(connection, media_url)
    report = replace(report, contact_sheet=sheet)
    request.progress(report.counters)
    return report


def _report(connection: psycopg.Connection, counts: dict[str, int]) -> ImportReport:
    total, settled, without_images, seconds = connection.execute(RESULT).fetchone() or (0, 0, 0, 0.0)
    seen: Counter[str] = Counter(
        dict(connection.execute("select fate, count(*) from pg_temp.images_now group by fate order by fate").fetchall())
    )
    seen.update({"unchanged": settled, "without_images": without_images})
    removed = counts.get("pictures no longer listed", 0)
    errors = count_refusals(connection, "images")
    skipped = seen["unchanged"] + seen["not_shipped"] + without_images
    catalog = read_last(connection, "catalog")
    return ImportReport(
        import_type="images",
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_images"),
        export_kind=catalog.export_kind if catalog else "full",
        fingerprint=str((connection.execute(FINGERPRINT).fetchone() or ("",))[0]),
        counters=Counters(total, total, seen["published"], 0, skipped, errors),
        duration_seconds=seconds,
        details={name: images for name, images in sorted({**seen, "removed": removed}.items()) if images},
        rejected=shown_refusals(connection, "images"),
    )


def _flush(connection: psycopg.Connection, media_url: str) -> bytes:
    """Wait until all that was published is on the disk, and return a contact sheet that is drawn meanwhile."""
    if not number(connection, "select count(*) from onec_staging.images_shards"):
        return b""
    store = open_store(media_url)
    with ThreadPoolExecutor(1) as thread:
        flushed = thread.submit(store.flush)
        sheet = _contact_sheet(connection.execute(FRESH).fetchall(), store)
        flushed.result()
    return sheet


def _contact_sheet(fresh: list[tuple[str, str]], store: MediaStore) -> bytes:
    """Some of the pictures that were published, to be looked at; that they cannot be read back fails no import."""
    try:
        return contact_sheet((article, store.read(path)) for article, path in fresh)
    except (MediaStoreError, ImageRefused):
        return b""


def _delete_files(connection: psycopg.Connection, media_url: str) -> None:
    """Remove the files that no record names any more, those too that a killed import did not come to."""
    connection.execute(
        "delete from onec.media_deletions where media_path in (select media_path from onec.product_images)"
    )
    gone = [path for (path,) in connection.execute("select media_path from onec.media_deletions order by 1")]
    if gone:
        store = open_store(media_url)
        for path in gone:
            store.delete(path)
        connection.execute("delete from onec.media_deletions where media_path = any(%s)", [gone])


def _refuse_beside_another(connection: psycopg.Connection, run_id: str) -> None:
    """Another run whose pictures are planned is at work if it holds its lock; else it is dead, and its plan goes."""
    other = _planned_run(connection)
    if other and other != run_id and is_run_locked(connection, other):
        raise ImportBusyError(
            f"An import of images is already running: run {other}; wait until it has ended (onec sessions shows it)."
        )


def _planned_run(connection: psycopg.Connection) -> str | None:
    """The run whose plan stands in the tables."""
    if not number(connection, "select (to_regclass('onec_staging.images_run') is not null)::integer"):
        return None
    row = connection.execute("select run_id from onec_staging.images_run").fetchone()
    return str(row[0]) if row else None


def _planned_base(connection: psycopg.Connection, request: Request) -> Path:
    """The directory above `import_files`, as planned for this run."""
    if _planned_run(connection) != _run_id(request):
        raise DatabaseError(
            "The plan of this import of images is not in the database any more: another import has begun since, or "
            "PostgreSQL was restarted after a crash; nothing on record was changed: import again."
        )
    row = connection.execute("select base from onec_staging.images_run").fetchone()
    return request.data_dir / (row[0] if row else "")


def _refuse_unpublished(connection: psycopg.Connection) -> None:
    left = number(
        connection,
        "select count(*) from onec_staging.images_files f where not exists "
        "(select from onec_staging.images_results r where r.media_path = f.media_path)",
    )
    if left:
        raise DatabaseError(
            f"{left} files of this import of images have not been published: a step was passed over; nothing on "
            "record was changed: import again."
        )


def _forget_plan(request: Request) -> None:
    """Drop the plan of an import that failed, if the database can still be reached."""
    with suppress(psycopg.Error, DatabaseError), connect(request.database_url) as connection:
        if _planned_run(connection) == request.run_id:
            _drop_plan(connection)


def _drop_plan(connection: psycopg.Connection) -> None:
    names = (sql.Identifier(SCHEMA, f"images_{name}") for name in TABLES)
    connection.execute(sql.SQL("drop table if exists {}").format(sql.SQL(", ").join(names)))


def _run_id(request: Request) -> str:
    if request.run_id is None:
        raise ValueError("the steps of an import of images need the id of their run")
    return request.run_id

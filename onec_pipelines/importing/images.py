"""Import of product images: plan from references and files, publish in shards, collect what came of it.

    shards = plan_images(request, media_url)                  decide about every picture
    publish_shard(request, media_url, shard)                  for each of 1..shards: in turn, or on any machine
    report = collect_images(request, media_url)               record it all in one transaction

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
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

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
from onec_pipelines.images.publish import Outcome, Status, publish_all
from onec_pipelines.images.reading import ImageRefused
from onec_pipelines.images.scan import FileIndex, scan
from onec_pipelines.images.store import MediaStoreError, open_store
from onec_pipelines.importing.dataset import Request, count_refusals, number, refuse_unless_ready, shown_refusals
from onec_pipelines.importing.ledger import read_last
from onec_pipelines.importing.references import Owner, Product, read_products, references_of
from onec_pipelines.importing.report import Counters, ImportReport, Progress

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
    begun_at timestamptz not null default clock_timestamp(),
    shown_at timestamptz not null default clock_timestamp(),
    total integer not null,
    processed integer not null default 0,
    skipped integer not null default 0,
    errors integer not null default 0,
    without_images integer not null default 0
)
"""
PRODUCTS = (
    "create unlogged table onec_staging.images_products as select id as product_id from onec.products where is_active"
)
"""Only the pictures of these may be found to be gone: the catalogue may be imported while pictures are published."""
FILES = """
select f.media_path, f.source, f.size_bytes, f.known_sha256, f.uses, f.products
from onec_staging.images_files f
where f.shard = %s and not exists (select from onec_staging.images_results r where r.media_path = f.media_path)
order by f.place
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
FRESH = """
select coalesce(nullif(p.article, ''), n.onec_id), n.media_path
from pg_temp.images_now n
join onec.products p on p.id = n.product_id
where n.fate = 'published'
order by not n.is_main, n.seq
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


@dataclass(slots=True)
class _Tally:
    """What the plan has counted so far, and the product that is being planned."""

    total: int
    seen: Counter[str] = field(default_factory=Counter)
    planned: int = 0
    product: Owner | None = None
    publishes: bool = False

    def counters(self) -> Counters:
        """Products that wait for a file to be published are not yet gone through."""
        skipped = self.seen["unchanged"] + self.seen["not_shipped"] + self.seen["without_images"]
        return Counters(self.total, self.planned, 0, 0, skipped, self.seen["missing"] + self.seen["corrupt"])

    def begin(self, product: Owner | None) -> None:
        """Go on to another product, or to the end."""
        if product != self.product:
            self.planned += self.product is not None and not self.publishes
            self.product, self.publishes = product, False


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
    tally = _Tally(total=connection.execute(PRODUCTS).rowcount)
    request.progress(tally.counters())
    staging = Staging(connection)
    staging.create({ImageReference: "images_references"})
    index = scan(base / IMAGES)
    store = open_store(media_url)
    store.sweep()
    stored = store.listing()
    with connect(request.database_url) as reader:
        references = _references(read_products(reader), index, tally, request.progress)
        for image in plan(references, index, stored=stored, force=request.force):
            row = _row(image, stored)
            tally.seen[row.fate] += 1
            tally.publishes |= row.publishes is not None
            staging.add(row, row.source_path)
    staging.flush()
    counted = tally.counters()
    connection.execute(
        "insert into onec_staging.images_run (run_id, base, total, processed, skipped, errors, without_images) "
        "values (%s, %s, %s, %s, %s, %s, %s)",
        [
            _run_id(request),
            base.relative_to(request.data_dir).as_posix(),
            counted.total,
            counted.processed,
            counted.skipped,
            counted.errors,
            tally.seen["without_images"],
        ],
    )


def _references(
    products: Iterable[Product], index: FileIndex, tally: _Tally, progress: Progress
) -> Iterator[Reference]:
    """The references of each product in order."""
    for product in products:
        found = references_of(product, index)
        tally.begin(Owner(product.product_id, product.onec_id))
        tally.seen["without_images"] += not found
        progress(tally.counters())
        yield from found
    tally.begin(None)


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


def publish_shard(request: Request, media_url: str, shard: int, *, full: bool = False) -> Counters:
    """Publish the files of a shard that have no result yet, and return how far the whole import is.

    Raises: see `publish_images`; ImportBusyError, too, where the plan is not of this run.
    """
    with losses_told(DURING), connect(request.database_url) as connection, shard_lock(connection, shard):
        base = _planned_base(connection, request)
        files = connection.execute(FILES, [shard]).fetchall()
        planned = (
            PlannedImage(
                Reference(media_path, None, 0, media_path), Action.PUBLISH, None, source, media_path, size, sha
            )
            for media_path, source, size, sha, *_ in files
        )
        progress = _ShardProgress(connection, shard, request.progress)
        outcomes = publish_all(planned, base, open_store(media_url), full=full)
        with closing(outcomes):
            for outcome, (*_, uses, products) in zip(outcomes, files, strict=True):
                progress.add(outcome, uses, products)
        progress.sync()
        return progress.counters


class _ShardProgress:
    """The results of a shard, recorded every second, and the counters of the whole import as far as they are known."""

    def __init__(self, connection: psycopg.Connection, shard: int, show: Progress) -> None:
        self.connection = connection
        self.shard = shard
        self.show = show
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
        self.results.append((outcome.image.media_path, outcome.status.value, outcome.reason, *facts))
        copied = int(outcome.status is Status.PUBLISHED)
        refused = uses if file is None else 0
        more = Counters(0, products, copied, 0, uses - copied - refused, refused)
        self.reached = _sum(self.reached, more)
        self.counters = _sum(self.counters, more)
        self.show(self.counters)
        if time.monotonic() - self.synced >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Record the results, and learn how far the other shards are."""
        reached, self.reached = self.reached, Counters()
        with self.connection.transaction(), self.connection.cursor() as cursor:
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
        self.show(self.counters)
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
        _refuse_unpublished(connection)
        if number(connection, "select count(*) from onec_staging.images_shards"):
            open_store(media_url).flush()
        with connection.transaction():
            merge_lock(connection)
            counts = merge(connection, "product_images", {})
            merge(connection, "refusals", {"import_type": "images", "run_id": request.run_id})
            report = _report(connection, counts)
            fresh = connection.execute(FRESH).fetchall()
            _drop_plan(connection)
        _delete_files(connection, media_url)
    report = replace(report, contact_sheet=_contact_sheet(fresh, media_url))
    request.progress(report.counters)
    return report


def _report(connection: psycopg.Connection, counts: dict[str, int]) -> ImportReport:
    total, without_images, seconds = connection.execute(
        "select total, without_images, extract(epoch from clock_timestamp() - begun_at)::float8 "
        "from onec_staging.images_run"
    ).fetchone() or (0, 0, 0.0)
    seen: Counter[str] = Counter(
        dict(connection.execute("select fate, count(*) from pg_temp.images_now group by fate order by fate").fetchall())
    )
    if without_images:
        seen["without_images"] = without_images
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
        details={**seen, **({"removed": removed} if removed else {})},
        rejected=shown_refusals(connection, "images"),
    )


def _contact_sheet(fresh: list[tuple[str, str]], media_url: str) -> bytes:
    """Some of the pictures that were published, to be looked at; that they cannot be read back fails no import."""
    if not fresh:
        return b""
    store = open_store(media_url)
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

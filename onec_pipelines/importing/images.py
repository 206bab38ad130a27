"""Import of product images: plan from references and files, publish into the media store, record.

Files are published as the run goes, each whole or not at all; what is on record changes in one transaction at
the end. A killed run therefore leaves published files without a record, which the next one publishes again.
Nothing here removes a picture because its file was not shipped: only a reference that is gone does.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import psycopg

from onec_pipelines.commerceml.export import IMAGES, list_export
from onec_pipelines.commerceml.records import Refusal
from onec_pipelines.database.connection import connect, first_line
from onec_pipelines.database.locks import import_lock, merge_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import DatabaseError
from onec_pipelines.images.plan import PublishedFile, Reference, plan, references_on_disk
from onec_pipelines.images.publish import Outcome, Status, publish_all
from onec_pipelines.images.scan import FileIndex, scan
from onec_pipelines.images.store import open_store
from onec_pipelines.importing.dataset import Request, count_refusals, number, refuse_unless_ready, shown_refusals
from onec_pipelines.importing.ledger import read_last
from onec_pipelines.importing.report import Counters, ImportReport, Progress

TABLE = "onec.product_images"
FETCH = 500
"""Products fetched at a time."""
SEEN = "create temp table seen_products on commit drop as select id from onec.products where is_active"
"""Only their pictures may be found to be gone: the catalogue may be imported while pictures are published."""
PRODUCTS = """
select
    p.id,
    p.onec_id,
    (
        select jsonb_agg(
            jsonb_build_array(r.variant_id, r.variant_onec_id, r.path, r.position)
            order by r.variant_id nulls first, r.position
        )
        from (
            select null::bigint as variant_id, null as variant_onec_id, own.path, own.position
            from onec.image_references own
            where own.product_id = p.id
            union all
            select v.id, v.onec_id, offers.path, offers.position
            from onec.product_variants v
            join onec.image_references offers on offers.variant_id = v.id
            where v.product_id = p.id and v.is_active
        ) r
    ),
    (select jsonb_agg(to_jsonb(i) order by i.variant_id nulls first, i.position)
        from onec.product_images i where i.product_id = p.id)
from onec.products p
where p.is_active
order by p.id
"""
FATES = {
    Status.PUBLISHED: "published",
    Status.UNCHANGED: "unchanged",
    Status.REFUSED: "corrupt",
    Status.DUPLICATE: "duplicate",
}
"""What became of a picture -> what it counts as; of a missing one `fate` decides."""
NOWHERE = "файла нет ни в выгрузке, ни в хранилище"


@dataclass(frozen=True, slots=True)
class ProductImage:
    """A row of `product_images`; its fields are the columns of the staging table."""

    product_id: int
    variant_id: int | None
    position: int
    is_main: bool
    source_path: str
    media_path: str
    sha256: str
    size_bytes: int
    source_mtime_ns: int
    width: int
    height: int
    format: str
    is_listed: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """A product or a variant; `is_listed` says whether the XML names pictures of its own."""

    id: int
    onec_id: str
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """A product with what the XML lists and what is on record.

    `listed` holds variant (its id and identifier, both None for the product's own), path and position;
    `published` holds rows of `product_images` as mappings of their columns.
    """

    product_id: int
    onec_id: str
    listed: list[tuple[int | None, str | None, str, int]]
    published: list[dict[str, Any]]


@dataclass(slots=True)
class _Tally:
    """What has been counted so far, and whose pictures are being settled."""

    total: int
    seen: Counter[str] = field(default_factory=Counter)
    processed: int = 0
    copied: int = 0
    skipped: int = 0
    errors: int = 0
    product: Owner | None = None
    with_main: tuple[Hashable, Hashable] | None = None

    def counters(self) -> Counters:
        return Counters(self.total, self.processed, self.copied, 0, self.skipped, self.errors)

    def count(self, fate: str) -> None:
        self.seen[fate] += 1
        self.copied += fate == "published"
        self.skipped += fate in {"unchanged", "not_shipped", "without_images"}
        self.errors += fate in {"missing", "corrupt"}


def publish_images(request: Request, media_url: str) -> ImportReport:
    """Publish the pictures of all active products.

    Raises:
        ExportError, ImportBusyError, DatabaseError: as the other imports.
        MediaStoreError: the media store cannot be used.
    """
    started = time.monotonic()
    try:
        with import_lock(request.database_url, "images"), connect(request.database_url) as connection:
            refuse_unless_ready(connection, request.data_dir, "images")
            migrate_connection(connection)
            return _import(connection, request, media_url, started)
    except psycopg.OperationalError as error:
        answer = first_line(error.diag.message_primary or str(error))
        raise DatabaseError(
            f"PostgreSQL gave up during the import of images: {answer}; what is on record was not changed: "
            "import again when the server works."
        ) from error


def _import(connection: psycopg.Connection, request: Request, media_url: str, started: float) -> ImportReport:
    base = list_export(request.data_dir).images_base
    with connection.transaction():
        tally = _Tally(total=connection.execute(SEEN).rowcount)
        request.progress(tally.counters())
        staging = Staging(connection)
        staging.create({ProductImage: "product_images", Refusal: "images_refusals"})
        connection.execute("create or replace temp view refusals as select * from onec_staging.images_refusals")
        digest = _publish_and_stage(request, base, media_url, staging, tally)
        merge_lock(connection)
        gone = _media_paths(connection)
        counts = merge(connection, "product_images", {})
        merge(connection, "refusals", {"import_type": "images", "run_id": request.run_id})
        gone -= _media_paths(connection)
        connection.execute(
            "insert into onec.media_deletions select unnest(%s::text[]) on conflict do nothing", [[*gone]]
        )
        staging.drop()
    _delete_files(connection, media_url)
    report = _report(connection, tally, counts, digest, time.monotonic() - started)
    request.progress(report.counters)
    return report


def _publish_and_stage(request: Request, base: Path, media_url: str, staging: Staging, tally: _Tally) -> str:
    """Publish what the plan says and stage every picture that is published; return a digest of them."""
    index = scan(base / IMAGES)
    store = open_store(media_url)
    store.sweep()
    stored = store.listing()
    digest = hashlib.sha256()
    with connect(request.database_url) as reader:
        references = _references(_products(reader), index, tally, request.progress)
        planned = plan(references, index, stored=stored, force=request.force)
        for outcome in publish_all(planned, base, store):
            row = _settle(outcome, fate(outcome, stored), staging, tally)
            if row:
                digest.update(f"{row.source_path} {row.sha256}\n".encode())
                staging.add(row, row.source_path)
            request.progress(tally.counters())
    staging.flush()
    store.flush()
    return digest.hexdigest()[:16]


def _products(connection: psycopg.Connection) -> Iterator[Product]:
    with connection.transaction(), connection.cursor("products") as cursor:
        cursor.itersize = FETCH
        cursor.execute(PRODUCTS)
        for product_id, onec_id, listed, published in cursor:
            yield Product(product_id, onec_id, [tuple(row) for row in listed or ()], published or [])


def _references(
    products: Iterable[Product], index: FileIndex, tally: _Tally, progress: Progress
) -> Iterator[Reference]:
    """The references of each product in order. They are asked for ahead of the outcomes, as publishing needs them."""
    for product in products:
        found = references_of(product, index)
        if not found:
            tally.count("without_images")
            tally.processed += 1
            progress(tally.counters())
        yield from found


def references_of(product: Product, index: FileIndex) -> list[Reference]:
    """What a product's pictures are: as the XML lists them, or, where it lists none of its own, by file name.

    A picture found by name earlier stays in the list when its file is not shipped this time.
    """
    records = {(row["variant_id"], row["source_path"]): _published(row) for row in product.published}
    owner = Owner(product.product_id, product.onec_id, is_listed=any(variant is None for variant, *_ in product.listed))
    listed = [
        Reference(
            owner,
            None if variant is None else Owner(variant, onec_id or product.onec_id),
            position,
            path,
            records.get((variant, path)),
        )
        for variant, onec_id, path, position in product.listed
    ]
    if owner.is_listed:
        return listed
    own = {path: record for (variant, path), record in records.items() if variant is None}
    by_name = {r.path: r for r in references_on_disk(owner, product.onec_id, index, own)}
    for row in product.published:
        if row["variant_id"] is None and not row["is_listed"]:
            path = row["source_path"]
            by_name.setdefault(path, Reference(owner, None, 0, path, own[path]))
    named = [replace(by_name[path], position=position) for position, path in enumerate(sorted(by_name))]
    return [*named, *listed]


def _published(row: dict[str, Any]) -> PublishedFile:
    return PublishedFile(
        row["media_path"],
        row["sha256"],
        row["size_bytes"],
        row["width"],
        row["height"],
        row["format"],
        row["source_mtime_ns"],
    )


def fate(outcome: Outcome, stored: FileIndex) -> str:
    """What a picture counts as. One that is not shipped is missing only if it is not published either."""
    if outcome.status is not Status.MISSING:
        return FATES[outcome.status]
    known = outcome.reference.published
    return "not_shipped" if known and stored.get(known.media_path) else "missing"


def _settle(outcome: Outcome, fate: str, staging: Staging, tally: _Tally) -> ProductImage | None:
    """Count an outcome, stage its refusal, and return the row of a picture that is published.

    What a refused or missing picture was published as stays.
    """
    reference = outcome.reference
    product = cast("Owner", reference.product)
    if product != tally.product:
        tally.product = product
        tally.processed += 1
    tally.count(fate)
    if fate in {"missing", "corrupt"}:
        staging.add(_refusal(outcome, cast("Owner", reference.variant or product)), reference.path)
    kept = None if fate == "duplicate" else outcome.published or reference.published
    return _row(reference, kept, tally) if kept else None


def _refusal(outcome: Outcome, owner: Owner) -> Refusal:
    path = outcome.reference.path
    reason = NOWHERE if outcome.status is Status.MISSING and outcome.reference.published else outcome.reason
    return Refusal("image", owner.onec_id, path, reason or "файл не принят", {"Картинка": path}, None)


def _row(reference: Reference, published: PublishedFile, tally: _Tally) -> ProductImage:
    """The row of a picture; the first of each owner is its main one."""
    product = cast("Owner", reference.product)
    owner = cast("Owner", reference.variant or product)
    is_main = tally.with_main != (reference.product, reference.variant)
    tally.with_main = (reference.product, reference.variant)
    return ProductImage(
        product_id=product.id,
        variant_id=owner.id if reference.variant else None,
        position=reference.position,
        is_main=is_main,
        source_path=reference.path,
        media_path=published.media_path,
        sha256=published.sha256,
        size_bytes=published.size_bytes,
        source_mtime_ns=published.mtime_ns,
        width=published.width,
        height=published.height,
        format=published.format,
        is_listed=owner.is_listed,
    )


def _media_paths(connection: psycopg.Connection) -> set[str]:
    return {path for (path,) in connection.execute("select distinct media_path from onec.product_images")}


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


def _report(
    connection: psycopg.Connection, tally: _Tally, counts: dict[str, int], digest: str, seconds: float
) -> ImportReport:
    catalog = read_last(connection, "catalog")
    counters = replace(tally.counters(), processed=tally.total, errors=count_refusals(connection, "images"))
    removed = counts.get("pictures no longer listed", 0)
    return ImportReport(
        import_type="images",
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_images"),
        export_kind=catalog.export_kind if catalog else "full",
        fingerprint=digest,
        counters=counters,
        duration_seconds=seconds,
        details={**tally.seen, **({"removed": removed} if removed else {})},
        rejected=shown_refusals(connection, "images"),
    )

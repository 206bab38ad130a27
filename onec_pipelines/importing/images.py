"""Import of product images: plan from references and files, publish into the media store, record.

Files are published as the run goes, each whole or not at all; what is on record changes in one transaction at
the end. A killed run therefore leaves published files without a record, which the next one publishes again.
Nothing here removes a picture because its file was not shipped: only a reference that is gone does.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from onec_pipelines.commerceml.export import IMAGES, list_export
from onec_pipelines.commerceml.records import Refusal
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.images.plan import PublishedFile, Reference, plan, references_on_disk
from onec_pipelines.images.publish import Outcome, Status, publish_all
from onec_pipelines.images.scan import FileIndex, scan
from onec_pipelines.images.store import open_store
from onec_pipelines.importing.dataset import Request, count_refusals, number, refuse_unless_ready, shown_refusals
from onec_pipelines.importing.ledger import read_last
from onec_pipelines.importing.report import Counters, ImportReport

TABLE = "onec.product_images"
FETCH = 500
"""Products fetched at a time."""
PRODUCTS = """
select
    p.id,
    p.onec_id,
    (
        select jsonb_agg(
            jsonb_build_array(r.variant_id, r.position, r.path) order by r.variant_id nulls first, r.position
        )
        from (
            select null::bigint as variant_id, own.position, own.path
            from onec.image_references own
            where own.product_id = p.id
            union all
            select v.id, offers.position, offers.path
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
class Product:
    """A product with what the XML lists and what is on record: published rows as mappings of their columns."""

    product_id: int
    onec_id: str
    listed: list[tuple[int | None, int, str]]
    published: list[dict[str, Any]]


@dataclass(slots=True)
class _Tally:
    """What has been counted so far."""

    total: int
    seen: Counter[str] = field(default_factory=Counter)
    processed: int = 0
    copied: int = 0
    skipped: int = 0
    errors: int = 0

    def counters(self) -> Counters:
        return Counters(self.total, self.processed, self.copied, 0, self.skipped, self.errors)


def publish_images(request: Request, media_url: str) -> ImportReport:
    """Publish the pictures of all active products.

    Raises:
        ExportError, ImportBusyError, DatabaseError: as the other imports.
        MediaStoreError: the media store cannot be used.
    """
    started = time.monotonic()
    with import_lock(request.database_url, "images"), connect(request.database_url) as connection:
        migrate_connection(connection)
        refuse_unless_ready(connection, request.data_dir, "images")
        base = list_export(request.data_dir).images_base
        tally = _Tally(total=number(connection, "select count(*) from onec.products where is_active"))
        request.progress(tally.counters())
        with connection.transaction():
            staging = Staging(connection)
            staging.create({ProductImage: "product_images", Refusal: "images_refusals"})
            connection.execute("create or replace temp view refusals as select * from onec_staging.images_refusals")
            digest = _publish_and_stage(request, base, media_url, staging, tally)
            gone = _media_paths(connection) if staging.seq else set()
            counts = merge(connection, "product_images", {})
            merge(connection, "refusals", {"import_type": "images", "run_id": request.run_id})
            gone -= _media_paths(connection)
            staging.drop()
        _delete_files(media_url, gone)
        tally.processed = tally.total
        request.progress(tally.counters())
        return _report(connection, tally, counts, digest, time.monotonic() - started)


def _publish_and_stage(request: Request, base: Path, media_url: str, staging: Staging, tally: _Tally) -> str:
    """Publish what the plan says and stage every picture that is published; return a digest of them."""
    index = scan(base / IMAGES)
    store = open_store(media_url)
    store.sweep()
    digest = hashlib.sha256()
    owners = _Owners()
    with connect(request.database_url) as reader:
        references = _references(_products(reader), index, owners, tally)
        planned = plan(references, index, stored=store.listing(), force=request.force)
        for outcome in publish_all(planned, base, store):
            row = _settle(outcome, owners, staging, tally)
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
            references = [(variant, position, path) for variant, position, path in listed or ()]
            yield Product(product_id, onec_id, references, published or [])


@dataclass(slots=True)
class _Owners:
    """The product whose pictures are being settled: its identifier, and which owners have their main picture."""

    onec_ids: dict[int, str] = field(default_factory=dict)
    listed: dict[int, bool] = field(default_factory=dict)
    current: int | None = None
    with_main: set[int | None] = field(default_factory=set)

    def reach(self, product_id: int) -> bool:
        """Note that outcomes of this product come; True when it is another one than before."""
        if product_id == self.current:
            return False
        if self.current is not None:
            self.onec_ids.pop(self.current, None)
            self.listed.pop(self.current, None)
        self.current = product_id
        self.with_main.clear()
        return True


def _references(products: Iterable[Product], index: FileIndex, owners: _Owners, tally: _Tally) -> Iterator[Reference]:
    """The references of each product, in order: those of the XML, or else the files that bear its identifier."""
    for product in products:
        found = references_of(product, index)
        if not found:
            tally.seen["without_images"] += 1
            tally.skipped += 1
            tally.processed += 1
            continue
        owners.onec_ids[product.product_id] = product.onec_id
        owners.listed[product.product_id] = bool(product.listed)
        yield from found


def references_of(product: Product, index: FileIndex) -> list[Reference]:
    """What a product's pictures are: as the XML lists them, or, where it lists none of its own, by file name.

    A picture found by name earlier stays in the list when its file is not shipped this time.
    """
    records = {(row["variant_id"], row["source_path"]): _published(row) for row in product.published}
    listed = [
        Reference(product.product_id, variant, position, path, records.get((variant, path)))
        for variant, position, path in product.listed
    ]
    if any(reference.variant is None for reference in listed):
        return listed
    own = {path: record for (variant, path), record in records.items() if variant is None}
    by_name = {r.path: r for r in references_on_disk(product.product_id, product.onec_id, index, own)}
    if not product.listed:
        for row in product.published:
            if row["variant_id"] is None and not row["is_listed"]:
                path = row["source_path"]
                by_name.setdefault(path, Reference(product.product_id, None, 0, path, own[path]))
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


def _settle(outcome: Outcome, owners: _Owners, staging: Staging, tally: _Tally) -> ProductImage | None:
    """Count an outcome, stage its refusal, and return the row of a picture that is published."""
    reference = outcome.reference
    product_id = int(str(reference.product))
    if owners.reach(product_id):
        tally.processed += 1
    kept = outcome.published or reference.published
    status = outcome.status
    if status is Status.DUPLICATE:
        tally.seen["duplicate"] += 1
        return None
    if status is Status.PUBLISHED:
        tally.copied += 1
        tally.seen["published"] += 1
    elif status is Status.UNCHANGED or (status is Status.MISSING and kept):
        tally.skipped += 1
        tally.seen["unchanged" if status is Status.UNCHANGED else "not_shipped"] += 1
    else:
        tally.errors += 1
        tally.seen["missing" if status is Status.MISSING else "corrupt"] += 1
        staging.add(_refusal(outcome, owners.onec_ids[product_id]), reference.path)
    return _row(reference, kept, owners) if kept else None


def _refusal(outcome: Outcome, onec_id: str) -> Refusal:
    path = outcome.reference.path
    return Refusal("image", onec_id, path, outcome.reason or "файл не принят", {"Картинка": path}, None)


def _row(reference: Reference, published: PublishedFile, owners: _Owners) -> ProductImage:
    variant = None if reference.variant is None else int(str(reference.variant))
    is_main = variant not in owners.with_main
    owners.with_main.add(variant)
    product_id = int(str(reference.product))
    return ProductImage(
        product_id=product_id,
        variant_id=variant,
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
        is_listed=owners.listed[product_id],
    )


def _media_paths(connection: psycopg.Connection) -> set[str]:
    return {path for (path,) in connection.execute("select distinct media_path from onec.product_images")}


def _delete_files(media_url: str, paths: set[str]) -> None:
    """Remove the files that no record names any more."""
    if paths:
        store = open_store(media_url)
        for path in sorted(paths):
            store.delete(path)


def _report(
    connection: psycopg.Connection, tally: _Tally, counts: dict[str, int], digest: str, seconds: float
) -> ImportReport:
    catalog = read_last(connection, "catalog")
    removed = counts.get("pictures no longer listed", 0)
    return ImportReport(
        import_type="images",
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_images"),
        export_kind=catalog.export_kind if catalog else "full",
        fingerprint=digest,
        counters=replace(tally.counters(), errors=count_refusals(connection, "images")),
        duration_seconds=seconds,
        details={**tally.seen, **({"removed": removed} if removed else {})},
        rejected=shown_refusals(connection, "images"),
    )

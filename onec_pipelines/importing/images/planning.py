"""The first step of an import of images: decide about every image.

What is to be done about a reference, `images.plan` decides; here are the references, the decisions on their way into
the database, and the products of which nothing has changed, which are counted and not staged.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, cast

import psycopg

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.merging import merge
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.database.staging import Staging
from onec_pipelines.images.plan import Action, PlannedImage, Reference, plan
from onec_pipelines.images.scan import FileIndex, scan
from onec_pipelines.images.store import MediaStore, open_store
from onec_pipelines.importing.dataset import Request, number, refuse_unless_ready
from onec_pipelines.importing.images.references import Owner, Product, read_products, references_of
from onec_pipelines.importing.images.stored_plan import (
    DURING,
    drop_plan,
    refuse_beside_another,
    run_of,
    run_planned,
)
from onec_pipelines.importing.report import Counters
from onec_pipelines.importing.steps import read_steps

SHARD_BYTES = 512 * 2**20
"""How much a shard publishes: coarse, as each costs a step of the run."""
FILE_COST = 16 * 2**10
"""What a file counts for besides its bytes."""
FATES = {
    Action.UNCHANGED: "unchanged",
    Action.REJECTED: "corrupt",
    Action.DUPLICATE: "duplicate",
}
"""What the plan says of an image -> what it counts as; of one that is not there `_fate` decides."""
NOWHERE = "файла нет ни в выгрузке, ни в хранилище"
SHOW_EVERY = 500
"""Products with nothing to do that are gone through between two calls of progress."""


class ImageReference(NamedTuple):
    """A reference and what the plan says of it; its fields are the columns of the staging table.

    Attributes:
        is_listed: whether the XML names images of its product or variant; else it was found by the name of its file.
        fate: what it counts as, such as `publish`, `unchanged` or `missing`.
        reason: why it is rejected, in Russian.
        publishes: the path in the export of the file that must be published for it; None where none must.
        name: what follows `import_files` in that path.
        source: the path to open: that path, or where it leads if it is a link.
        source_size: bytes.
        known_sha256, known_as: content and name of what the media store holds of that file.
        is_stored: whether the media store holds what is on record.
        media_path, ... found_at: what is on record; it stays where nothing is published.
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
    name: str | None
    source: str | None
    source_size: int
    known_sha256: str | None
    known_as: str | None
    is_stored: bool
    media_path: str | None
    sha256: str | None
    size_bytes: int | None
    source_mtime_ns: int | None
    width: int | None
    height: int | None
    format: str | None
    found_at: str | None


class PlannedProduct(NamedTuple):
    """An active product whose images are staged: those of all others stay as they are.

    The catalogue may be imported while images are published.
    """

    product_id: int
    has_images: bool


@dataclass(slots=True)
class _PlanCounts:
    """What the plan has counted so far; `publishes` is about the product that is being planned."""

    total: int
    seen: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    planned: int = 0
    publishes: bool = False

    def counters(self) -> Counters:
        """The counters so far; a product of which a file is still to be published is not yet one of `processed`."""
        skipped = self.settled + self.seen["unchanged"] + self.seen["not_shipped"] + self.seen["without_images"]
        return Counters(self.total, self.planned, 0, 0, skipped, self.seen["missing"] + self.seen["corrupt"])

    def settle(self, images: int) -> None:
        """Count a product of so many images, with none of which anything is to be done."""
        self.planned += 1
        self.settled += images


def plan_images(request: Request, media_url: str, *, shard_bytes: int = SHARD_BYTES) -> int:
    """Decide about every image, and return how many shards are to be published: 1 to that number.

    Done a second time, because its worker was taken for dead, it leaves the plan as it is: that is worked on.

    The run of `request.run_id` must hold its `run_lock` from now until its images are collected: by that
    another import knows it is alive.

    Raises: see `publish_images`.
    """
    url = request.database_url
    with losses_told(DURING), import_lock(url, "images"), lend(url) as connection:
        refuse_unless_ready(connection, request, "images")
        migrate_connection(connection)
        refuse_beside_another(connection, run_of(request))
        if run_planned(connection) != run_of(request):
            with connection.transaction():
                decide(connection, request, partial(open_store, media_url), shard_bytes=shard_bytes)
        return number(connection, "select count(*) from onec_staging.images_shards")


def decide(
    connection: psycopg.Connection,
    request: Request,
    opened: Callable[[], MediaStore],
    *,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the plan into its tables, in place of the one before; `opened` gives the media store that it looks at."""
    drop_plan(connection)
    connection.execute("delete from onec.landed_images")
    planned = _plan(connection, request, opened)
    bounds = {"shard_bytes": shard_bytes, "file_cost": FILE_COST}
    merge(connection, read_steps("merge/images_plan"), {**planned, **bounds})


def _plan(connection: psycopg.Connection, request: Request, opened: Callable[[], MediaStore]) -> dict[str, object]:
    """Stage every reference with what is to be done about it, and say whose plan that is and how far it takes them.

    PostgreSQL works while the trees are walked.
    """
    export = request.export
    with ThreadPoolExecutor(1) as thread, closing(read_products(connection)) as products:
        trees = thread.submit(_walk, export.root, export.image_bases, opened)
        counts = _PlanCounts(total=number(connection, "select count(*) from onec.products where is_active"))
        request.progress(counts.counters())
        staging = Staging(connection)
        staging.create({ImageReference: "images_references", PlannedProduct: "images_products"})
        first = list(islice(products, 1))
        index, stored = trees.result()
        unsettled = _unsettled(chain(first, products), index, stored, counts, request)
        references = _references(unsettled, index, counts, staging)
        for image in plan(references, index, stored=stored, force=request.force):
            row = _row(image, stored)
            counts.seen[row.fate] += 1
            counts.publishes |= row.publishes is not None
            staging.add(row, row.source_path)
    staging.flush()
    counters = counts.counters()
    request.progress(counters)
    return {
        "run_id": run_of(request),
        "total": counters.total,
        "processed": counters.processed,
        "skipped": counters.skipped,
        "errors": counters.errors,
        "unchanged": counts.settled,
    }


def _walk(root: Path, bases: Sequence[str], opened: Callable[[], MediaStore]) -> tuple[FileIndex, FileIndex]:
    """What was shipped, and what the media store has."""
    store = opened()
    store.sweep()
    return scan(root, bases), store.listing()


def _unsettled(
    products: Iterable[Product], index: FileIndex, stored: FileIndex, counts: _PlanCounts, request: Request
) -> Iterator[Product]:
    """The products with which something may be to be done; all others are counted."""
    for place, product in enumerate(products):
        if request.force or not product.is_settled(index, stored):
            request.progress(counts.counters())
            yield product
            continue
        counts.settle(len(product.rows))
        if place % SHOW_EVERY == 0:
            request.progress(counts.counters())


def _references(
    products: Iterable[Product], index: FileIndex, counts: _PlanCounts, staging: Staging
) -> Iterator[Reference]:
    """The references of each product in order; it has been planned when the last of them has been taken."""
    for product in products:
        found = references_of(product, index)
        staging.add(PlannedProduct(product.product_id, has_images=bool(found)), "")
        counts.seen["without_images"] += not found
        counts.publishes = False
        yield from found
        counts.planned += not counts.publishes


def _row(image: PlannedImage, stored: FileIndex) -> ImageReference:
    reference = image.reference
    product = cast("Owner", reference.product)
    owner = cast("Owner", reference.variant or product)
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
        publishes=image.found_at or None,
        name=image.path or None,
        source=image.source or None,
        source_size=image.size,
        known_sha256=image.known.sha256 if image.known else None,
        known_as=image.known.media_path if image.known else None,
        is_stored=is_stored,
        media_path=known.media_path if known else None,
        sha256=known.sha256 if known else None,
        size_bytes=known.size_bytes if known else None,
        source_mtime_ns=known.mtime_ns if known else None,
        width=known.width if known else None,
        height=known.height if known else None,
        format=known.format if known else None,
        found_at=known.found_at if known else None,
    )


def _fate(action: Action, *, is_stored: bool) -> str:
    """What an image counts as. One that is not shipped is missing only if it is not published either."""
    if action is Action.MISSING:
        return "not_shipped" if is_stored else "missing"
    return FATES.get(action, "publish")

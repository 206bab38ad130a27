"""The end of a run: all there should be is recorded in one transaction, what no record names is removed; the report."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import psycopg

from onec_pipelines.commerceml.records import Rejection
from onec_pipelines.database.merging import merge, tables_written
from onec_pipelines.database.staging import Staging
from onec_pipelines.images.scan import FileIndex
from onec_pipelines.images.store import MediaStore, MediaStoreError
from onec_pipelines.importing.dataset import number
from onec_pipelines.importing.ledger import data_version, note_change, read_last
from onec_pipelines.importing.report import Counters, ImportReport
from onec_pipelines.importing.steps import read_steps, statement
from onec_pipelines.importing.thumbnails.making import Outcome
from onec_pipelines.importing.thumbnails.published import ThumbnailRow
from onec_pipelines.importing.unlanded import count_unlanded, first_unlanded

TYPE = "thumbnails"
"""The import type: the name of the lock, and of what is rejected."""
TABLE = "onec.product_thumbnails"
STAGED = {ThumbnailRow: "product_thumbnails", Rejection: f"{TYPE}_rejected"}
"""What there should be in the end: all thumbnails, those that are there too, and all rejected rows."""
OURS = re.compile(r"thumbnails/[0-9]+/[0-9a-f]{2}/[0-9a-f]{64}\.(webp|jpg)")
BATCH = 10_000
NOTHING_PUBLISHED = "No image is published yet: import images first."


@dataclass(slots=True)
class ThumbnailCounts:
    """What has been counted so far: images, but for the thumbnails made of them and the files removed."""

    total: int
    processed: int = 0
    made: int = 0
    skipped: int = 0
    errors: int = 0
    thumbnails_made: int = 0
    files_removed: int = 0

    def count(self, outcome: Outcome) -> Counters:
        """Count an image, and return how far the run is."""
        self.processed += 1
        self.thumbnails_made += outcome.made
        if outcome.reason:
            self.errors += 1
        elif outcome.made:
            self.made += 1
        else:
            self.skipped += 1
        return Counters(max(self.total, self.processed), self.processed, self.made, 0, self.skipped, self.errors)


def record(connection: psycopg.Connection, staging: Staging, run_id: str | None) -> None:
    """Record what is staged; use inside a transaction."""
    staging.flush()
    steps = read_steps("merge/product_thumbnails")
    counts = merge(connection, steps, {})
    note_change(connection, TYPE, wrote="product_thumbnails" in tables_written(steps, counts))
    merge(connection, read_steps("merge/rejected"), {"import_type": TYPE, "run_id": run_id})
    staging.drop()


def remove_unnamed(
    connection: psycopg.Connection, store: MediaStore, stored: FileIndex, counts: ThumbnailCounts
) -> Iterator[str]:
    """Remove the thumbnails that no record names; tell where that is not possible."""
    unnamed = statement("queries/thumbnails", "files without a record")
    ours = (path for path in stored if OURS.fullmatch(path))
    try:
        while batch := list(islice(ours, BATCH)):
            found = [path for (path,) in connection.execute(unnamed, {"paths": batch})]
            store.delete(found)
            counts.files_removed += len(found)
    except MediaStoreError as error:
        yield f"Some thumbnails that no record names are still in the media store: {error}"


def report_of(
    connection: psycopg.Connection, counts: ThumbnailCounts, notices: Sequence[str], seconds: float
) -> ImportReport:
    """What the run came to."""
    errors = count_unlanded(connection, "rejected", TYPE)
    catalog = read_last(connection, "catalog")
    return ImportReport(
        import_type=TYPE,
        table=TABLE,
        row_count=number(connection, "select count(*) from onec.product_thumbnails"),
        export_kind=catalog.export_kind if catalog else "full",
        fingerprint=str((connection.execute(statement("queries/thumbnails", "fingerprint")).fetchone() or ("",))[0]),
        counters=Counters(counts.processed, counts.processed, counts.made, 0, counts.skipped, errors),
        duration_seconds=seconds,
        details={"thumbnails_made": counts.thumbnails_made, "files_removed": counts.files_removed},
        rejected=first_unlanded(connection, "rejected", TYPE),
        data_version=data_version(connection, TYPE),
        notices=(*notices, *([] if counts.processed else [NOTHING_PUBLISHED])),
    )

"""One function a dataset: read, stage, merge, report. No Dagster; callable from a script.

    from pathlib import Path
    from onec_pipelines.importing import import_catalog

    report = import_catalog(Path("data/import_1c"), "postgresql://user@host/shop")
    print(report.counters)

Each import runs in one transaction under a lock of its kind: it lands whole or not at all, and readers see the
old state until then. The schema is brought up to date first. All of them raise

- `ExportError`: the export cannot be imported; nothing was written;
- `ImportBusyError`: another import of the type is running;
- `DatabaseError`: the database cannot be used.
"""

from importlib import import_module
from pathlib import Path
from typing import TypedDict, Unpack

from onec_pipelines.commerceml.phones import HOME
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.importing.dataset import Request, import_dataset
from onec_pipelines.importing.images import KEEP_DAYS, publish_images
from onec_pipelines.importing.report import Counters, Guard, ImportReport, Progress, UnlandedRow
from onec_pipelines.importing.thumbnails import ThumbnailOptions, make_thumbnails

__all__ = [
    "Counters",
    "ExportSnapshot",
    "Guard",
    "ImportReport",
    "Options",
    "Progress",
    "ThumbnailOptions",
    "UnlandedRow",
    "import_catalog",
    "import_customers",
    "import_images",
    "import_prices",
    "import_stocks",
    "import_xml",
    "make_thumbnails",
]


class Options(TypedDict, total=False):
    """What an import may be told besides where to read and write.

    Attributes:
        run_id: what rejected rows and the ledger are signed with.
        force: read every file even if nothing has changed since the last import.
        max_deactivation: the share (0 to 1, default 0.3) of an entity that may go as the export states it no longer.
        progress: called with the counters while the import goes.
        workers: how many processes read the files (default 1: this one); each needs a connection of its own.
        history_days: for how many days past prices and stocks are kept (default 730); with 0 none are written.
        timezone: in which 1C states when it exported (default Europe/Moscow).
    """

    run_id: str | None
    force: bool
    max_deactivation: float
    progress: Progress
    workers: int
    history_days: int
    timezone: str


Export = Path | ExportSnapshot
"""The directory that 1C exports into, or what the caller has already seen of it."""


def import_xml(
    name: str, export: Export, database_url: str, *, phone_region: str = HOME, **options: Unpack[Options]
) -> ImportReport:
    """Import a dataset of XML: the one of that import type, whose module here bears its name.

    `phone_region` is the country of customers' telephone numbers that state none.
    """
    module = import_module(f"onec_pipelines.importing.{name}")
    dataset = module.with_region(phone_region) if hasattr(module, "with_region") else module.DATASET
    return import_dataset(dataset, _request(export, database_url, **options))


def import_catalog(export: Export, database_url: str, **options: Unpack[Options]) -> ImportReport:
    """Import groups, units, properties, brands, products and variants."""
    return import_xml("catalog", export, database_url, **options)


def import_stocks(export: Export, database_url: str, **options: Unpack[Options]) -> ImportReport:
    """Import warehouses and stocks."""
    return import_xml("stocks", export, database_url, **options)


def import_prices(export: Export, database_url: str, **options: Unpack[Options]) -> ImportReport:
    """Import price types and prices."""
    return import_xml("prices", export, database_url, **options)


def import_customers(
    export: Export, database_url: str, *, phone_region: str = HOME, **options: Unpack[Options]
) -> ImportReport:
    """Import customers; `phone_region` is the country of telephone numbers that state none."""
    return import_xml("customers", export, database_url, phone_region=phone_region, **options)


def import_images(
    export: Export,
    database_url: str,
    media_url: str,
    *,
    full: bool = False,
    keep_days: int = KEEP_DAYS,
    **options: Unpack[Options],
) -> ImportReport:
    """Publish the images of active products into a media store: a directory or an fsspec URL.

    `full` decodes each image that is published to its last pixel. The file of an image that is removed stays there for
    `keep_days`.
    """
    return publish_images(_request(export, database_url, **options), media_url, full=full, keep_days=keep_days)


def _request(export: Export, database_url: str, **options: Unpack[Options]) -> Request:
    """What is asked of an import."""
    return Request(ExportSnapshot(export) if isinstance(export, Path) else export, database_url, **options)

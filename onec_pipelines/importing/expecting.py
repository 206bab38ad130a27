"""How much a run is about to go through, known before it begins: what its progress is a part of.

The items of a file are the tags that its look has counted: nothing is read for this that an import would not read.
"""

from collections.abc import Iterable

import psycopg

from onec_pipelines.commerceml.content import holds_dataset
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import CATALOG, Dataset
from onec_pipelines.importing.dataset import has_products
from onec_pipelines.importing.known_files import recall

GOOD = "Товар"


def expected_items(
    connection: psycopg.Connection, export: ExportSnapshot, datasets: Iterable[Dataset]
) -> dict[str, int]:
    """Asset -> how many items it will go through; nothing where none of the datasets is read from files.

    Images are counted by products: those that the export states, or those that there are.

    Raises:
        ExportError: the export cannot be read.
    """
    expected = list(datasets)
    if not any(dataset.items for dataset in expected):
        return {}
    recall(connection, export)
    products = max(count_products(connection), stated_goods(export) if CATALOG in expected else 0)
    return {dataset.asset: stated_items(export, dataset) if dataset.items else products for dataset in expected}


def stated_items(export: ExportSnapshot, dataset: Dataset) -> int:
    """About how many items of a dataset the files state."""
    contents = export.contents.items()
    return sum(content.items(dataset.name) for file, content in contents if holds_dataset(file, content, dataset.name))


def stated_goods(export: ExportSnapshot) -> int:
    """How many goods the files state."""
    return sum(content.tags.get(GOOD, 0) for content in export.contents.values())


def count_products(connection: psycopg.Connection) -> int:
    """How many active products there are."""
    if not has_products(connection):
        return 0
    row = connection.execute("select count(*) from onec.products where is_active").fetchone()
    return int(row[0]) if row else 0

"""Which images 1C refers to: product by product, as the XML lists them or, where it lists none, by file name.

Here references come out of the tables; what is done about them is decided in `images.plan`.
"""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg

from onec_pipelines.commerceml.values import cases_of
from onec_pipelines.images.names import is_name_of
from onec_pipelines.images.plan import PublishedFile, Reference
from onec_pipelines.images.scan import FileIndex, below, files_named
from onec_pipelines.importing.steps import statement

FETCH = 2000
"""Rows fetched at a time."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A product or a variant; `is_listed` says whether the XML names images of its own."""

    id: int
    onec_id: str
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class ReferencedImage:
    """An image of a product: a row of the query `products`.

    Attributes:
        variant: whose it is; None for the product's own.
        position: in its list, from 0.
        path: as in the XML.
        directory: that of the XML, relative to the export; None where nobody knows.
        is_recorded: whether it comes from the records alone: the XML lists it no longer, or never did.
        by_name: whether it was found by the name of its file, because the XML lists none.
        published: its record, None where it has none.
    """

    variant: Owner | None
    position: int
    path: str
    directory: str | None
    is_recorded: bool
    by_name: bool
    published: PublishedFile | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its rows of the query; they become `images` only where they must be looked at one by one."""

    product_id: int
    onec_id: str
    rows: list[tuple[Any, ...]]

    @property
    def images(self) -> list[ReferencedImage]:
        """Its images in the order of the query."""
        return [_image(*row[2:]) for row in self.rows if row[5] is not None]

    def is_settled(self, index: FileIndex, stored: FileIndex) -> bool:
        """Whether nothing is to be done: all its images are unchanged (see `images.plan`) and their records in place.

        This alone decides about nearly every product of nearly every import, so it builds nothing.
        """
        for row in self.rows:
            _, _, _, _, _, path, directory, _, _, is_in_place, media_path, sha256, size, _, _, kind, mtime_ns, _ = row
            if not (
                is_in_place
                and index.holds(found := index.locate(path, directory), size, mtime_ns)
                and stored.holds(media_path, size)
                and is_name_of(media_path, below(found), kind, sha256)
            ):
                return False
        return True


def read_products(connection: psycopg.Connection) -> Generator[Product, None, None]:
    """The active products in the order of their keys, some at a time; use inside a transaction."""
    with connection.cursor("images") as cursor:
        cursor.itersize = FETCH
        cursor.execute(statement("queries/images", "products"))
        for (product_id, onec_id), rows in groupby(cursor, itemgetter(0, 1)):
            yield Product(product_id, onec_id, list(rows))


def _image(  # noqa: PLR0913, PLR0917 - a row
    variant_id: int | None,
    variant_onec_id: str,
    position: int,
    path: str,
    directory: str | None,
    is_recorded: bool,  # noqa: FBT001
    by_name: bool,  # noqa: FBT001
    _is_in_place: bool | None,  # noqa: FBT001
    media_path: str | None,
    *facts: object,
) -> ReferencedImage:
    variant = None if variant_id is None else Owner(variant_id, variant_onec_id)
    published = PublishedFile(media_path, *facts) if media_path else None  # type: ignore[arg-type]
    return ReferencedImage(variant, position, path, directory, is_recorded, by_name, published)


def references_of(product: Product, index: FileIndex) -> list[Reference]:
    """What a product's images are: as the XML lists them, or, where it lists none of its own, by file name.

    An image found by name earlier stays in the list when its file is not shipped this time. The keys of a
    reference are `Owner`s.
    """
    images = product.images
    listed = [image for image in images if not image.is_recorded]
    owner = Owner(product.product_id, product.onec_id, is_listed=any(image.variant is None for image in listed))
    references = [
        Reference(owner, image.variant, image.position, image.path, image.published, image.directory)
        for image in listed
    ]
    if owner.is_listed:
        return references
    records = {image.path: image for image in images if image.is_recorded}
    paths = {path for name in cases_of(product.onec_id) for path in files_named(index, name)}
    paths |= {path for path, image in records.items() if image.by_name}
    named = [
        Reference(owner, None, position, path, records[path].published if path in records else None)
        for position, path in enumerate(sorted(paths))
    ]
    return [*named, *references]

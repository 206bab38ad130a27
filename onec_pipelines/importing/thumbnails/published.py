"""The published images by their content, with the thumbnails that they have; which of these are due."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from onec_pipelines.images.scan import FileIndex
from onec_pipelines.importing.dataset import number
from onec_pipelines.importing.steps import statement
from onec_pipelines.importing.thumbnails.style import Style

FETCH = 2000
"""Images fetched at a time."""


class ThumbnailRow(NamedTuple):
    """A row of `product_thumbnails`; its fields are the columns of the staging tables."""

    sha256: str
    size: int
    format: str
    quality: int
    media_path: str
    size_bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """An image by its content, the files that hold it, and its thumbnails of this style on record or in a checkpoint.

    `onec_id` is one of the products that show it.
    """

    sha256: str
    onec_id: str
    media_paths: list[str]
    thumbnails: list[ThumbnailRow]

    def thumbnails_in(self, stored: FileIndex) -> list[ThumbnailRow]:
        """Those of its thumbnails that the media store holds whole."""
        return [thumbnail for thumbnail in self.thumbnails if stored.holds(thumbnail.media_path, thumbnail.size_bytes)]

    def sizes_due(self, stored: FileIndex, style: Style, *, force: bool) -> list[int]:
        """The sizes in which it has no thumbnail of this style, or none that the media store holds whole."""
        there = {
            thumbnail.size
            for thumbnail in self.thumbnails_in(stored)
            if thumbnail.quality == style.quality and not force
        }
        return [size for size in style.sizes if size not in there]


def count_published(connection: psycopg.Connection) -> int:
    """How many images are published."""
    return number(connection, "select count(distinct sha256) from onec.product_images")


def read_published(connection: psycopg.Connection, style: Style) -> Iterator[PublishedImage]:
    """The images by their digest, some at a time, so that no snapshot is held while thumbnails are made."""
    after = ""
    while rows := _page(connection, style, after):
        for sha256, onec_id, media_paths, thumbnails in rows:
            yield PublishedImage(sha256, onec_id, media_paths, [ThumbnailRow(*row) for row in thumbnails or ()])
        after = rows[-1][0]


def _page(connection: psycopg.Connection, style: Style, after: str) -> list[tuple[Any, ...]]:
    """The rows of a page, planned each time: a plan that was made for an empty table would be kept as it grows."""
    values = {"format": style.format, "sizes": list(style.sizes), "after": after, "fetch": FETCH}
    return connection.execute(statement("queries/thumbnails", "images"), values, prepare=False).fetchall()

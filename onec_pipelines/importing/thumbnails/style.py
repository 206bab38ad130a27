"""What thumbnails are asked for: their sizes, their format, their quality."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from onec_pipelines.errors import OnecError
from onec_pipelines.importing.steps import statement

FORMATS = {"webp": ("webp", "WebP"), "jpeg": ("jpg", "JPEG")}
"""Format -> the suffix of its files, and its name in the media store."""
LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Style:
    """What thumbnails are like."""

    sizes: tuple[int, ...] = (200, 800)
    format: str = "webp"
    quality: int = 80

    def __post_init__(self) -> None:
        """Raise OnecError for thumbnails that cannot be made."""
        if not self.sizes or not all(1 <= size <= LARGEST for size in self.sizes):
            raise OnecError(f"A thumbnail has 1 to {LARGEST} pixels, not {', '.join(map(str, self.sizes)) or 'none'}.")
        if self.format not in FORMATS:
            raise OnecError(f"Thumbnails can be {' or '.join(FORMATS)}, not {self.format!r}.")
        if not 1 <= self.quality <= 100:
            raise OnecError(f"The quality of thumbnails is a number from 1 to 100, not {self.quality}.")

    def media_path(self, sha256: str, size: int) -> str:
        """Where the thumbnail of an image is in the media store."""
        suffix, _ = FORMATS[self.format]
        return f"thumbnails/{size}/{sha256[:2]}/{sha256}.{suffix}"


def style_of(
    connection: psycopg.Connection,
    sizes: Sequence[int] | None,
    thumbnail_format: str | None,
    quality: int | None,
) -> Style:
    """The style that is asked for; where nothing is said, that of the thumbnails that are there."""
    last = connection.execute(statement("queries/thumbnails", "last style")).fetchone()
    style = Style(tuple(last[0]), last[1], last[2]) if last else Style()
    return Style(tuple(sorted({*(sizes or style.sizes)})), thumbnail_format or style.format, quality or style.quality)

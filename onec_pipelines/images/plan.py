"""What to publish: one decision for each image that 1C refers to, over plain values, without a file or a table.

    reference (XML)  +  index (disk)  +  what is published (record, media store)  ->  PlannedImage(action)

| action      | when |
|-------------|------|
| `publish`   | the file is there and new, changed (size or time), absent from the media store, or `force` is set |
| `unchanged` | the record has its size and time, and the media store has it: known without a read |
| `missing`   | 1C names it and did not ship it; never a reason to remove what is published |
| `rejected`  | the path leaves `import_files`, or what stands there is no regular file |
| `duplicate` | the same file stands earlier in the same list of the same product; the first position counts |

`plan` is a generator over references ordered by product and holds one product at a time. Shards, positions, main
images and references that are no longer listed are settled in SQL; `publish` opens the files.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from onec_pipelines.images.names import is_name_of
from onec_pipelines.images.paths import reference_rejection
from onec_pipelines.images.scan import FileIndex, below


class Action(StrEnum):
    """What is to be done with one image."""

    PUBLISH = "publish"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    REJECTED = "refused"  # as the plans in the database have it
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file in the media store, as it is on record.

    Attributes:
        media_path: where it is, relative to the store.
        sha256: 64 hexadecimal digits, of its bytes.
        width, height: pixels.
        format: `JPEG`, `PNG`, `WebP` or `GIF`.
        mtime_ns: when the file in the export that it is a copy of was changed, in nanoseconds since 1970.
        found_at: the path of that file, relative to the export; None in records of earlier versions.
    """

    media_path: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    format: str
    mtime_ns: int
    found_at: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One image of one product, or of one of its variants, as 1C lists it.

    Attributes:
        product, variant: keys of the caller's; None as the variant for an image of the product itself.
        position: in the list of the product or variant, from 0.
        path: as in the XML.
        published: what an earlier run recorded for this path of this product or variant.
        directory: that of the XML, relative to the export; None where nobody knows.
    """

    product: Hashable
    variant: Hashable
    position: int
    path: str
    published: PublishedFile | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """The decision about one reference. From `source` on all are empty where nothing is to be published.

    Attributes:
        reason: why it is rejected, in Russian.
        source: the path to open, relative to the export.
        path: what follows `import_files` in it; `names` makes the name in the media store from it.
        size: bytes.
        known: what the store holds of it: a file that only got a new time is neither written again nor renamed.
        found_at: the path in the export by which it was found; `source` is where that leads if it is a link.
    """

    reference: Reference
    action: Action
    reason: str | None = None
    source: str = ""
    path: str = ""
    size: int = 0
    known: PublishedFile | None = None
    found_at: str = ""


def plan(
    references: Iterable[Reference], index: FileIndex, *, stored: FileIndex | None = None, force: bool = False
) -> Iterator[PlannedImage]:
    """Decide about each reference, in the order given, which must keep a product's references together.

    `stored` is the media store's listing; without it the record is believed. `force` reads and writes again
    what seems unchanged.
    """
    product: Hashable = None
    seen: set[tuple[Hashable, str]] = set()
    for reference in references:
        if reference.product != product:
            product = reference.product
            seen.clear()
        rejection = reference_rejection(reference.path)
        path = reference.path if rejection else index.locate(reference.path, reference.directory)
        if (reference.variant, path) in seen:
            yield PlannedImage(reference, Action.DUPLICATE)
            continue
        seen.add((reference.variant, path))
        if rejection:
            yield PlannedImage(reference, Action.REJECTED, rejection)
        else:
            yield _decide(reference, path, index, stored, force=force)


def _decide(
    reference: Reference, path: str, index: FileIndex, stored: FileIndex | None, *, force: bool
) -> PlannedImage:
    found = index.get(path)
    if not found:
        rejection = index.rejection(path)
        return PlannedImage(reference, Action.REJECTED if rejection else Action.MISSING, rejection or "файла нет")
    record = None if force else _still_stored(reference.published, below(path), stored)
    if record and (found.size, found.mtime_ns) == (record.size_bytes, record.mtime_ns):
        return PlannedImage(reference, Action.UNCHANGED)
    return PlannedImage(reference, Action.PUBLISH, None, index.source(path), below(path), found.size, record, path)


def _still_stored(record: PublishedFile | None, path: str, stored: FileIndex | None) -> PublishedFile | None:
    """Return the record if the media store has that file, whole, under a name that it may have."""
    if not record or not is_name_of(record.media_path, path, record.format, record.sha256):
        return None
    return record if stored is None or stored.holds(record.media_path, record.size_bytes) else None

"""Publishing: a planned file is read once, checked, and put into the media store under a name of its own.

    files = (ToPublish("goods/import_files/03/038b...jpg", "03/038b...jpg"), ...)
    for outcome in publish_all(files, export, store, claim):
        outcome.status      a `Status`
        outcome.published   the record to keep, where there is one
        outcome.reason      in Russian, where there is none

A rejected file stops no other. Nothing of it reaches the store, and what was published under its
name stays. A store that cannot be written ends the run with a `MediaStoreError`. Whoever records the outcomes
calls `store.flush()` first. What to publish is decided in `plan`, what an image is in `inspection`, which names a file
may have in `names`. A name of another file is not taken: who has which, `claim` knows.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path

from onec_pipelines.errors import ShortOfMemoryError
from onec_pipelines.images.inspection import inspect
from onec_pipelines.images.names import names_for
from onec_pipelines.images.paths import MAX_PATH
from onec_pipelines.images.plan import PublishedFile
from onec_pipelines.images.source import ImageMissing, ImageRejected, read_ahead, read_image
from onec_pipelines.images.store import MediaStore, MediaStoreError

BATCH = 16
"""How many files a thread takes at a time: handing over each one alone costs as much as writing it."""

QUEUE = 32
"""How many batches are held at once, however many files there are; the disk fetches them meanwhile."""


class Status(StrEnum):
    """What became of one file."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    REJECTED = "refused"  # as the plans in the database have it


@dataclass(frozen=True, slots=True)
class ToPublish:
    """A file to publish.

    Attributes:
        source: the path to open, relative to the export.
        path: what follows `import_files` in it; `names` makes the name in the media store from it.
        known_sha256, known_as: content and name under which the store holds it already, None where it does not.
        is_held: whether another file has been published under that name meanwhile.
        found_at: the path in the export by which it was found; no two files have the same.
    """

    source: str
    path: str
    known_sha256: str | None = None
    known_as: str | None = None
    is_held: bool = False
    found_at: str = ""


Claim = Callable[[str, str], bool]
"""Claims a name in the media store, the first argument, for the file found at a path: False where it is another file's.

Called from several threads, and only for names that a file does not bear itself, or that another one holds.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: the record to keep, or the reason why there is none."""

    file: ToPublish
    status: Status
    published: PublishedFile | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A file that is in the store now; `written` is False when it was there with this content."""

    file: PublishedFile
    written: bool


def publish(file: ToPublish, directory: Path, store: MediaStore, claim: Claim, *, full: bool = False) -> Publication:
    """Read a file once, check it and put it into the store, unless its content is known there.

    Raises:
        ImageRejected: the file is no image, or changed while it was read; the store is untouched.
        ImageMissing: it is not there any more.
        MediaStoreError: the store cannot be written.
    """
    read = read_image(directory / file.source)
    facts = inspect(read.data, full=full)
    sha256 = hashlib.sha256(read.data).hexdigest()
    known_as = file.known_as if sha256 == file.known_sha256 else None
    media_path = known_as or _name(file, facts.format, sha256, claim)
    if not known_as:
        store.put(media_path, read.data, facts.format)
    published = PublishedFile(
        media_path,
        sha256,
        read.stat.size,
        facts.width,
        facts.height,
        facts.format,
        read.stat.mtime_ns,
        file.found_at or None,
    )
    return Publication(published, written=not known_as)


def _name(file: ToPublish, image_format: str, sha256: str, claim: Claim) -> str:
    """The best name for a file; the one that it bears needs no claim, unless somebody holds it."""
    for name in names_for(file.path, image_format, sha256):
        if (name == file.path and not file.is_held) or claim(name, file.found_at or file.path):
            return name
    raise ImageRejected(f"путь длиннее {MAX_PATH} байт")


def publish_all(
    files: Iterable[ToPublish], directory: Path, store: MediaStore, claim: Claim, *, full: bool = False
) -> Generator[Outcome, None, None]:
    """Publish files and yield the outcomes in their order; `directory` is the export.

    Each file must be named once. Closing the generator ends the work: what is being written is finished, what waits is
    dropped.

    Raises:
        MediaStoreError: the store cannot be written; the outcomes before it have been yielded.
        ShortOfMemoryError: an image does not fit into memory.
    """
    publisher = partial(_publish_batch, directory=directory, store=store, claim=claim, full=full)
    waiting = iter(files)
    with ThreadPoolExecutor(store.writers, thread_name_prefix="publish") as threads:
        queue: deque[Future[_Done]] = deque()
        try:
            while batch := list(islice(waiting, BATCH)):
                for file in batch:
                    read_ahead(directory / file.source)
                queue.append(threads.submit(publisher, batch))
                while len(queue) >= QUEUE or (queue and queue[0].done()):
                    yield from _outcomes(queue.popleft())
            while queue:
                yield from _outcomes(queue.popleft())
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


_Done = tuple[list[Outcome], MediaStoreError | ShortOfMemoryError | None]
"""The outcomes of a batch, and the error that ended it early."""


def _publish_batch(batch: list[ToPublish], *, directory: Path, store: MediaStore, claim: Claim, full: bool) -> _Done:
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(_publish_file(file, directory, store, claim, full=full) for file in batch)
    except (MediaStoreError, ShortOfMemoryError) as failure:
        return outcomes, failure
    return outcomes, None


def _publish_file(file: ToPublish, directory: Path, store: MediaStore, claim: Claim, *, full: bool) -> Outcome:
    try:
        done = publish(file, directory, store, claim, full=full)
    except ImageMissing as missing:
        return Outcome(file, Status.MISSING, reason=missing.reason)
    except ImageRejected as rejected:
        return Outcome(file, Status.REJECTED, reason=rejected.reason)
    except MemoryError as error:
        raise ShortOfMemoryError("check the image", file.source) from error
    return Outcome(file, Status.PUBLISHED if done.written else Status.UNCHANGED, done.file)


def _outcomes(batch: Future[_Done]) -> Iterator[Outcome]:
    """Wait, and yield what was done; then raise what ended it early."""
    outcomes, failure = batch.result()
    yield from outcomes
    if failure:
        raise failure

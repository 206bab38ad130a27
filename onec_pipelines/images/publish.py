"""Publishing: a planned file is read once, checked, and put into the media store under its name.

    for outcome in publish_all(plan(references, index, stored=store.listing()), import_files.parent, store):
        outcome.status      published | unchanged | missing | refused | duplicate
        outcome.published   the record to keep, where there is one
        outcome.reason      in Russian, where there is none

A refused file costs itself alone, nothing of it is ever seen in the store, and what was published under its
name stays. A store that cannot be written ends the run with a `MediaStoreError`. Whoever records the outcomes
calls `store.flush()` first. What to publish is decided in `plan`, what an image is in `inspection`.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from onec_pipelines.images.inspection import inspect
from onec_pipelines.images.plan import Action, PlannedImage, PublishedFile, Reference
from onec_pipelines.images.reading import ImageMissing, ImageRefused, read_image
from onec_pipelines.images.store import MediaStore

BATCH = 16
"""How many images a thread takes at a time: handing over each one alone costs as much as writing it."""

QUEUE = 16
"""How many batches of the plan are held at once, whatever its length."""

REMEMBERED = 1024
"""How many published files are remembered, so that a picture which many products share is published once."""


class Status(StrEnum):
    """What became of one image."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned image: the record to keep, or the reason why there is none."""

    image: PlannedImage
    status: Status
    published: PublishedFile | None = None
    reason: str | None = None

    @property
    def reference(self) -> Reference:
        """The reference this is about."""
        return self.image.reference


@dataclass(frozen=True, slots=True)
class Publication:
    """A file that is in the store now; `written` is False when it was there with this content."""

    file: PublishedFile
    written: bool


def publish(
    source: Path, store: MediaStore, media_path: str, *, known_sha256: str | None = None, full: bool = False
) -> Publication:
    """Read a file once, check it and put it into the store, unless its content is `known_sha256`.

    Raises:
        ImageRefused: the file is no image, or changed while it was read; the store is untouched.
        ImageMissing: it is not there any more.
        MediaStoreError: the store cannot be written.
    """
    read = read_image(source)
    facts = inspect(read.data, full=full)
    sha256 = hashlib.sha256(read.data).hexdigest()
    written = sha256 != known_sha256
    if written:
        store.put(media_path, read.data, facts.format)
    file = PublishedFile(
        media_path, sha256, read.stat.size, facts.width, facts.height, facts.format, read.stat.mtime_ns
    )
    return Publication(file, written)


def publish_all(
    planned: Iterable[PlannedImage], directory: Path, store: MediaStore, *, workers: int = 2, full: bool = False
) -> Generator[Outcome, None, None]:
    """Carry out a plan and yield the outcomes in its order; `directory` is the one above `import_files`.

    More than two workers gain nothing on a local disk. Closing the generator ends the work: what is being
    written is finished, what waits is dropped.

    Raises:
        MediaStoreError: the store cannot be written; the outcomes before it have been yielded.
    """
    publisher = partial(_publish_planned, directory=directory, store=store, full=full)
    with ThreadPoolExecutor(workers, thread_name_prefix="publish") as threads:
        queue: deque[_Batch] = deque()
        try:
            for works in _batches(planned):
                queue.append(_Batch(works, _started(works, threads, publisher)))
                while len(queue) >= QUEUE or (queue and queue[0].done()):
                    yield from queue.popleft().outcomes()
            while queue:
                yield from queue.popleft().outcomes()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


Publisher = Callable[[PlannedImage], Publication | ImageRefused]


class _Work:
    """One image of the plan under way; `earlier` did the same file for another owner a moment ago."""

    __slots__ = ("earlier", "image", "result")

    def __init__(self, image: PlannedImage, earlier: "_Work | None") -> None:
        self.image = image
        self.earlier = earlier
        self.result: Publication | ImageRefused | None = None

    def needs_publishing(self) -> bool:
        return self.image.action is Action.PUBLISH and self.earlier is None

    def outcome(self) -> Outcome:
        result = self.earlier.result if self.earlier else self.result
        if result is None:
            return _settled(self.image)
        if isinstance(result, ImageRefused):
            status = Status.MISSING if isinstance(result, ImageMissing) else Status.REFUSED
            return Outcome(self.image, status, reason=result.reason)
        fresh = result.written and not self.earlier
        return Outcome(self.image, Status.PUBLISHED if fresh else Status.UNCHANGED, result.file)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some works of the plan in its order, and the thread's promise to do them."""

    works: list[_Work]
    future: Future[None] | None

    def done(self) -> bool:
        return self.future is None or self.future.done()

    def outcomes(self) -> Iterator[Outcome]:
        """Wait, and yield what was done; then raise what ended it early."""
        failure = self.future.exception() if self.future else None
        for work in self.works:
            if failure and work.needs_publishing() and work.result is None:
                raise failure
            yield work.outcome()


def _batches(planned: Iterable[PlannedImage]) -> Iterator[list[_Work]]:
    recent: OrderedDict[str, _Work] = OrderedDict()
    works: list[_Work] = []
    for image in planned:
        works.append(_remembered(image, recent))
        if len(works) == BATCH:
            yield works
            works = []
    yield works


def _remembered(image: PlannedImage, recent: OrderedDict[str, _Work]) -> _Work:
    """Return the work for an image, tied to the earlier one that publishes the same file."""
    if image.action is not Action.PUBLISH:
        return _Work(image, None)
    if earlier := recent.get(image.media_path):
        recent.move_to_end(image.media_path)
        return _Work(image, earlier)
    work = recent[image.media_path] = _Work(image, None)
    if len(recent) > REMEMBERED:
        recent.popitem(last=False)
    return work


def _started(works: list[_Work], threads: ThreadPoolExecutor, publisher: Publisher) -> Future[None] | None:
    """Give a thread the works that need one; a batch of unchanged images costs no hand-over."""
    needed = [work for work in works if work.needs_publishing()]
    return threads.submit(_work_off, needed, publisher) if needed else None


def _work_off(works: list[_Work], publisher: Publisher) -> None:
    for work in works:
        work.result = publisher(work.image)


def _publish_planned(
    image: PlannedImage, directory: Path, store: MediaStore, *, full: bool
) -> Publication | ImageRefused:
    source = directory / image.source
    try:
        return publish(source, store, image.media_path, known_sha256=image.known_sha256, full=full)
    except ImageRefused as refused:
        return refused


def _settled(image: PlannedImage) -> Outcome:
    """Return the outcome of an image for which the plan was all."""
    record = image.reference.published if image.action is Action.UNCHANGED else None
    return Outcome(image, Status(image.action.value), record, image.reason)

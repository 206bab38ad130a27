"""Making the thumbnails that are due, in a few threads. Nothing is recorded here."""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from onec_pipelines.commerceml.records import Rejection
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import ShortOfMemoryError
from onec_pipelines.images.scan import FileIndex
from onec_pipelines.images.source import ImageMissing, ImageRejected
from onec_pipelines.images.store import MediaStore
from onec_pipelines.images.thumbnails import thumbnails
from onec_pipelines.importing.thumbnails.published import PublishedImage, ThumbnailRow
from onec_pipelines.importing.thumbnails.style import FORMATS, Style
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

WORKERS = min(4, os.cpu_count() or 1)
"""Pillow works without the interpreter's lock."""
QUEUE = 4 * WORKERS
"""Images that are held at once, whatever their number."""
GONE = "файла нет в хранилище: импортируйте изображения ещё раз"
CHANGED = "файл в хранилище не тот, что записан: импортируйте изображения ещё раз"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image: the thumbnails to have on record, how many were made, and why not all."""

    image: PublishedImage
    thumbnails: list[ThumbnailRow]
    made: int = 0
    reason: str | None = None

    def stage(self, staging: Staging) -> None:
        """Stage what is to be on record."""
        path = self.image.media_paths[0]
        for thumbnail in self.thumbnails:
            staging.add(thumbnail, path)
        if self.reason:
            staging.add(Rejection("thumbnail", self.image.onec_id, path, self.reason, {}, None), path)


@dataclass(frozen=True, slots=True)
class Making:
    """What one run makes thumbnails with; `stored` is what the media store held when it began."""

    store: MediaStore
    stored: FileIndex
    style: Style
    force: bool


def outcomes_of(images: Iterable[PublishedImage], making: Making) -> Generator[Outcome]:
    """Make what is due in a few threads and yield the outcomes in order; closing it drops what waits."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="thumbnails") as threads:
        queue: deque[Future[Outcome]] = deque()
        try:
            for image in images:
                queue.append(_started(image, making, threads))
                while len(queue) >= QUEUE or (queue and queue[0].done()):
                    yield queue.popleft().result()
            while queue:
                yield queue.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _started(image: PublishedImage, making: Making, threads: ThreadPoolExecutor) -> Future[Outcome]:
    """Give a thread what is due; an image that has its thumbnails costs no hand-over."""
    due = image.sizes_due(making.stored, making.style, force=making.force)
    if due:
        return threads.submit(_outcome, image, due, making)
    settled: Future[Outcome] = Future()
    settled.set_result(Outcome(image, image.thumbnails))
    return settled


def _outcome(image: PublishedImage, due: Sequence[int], making: Making) -> Outcome:
    kept = {thumbnail.size: thumbnail for thumbnail in image.thumbnails_in(making.stored)}
    try:
        made = {thumbnail.size: thumbnail for thumbnail in _made(image, due, making)}
    except ImageRejected as rejected:
        return Outcome(image, list(kept.values()), reason=rejected.reason)
    except MemoryError as error:
        raise ShortOfMemoryError("make thumbnails of", image.media_paths[0]) from error
    return Outcome(image, list({**kept, **made}.values()), len(made))


def _made(image: PublishedImage, due: Sequence[int], making: Making) -> Iterator[ThumbnailRow]:
    style = making.style
    data = _read(image, making.store)
    for size, made in thumbnails(data, due, style.format, style.quality).items():
        path = style.media_path(image.sha256, size)
        making.store.put(path, made.data, FORMATS[style.format][1])
        yield ThumbnailRow(
            image.sha256, size, style.format, style.quality, path, len(made.data), made.width, made.height
        )


def _read(image: PublishedImage, store: MediaStore) -> bytes:
    """The image, from a file that still holds it: an import of images may have replaced one meanwhile."""
    rejection = ImageRejected(GONE)
    for path in image.media_paths:
        try:
            data = store.read(path)
        except ImageMissing as error:
            passed_over(log, "another path may hold it", error)
            continue
        if hashlib.sha256(data).hexdigest() == image.sha256:
            return data
        rejection = ImageRejected(CHANGED)
    raise rejection

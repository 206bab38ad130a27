"""The second step of an import of images: publish a shard of what is planned, on whatever machine.

A shard that is begun a second time, because its worker died, goes on where its results end; one that is given to two
workers at once is worked on by one of them.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import tee
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import shard_lock
from onec_pipelines.errors import ExportError
from onec_pipelines.images.publish import Outcome, Status, ToPublish, publish_all
from onec_pipelines.images.scan import ROOT
from onec_pipelines.images.store import MediaStore, open_store
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.images.references import FETCH
from onec_pipelines.importing.images.stored_plan import DURING, counters_of, refuse_another_plan
from onec_pipelines.importing.report import Counters
from onec_pipelines.importing.steps import statement

SYNC_SECONDS = 1.0
"""How often a shard records its results and learns how far the others are."""
RESULT_TYPES = ["text", "text", "text", "text", "text", "int8", "int8", "int4", "int4", "text"]


def publish_shard(request: Request, media_url: str, shard: int, *, full: bool = False) -> Counters:
    """Publish the files of a shard that have no result yet, and return how far the whole import is.

    Raises: see `publish_images`; DatabaseError, too, where the plan is not of this run.
    """
    with losses_told(DURING), lend(request.database_url) as connection, shard_lock(connection, shard):
        refuse_another_plan(connection, request)
        return publish_files(connection, request, open_store(media_url), shard, full=full)


def publish_files(
    connection: psycopg.Connection, request: Request, store: MediaStore, shard: int, *, full: bool = False
) -> Counters:
    """Publish into a store what is left of a shard, and return how far the whole import is."""
    root = request.export.root
    progress = _ShardProgress(connection, request, shard)
    files, counted = tee(_files(connection, shard))
    wanted = (ToPublish(*file) for *file, _, _, _ in files)
    with closing(publish_all(wanted, root, store, progress.claim, full=full)) as outcomes:
        for outcome, (*_, uses, products, _) in zip(outcomes, counted, strict=True):
            if outcome.status is Status.MISSING:
                refuse_renamed(root, outcome.file.source)
            progress.add(outcome, uses, products)
    progress.sync()
    return progress.counters


def refuse_renamed(root: Path, source: str) -> None:
    """Raise ExportError where a file is gone with all the images beside it: that says nothing of each."""
    before, found, _ = f"/{source}".partition(f"/{ROOT}/")
    import_files = root / f"{before}{found}".strip("/")
    if not import_files.is_dir():
        raise ExportError(
            f"Директория изображений исчезла во время импорта: {import_files}. Выгрузку переименовали, удалили или "
            "начали заново. Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
        )


def _files(connection: psycopg.Connection, shard: int) -> Iterator[tuple[Any, ...]]:
    """The files of a shard in their order, some at a time, each with its place behind it."""
    query, place = statement("queries/images", "files of a shard"), 0
    while rows := connection.execute(query, {"shard": shard, "place": place, "fetch": FETCH}).fetchall():
        yield from rows
        *_, place = rows[-1]


class _ShardProgress:
    """The results of a shard, recorded every second, and the counters of the whole import as far as they are known."""

    def __init__(self, connection: psycopg.Connection, request: Request, shard: int) -> None:
        self.connection = connection
        self.request = request
        self.shard = shard
        self.results: list[tuple[object, ...]] = []
        self.reached = Counters()
        self.counters = Counters()
        self.lock = Lock()
        self.sync()

    def add(self, outcome: Outcome, uses: int, products: int) -> None:
        """Note what became of a file.

        `uses` is how many references name it, `products` of how many products it is the last file to be published.
        """
        file = outcome.published
        facts = (
            (file.media_path, file.sha256, file.size_bytes, file.mtime_ns, file.width, file.height, file.format)
            if file
            else [None] * 7
        )
        self.results.append((outcome.file.found_at, outcome.status.value, outcome.reason, *facts))
        copied = int(outcome.status is Status.PUBLISHED)
        rejected = uses if file is None else 0
        more = Counters(0, products, copied, 0, uses - copied - rejected, rejected)
        self.reached += more
        self.counters += more
        self.request.progress(self.counters)
        if time.monotonic() - self.synced >= SYNC_SECONDS:
            self.sync()

    def claim(self, name: str, path: str) -> bool:
        """Claim a name for the file at a path: see `images.publish.Claim`.

        It waits for a thread that records results, because a claim in the middle of that transaction would be a part
        of it, and undone with it.
        """
        with self.lock:
            claimed = self.connection.execute(statement("queries/images", "claim"), {"name": name, "path": path})
            return claimed.fetchone() is not None

    def sync(self) -> None:
        """Record the results since the last time, and read how far all shards together are.

        Raises:
            DatabaseError: another run has planned meanwhile.
        """
        reached, self.reached = self.reached, Counters()
        with self.lock, self.connection.transaction(), self.connection.cursor() as cursor:
            refuse_another_plan(self.connection, self.request)
            with cursor.copy("copy onec_staging.images_results from stdin (format binary)") as copy:
                copy.set_types(RESULT_TYPES)
                for result in self.results:
                    copy.write_row(result)
            cursor.execute(
                "update onec_staging.images_shards set processed = processed + %s, created = created + %s, "
                "skipped = skipped + %s, errors = errors + %s where shard = %s",
                [reached.processed, reached.created, reached.skipped, reached.errors, self.shard],
            )
        self.results.clear()
        self.counters = counters_of(self.connection)
        self.request.progress(self.counters)
        self.synced = time.monotonic()


def may_show_progress(database_url: str) -> bool:
    """Whether no shard, on whatever machine, has shown progress within the last two seconds; then this one does."""
    with lend(database_url) as connection:
        return connection.execute(statement("queries/images", "progress shown")).rowcount == 1

"""Thumbnails of the published images: made where they are missing, recorded, and removed with their image.

    make_thumbnails(url, media_url, sizes=(200, 800))     thumbnails/200/03/03ab....webp in the media store

A thumbnail is named by the content of its image (SHA-256), so the file under a name never shows another one; `force`
and another quality write it anew. The records change in one transaction at the end. Files of this form that no record
names are removed afterwards, those too that a killed run left. 1C cannot have an image there unless it names it
`thumbnails/<size>/<two digits>/<64 hexadecimal digits>`; even such a one is left alone.

That end may be hours away: what has been made until then is kept in checkpoints.

    style.py         what thumbnails are asked for
    published.py     the images, with the thumbnails that they have; which are due
    making.py        those that are due, in a few threads
    checkpoints.py   what a run leaves that is killed or fails
    recording.py     the end

What a thumbnail looks like is the business of `images.thumbnails`.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TypedDict, Unpack

import psycopg

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.migrate import migrate_connection
from onec_pipelines.images.store import open_store
from onec_pipelines.importing.dataset import new_staging, show_rejected
from onec_pipelines.importing.report import Counters, ImportReport, Progress, no_progress
from onec_pipelines.importing.thumbnails.checkpoints import Checkpoints
from onec_pipelines.importing.thumbnails.making import Making, outcomes_of
from onec_pipelines.importing.thumbnails.published import count_published, read_published
from onec_pipelines.importing.thumbnails.recording import (
    STAGED,
    TYPE,
    ThumbnailCounts,
    record,
    remove_unnamed,
    report_of,
)
from onec_pipelines.importing.thumbnails.style import style_of

__all__ = ["ThumbnailOptions", "make_thumbnails"]


class ThumbnailOptions(TypedDict, total=False):
    """What may be asked for; what is not stays as the last run had it.

    Attributes:
        sizes: pixels of the squares that thumbnails fit into; at first 200 and 800.
        format: `webp`, as at first, or `jpeg`.
        quality: 1 to 100; at first 80.
        force: make again what is there.
        run_id: what rejected images are signed with.
        progress: called with the counters while thumbnails are made.
    """

    sizes: Sequence[int]
    format: str
    quality: int
    force: bool
    run_id: str | None
    progress: Progress


def make_thumbnails(database_url: str, media_url: str, **options: Unpack[ThumbnailOptions]) -> ImportReport:
    """Bring the thumbnails of all published images up to date; the items of the report are images.

    Raises:
        ImportBusyError: another process makes thumbnails.
        OnecError: they cannot be made in this style.
        DatabaseError, MediaStoreError: the database or the media store cannot be used.
    """
    started = time.monotonic()
    with losses_told("the making of thumbnails"), import_lock(database_url, TYPE), lend(database_url) as connection:
        migrate_connection(connection)
        store = open_store(media_url)
        stored = store.listing()
        style = style_of(connection, options.get("sizes"), options.get("format"), options.get("quality"))
        counts = _make(connection, Making(store, stored, style, force=options.get("force", False)), options)
        notices = list(remove_unnamed(connection, store, stored, counts))
        report = report_of(connection, counts, notices, time.monotonic() - started)
    options.get("progress", no_progress)(report.counters)
    return report


def _make(connection: psycopg.Connection, making: Making, options: ThumbnailOptions) -> ThumbnailCounts:
    """Make what is due and record it."""
    progress = options.get("progress", no_progress)
    counts = ThumbnailCounts(count_published(connection))
    progress(Counters(counts.total))
    staging, checkpoints = new_staging(connection, STAGED), Checkpoints(connection, making.store)
    show_rejected(connection, STAGED)
    with closing(outcomes_of(read_published(connection, making.style), making)) as outcomes:
        for outcome in outcomes:
            outcome.stage(staging)
            checkpoints.add(outcome)
            progress(counts.count(outcome))
    checkpoints.save()
    with connection.transaction():
        record(connection, staging, options.get("run_id"))
        checkpoints.drop()
    return counts

"""What a run leaves that is killed or fails: the thumbnails that it has made, committed from time to time.

They stand in a staging table, which the next run takes over: it makes what is missing there and in the records.
"""

import time

import psycopg

from onec_pipelines.database.staging import Staging
from onec_pipelines.images.store import MediaStore
from onec_pipelines.importing.thumbnails.making import Outcome
from onec_pipelines.importing.thumbnails.published import ThumbnailRow

SECONDS = 30.0
IMAGES = 500
"""A checkpoint is due after so long, or so many images with new thumbnails; a killed run loses no more."""
BY_DIGEST = "create index if not exists thumbnails_made_sha256 on onec_staging.thumbnails_made (sha256)"


class Checkpoints:
    """The thumbnails that have been made."""

    def __init__(self, connection: psycopg.Connection, store: MediaStore) -> None:
        self.connection = connection
        self.store = store
        self.staging = Staging(connection)
        self.staging.resume(ThumbnailRow, "thumbnails_made")
        connection.execute(BY_DIGEST)
        self.unsaved: list[Outcome] = []
        self.saved = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """Note what became of an image, and save what is unsaved when it is time to."""
        if outcome.made:
            self.unsaved.append(outcome)
        if len(self.unsaved) >= IMAGES or time.monotonic() - self.saved >= SECONDS:
            self.save()

    def save(self) -> None:
        """Commit what is unsaved, once its files are on the disk."""
        if self.unsaved:
            self.store.flush()
            with self.connection.transaction():
                for outcome in self.unsaved:
                    outcome.stage(self.staging)
                self.staging.flush()
        self.unsaved.clear()
        self.saved = time.monotonic()

    def drop(self) -> None:
        """Forget them: all is on record."""
        self.staging.drop()

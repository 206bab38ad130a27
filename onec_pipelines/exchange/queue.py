"""The packages that wait for their imports, for whoever runs those: one after another, in the order of sealing.

Whoever imports says here what has come of it; the server tells 1C what stands here.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from onec_pipelines.database.lending import lend
from onec_pipelines.exchange.records import Package, read_packages

log = logging.getLogger(__name__)

PAUSE_SECONDS = 60
"""After an import that met a busy lock or a lost database."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue, over a connection; `directory` is that of the exchange."""

    connection: psycopg.Connection
    directory: Path

    def running(self) -> Package | None:
        """The package that is being imported."""
        return next(iter(read_packages(self.connection, "state = 'running'", {})), None)

    def next(self) -> Package | None:
        """The package whose turn it is; None while the first one has its pause."""
        first = next(iter(read_packages(self.connection, "state = 'sealed'", {}, "place limit 1")), None)
        is_pausing = "state = 'sealed' and id = %(id)s and ended_at > now() - make_interval(secs => %(pause)s)"
        if first and read_packages(self.connection, is_pausing, {"id": first.id, "pause": PAUSE_SECONDS}):
            return None
        return first

    def has_catalogs(self) -> bool:
        """Whether several catalogues are delivered: one alone need not be named."""
        query = "select count(distinct catalog) > 1 from onec.exchange_packages where catalog <> ''"
        row = self.connection.execute(query).fetchone()
        return bool(row and row[0])

    def path(self, package: Package) -> Path:
        """Where its files lie."""
        return self.directory / "packages" / str(package.directory)

    def request(self, package: Package) -> str:
        """It is about to be imported: a text by which its run can be known."""
        self._set(package, "state = 'running', ended_at = null, touched_at = now(), message = '', progress = ''")
        row = self.connection.execute(
            "select id || '.' || place || '.' || extract(epoch from touched_at) from onec.exchange_packages "
            "where id = %s",
            [package.id],
        ).fetchone()
        return str(row[0]) if row else ""

    def requested(self, package: Package) -> tuple[str, float]:
        """The text of the last request, and how many seconds ago it was made."""
        row = self.connection.execute(
            "select id || '.' || place || '.' || extract(epoch from touched_at), "
            "extract(epoch from now() - touched_at)::float from onec.exchange_packages where id = %s",
            [package.id],
        ).fetchone()
        return (str(row[0]), float(row[1])) if row else ("", 0.0)

    def goes(self, package: Package, run_id: str, progress: str) -> None:
        """Its run is under way."""
        self._set(package, "run_id = %(run)s, progress = %(progress)s", run=run_id, progress=progress)

    def landed(self, package: Package, run_id: str) -> None:
        """It has been imported: a run without a directory means it from now on."""
        link(self.directory / "current", self.path(package))
        self._set(package, "state = 'landed', run_id = %(run)s, message = '', ended_at = now()", run=run_id)

    def failed(self, package: Package, run_id: str, message: str) -> None:
        """It cannot be imported; the next one goes on."""
        change = "state = 'failed', run_id = nullif(%(run)s, ''), message = %(message)s, ended_at = now()"
        self._set(package, change, run=run_id, message=message)

    def again(self, package: Package) -> None:
        """It could not be imported at the moment: it keeps its place."""
        self._set(package, "state = 'sealed', run_id = null, progress = '', ended_at = now()")

    def _set(self, package: Package, change: str, **values: object) -> None:
        query = f"update onec.exchange_packages set {change} where id = %(id)s"  # noqa: S608 - ours
        self.connection.execute(query.encode(), {**values, "id": package.id})


@contextmanager
def opened(url: str, directory: Path) -> Iterator[Queue | None]:
    """The queue; None where the server has never been started over this database."""
    with lend(url) as connection:
        row = connection.execute("select to_regclass('onec.exchange_packages') is not null").fetchone()
        yield Queue(connection, directory) if row and row[0] else None


def link(place: Path, target: Path) -> None:
    """Let a link lead elsewhere, in one step."""
    new = place.with_name(f".{place.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(os.path.relpath(target, place.parent))
    new.replace(place)

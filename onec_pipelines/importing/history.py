"""The register of imports, and what each needs so that the past is kept.

Past rows are written by triggers of the tables (migrations/0020_history.sql), so that no statement can forget them;
here are the tables of months that they go to, and whether they do.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from onec_pipelines.importing.ledger import LedgerFile
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

HISTORY_DAYS = 730
LANDED = "landed"
"""The kind of an import without new files, by which rows landed that had been pending."""
PATIENCE = "2s"
"""How long a reader of the past may keep an import from making the table of a new month: it is made by a later one."""
NOT_NOW = (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege)
"""Somebody reads the past, or the user may write rows and make no table."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the register; `items` are those created, updated and removed."""

    import_type: str
    run_id: str | None
    export_kind: str
    fingerprint: str
    items: tuple[int, int, int]
    catalogs: Sequence[str] = ()
    exported_at: datetime | None = None
    files: Sequence[LedgerFile] = ()


def prepare_history(connection: psycopg.Connection, days: int) -> None:
    """Keep the past of what this connection changes, and that for so many days; with 0 keep none of it."""
    keep_history(connection, days)
    with tolerated(log, "past rows of a new month go to the table of all months", *NOT_NOW), connection.transaction():
        connection.execute(f"set local lock_timeout = '{PATIENCE}'".encode())
        connection.execute("select pg_advisory_xact_lock(hashtext('onec history'))")
        connection.execute("select onec.prepare_history(%s)", [days])


def keep_history(connection: psycopg.Connection, days: int) -> None:
    """Keep the past of what this connection changes, or with 0 days keep none of it."""
    connection.execute("select set_config('onec.history', %s, false)", ["on" if days else "off"])


def has_written(counts: Mapping[str, int]) -> bool:
    """Whether any step of a merge has written a row."""
    return any(counts.values())


def register(connection: psycopg.Connection, entry: Entry) -> None:
    """Register an import in its transaction: what it wrote bears the same time."""
    created, updated, removed = entry.items
    row = connection.execute(
        """
        insert into onec.imports (
            import_type, run_id, export_kind, catalogs, fingerprint, exported_at, created, updated, removed, rejected
        )
        select %s, %s, %s, %s, %s, %s, %s, %s, %s, count(*)
        from onec.rejected_records
        where import_type = %s
        returning id
        """,
        [
            entry.import_type,
            entry.run_id,
            entry.export_kind,
            list(entry.catalogs),
            entry.fingerprint,
            entry.exported_at,
            created,
            updated,
            removed,
            entry.import_type,
        ],
    ).fetchone()
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into onec.import_sources (import_id, path, sha256, size_bytes, rows) values (%s, %s, %s, %s, %s)",
            [(row and row[0], f.file.name, f.content.sha256, f.file.size, f.rows) for f in entry.files],
        )

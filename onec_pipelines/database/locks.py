"""One import of a kind at a time: a session advisory lock on a connection of its own.

The lock is the truth about a running import: PostgreSQL releases it when the process ends, however it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from onec_pipelines.database.connection import connect
from onec_pipelines.errors import ImportBusyError

NAMESPACE = 0x6F6E6563
"""First half of the lock's key: `onec` in ASCII."""
PATIENCE = "500ms"
"""How long a lock is waited for: PostgreSQL takes a moment to notice that the process of an import was killed."""


@contextmanager
def import_lock(url: str, import_type: str) -> Iterator[None]:
    """Hold the lock of an import type.

    Raises:
        ImportBusyError: another process holds it.
        DatabaseError: the server cannot be reached.
    """
    with connect(url, application_name=f"onec_pipelines import {import_type}") as connection:
        connection.execute(f"set lock_timeout = '{PATIENCE}'; set idle_session_timeout = 0")
        try:
            connection.execute("select pg_advisory_lock(%s, hashtext(%s))", [NAMESPACE, import_type])
        except psycopg.errors.LockNotAvailable:
            raise ImportBusyError(
                f"An import of {import_type} is already running; wait until it has ended (onec sessions shows it)."
            ) from None
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):  # the server may be gone, and the lock with it
                # Closing alone releases the lock a moment later: the next import would find it held.
                connection.execute("select pg_advisory_unlock_all()")


def merge_lock(connection: psycopg.Connection) -> None:
    """Wait until no other import merges, and hold that until the end of the transaction.

    Imports of different kinds write the same default variants; one after another they neither deadlock nor take
    away a variant that the other one is about to use.
    """
    connection.execute("select pg_advisory_xact_lock(%s, hashtext('merge'))", [NAMESPACE])


@contextmanager
def shard_lock(connection: psycopg.Connection, shard: int) -> Iterator[None]:
    """Hold a shard of the pictures on this connection; whoever is given it a second time waits.

    A broker hands a step out again when it takes its worker for dead.
    """
    connection.execute("set idle_session_timeout = 0")
    connection.execute("select pg_advisory_lock(%s, hashtext('images shard ' || %s::int))", [NAMESPACE, shard])
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.execute("select pg_advisory_unlock_all()")


RUN_NAMESPACE = 0x6F6E6564
"""First half of the key of a run's lock."""


@contextmanager
def run_lock(url: str, run_id: str) -> Iterator[None]:
    """Show that a run is alive: several processes of one run may hold its lock at a time.

    An import may leave this connection idle for hours, and losing it would look like the death of the run.
    """
    with connect(url, application_name=f"onec_pipelines run {run_id}") as connection:
        connection.execute("set idle_session_timeout = 0; set tcp_keepalives_idle = 60")
        connection.execute("select pg_advisory_lock_shared(%s, hashtext(%s))", [RUN_NAMESPACE, run_id])
        yield


def is_run_locked(connection: psycopg.Connection, run_id: str) -> bool:
    """Whether any process holds the lock of a run."""
    row = connection.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted "
        "and classid = %s::bigint and objid = (hashtext(%s)::bigint & 4294967295) "
        "and database = (select oid from pg_database where datname = current_database()))",
        [RUN_NAMESPACE, run_id],
    ).fetchone()
    return bool(row and row[0])


WORKER_NAMESPACE = 0x6F6E6577
"""First half of the key of what the processes hold that read files for an import."""
WORKERS_PATIENCE = "30s"


@contextmanager
def worker_lock(connection: psycopg.Connection, import_type: str) -> Iterator[None]:
    """Show that a process writes into the staging tables of an import; several may."""
    connection.execute("select pg_advisory_lock_shared(%s, hashtext(%s))", [WORKER_NAMESPACE, import_type])
    yield


def await_workers(connection: psycopg.Connection, import_type: str) -> None:
    """Wait until no process of an import that was killed writes into its staging tables any more.

    Raises:
        ImportBusyError: one still does.
    """
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{WORKERS_PATIENCE}'")
            connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", [WORKER_NAMESPACE, import_type])
    except psycopg.errors.LockNotAvailable:
        raise ImportBusyError(
            f"A process of an earlier import of {import_type} is still reading files; wait until it has ended, or end "
            "it (python -m onec_pipelines.importing.worker)."
        ) from None

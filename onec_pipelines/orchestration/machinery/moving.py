"""Moving a history into the schema `dagster`, once in the life of an installation, and with nobody at work in it.

A process of an earlier version would go on in the old schema, where nothing is left, or would begin a history anew.
So each way in which one shows is looked at: the lock of a run, the connections that a webserver keeps, and the
statements of a daemon, which connects anew for each.
"""

import logging
import time
from collections.abc import Sequence

import psycopg
from psycopg import sql

from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.machinery.history_tables import COLUMNS, SCHEMA, create_schema, rights_told, tables_in

log = logging.getLogger(__name__)

LATELY_SECONDS = 300
"""A daemon that lives has said so within this time: it does every 30 seconds, or after a long tick."""
WATCH_SECONDS = 10.0
"""For how long the tables of a daemon that may live are locked before they move; an idle one asks within 4 seconds."""
LOOK_EVERY_SECONDS = 0.1
LOCK_PATIENCE = "5s"
GONE_SECONDS = 1.0
"""PostgreSQL takes a moment to notice that a process has ended."""


def move(connection: psycopg.Connection, earlier: str) -> None:
    """Move Dagster's tables, all of them or none, with their indexes and sequences.

    Raises:
        DatabaseError: an earlier version still works in them, or the user may not move them.
    """
    tables = sorted(tables_in(connection, earlier))
    refuse_if_used(connection, earlier)
    with (
        rights_told("let their owner move them: onec migrate, with that user in ONEC_DATABASE_URL"),
        connection.transaction(),
    ):
        create_schema(connection)
        lock(connection, earlier, tables)
        refuse_if_waited_for(connection, earlier)
        for table in tables:
            connection.execute(
                sql.SQL("alter table {} set schema {}").format(sql.Identifier(earlier, table), sql.Identifier(SCHEMA))
            )
    log.info("Dagster's tables were moved from the schema %s to %s.", earlier, SCHEMA)


RUN = "onec_pipelines run "
"""How the name of the connection begins on which a run holds its lock."""
OF_ANYBODY = frozenset({"alembic_version", "jobs", "snapshots"})
"""Names that the tables of a neighbour may have as well."""
ASKED = rf"\m(run_events|{'|'.join(sorted(COLUMNS.keys() - OF_ANYBODY))})\M"
"""What the last query on a connection names that Dagster keeps."""
USERS = """
    select pid, application_name, coalesce(host(client_addr), 'this machine') from pg_stat_activity
    where datname = current_database() and coalesce(backend_type, 'client backend') = 'client backend'
        and pid <> pg_backend_pid()
"""
WORKING = """
    and (application_name like 'onec_pipelines run %%' or application_name not like 'onec_pipelines%%' and query ~ %s)
"""
WAITING = """
    and pid in (select pid from pg_locks
        join pg_class on pg_class.oid = relation join pg_namespace on pg_namespace.oid = relnamespace
        where not granted and locktype = 'relation' and nspname = %s)
"""


def refuse_if_used(connection: psycopg.Connection, earlier: str) -> None:
    """See that no run goes on, and that no webserver is connected.

    Raises:
        DatabaseError: naming them.
    """
    deadline = time.monotonic() + GONE_SECONDS
    while users := connection.execute(USERS + WORKING, [ASKED]).fetchall():
        if time.monotonic() > deadline:
            raise still_used(earlier, users)
        time.sleep(LOOK_EVERY_SECONDS)


def lock(connection: psycopg.Connection, earlier: str, tables: Sequence[str]) -> None:
    """Let nobody else into the tables until the end of the transaction.

    Raises:
        DatabaseError: somebody is in there for long.
    """
    names = sql.SQL(", ").join(sql.Identifier(earlier, table) for table in tables)
    try:
        connection.execute(f"set local lock_timeout = '{LOCK_PATIENCE}'")
        connection.execute(sql.SQL("lock table {} in access exclusive mode").format(names))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        raise still_used(earlier, []) from None


def refuse_if_waited_for(connection: psycopg.Connection, earlier: str) -> None:
    """See that no daemon lives: it keeps no connection, but makes one every few seconds, and waits for the lock.

    Raises:
        DatabaseError: naming who waits.
    """
    if not lives_perhaps(connection, earlier):
        return
    log.info("A daemon was alive lately: whether it asks for its tables is watched for %s seconds.", WATCH_SECONDS)
    deadline = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < deadline:
        connection.execute("select pg_stat_clear_snapshot()")  # else a transaction goes on seeing who was there first
        if users := connection.execute(USERS + WAITING, [earlier]).fetchall():
            raise still_used(earlier, users)
        time.sleep(LOOK_EVERY_SECONDS)


def lives_perhaps(connection: psycopg.Connection, schema: str) -> bool:
    """Whether a daemon has said lately that it lives."""
    if "daemon_heartbeats" not in tables_in(connection, schema):
        return False
    lately = sql.SQL("select max(timestamp) > now() at time zone 'utc' - {} * interval '1 s' from {}").format(
        sql.Literal(LATELY_SECONDS), sql.Identifier(schema, "daemon_heartbeats")
    )
    row = connection.execute(lately).fetchone()
    return bool(row and row[0])


def still_used(earlier: str, users: Sequence[tuple[int, str, str]]) -> DatabaseError:
    """The sentence that refuses the move: who is still there, and what to stop."""
    named = [
        f"run {name.removeprefix(RUN)}"
        if name.startswith(RUN)
        else f"{name or 'a process'} connected from {client} (backend {pid})"
        for pid, name, client in users
    ]
    return DatabaseError(
        f'Dagster\'s tables are to move once from the schema "{earlier}" to "{SCHEMA}", and somebody still works with '
        f"them: {', '.join(named) or 'a statement that goes on'}; stop the webserver, the daemon and the imports of "
        "the earlier version, then start again."
    )

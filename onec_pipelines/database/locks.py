"""Who works on what: session advisory locks. PostgreSQL releases them when the process ends, however it ends.

| lock | held by | one at a time |
|---|---|---|
| import | an import of a kind, on a connection of its own: the truth about what is running | yes |
| merge | the transaction of an import while it merges | yes |
| run | each process of a run, from its first step to its last: `liveness` looks at it | shared |
| worker | each process that reads files for an import | shared |
| shard | who publishes a shard of the images | yes |
| tags | who reads and writes the tags of a run | yes |
| daemon | the daemon, from before it looks at the queue to its end | yes |
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from onec_pipelines.database.lending import give_back, lend, take
from onec_pipelines.errors import DaemonBusyError, ImportBusyError, OnecError
from onec_pipelines.tolerated import passed_over, tolerated

log = logging.getLogger(__name__)

NAMESPACE = 0x6F6E6563
"""First half of the lock's key: `onec` in ASCII."""
ASKED_EVERY_SECONDS = 2.0
"""Well below the seconds for which `liveness` watches a run that looks dead."""
PATIENCE = "500ms"
"""How long a lock is waited for: PostgreSQL takes a moment to notice that the process of an import was killed."""


HELD = "set tcp_keepalives_idle = 60; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 6"
"""Within two minutes PostgreSQL knows that the machine is lost whose process holds a lock."""


@contextmanager
def import_lock(url: str, import_type: str, *, patience: str = PATIENCE) -> Iterator[None]:
    """Hold the lock of an import type.

    Raises:
        ImportBusyError: another process holds it, and has not let go of it when `patience` is at its end.
        DatabaseError: the server cannot be reached.
    """

    def lock(connection: psycopg.Connection) -> None:
        connection.execute(f"set lock_timeout = '{patience}'".encode())
        try:
            connection.execute("select pg_advisory_lock(%s, hashtext(%s))", [NAMESPACE, import_type])
        except psycopg.errors.LockNotAvailable:
            raise ImportBusyError(
                f"An import of {import_type} is already running; wait until it has ended (onec sessions shows it)."
            ) from None

    with _held(url, f"onec_pipelines import {import_type}", lock):
        yield


@contextmanager
def _held(url: str, name: str, lock: Callable[[psycopg.Connection], None]) -> Iterator[None]:
    """Hold on a connection of its own what `lock` takes.

    A connection that is silent for the hours of an import is closed by some pooler, proxy or firewall on the way, and
    the lock is gone with it: so it is asked something every other second. Where it was lost all the same, the lock is
    taken again.
    """

    def held_anew() -> psycopg.Connection:
        connection = take(url, application_name=name)
        try:
            connection.execute(HELD)
            lock(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    held = held_anew()
    has_ended = threading.Event()

    def keep() -> None:
        nonlocal held
        while not has_ended.wait(ASKED_EVERY_SECONDS):
            try:
                if held.closed:
                    held = held_anew()
                held.execute("select")
            except (psycopg.Error, OnecError) as error:
                passed_over(log, "a lock was lost with its connection, and is taken again", error)
                held.close()

    keeper = threading.Thread(target=keep, name="keeps a lock", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        has_ended.set()
        keeper.join()
        give_back(held, url)


def merge_lock(connection: psycopg.Connection) -> None:
    """Wait until no other import merges, and hold that until the end of the transaction.

    Imports of different kinds write the same default variants; one after another they neither deadlock nor take
    away a variant that the other one is about to use.
    """
    connection.execute("select pg_advisory_xact_lock(%s, hashtext('merge'))", [NAMESPACE])


@contextmanager
def shard_lock(connection: psycopg.Connection, shard: int) -> Iterator[None]:
    """Hold a shard of the images on this connection; whoever is given it a second time waits.

    A broker hands a step out again when it takes its worker for dead.
    """
    connection.execute(HELD)
    connection.execute("select pg_advisory_lock(%s, hashtext('images shard ' || %s::int))", [NAMESPACE, shard])
    try:
        yield
    finally:
        with tolerated(log, "the lock of a shard ends with its connection", psycopg.OperationalError):
            connection.execute("select pg_advisory_unlock_all()")


RUN_NAMESPACE = 0x6F6E6564
"""First half of the key of a run's lock."""


_runs: dict[tuple[str, str], tuple[ExitStack, int]] = {}
"""The runs whose lock this process holds, each with how many hold it here: steps do within a run of this process."""
_runs_change = threading.Lock()


@contextmanager
def run_lock(url: str, run_id: str) -> Iterator[None]:
    """Show that a run is alive: several processes of one run may hold its lock at a time, each on one connection.

    To lose this lock for some seconds looks like the death of the run.
    """

    def lock(connection: psycopg.Connection) -> None:
        connection.execute("select pg_advisory_lock_shared(%s, hashtext(%s))", [RUN_NAMESPACE, run_id])

    run = (url, run_id)
    with _runs_change:
        held, holders = _runs.get(run) or (ExitStack(), 0)
        if not holders:
            held.enter_context(_held(url, f"onec_pipelines run {run_id}", lock))
        _runs[run] = held, holders + 1
    try:
        yield
    finally:
        with _runs_change:
            held, holders = _runs.pop(run)
            if holders > 1:
                _runs[run] = held, holders - 1
            else:
                held.close()


def holds_run_lock(url: str, run_id: str) -> bool:
    """Whether this process holds the lock of a run."""
    return (url, run_id) in _runs


def is_run_locked(connection: psycopg.Connection, run_id: str) -> bool:
    """Whether any process holds the lock of a run."""
    row = connection.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 2 and granted "
        "and classid = %s::bigint and objid = (hashtext(%s)::bigint & 4294967295) "
        "and database = (select oid from pg_database where datname = current_database()))",
        [RUN_NAMESPACE, run_id],
    ).fetchone()
    return bool(row and row[0])


def under_way(connection: psycopg.Connection) -> list[str]:
    """What is being imported into this database: `run <id>` for each run, or else the imports that no run made."""
    rows = connection.execute(
        "select distinct substring(application_name from '^onec_pipelines ((?:run|import) .*)') as what "
        "from pg_locks join pg_stat_activity using (pid) "
        "where locktype = 'advisory' and objsubid = 2 and granted and classid = any(%s::bigint[]) "
        "and database = (select oid from pg_database where datname = current_database()) order by 1",
        [[NAMESPACE, RUN_NAMESPACE]],
    )
    found = [what for (what,) in rows if what]
    return [what for what in found if what.startswith("run ")] or found


@contextmanager
def tags_lock(url: str, run_id: str) -> Iterator[None]:
    """Be the only one who changes the tags of a run: Dagster writes back all of them as it has read them."""
    with lend(url) as connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s, hashtext('tags ' || %s))", [RUN_NAMESPACE, run_id])
        yield


WORKER_NAMESPACE = 0x6F6E6577
"""First half of the key of what the processes hold that read files for an import."""
WORKERS_PATIENCE = "30s"


@contextmanager
def worker_lock(connection: psycopg.Connection, import_type: str) -> Iterator[None]:
    """Show that a process writes into the staging tables of an import; several may."""
    connection.execute(HELD)
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


DAEMON = "daemon"
"""How the connection of the daemon is named in PostgreSQL, before the machine and the process."""


@contextmanager
def daemon_lock(url: str, holder: str) -> Iterator[None]:
    """Be the only daemon over a run history; `holder` tells who is.

    Raises:
        DaemonBusyError: another one is.
        DatabaseError: the server cannot be reached.
    """

    def lock(connection: psycopg.Connection) -> None:
        connection.execute(f"set lock_timeout = '{PATIENCE}'".encode())
        try:
            connection.execute("select pg_advisory_lock(%s, hashtext(%s))", [NAMESPACE, DAEMON])
        except psycopg.errors.LockNotAvailable:
            raise DaemonBusyError(
                f"Another daemon works on this run history ({_daemon_holder(connection)}), and two would start each "
                "run twice: end that one first."
            ) from None

    with _held(url, f"onec_pipelines {DAEMON} {holder}", lock):
        yield


def _daemon_holder(connection: psycopg.Connection) -> str:
    row = connection.execute(
        "select regexp_replace(application_name, '^onec_pipelines daemon ', ''), to_char(backend_start, "
        "'YYYY-MM-DD HH24:MI TZ') from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' "
        "and objsubid = 2 and granted and classid = %s::bigint and objid = (hashtext(%s)::bigint & 4294967295) "
        "and database = (select oid from pg_database where datname = current_database())",
        [NAMESPACE, DAEMON],
    ).fetchone()
    return "{}, since {}".format(*row) if row else "it is just ending"

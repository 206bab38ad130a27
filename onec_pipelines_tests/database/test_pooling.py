"""Whether a lock stays with its connection: with a real pgbouncer, and with a proxy that closes what is silent."""

import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import conninfo

from onec_pipelines.database import locks, pooling
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock, is_run_locked, run_lock
from onec_pipelines.database.pooling import is_pooled
from onec_pipelines.errors import DatabaseError, ImportBusyError

REFUSED = re.compile(
    r'PostgreSQL cannot be used through a pooler of this kind: connecting to database "\w+" at 127\.0\.0\.1, port \d+, '
    r'as user "\w+", found that a lock does not end with the connection that took it, and a living import could not be '
    r"told from a dead one; set pool_mode = session for this database in the pooler .*, or name PostgreSQL itself in "
    r"ONEC_DATABASE_URL\."
)


# --- a pooler


@pytest.mark.parametrize(
    "settings",
    [
        {"pool_mode": "transaction"},
        {"pool_mode": "statement"},
        {"pool_mode": "transaction", "server_round_robin": 1},
        {"pool_mode": "transaction", "server_reset_query_always": 1},
        {"pool_mode": "transaction", "server_idle_timeout": 1, "client_idle_timeout": 1},
        {"pool_mode": "session", "server_reset_query": ""},
    ],
    ids=lambda settings: " ".join(f"{name}={value}" for name, value in settings.items()),
)
def test_a_pooler_that_takes_locks_away_or_keeps_them_is_refused(pgbouncer, connection, settings):
    with pytest.raises(DatabaseError, match=REFUSED):
        connect(pgbouncer(**settings).url)
    assert connection.execute("select from pg_locks where locktype = 'advisory'").rowcount == 0


def test_a_pooler_that_gives_another_of_its_connections_each_time_is_refused(pgbouncer, monkeypatch):
    monkeypatch.setattr(pooling, "PATIENCE_SECONDS", 0.5)
    url = pgbouncer(pool_mode="transaction", server_round_robin=1).url
    with ExitStack() as others:  # three at once, and so many has the pooler from now on
        for _ in range(3):
            others.enter_context(psycopg.connect(url)).execute("select")
    with pytest.raises(DatabaseError, match=REFUSED):
        connect(url)


def test_a_pooler_in_session_mode_is_connected_through(pgbouncer, connection):
    url = pgbouncer(pool_mode="session", server_idle_timeout=1, client_idle_timeout=1).url
    with connect(url) as pooled:
        assert is_pooled(pooled)
        assert not is_pooled(connection)
    with import_lock(url, "catalog"):
        time.sleep(2.5)
        with pytest.raises(ImportBusyError), import_lock(url, "catalog"):
            pass
    with import_lock(url, "catalog"):
        pass


def test_a_pooler_is_asked_once_by_each_process(pgbouncer):
    pooler = pgbouncer()
    for _ in range(3):
        connect(pooler.url).close()
    assert pooler.logins() == 3 + len(["who takes the lock", "who looks whether it is gone"])


def test_a_refused_pooler_is_asked_again_as_it_may_have_been_corrected(pgbouncer):
    pooler = pgbouncer(pool_mode="transaction")
    for _ in range(2):
        with pytest.raises(DatabaseError, match=REFUSED):
            connect(pooler.url)


def test_a_pooler_without_a_connection_to_give_says_how_to_get_one(pgbouncer):
    with pytest.raises(DatabaseError, match=r"failed: query_wait_timeout; let the pooler .* open more connections"):
        connect(pgbouncer(default_pool_size=1, query_wait_timeout=1).url)


def test_a_parameter_that_a_pooler_refuses_is_named(pgbouncer):
    with pytest.raises(
        DatabaseError,
        match=r"unsupported startup parameter: options; a pooler stands there: leave that parameter out of ONEC_DATAB",
    ):
        connect(f"{pgbouncer().url}?options=-cwork_mem%3D64MB")


def test_a_pooler_before_a_database_that_is_not_there_is_one_sentence(pgbouncer):
    gone = urlsplit(pgbouncer().url)._replace(path="/nowhere").geturl()
    with pytest.raises(DatabaseError, match=r'failed: FATAL: .*database "nowhere" does not exist'):
        connect(gone)


# --- a proxy that closes connections on which nothing is said


@contextmanager
def closing_what_is_silent(database_url: str, seconds: float) -> Iterator[tuple[str, list[float]]]:
    """A URL that leads to the database through a proxy, and when that has closed a connection for its silence."""
    stated = conninfo.conninfo_to_dict(database_url)
    closed: list[float] = []

    def carry(client: socket.socket) -> None:
        with client, server_socket(stated) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [], seconds)
                if not ready:
                    closed.append(time.monotonic())
                    return
                for one in ready:
                    if not (said := one.recv(65536)):
                        return
                    (server if one is client else client).sendall(said)

    def serve() -> None:
        with suppress(OSError):  # the listening socket is closed in the end
            while True:
                threading.Thread(target=carry, args=[listening.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        yield f"postgresql://{stated['user']}@127.0.0.1:{port}/{stated['dbname']}", closed
        listening.shutdown(socket.SHUT_RDWR)


def server_socket(stated: dict[str, object]) -> socket.socket:
    host, port = str(stated["host"]), int(str(stated.get("port", 5432)))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    local = socket.socket(socket.AF_UNIX)
    local.connect(f"{host}/.s.PGSQL.{port}")
    return local


def test_a_proxy_that_closes_what_is_silent_never_finds_a_lock_silent(database_url, connection, monkeypatch):
    monkeypatch.setattr(locks, "ASKED_EVERY_SECONDS", 0.1)
    with (
        closing_what_is_silent(database_url, 0.6) as (url, closed),
        run_lock(url, "run-1"),
        import_lock(url, "catalog"),
    ):
        for _ in range(10):
            assert is_run_locked(connection, "run-1")
            time.sleep(0.15)
        assert closed == []


@pytest.mark.parametrize("lost", ["onec_pipelines run run-1", "onec_pipelines import catalog"])
def test_a_lock_whose_connection_was_ended_is_taken_again(database_url, connection, monkeypatch, wait_until, lost):
    monkeypatch.setattr(locks, "ASKED_EVERY_SECONDS", 0.1)
    holders = "select pid from pg_locks join pg_stat_activity using (pid) where application_name = %s and granted"
    with run_lock(database_url, "run-1"), import_lock(database_url, "catalog"):
        (before,) = connection.execute(holders, [lost])
        connection.execute("select pg_terminate_backend(%s)", before)
        wait_until(lambda: connection.execute(holders, [lost]).fetchall() not in ([before], []), 10)
    assert connection.execute("select from pg_locks where locktype = 'advisory'").rowcount == 0

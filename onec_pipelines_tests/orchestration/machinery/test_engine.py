"""Every connection that Dagster makes works in one schema, whoever makes its engine and whatever the URL states."""

import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from dagster_postgres import DagsterPostgresStorage
from psycopg.conninfo import conninfo_to_dict

from onec_pipelines.database.connection import connect
from onec_pipelines.orchestration.machinery.engine import dagster_url
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.schema import settle
from onec_pipelines.orchestration.machinery.storage import OnecStorage


def storages(storage: DagsterPostgresStorage) -> list:
    return [storage.run_storage, storage.event_log_storage, storage.schedule_storage]


def shown(storage, setting: str) -> str:
    with storage._engine.connect() as connection:
        return connection.exec_driver_sql(f"show {setting}").scalar_one()


@pytest.fixture
def storage(project, monkeypatch) -> DagsterPostgresStorage:
    """Ours, over a URL with options of its user."""
    url = project.settings.database_url
    separator = "&" if "?" in url else "?"
    monkeypatch.setenv("ONEC_DATABASE_URL", f"{url}{separator}options=-clock_timeout%3D7s%20-csearch_path%3Donec")
    return OnecStorage.from_config_value(None, {})


def test_runs_events_and_schedules_are_in_the_schema(storage):
    assert [shown(each, "search_path") for each in storages(storage)] == ["dagster"] * 3


def test_they_are_there_for_the_webserver_too(storage):
    for each in storages(storage):
        each.optimize_for_webserver(statement_timeout=5000, pool_recycle=300, max_overflow=1)
    assert [shown(each, "search_path") for each in storages(storage)] == ["dagster"] * 3
    assert [shown(each, "statement_timeout") for each in storages(storage)] == ["5s"] * 3
    for each in storages(storage):
        each._engine.dispose()


@pytest.mark.parametrize("for_webserver", [False, True])
def test_what_the_user_has_stated_in_the_options_of_the_url_counts(for_webserver, storage):
    for each in storages(storage):
        if for_webserver:
            each.optimize_for_webserver(statement_timeout=5000, pool_recycle=300, max_overflow=1)
        assert shown(each, "lock_timeout") == "7s"
        each._engine.dispose()


def test_the_schema_stays_after_a_transaction_that_was_undone(storage):
    engine = sqlalchemy.create_engine(storage.postgres_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("select 1")
        connection.rollback()
        assert connection.exec_driver_sql("show search_path").scalar_one() == "dagster"
    engine.dispose()


def test_sqlalchemy_takes_the_schema_for_its_own(storage):
    engine = sqlalchemy.create_engine(storage.postgres_url)
    assert sqlalchemy.inspect(engine).default_schema_name == "dagster"
    engine.dispose()


@pytest.mark.parametrize("schema", ["dagster", 'a "schema" of; its own'])
def test_any_name_of_a_schema_will_do(schema, database_url):
    engine = sqlalchemy.create_engine(dagster_url(database_url, schema))
    with engine.connect() as connection:
        (found,) = connection.exec_driver_sql("select parse_ident(current_setting('search_path'))").scalar_one()
    assert found == schema
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u:p%40@h:6432/db?sslmode=require",
            {"user": "u", "password": "p@", "host": "h", "port": "6432", "dbname": "db", "sslmode": "require"},
        ),
        ("postgres://u@h/db", {"user": "u", "host": "h", "dbname": "db"}),
        ("postgresql://onec@/onec?host=/tmp/s", {"user": "onec", "dbname": "onec", "host": "/tmp/s"}),
        (
            "postgresql://u@h/db?options=-cx%3D9%20-cy%3D1",
            {"user": "u", "host": "h", "dbname": "db", "options": "-cx=9 -cy=1"},
        ),
        (
            "postgresql://u@h1:5432,h2:5433/db?target_session_attrs=read-write",
            {
                "user": "u",
                "host": "h1,h2",
                "port": "5432,5433",
                "dbname": "db",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgresql://u@h1,h2/db", {"user": "u", "host": "h1,h2", "port": ",", "dbname": "db"}),
        ("postgresql://u@h/a%20b%3Fc%25d%2Fe", {"user": "u", "host": "h", "dbname": "a b?c%d/e"}),
        ("postgresql://u@h/%D0%B1%D0%B0%D0%B7%D0%B0", {"user": "u", "host": "h", "dbname": "база"}),
    ],
)
def test_dagster_is_given_all_that_the_url_states(url, expected):
    engine = sqlalchemy.create_engine(dagster_url(url, "dagster"))
    assert engine.dialect.create_connect_args(engine.url) == ([], expected)
    assert (engine.driver, engine.dialect.name) == ("psycopg2", "postgresql")


@pytest.mark.parametrize(("name", "written"), [("мой магазин", "%D0%BC%D0%BE%D0%B9%20магазин"), ("a%20b", "a%2520b")])
def test_run_history_is_kept_in_a_database_of_any_name_on_any_of_several_hosts(
    name, written, server_url, project, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stated = conninfo_to_dict(server_url)
    hosts = f"?host=127.0.0.1,{stated['host']}&port={port},{stated.get('port', 5432)}"
    with connect(server_url) as server:
        server.execute(f'create database "{name}"')
        try:
            url = f"postgresql://{stated['user']}@/{written}{hosts}"
            monkeypatch.setenv("ONEC_DATABASE_URL", url)
            with open_instance(replace(project.settings, database_url=url)) as instance:
                instance.add_dynamic_partitions("days", ["monday"])
            with connect(urlsplit(server_url)._replace(path=f"/{written}").geturl()) as connection:
                kept = connection.execute("select partition from dagster.dynamic_partitions").fetchall()
            assert kept == [("monday",)]
        finally:
            server.execute(f'drop database "{name}" with (force)')


def test_a_storage_has_not_connected_when_it_is_made(project):
    settle(project.settings.database_url)
    connected = []
    count = lambda *_: connected.append(1)  # noqa: E731
    sqlalchemy.event.listen(sqlalchemy.Pool, "connect", count)
    OnecStorage.from_config_value(None, {})
    sqlalchemy.event.remove(sqlalchemy.Pool, "connect", count)
    assert connected == []


# --- the pool


def backend(storage) -> int:
    """The process of the server that a statement of a storage is run by."""
    with storage._engine.connect() as connection:
        return connection.exec_driver_sql("select pg_backend_pid()").scalar_one()


def test_runs_events_and_schedules_have_one_connection_one_after_the_other(storage):
    assert len({backend(each) for each in storages(storage) for _ in range(3)}) == 1


def test_statements_at_a_time_have_connections_of_their_own(storage):
    with ExitStack() as held:
        pids = {
            held.enter_context(storage.run_storage._engine.connect())
            .exec_driver_sql("select pg_backend_pid()")
            .scalar_one()
            for _ in range(30)
        }
    assert len(pids) == 30


def test_a_connection_that_is_lost_is_replaced_before_it_is_used(storage, project):
    lost = backend(storage.run_storage)
    with connect(project.settings.database_url) as connection:
        connection.execute("select pg_terminate_backend(%s, 5000)", [lost])
    assert backend(storage.run_storage) != lost


def test_a_forked_process_leaves_the_connections_to_its_parent(storage):
    before = backend(storage.run_storage)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, str(backend(storage.run_storage)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(ours, 20)) != before
    assert backend(storage.run_storage) == before

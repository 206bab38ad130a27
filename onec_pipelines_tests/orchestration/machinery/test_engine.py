"""Every connection that Dagster makes works in one schema, whoever makes its engine and whatever the URL states."""

import pytest
import sqlalchemy
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import make_url

from onec_pipelines.orchestration.machinery.engine import dagster_url
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
        ("postgresql://u:p%40@h:6432/db?sslmode=require", "postgresql+psycopg2://u:p%40@h:6432/db?sslmode=require"),
        ("postgres://u@h/db", "postgresql+psycopg2://u@h/db"),
        ("postgresql://onec@/onec?host=/tmp/s", "postgresql+psycopg2://onec@/onec?host=%2Ftmp%2Fs"),
        ("postgresql://u@h/db?options=-cx%3D9", "postgresql+psycopg2://u@h/db?options=-cx%3D9"),
    ],
)
def test_dagster_is_given_the_url_with_its_driver_and_all_that_it_states(url, expected):
    given = make_url(dagster_url(url, "dagster"))
    assert given.difference_update_query(["plugin", "onec_schema"]).render_as_string(hide_password=False) == expected


def test_a_storage_has_not_connected_when_it_is_made(project):
    settle(project.settings.database_url)
    connected = []
    count = lambda *_: connected.append(1)  # noqa: E731
    sqlalchemy.event.listen(sqlalchemy.Pool, "connect", count)
    OnecStorage.from_config_value(None, {})
    sqlalchemy.event.remove(sqlalchemy.Pool, "connect", count)
    assert connected == []

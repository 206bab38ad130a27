"""Dagster's storage in the database of the catalogue: the class that `dagster.yaml` names.

It resolves the URL when an instance is made, from `ONEC_DATABASE_URL` or the embedded server, so that one
`dagster.yaml` serves both.
"""

from typing import Any

import psycopg
from dagster_postgres import DagsterPostgresStorage
from psycopg import sql
from sqlalchemy import Table, make_url

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.database.locks import NAMESPACE
from onec_pipelines.orchestration.private import (
    ConfigurableClassData,
    RunStorageSqlMetadata,
    ScheduleStorageSqlMetadata,
    SqlEventLogStorageMetadata,
    UserConfigSchema,
)
from onec_pipelines.settings import Settings

CATALOGUE = "onec"
"""The schema of the catalogue."""
TABLES: list[Table] = [
    *{
        table.name: table
        for metadata in (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
        for table in metadata.tables.values()
    }.values()
]
NOTES = frozenset({"secondary_indexes", "instance_info"})
"""What Dagster notes while it makes the others."""
MADE = ("secondary_indexes where name = 'schedule_ticks_selector_id'", "runs", "event_logs")
"""Rows of which one tells that all tables were made: what Dagster notes last when it makes them, and any history."""


class OnecStorage(DagsterPostgresStorage):
    """Run history, events and schedules beside the catalogue, in the schema `public`."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure: the environment says it."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> "OnecStorage":
        """The storage of the database that the settings name.

        Raises:
            DatabaseError: the database cannot be reached: said in one sentence before Dagster tries for long.
        """
        del config_value
        url = database_url(Settings.from_environment())
        with connect(url) as connection:
            user = connection.info.user
            if user == CATALOGUE:
                connection.execute("set search_path = public")
            if not is_made(connection):
                connection.execute("select pg_advisory_lock(%s, hashtext('run history'))", [NAMESPACE])
                drop_half_made(connection)
            return cls(postgres_url=sqlalchemy_url(url, user), should_autocreate_tables=True, inst_data=inst_data)


def is_made(connection: psycopg.Connection) -> bool:
    """Whether all tables of the run history are there, or one of them holds some of it."""
    return any(
        _holds(connection, f"select to_regclass('{rows.split()[0]}') is not null")
        and _holds(connection, f"select exists (select from {rows})")  # noqa: S608 - ours
        for rows in MADE
    )


def drop_half_made(connection: psycopg.Connection) -> None:
    """Drop what a process made that was killed, or ran out of disk, before all tables were there.

    Dagster makes them one by one, and takes the first one for all of them. Only tables that are Dagster's, by their
    columns, and hold nothing but its notes on their making are dropped; where one of that name is somebody else's,
    or holds a row, none is.
    """
    if is_made(connection):
        return
    there = [table for table in TABLES if _holds(connection, f"select to_regclass('{table.name}') is not null")]
    if all(_is_dagsters(connection, table) and _is_unused(connection, table) for table in there):
        names = sql.SQL(", ").join(sql.Identifier(table.name) for table in there)
        if there:
            connection.execute(sql.SQL("drop table {}").format(names))


def _is_dagsters(connection: psycopg.Connection, table: Table) -> bool:
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [table.name],
    )
    return {name for (name,) in rows} == {column.name for column in table.columns}


def _is_unused(connection: psycopg.Connection, table: Table) -> bool:
    if table.name in NOTES:
        return True
    row = connection.execute(
        sql.SQL("select not exists (select from {})").format(sql.Identifier(table.name))
    ).fetchone()
    return bool(row and row[0])


def _holds(connection: psycopg.Connection, query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return bool(row and row[0])


def sqlalchemy_url(url: str, user: str) -> str:
    """The URL for Dagster, with its driver named: what `postgresql://` alone means depends on SQLAlchemy's version.

    PostgreSQL looks for tables first in the schema that is named as the user. For the user `onec` that is the
    catalogue's as soon as it is there, and the run history would begin anew in it.
    """
    parsed = make_url(f"postgresql+psycopg2://{url.partition('://')[2]}")
    if user == CATALOGUE:
        stated = parsed.query.get("options", "")
        parsed = parsed.update_query_dict({"options": f"{stated} -csearch_path=public".strip()})
    return parsed.render_as_string(hide_password=False)

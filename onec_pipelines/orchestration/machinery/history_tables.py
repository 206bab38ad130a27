"""Dagster's tables: which of them a schema holds, whose history is in them, and how they are made.

Not here: which schema that is (schema.py), how they are moved there (moving.py), what is in them (Dagster's business).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto

import psycopg
from dagster_postgres.run_storage import run_storage
from dagster_postgres.utils import pg_alembic_config
from psycopg import sql
from sqlalchemy import NullPool, create_engine

from onec_pipelines.database.connection import first_line
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.machinery.engine import dagster_url
from onec_pipelines.orchestration.private import (
    ASSET_DATA_MIGRATIONS,
    EVENT_LOG_DATA_MIGRATIONS,
    OPTIONAL_DATA_MIGRATIONS,
    OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
    REQUIRED_DATA_MIGRATIONS,
    REQUIRED_SCHEDULE_DATA_MIGRATIONS,
    RunStorageSqlMetadata,
    ScheduleStorageSqlMetadata,
    SecondaryIndexMigrationTable,
    SqlEventLogStorageMetadata,
    stamp_alembic_rev,
)

SCHEMA = "dagster"
MARK = "Dagster's tables: run history, events and schedules of onec_pipelines."
"""The comment of the schema, by which it is known as ours without a look into its tables."""
LOCATION = "onec_pipelines"
"""Our code location in `workspace.yaml`; a cluster may name it otherwise."""
METADATA = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
COLUMNS: Mapping[str, frozenset[str]] = {
    "alembic_version": frozenset({"version_num"}),
    **{
        table.name: frozenset(column.name for column in table.columns)
        for metadata in METADATA
        for table in metadata.tables.values()
    },
}
"""Dagster's tables and their columns, by which they are told from somebody else's of the same name."""
NOTES = frozenset({"alembic_version", "secondary_indexes", "instance_info"})
"""The tables that say how the others were made; the others hold what has happened."""
LAST_NOTE = "schedule_ticks_selector_id"
"""What Dagster notes in `secondary_indexes` when all tables are made."""
DATA_MIGRATIONS = (
    *REQUIRED_DATA_MIGRATIONS,
    *OPTIONAL_DATA_MIGRATIONS,
    *EVENT_LOG_DATA_MIGRATIONS,
    *ASSET_DATA_MIGRATIONS,
    *REQUIRED_SCHEDULE_DATA_MIGRATIONS,
    *OPTIONAL_SCHEDULE_DATA_MIGRATIONS,
)
"""What Dagster notes as done when it makes the tables: migrations of what older versions have written."""


class Owner(Enum):
    """Who has runs, schedules or sensors in a history."""

    NOBODY = auto()
    US = auto()
    OTHERS = auto()
    BOTH = auto()


def tables_in(connection: psycopg.Connection, schema: str) -> frozenset[str]:
    """Dagster's tables in a schema. One with other columns is somebody else's, as is one that we may not read."""
    rows = connection.execute(
        "select relname, array_agg(attname::text) from pg_class "
        "join pg_namespace on pg_namespace.oid = relnamespace join pg_attribute on attrelid = pg_class.oid "
        "where nspname = %s and relkind = 'r' and attnum > 0 and not attisdropped "
        "and has_schema_privilege(relnamespace, 'usage') and has_table_privilege(pg_class.oid, 'select') group by 1",
        [schema],
    )
    return frozenset(name for name, columns in rows if COLUMNS.get(name) == frozenset(columns))


LOCATIONS = {
    "run_tags": """
        select substring(value from '@(.*)'), run_id in (select run_id from {table} where key = 'onec/import_type')
        from {table} where key = '.dagster/repository'
        union all (select {ours}, true from {table} where key = 'onec/import_type' limit 1)
    """,
    "instigators": """
        select substring(instigator_body from '"location_name": "([^"]*)"'),
            instigator_body like '%"import_files_sensor"%'
        from {table}
    """,
}
"""Table -> the code locations that it names, and whether a row of them is ours: runs, and schedules and sensors."""


def owner_of(connection: psycopg.Connection, schema: str) -> Owner:
    """Whose runs, schedules and sensors a history holds, by their code locations.

    A location with one import or one sensor of ours is ours, whatever its name. A run without a location, as Dagster's
    command line makes it, says nothing.
    """
    queries = [
        sql.SQL(query).format(table=sql.Identifier(schema, table), ours=sql.Literal(LOCATION))
        for table, query in LOCATIONS.items()
        if table in tables_in(connection, schema)
    ]
    if not queries:
        return Owner.NOBODY
    located = sql.SQL("select location, bool_or(is_ours) from ({}) as found (location, is_ours) group by location")
    rows = connection.execute(located.format(sql.SQL(" union all ").join(queries))).fetchall()
    ours = {is_ours or location == LOCATION for location, is_ours in rows}
    if not ours:
        return Owner.NOBODY
    return Owner.BOTH if len(ours) == 2 else Owner.US if ours == {True} else Owner.OTHERS


def is_unused(connection: psycopg.Connection, schema: str) -> bool:
    """Whether all of Dagster's tables are there, and nothing has ever happened in them."""
    tables = tables_in(connection, schema)
    if tables != COLUMNS.keys():
        return False
    made = sql.SQL("exists (select from {} where name = {})").format(
        sql.Identifier(schema, "secondary_indexes"), sql.Literal(LAST_NOTE)
    )
    empty = [sql.SQL("not exists (select from {})").format(sql.Identifier(schema, name)) for name in tables - NOTES]
    row = connection.execute(sql.SQL("select ") + sql.SQL(" and ").join([made, *empty])).fetchone()
    return bool(row and row[0])


def make(connection: psycopg.Connection, url: str) -> None:
    """Make Dagster's tables, all of them or none; an empty schema may be left of a process that was killed."""
    create_schema(connection)
    engine = create_engine(dagster_url(url, SCHEMA), poolclass=NullPool)
    with engine.begin() as making:
        for metadata in METADATA:
            metadata.create_all(making)
        stamp_alembic_rev(pg_alembic_config(run_storage.__file__), making)
        noted = [{"name": name, "migration_completed": datetime.now(UTC)} for name in DATA_MIGRATIONS]
        making.execute(SecondaryIndexMigrationTable.insert(), noted)


def create_schema(connection: psycopg.Connection) -> None:
    """Make the schema, and note that it is ours; one that was made for us stays as it is.

    Raises:
        DatabaseError: the user may not.
    """
    if connection.execute("select from pg_namespace where nspname = %s", [SCHEMA]).fetchone() is not None:
        return
    schema = sql.Identifier(SCHEMA)
    grant = sql.SQL("grant create on database {} to {}").format(
        sql.Identifier(connection.info.dbname), sql.Identifier(connection.info.user)
    )
    with rights_told(f"let the owner of the database run: {grant.as_string(connection)}"), connection.transaction():
        connection.execute(sql.SQL("create schema {}").format(schema))
        connection.execute(sql.SQL("comment on schema {} is {}").format(schema, sql.Literal(MARK)))


@contextmanager
def rights_told(advice: str) -> Iterator[None]:
    """Tell in one sentence of a right that the user lacks.

    Raises:
        DatabaseError: with the advice.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"Dagster's tables belong into the schema {SCHEMA}, and the user of ONEC_DATABASE_URL lacks a right: "
            f"{first_line(error.diag.message_primary or str(error))}; {advice}; then start again."
        ) from error

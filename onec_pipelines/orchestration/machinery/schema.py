"""Where Dagster's tables are: in the schema `dagster`, made or moved there by whatever starts Dagster first.

0.1.0 kept them where the search path of its user led: in `public`, as a rule. A history that is ours alone moves. One
in which others have runs, too, stays where it is and is worked in there: it is one history. One in which nothing is
ours is left alone.

Not here: the schema of the catalogue (database/migrate.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from onec_pipelines.database.connection import connect, first_line, losses_told
from onec_pipelines.database.locks import NAMESPACE
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.machinery.history_tables import (
    MARK,
    SCHEMA,
    Owner,
    is_unused,
    make,
    owner_of,
    tables_in,
)
from onec_pipelines.orchestration.machinery.moving import move


@dataclass(frozen=True, slots=True)
class Place:
    """The schema that Dagster's tables are in, and the one that they have just been moved from."""

    schema: str
    moved_from: str | None = None


def settle(url: str) -> Place:
    """Make Dagster's tables, or move them to where they belong, if that has not been done; return where they are.

    Raises:
        DatabaseError: the server cannot be reached, an earlier version still works in the tables, the user lacks a
            right, or the schema `dagster` is somebody else's.
    """
    with connect(url) as connection, history_told(), losses_told("the making of Dagster's tables"):
        if is_made(connection):
            return Place(SCHEMA)
        connection.execute("select pg_advisory_lock(%s, hashtext('run history'))", [NAMESPACE])
        if is_made(connection):
            return Place(SCHEMA)
        earlier = earlier_schema(connection)
        owner = owner_of(connection, earlier)
        if owner is Owner.BOTH:
            return Place(earlier)
        if owner is Owner.US or (owner is Owner.NOBODY and is_unused(connection, earlier)):
            move(connection, earlier)
            return Place(SCHEMA, moved_from=earlier)
        make(connection, url)
        return Place(SCHEMA)


@contextmanager
def history_told() -> Iterator[None]:
    """Tell in one sentence why Dagster's tables cannot be used.

    Raises:
        DatabaseError: in place of an error of SQLAlchemy's, or of Dagster's after some tries to connect.
    """
    try:
        yield
    except (SQLAlchemyError, DagsterPostgresException) as error:
        cause = error.__cause__ if isinstance(error, DagsterPostgresException) else error
        answer = first_line(str(getattr(cause, "orig", None) or cause))
        raise DatabaseError(
            f"Dagster's run history in PostgreSQL cannot be used: {answer}; correct that, and start again."
        ) from error


def is_made(connection: psycopg.Connection) -> bool:
    """Whether the schema `dagster` holds a history that we may use; an empty one may have been made for us.

    Raises:
        DatabaseError: it is somebody else's.
    """
    row = connection.execute(
        "select has_schema_privilege(oid, 'usage'), obj_description(oid, 'pg_namespace') "
        "from pg_namespace where nspname = %s and exists (select from pg_class where relnamespace = pg_namespace.oid)",
        [SCHEMA],
    ).fetchone()
    if row is None:
        return False
    may_be_used, mark = row
    if not may_be_used or (mark != MARK and not _may_be_ours(connection)):
        info = connection.info
        raise DatabaseError(
            f'The schema "{SCHEMA}" of the database "{info.dbname}" is not ours: it holds something else than '
            f'Dagster\'s tables, runs of others only, or what the user "{info.user}" may not use; name another '
            "database or user in ONEC_DATABASE_URL."
        )
    return True


def _may_be_ours(connection: psycopg.Connection) -> bool:
    return "runs" in tables_in(connection, SCHEMA) and owner_of(connection, SCHEMA) is not Owner.OTHERS


def earlier_schema(connection: psycopg.Connection) -> str:
    """The schema in which 0.1.0 found its tables: the search path of the user decided."""
    row = connection.execute(
        "select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where pg_class.oid = to_regclass('runs')"
    ).fetchone()
    return str(row[0]) if row else "public"

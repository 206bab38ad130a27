"""The plan of an import of images in the database: whose it is, how far it is, and its end.

It stands in UNLOGGED tables of `onec_staging`, signed with the id of its run, from `plan_images` to `collect_images`.
They are gone after a crash of PostgreSQL, and then the import begins anew.
"""

import logging
from collections.abc import Iterable

import psycopg
from psycopg import sql

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import is_run_locked
from onec_pipelines.database.staging import SCHEMA
from onec_pipelines.errors import DatabaseError, ImportBusyError
from onec_pipelines.importing.dataset import Request, number
from onec_pipelines.importing.report import Counters
from onec_pipelines.importing.steps import statement
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

DURING = "the import of images"
TABLES = ("run", "products", "references", "files", "names", "shards", "results")
"""The tables of a plan: `onec_staging.images_<name>`."""


def run_of(request: Request) -> str:
    """The run that an import of images signs its plan with; its steps may run in several processes."""
    if request.run_id is None:
        raise ValueError("the steps of an import of images need the id of their run")
    return request.run_id


def run_planned(connection: psycopg.Connection) -> str | None:
    """The run whose plan stands in the tables."""
    if not is_there(connection, "onec_staging.images_run"):
        return None
    row = connection.execute("select run_id from onec_staging.images_run").fetchone()
    return str(row[0]) if row else None


def refuse_another_plan(connection: psycopg.Connection, request: Request) -> None:
    """Raise DatabaseError where the plan in the tables is not the one of this run."""
    if run_planned(connection) != run_of(request):
        raise DatabaseError(
            "The plan of this import of images is not in the database any more: another import has begun since, or "
            "PostgreSQL was restarted after a crash; nothing on record was changed: import again."
        )


def counters_of(connection: psycopg.Connection) -> Counters:
    """How far the import is, over all its shards."""
    counted = connection.execute(statement("queries/images", "counters")).fetchone()
    total, processed, created, skipped, errors = counted or (0, 0, 0, 0, 0)
    return Counters(total, processed, created, 0, skipped, errors)


def has_landed(connection: psycopg.Connection, run_id: str) -> bool:
    """Whether what this run published is on record."""
    return bool(number(connection, "select count(*) from onec.landed_images where run_id = %s", run_id))


def adopt_plan(database_url: str, run_id: str, repeated: Iterable[str]) -> None:
    """Go on with the plan of a run that this one repeats from where it failed, or with what it has landed."""
    with losses_told(DURING), lend(database_url) as connection:
        dead = [other for other in repeated if not is_run_locked(connection, other)]
        for table in ("onec_staging.images_run", "onec.landed_images"):
            if is_there(connection, table):
                place = sql.Identifier(*table.split("."))
                adopt = sql.SQL("update {} set run_id = %s where run_id = any(%s)").format(place)
                connection.execute(adopt, [run_id, dead])


def refuse_beside_another(connection: psycopg.Connection, run_id: str) -> None:
    """Another run whose images are planned is at work if it holds its lock; else it is dead, and its plan goes."""
    other = run_planned(connection)
    if other and other != run_id and is_run_locked(connection, other):
        raise ImportBusyError(
            f"An import of images is already running: run {other}; wait until it has ended (onec sessions shows it)."
        )


def forget_plan(request: Request) -> None:
    """Drop the plan of an import that failed, if the database can still be reached."""
    with (
        tolerated(log, "the plan stays until the next import of images", psycopg.Error, DatabaseError),
        lend(request.database_url) as connection,
    ):
        if run_planned(connection) == request.run_id:
            drop_plan(connection)


def drop_plan(connection: psycopg.Connection) -> None:
    """Drop whatever plan there is; what was published by it, and no record names, is noted to be removed."""
    if is_there(connection, "onec_staging.images_results"):
        connection.execute(statement("queries/images", "files without a record"))
    names = (sql.Identifier(SCHEMA, f"images_{name}") for name in TABLES)
    connection.execute(sql.SQL("drop table if exists {}").format(sql.SQL(", ").join(names)))


def is_there(connection: psycopg.Connection, table: str) -> bool:
    """Whether a table exists."""
    return bool(number(connection, "select (to_regclass(%s) is not null)::integer", table))

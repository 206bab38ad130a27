"""How prices and stocks changed between two moments: how many rose and fell, and which changed most."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from onec_pipelines.importing.report import Change, Changes
from onec_pipelines.importing.steps import read_steps

DATASETS = {
    "prices": ("onec.price_changes", "onec.price_types"),
    "stocks": ("onec.stock_changes", "onec.warehouses"),
}
"""Those whose past is kept as values: the function that tells how they changed, and the table of what they are of."""
LARGEST = 20
MOMENT = timedelta(microseconds=1)
"""The least time between two versions."""


def changes_now(
    connection: psycopg.Connection, import_type: str, counts: Mapping[str, int], removed: int
) -> Changes | None:
    """How the transaction of an import has changed its prices or stocks.

    `counts` are those of its merge: they say what came, and where nothing else changed, nothing is looked at.
    """
    if import_type not in DATASETS or not _keeps_history(connection):
        return None
    came = Changes(created=counts.get(f"{import_type} created", 0))
    if not removed and not counts.get(f"{import_type} updated"):
        return came
    return replace(_told(connection, import_type, "{}_now()", {"largest": LARGEST}), created=came.created)


def changes_between(
    connection: psycopg.Connection, import_type: str, after: datetime, until: datetime, largest: int = LARGEST
) -> Changes:
    """How prices or stocks changed after a moment and until another one; the `largest` changes are told."""
    bounds = {"after": after, "until": until, "largest": largest}
    return _told(connection, import_type, "{}(%(after)s, %(until)s)", bounds)


def _told(connection: psycopg.Connection, import_type: str, call: str, values: Mapping[str, object]) -> Changes:
    """The changes that a call of the dataset's function tells."""
    function, kinds = DATASETS[import_type]
    parts = {"changes": sql.SQL(call.format(function)), "kinds": sql.SQL(kinds)}
    in_numbers, by_size = (sql.SQL(step.statement).format(**parts) for step in read_steps("queries/changes"))
    raised, lowered, removed, created, median = connection.execute(in_numbers, values).fetchone() or (0, 0, 0, 0, None)
    with connection.cursor(row_factory=class_row(Change)) as cursor:
        rows = cursor.execute(by_size, values).fetchall()
    return Changes(raised, lowered, removed, created, median, tuple(rows))


def _keeps_history(connection: psycopg.Connection) -> bool:
    row = connection.execute("select onec.keeps_history()").fetchone()
    return bool(row and row[0])

"""How prices and stocks changed between two moments: how many rose and fell, and which changed most."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import class_row

from onec_pipelines.importing.report import Change, Changes
from onec_pipelines.importing.steps import statement

DATASETS = ("prices", "stocks")
"""Those whose past is kept as values."""
LARGEST = 20
MOMENT = timedelta(microseconds=1)
"""The least time between two versions."""


def changes_now(
    connection: psycopg.Connection, import_type: str, counts: Mapping[str, int], removed: int
) -> Changes | None:
    """How the transaction of an import has changed its prices or stocks.

    `counts` are those of its merge: where it has only created rows, nothing is looked at.
    """
    if import_type not in DATASETS or not _keeps_history(connection):
        return None
    if not removed and not counts.get(f"{import_type} updated"):
        return Changes(created=counts.get(f"{import_type} created", 0))
    row = connection.execute("select now()").fetchone()
    if row is None:
        raise LookupError("now()")
    return changes_between(connection, import_type, row[0] - MOMENT, row[0])


def changes_between(
    connection: psycopg.Connection, import_type: str, after: datetime, until: datetime, largest: int = LARGEST
) -> Changes:
    """How prices or stocks changed after a moment and until another one; the `largest` changes are told."""
    bounds = {"after": after, "until": until, "largest": largest}
    raised, lowered, removed, created, median = connection.execute(
        statement("queries/changes", f"{import_type} in numbers"), bounds
    ).fetchone() or (0, 0, 0, 0, None)
    with connection.cursor(row_factory=class_row(Change)) as cursor:
        rows = cursor.execute(statement("queries/changes", f"{import_type} by size"), bounds).fetchall()
    return Changes(raised, lowered, removed, created, median, tuple(rows))


def _keeps_history(connection: psycopg.Connection) -> bool:
    row = connection.execute("select onec.keeps_history()").fetchone()
    return bool(row and row[0])

"""Running `checks/<asset>.sql`: each file says which rows of `onec` a person should look at after an import.

A step is named as in a merge file (database/merging.py):

    -- check negative_stocks
    select variant_id, ... from ... where ... order by ...
        The rows that fail the check, those to be shown first at the top.

    -- count rows
    select count(*) ...
        How many there are of what the asset is about.

Whether a finding is grave, and how it is shown, is not decided here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from onec_pipelines.importing.steps import statement

SHOWN = 10
FETCH = 2000
"""Rows fetched at a time where a check goes through a whole table."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found: how many rows in all, and the first of them as column -> value."""

    total: int
    rows: tuple[dict[str, Any], ...] = ()


def find(connection: psycopg.Connection, asset: str, check: str, values: Mapping[str, object]) -> Findings:
    """The rows that fail a check, counted and shown by one query."""
    query = sql.SQL("select count(*) over () as total, found.* from ({}) found limit {}").format(
        sql.SQL(statement(f"checks/{asset}", check).decode()), sql.Literal(SHOWN)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, values).fetchall()
    totals = [row.pop("total") for row in rows]
    return Findings(totals[0] if totals else 0, tuple(rows))


def read_rows(connection: psycopg.Connection, asset: str, check: str) -> Iterator[dict[str, Any]]:
    """All the rows that a check selects, a few at a time."""
    with connection.transaction(), connection.cursor("rows", row_factory=dict_row) as cursor:
        cursor.itersize = FETCH
        cursor.execute(statement(f"checks/{asset}", check))
        yield from cursor


def count_rows(connection: psycopg.Connection, asset: str) -> int:
    """How many rows there are of what the asset is about."""
    row = connection.execute(statement(f"checks/{asset}", "rows")).fetchone()
    return int(row[0]) if row else 0

"""The rows that have not landed, rejected or pending, as people see them: why, which good or offer, where they stood.

1C's people search by article and name and never by a GUID, so both are looked up. Of customers nothing is read but 1C's
id. What is rejected is what the newest import of each type rejects.
"""

import csv
from collections.abc import Generator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from onec_pipelines.datasets import ALL
from onec_pipelines.importing.report import UnlandedRow
from onec_pipelines.importing.steps import statement
from onec_pipelines.shown import in_csv

Fate = Literal["rejected", "pending"]
SHOWN = 10
"""So many of each fate are in the report of an import."""
FETCH = 2000
"""Rows fetched at a time: there may be a million."""
TITLES = {
    "reason": "Причина",
    "article": "Артикул",
    "name": "Наименование",
    "cell": "Вид цен или склад",
    "file": "Файл",
    "line": "Строка",
    "onec_id": "Ид",
    "first_seen_at": "Впервые",
}


def has_tables(connection: psycopg.Connection) -> bool:
    """Whether the tables are there: a database that nobody has imported into has none."""
    row = connection.execute("select to_regclass('onec.rejected_records') is not null").fetchone()
    return bool(row and row[0])


def count_unlanded(connection: psycopg.Connection, fate: Fate, import_type: str = ALL) -> int:
    """How many rows there are of a type, or of all."""
    query = sql.SQL("select count(*) from {} where %(type)s::text = 'all' or import_type = %(type)s")
    row = connection.execute(query.format(sql.Identifier("onec", f"{fate}_records")), {"type": import_type}).fetchone()
    return int(row[0]) if row else 0


def read_unlanded(
    connection: psycopg.Connection, fate: Fate, import_type: str = ALL, limit: int | None = None
) -> Generator[UnlandedRow]:
    """The rows, some at a time: the newest of those rejected first, and the oldest of those pending.

    Who may stop before the last one closes the generator, and with it the transaction in which it reads.
    """
    with connection.transaction(), connection.cursor("unlanded", row_factory=class_row(UnlandedRow)) as cursor:
        cursor.itersize = FETCH
        cursor.execute(statement("queries/unlanded", fate), {"import_type": import_type, "limit": limit})
        yield from cursor


def first_unlanded(connection: psycopg.Connection, fate: Fate, import_type: str) -> tuple[UnlandedRow, ...]:
    """Those that the report of an import has."""
    with connection.cursor(row_factory=class_row(UnlandedRow)) as cursor:
        return tuple(cursor.execute(statement("queries/unlanded", fate), {"import_type": import_type, "limit": SHOWN}))


def write_csv(rows: Iterable[UnlandedRow], path: Path, zone: str) -> int:
    """Write the rows for those who mind 1C, as Excel opens it among Russian speakers; return how many."""
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(TITLES.values())
        for row in rows:
            table.writerow([_cell(getattr(row, name), ZoneInfo(zone)) for name in TITLES])
            written += 1
    return written


def _cell(value: str | int | datetime | None, zone: ZoneInfo) -> str | int | None:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return in_csv(value) if isinstance(value, str) else value

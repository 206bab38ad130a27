"""What is done to staged rows again and again: the steps `latest`, `repeated` and `yield` of a merge (merging.py)."""

from collections.abc import Iterable

import psycopg
from psycopg import sql

from onec_pipelines.database.staging import SCHEMA


def keep_latest(connection: psycopg.Connection, table: str, key: Iterable[str]) -> None:
    """Delete the rows that a later one with the same key supersedes; nulls are equal."""
    connection.execute(
        sql.SQL(
            "with latest as (select max(seq) as seq from {table} group by {key}) delete from {table} s "
            "where not exists (select from latest where latest.seq = s.seq)"
        ).format(table=sql.Identifier(SCHEMA, table), key=_names(key))
    )


def keep_stated(connection: psycopg.Connection, table: str, key: Iterable[str]) -> None:
    """Keep the latest row of each key, with each text that it does not state from the latest row that does."""
    key = tuple(key)
    for column in _texts(connection, table, key):
        connection.execute(
            sql.SQL(
                "update {table} s set {column} = e.{column} from (select max(seq) as latest, "
                "max(seq) filter (where {column} <> '') as stated from {table} group by {key}) d "
                "join {table} e on e.seq = d.stated where d.stated < d.latest and s.seq = d.latest"
            ).format(table=sql.Identifier(SCHEMA, table), column=sql.Identifier(column), key=_names(key))
        )
    keep_latest(connection, table, key)


def yield_marks(connection: psycopg.Connection, table: str, key: Iterable[str], says_more: str) -> None:
    """Let a latest row that only says `deleted` change places with the latest one that says more, and mark that.

    `says_more` is a condition in SQL. What is superseded later on is then the mark, and not what it marks.
    """
    connection.execute(
        sql.SQL(
            "update {table} s set deleted = true, seq = x.place "
            "from (select max(seq) filter (where {says_more}\n) as stated, max(seq) as latest from {table} "
            "group by {key} having count(*) > 1) d "
            "cross join lateral (values (d.stated, d.latest), (d.latest, d.stated)) as x (seq, place) "
            "where d.latest > d.stated and s.seq = x.seq"
        ).format(table=sql.Identifier(SCHEMA, table), says_more=sql.SQL(says_more), key=_names(key))
    )


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _texts(connection: psycopg.Connection, table: str, key: tuple[str, ...]) -> list[str]:
    """The columns that hold texts of the record; `file` is where it stood."""
    columns = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and atttypid = 'text'::regtype "
        "and attnum > 0 and attname not in ('file') and attname <> all (%s) order by attnum",
        [f"{SCHEMA}.{table}", list(key)],
    )
    return [column for (column,) in columns]

"""Running steps of SQL: what staged rows mean to the tables of `onec`. The rules stand in importing/merge/*.sql.

A step begins with a comment line that names it. Some settle what is staged, and are not counted:

    -- latest goods by onec_id
        Of the rows of `onec_staging.goods` with one key the latest stays.

    -- repeated units by onec_id
        Likewise, and what the latest row does not state (empty or null) it takes from the latest one that does: for
        dictionaries, whose entries 1C repeats with different parts.

    -- yield goods by onec_id
    name <> '' or not deleted
        A condition: a row of which it is not true says that its record is deleted, and nothing else. Where that is
        the latest row of a key, it changes places with the latest one that says more, which is marked as deleted.

    -- settle totals beside their warehouses
    delete from onec_staging.stocks ...
        Any other statement on staged rows, or on temporary tables.

The others are about the tables:

    -- upsert prices by variant_id, price_type_id
    select ... as variant_id, ... as price_type_id, ... as value, ...
        The rows that the table should hold: those with a new key are inserted, those that differ are updated
        (with `updated_at`), the others are neither written nor locked. `variant_id?` is a key that may be null.

    -- run types no longer sent
    delete ...
        Any statement; its row count goes by its name.

    -- remove customers by customers no longer named
    update ... returning t.id, 0
        What the export states no longer is deactivated or deleted. The rows go to `pg_temp.removed` as those of the
        entity before `by`, on which its guard decides; without an entity (`-- remove totals beside warehouses`) no
        guard is asked. The statement passes over what is in `pg_temp.kept`.

    -- guard customers
    select id, 0 from onec.customers where is_active
        The rows among which the guard decides how many of them may be removed; their key is one number or two.

    -- count items
    select ...
        Numbers; `merge` passes over guards and these, `numbers` has them.

Values are bound as `%(name)s`. Column lists stand in the select alone. `-- include cells` stands for the steps of
another file.
"""

import logging
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from onec_pipelines.database.settling import keep_latest, keep_stated, yield_marks

log = logging.getLogger(__name__)

COUNTED_MERGE = 170_000
"""From this version on a MERGE tells of each row whether it was updated or created."""
SETTLING = frozenset({"latest", "repeated", "yield", "settle"})
"""The verbs of steps that settle what is staged."""
_WRITES = re.compile(r"\b(?:insert into|update|delete from)\s+onec\.(\w+)")
_VERBS = "latest|repeated|yield|settle|upsert|run|remove|guard|count|check|query|include"
_STEP = re.compile(rf"^-- ({_VERBS}) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a file: `name` is what counts go by, or `<table> by <key>`."""

    verb: str
    name: str
    statement: str

    @property
    def table(self) -> str:
        """The table; of a guard what it guards, of a removal whose guard decides on it."""
        return self.name.partition(" by ")[0]

    @property
    def writes(self) -> str | None:
        """The table of `onec` that it writes; None where it writes none."""
        if self.verb == "upsert":
            return self.table
        found = _WRITES.search(self.statement) if self.verb in {"run", "remove"} else None
        return found and found.group(1)

    @property
    def counter(self) -> str:
        """What the rows of a removal are counted as."""
        return self.name.partition(" by ")[2] or self.name

    @property
    def key(self) -> dict[str, bool]:
        """The columns of the key, and whether each may be null."""
        columns = [column.strip() for column in self.name.partition(" by ")[2].split(",")]
        return {column.rstrip("?"): column.endswith("?") for column in columns}


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of a file; one that is to be included is a step of its own."""
    parts = _STEP.split(text)[1:]
    return tuple(
        Step(verb, title.strip(), statement.strip().rstrip(";"))
        for verb, title, statement in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )


def merge(connection: psycopg.Connection, steps: Iterable[Step], values: Mapping[str, object]) -> dict[str, int]:
    """Run the steps of a merge.

    Returns:
        Rows written: `{"prices created": 5, "prices updated": 0, "types no longer sent": 2}`; upserts of one
        table add up.
    """
    counts: dict[str, int] = {}
    for step in steps:
        started = time.monotonic()
        written = dict(_run(connection, step, values))
        log.debug("%s %s: %s, %.3f s", step.verb, step.name, written, time.monotonic() - started)
        for counter, rows in written.items():
            counts[counter] = counts.get(counter, 0) + rows
    return counts


def _run(connection: psycopg.Connection, step: Step, values: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    match step.verb:
        case "latest":
            keep_latest(connection, step.table, step.key)
        case "repeated":
            keep_stated(connection, step.table, step.key)
        case "yield":
            yield_marks(connection, step.table, step.key, step.statement)
        case "settle":
            connection.execute(step.statement.encode(), values)
        case "run":
            yield step.name, connection.execute(step.statement.encode(), values).rowcount
        case "remove":
            yield step.counter, connection.execute(_noted(step).encode(), values).rowcount
        case "upsert":
            updated, created = _upsert(connection, step, values)
            yield f"{step.table} updated", updated
            yield f"{step.table} created", created


def _upsert(connection: psycopg.Connection, step: Step, values: Mapping[str, object]) -> tuple[int, int]:
    """Bring a table up to date; return how many rows were updated, and how many created.

    MERGE joins once where update and insert join twice. What is null has no equal to which it could be joined quickly.
    """
    update, insert, both = upsert_statements(connection, step, values)
    if connection.info.server_version < COUNTED_MERGE or any(step.key.values()):
        return connection.execute(update, values).rowcount, connection.execute(insert, values).rowcount
    return connection.execute(both, values).fetchone() or (0, 0)


def _noted(step: Step) -> str:
    """The statement of a removal; where a guard decides on it, one that notes the rows."""
    if step.counter == step.name:
        return step.statement
    noted = f"insert into pg_temp.removed select '{step.table}', gone.* from gone"  # noqa: S608 - a name of ours
    return f"with gone as ({step.statement}) {noted}"


def removed_rows(steps: Iterable[Step], counts: Mapping[str, int], tables: Collection[str]) -> int:
    """The rows of these tables that removals took away, by the counts of their merge."""
    return sum(counts.get(step.counter, 0) for step in steps if step.verb == "remove" and step.writes in tables)


def tables_written(steps: Iterable[Step], counts: Mapping[str, int]) -> set[str]:
    """The tables of `onec` in which these steps have written or removed a row, by the counts of their merge."""
    return {
        step.writes
        for step in steps
        for name in (step.name, step.counter, f"{step.table} updated", f"{step.table} created")
        if step.writes and counts.get(name)
    }


def numbers(connection: psycopg.Connection, step: Step) -> tuple[int, ...]:
    """The numbers that a step selects."""
    row = connection.execute(step.statement.encode()).fetchone()
    if row is None:
        raise LookupError(step.name)
    return row


UPDATE = "update {target} t set {assignments} from ({source}) s where {same_key} and {differs}"
INSERT = """
insert into {target} ({names}) select {stated} from ({source}) s
where not exists (select from {target} t where {same_key})
"""
BOTH = """
with written as (
    merge into {target} t using ({source}) s on {same_key}
    when matched and {differs} then update set {assignments}
    when not matched then insert ({names}) values ({stated})
    returning merge_action() as action
)
select count(*) filter (where action = 'UPDATE'), count(*) filter (where action = 'INSERT') from written
"""


def upsert_statements(
    connection: psycopg.Connection, step: Step, values: Mapping[str, object]
) -> tuple[sql.Composed, sql.Composed, sql.Composed]:
    """The update of rows that differ, the insert of rows that are not there, and both in one, which counts them."""
    source = sql.SQL(step.statement)
    columns = _columns(connection, source, values)
    changing = [column for column in columns if column not in step.key]
    target = sql.Identifier("onec", step.table)
    same_key = sql.SQL(" and ").join(
        sql.SQL("t.{0} is not distinct from s.{0}" if nullable else "t.{0} = s.{0}").format(sql.Identifier(key))
        for key, nullable in step.key.items()
    )
    touched = sql.SQL(", updated_at = now()" if _has_updated_at(connection, step.table) else "")
    parts = {
        "target": target,
        "source": source,
        "same_key": same_key,
        "names": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "stated": _qualified("s", columns),
        "assignments": sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(c)) for c in changing) + touched,
        "differs": sql.SQL("({}) is distinct from ({})").format(_qualified("t", changing), _qualified("s", changing)),
    }
    update, insert, both = (sql.SQL(statement).format(**parts) for statement in (UPDATE, INSERT, BOTH))
    return update, insert, both


def _qualified(alias: str, columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, column) for column in columns)


def _columns(connection: psycopg.Connection, source: sql.SQL, values: Mapping[str, object]) -> list[str]:
    cursor = connection.execute(sql.SQL("select * from ({}) s limit 0").format(source), values)
    return [column.name for column in cursor.description or ()]


def _has_updated_at(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute(
        "select exists (select from pg_attribute where attrelid = %s::regclass and attname = 'updated_at')",
        [f"onec.{table}"],
    ).fetchone()
    return bool(row and row[0])

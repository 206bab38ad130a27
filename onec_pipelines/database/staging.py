"""Staging: records on their way into the database, by binary COPY, in UNLOGGED tables.

A staging table is made from a record type, a NamedTuple: its fields are its columns, with `seq` (the order in which
records were read: the later wins) and `file` before them, and `catalog_id` behind them, which is null until somebody
fills it. Created in the transaction of an import, the tables vanish with it; those that several processes fill, or
that are filled for hours, are committed, and dropped in the end. What rows mean to the tables of `onec` is not known
here (merging.py runs the steps that say it).
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.pq import Format

SCHEMA = "onec_staging"
TEXT_OID = 25
NO_TEXTS = struct.pack("!iii", 0, 0, TEXT_OID)
BATCH = 1000
"""Rows held back for one COPY. Whoever adds long ones flushes by their bytes, as the reading of files does."""
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _JsonDumper(Dumper):
    """A mapping or a list as binary `jsonb`; most are empty."""

    oid = 3802
    format = Format.BINARY

    def dump(self, obj: Mapping[str, object] | list[object]) -> bytes:
        return b"\x01" + (_to_json(obj).encode() if obj or isinstance(obj, list) else b"{}")


class _TextsDumper(Dumper):
    """A tuple of texts as binary `text[]`: psycopg's own looks at the type of each entry, in Python."""

    oid = 1009
    format = Format.BINARY

    def dump(self, obj: tuple[str, ...]) -> bytes:
        if not obj:
            return NO_TEXTS
        entries = [entry.encode() for entry in obj]
        head = struct.pack("!iiiii", 1, 0, TEXT_OID, len(entries), 1)
        return head + b"".join([struct.pack("!i", len(entry)) + entry for entry in entries])


@dataclass(slots=True)
class Staging:
    """The staging tables of one import; use inside its transaction."""

    connection: psycopg.Connection
    fold: Callable[[str], str] | None = None
    """What identifiers are called in the database: those of the columns `onec_id`, and of what refers to them."""
    tables: dict[type, "_Table"] = field(default_factory=dict)
    seq: int = 0

    def create(self, record_types: Mapping[type, str]) -> None:
        """Create an empty staging table for each record type, under the given name.

        One that is there was left by an import that was killed.
        """
        self.attach(record_types)
        for table in self.tables.values():
            self.connection.execute(sql.SQL("drop table if exists {} cascade").format(table.target))
            self.connection.execute(table.ddl)

    def resume(self, record_type: type, name: str) -> None:
        """Go on with the table that an import left which did not come to its end, and with its `seq`; or create it.

        It is logged: what is committed survives a crash of PostgreSQL. One that another version left with other
        columns is created anew.
        """
        self.attach({record_type: name})
        target = self.tables[record_type].target
        if _columns_there(self.connection, name) != ["seq", "file", *columns_of(record_type), "catalog_id"]:
            self.create({record_type: name})
        self.connection.execute(sql.SQL("alter table {} set logged").format(target))
        latest = self.connection.execute(sql.SQL("select max(seq) from {}").format(target)).fetchone()
        self.seq = (latest and latest[0]) or 0

    def attach(self, record_types: Mapping[type, str]) -> None:
        """Write into tables that another process has created."""
        for dumper in (_JsonDumper, _TextsDumper):
            self.connection.adapters.register_dumper(None, dumper)
        for record_type, name in record_types.items():
            self.tables[record_type] = _table(record_type, name)

    def add(self, record: tuple[Any, ...], file: str) -> None:
        """Stage a record of one of the created types."""
        table = self.tables[type(record)]
        self.seq += 1
        table.rows.append((self.seq, file, *(table.folded(record, self.fold) if self.fold else record)))
        if len(table.rows) >= BATCH:
            self._copy(table)

    def flush(self) -> None:
        """Write what is held back; after it the tables hold every record added."""
        for table in self.tables.values():
            self._copy(table)

    def _copy(self, table: "_Table") -> None:
        if not table.rows:
            return
        with self.connection.cursor() as cursor, cursor.copy(table.copy) as copy:
            copy.set_types(table.types)
            for row in table.rows:
                copy.write_row(row)
        table.rows.clear()

    def analyze(self) -> None:
        """Let PostgreSQL plan with the rows that are there; without it with what it assumes, ten pages at least."""
        tables = sql.SQL(", ").join(table.target for table in self.tables.values())
        self.connection.execute(sql.SQL("analyze {}").format(tables))

    def drop(self) -> None:
        """Drop the tables: an import must not leave them."""
        for table in self.tables.values():
            self.connection.execute(sql.SQL("drop table if exists {} cascade").format(table.target))


@dataclass(frozen=True, slots=True)
class _Table:
    target: sql.Identifier
    types: list[str]
    ddl: sql.Composed
    copy: sql.Composed
    ids: tuple[int, ...] = ()
    """Which columns hold identifiers."""
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def folded(self, row: tuple[Any, ...], fold: Callable[[str], str]) -> tuple[Any, ...]:
        """The row with `fold` applied to each of its identifiers: see importing/ids.py."""
        changed = {at: now for at in self.ids if (value := row[at]) and (now := _folded(value, fold)) != value}
        return tuple(changed.get(at, value) for at, value in enumerate(row)) if changed else row


def _folded(value: Any, fold: Callable[[str], str]) -> Any:  # noqa: ANN401 - a cell is of any type
    """Fold an identifier, each of several once, or all of a mapping: keys that become one keep the values of both."""
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, tuple):
        return tuple(dict.fromkeys(map(fold, value)))
    folded: dict[str, Any] = {}
    for key, stated in value.items():
        values = [fold(entry) for entry in (stated if isinstance(stated, list) else [stated])]
        known = folded.setdefault(fold(key), [])
        known += values
    return {key: values if len(values) > 1 else values[0] for key, values in folded.items()}


def _table(record_type: type, name: str) -> _Table:
    columns = {"seq": "int8", "file": "text"} | columns_of(record_type)
    filled_later = {"catalog_id": "int4"}
    target = sql.Identifier(SCHEMA, name)
    definitions = (
        sql.SQL("{} {}").format(
            sql.Identifier(column),
            sql.SQL('text collate "C"' if kind == "text" and column.endswith("onec_id") else kind),
        )
        for column, kind in (columns | filled_later).items()
    )
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return _Table(
        target,
        list(columns.values()),
        sql.SQL("create unlogged table {} ({})").format(target, sql.SQL(", ").join(definitions)),
        sql.SQL("copy {} ({}) from stdin (format binary)").format(target, names),
        tuple(at for at, column in enumerate(columns_of(record_type)) if _holds_ids(column)),
    )


def _holds_ids(column: str) -> bool:
    return column.endswith(("onec_id", "onec_ids")) or column in {"properties", "cell"}


def _columns_there(connection: psycopg.Connection, name: str) -> list[str]:
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s "
        "order by ordinal_position",
        [SCHEMA, name],
    )
    return [column for (column,) in columns]


def columns_of(record_type: type) -> dict[str, str]:
    """Column -> PostgreSQL type for each field of a record type."""
    return {name: _column_type(hint) for name, hint in get_type_hints(record_type).items()}


def _column_type(hint: Any) -> str:  # noqa: ANN401 - a type annotation has no common type
    if get_origin(hint) in {Union, UnionType}:
        hint = next(option for option in get_args(hint) if option is not type(None))
    simple = {str: "text", bool: "bool", int: "int8"}
    if hint in simple:
        return simple[hint]
    return "text[]" if get_origin(hint) is tuple else "jsonb"

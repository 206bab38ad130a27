"""Tables as Dagster hands them on: ours to whoever asks for them, and those of the data team to and fro.

An asset of ours is its table, which the import has written. What an input asks of it stands in its metadata: `columns`
and `where`, as SQL, and `rows`, for frames of so many rows one after the other. An asset of the team's with
`io_manager_key="onec_tables"` is kept as a table of the schema `team`, replaced as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from onec_pipelines.database.lending import lend
from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.resources import Onec

if TYPE_CHECKING:
    import pandas as pd  # where frames are made it is imported: half a second that each process would need

IO_MANAGER = "onec_tables"
"""The key of the resource that hands out tables."""
TEAM = "team"
"""The schema of the tables of the data team."""
FETCHED = 50_000
"""Rows that are fetched at once: as Python objects they take several times the memory of a frame."""
HISTORIES = {"price_history": "prices", "stock_history": "stocks"}
"""The views of what was, each an asset, and the asset whose past it is."""
TYPES = {
    "integer": "bigint",
    "floating": "double precision",
    "boolean": "boolean",
    "decimal": "numeric",
    "datetime64": "timestamptz",
    "datetime": "timestamptz",
    "date": "date",
}
"""What pandas infers of a column -> its type in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a table is read: all of it where nothing is said. `rows` is how many a frame has, 0 for one of all."""

    columns: Sequence[str] = ("*",)
    where: str = "true"
    rows: int = 0

    def query(self, table: str) -> sql.Composed:
        """Its rows, in the order of the key of the table."""
        return sql.SQL("select {} from (select * from {} where {} order by 1, 2) as part").format(
            sql.SQL(", ").join(map(sql.SQL, self.columns)), identifier(table), sql.SQL(self.where)
        )


def identifier(table: str) -> sql.Identifier:
    """`onec.prices` as PostgreSQL quotes it."""
    return sql.Identifier(*table.split("."))


def read_frames(url: str, table: str, part: Part) -> "Iterator[pd.DataFrame]":
    """The rows of a part of a table, frame by frame; one that is empty where there is none.

    numeric is Decimal, jsonb Python values; a cursor on the server keeps the memory to that of a frame.
    """
    import pandas as pd  # noqa: PLC0415

    with lend(url) as connection, connection.transaction(), connection.cursor("frames") as cursor:
        cursor.execute(part.query(table))
        rows = cursor.fetchmany(part.rows or FETCHED)
        names = [column.name for column in cursor.description or ()]
        yield pd.DataFrame(rows, columns=names)
        while rows := cursor.fetchmany(part.rows or FETCHED):
            yield pd.DataFrame(rows, columns=names)


def write_table(connection: psycopg.Connection, table: str, frame: "pd.DataFrame") -> None:
    """Replace a table by the rows of a frame, without its index; readers see the old ones until it is done."""
    import pandas as pd  # noqa: PLC0415

    types = {str(name): TYPES.get(pd.api.types.infer_dtype(frame[name], skipna=True)) for name in frame}
    kinds = {name: kind or ("jsonb" if is_json(frame[name]) else "text") for name, kind in types.items()}
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in kinds.items()]
    with connection.transaction():
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(TEAM)))
        connection.execute(sql.SQL("drop table if exists {}").format(identifier(table)))
        connection.execute(sql.SQL("create table {} ({})").format(identifier(table), sql.SQL(", ").join(columns)))
        with connection.cursor().copy(sql.SQL("copy {} from stdin").format(identifier(table))) as copy:
            for row in frame.astype(object).itertuples(index=False, name=None):
                copy.write_row([cell(value) for value in row])


def is_json(column: "pd.Series") -> bool:
    """Whether a column holds lists or mappings."""
    return bool(column.map(lambda value: isinstance(value, list | dict)).any())


def cell(value: object) -> object:
    """A value as it is copied: NaN and NaT are null."""
    import pandas as pd  # noqa: PLC0415

    if isinstance(value, list | dict):
        return Jsonb(value)
    return None if pd.isna(value) else value  # type: ignore[call-overload]


class TableIOManager(dg.IOManager):
    """Hands an asset's table to whoever asks for its value; that of the team's is written here, too."""

    def __init__(self, onec: Onec) -> None:
        self.onec = onec

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Keep what an asset of the team's returned; an import has written its tables itself.

        Raises:
            TypeError: it is no DataFrame.
        """
        import pandas as pd  # noqa: PLC0415

        if context.asset_key.to_user_string() in BY_ASSET:
            return
        if not isinstance(obj, pd.DataFrame):
            raise TypeError(f"{IO_MANAGER} keeps DataFrames; this is {type(obj).__name__}.")
        table = table_of(context.asset_key)
        with lend(self.onec.database_url()) as connection:
            write_table(connection, table, obj)
        context.add_output_metadata({"dagster/table_name": table, "dagster/row_count": len(obj)})

    def load_input(self, context: dg.InputContext) -> "pd.DataFrame | Iterator[pd.DataFrame]":
        """The rows of the asset's table, or the part that the metadata of the input asks for."""
        import pandas as pd  # noqa: PLC0415

        table, metadata = table_of(context.asset_key), context.definition_metadata
        part = Part(**{name: metadata[name] for name in ("columns", "where", "rows") if name in metadata})
        found = self._frames(table, part)
        return found if part.rows else pd.concat(found, ignore_index=True)

    def _frames(self, table: str, part: Part) -> "Iterator[pd.DataFrame]":
        try:
            yield from read_frames(self.onec.database_url(), table, part)
        except psycopg.errors.UndefinedTable:
            raise DatabaseError(f"{table} is not in the database yet: materialize its asset first.") from None


def table_of(asset: dg.AssetKey) -> str:
    """The table of an asset: `onec.prices`, or `team.price_spread`."""
    if asset.to_user_string() in HISTORIES:
        return f"onec.{asset.to_user_string()}"
    ours = BY_ASSET.get(asset.to_user_string())
    return ours.table if ours else f"{TEAM}.{'_'.join(asset.path)}"

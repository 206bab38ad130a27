"""The tables of the catalogue as Dagster sees them: their columns with comments, and their rows as DataFrames."""

import dagster as dg
import pandas as pd
import psycopg
from psycopg import sql

from onec_pipelines.database.connection import connect
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.definitions.resources import Onec

IO_MANAGER = "onec_tables"
"""The key of the resource that hands out tables."""
TABLES = {
    "catalog": "onec.products",
    "stocks": "onec.stocks",
    "prices": "onec.prices",
    "customers": "onec.customers",
    "product_images": "onec.product_images",
    "product_thumbnails": "onec.product_thumbnails",
}
"""Asset -> the table that it fills and is read from."""
COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum), a.attnotnull
from pg_attribute a
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""


def column_schema(database_url: str, table: str) -> dg.TableSchema:
    """Name, type, comment and nullability of each column."""
    with connect(database_url) as connection:
        rows = connection.execute(COLUMNS, [table]).fetchall()
    return dg.TableSchema(
        [
            dg.TableColumn(name, kind, comment, dg.TableColumnConstraints(nullable=not required))
            for name, kind, comment, required in rows
        ]
    )


def read_table(connection: psycopg.Connection, table: str) -> pd.DataFrame:
    """A table as a DataFrame: numeric columns as Decimal, jsonb as Python values, in the order of its key."""
    query = sql.SQL("select * from {} order by 1, 2").format(sql.Identifier(*table.split(".")))
    cursor = connection.execute(query)
    names = [column.name for column in cursor.description or ()]
    return pd.DataFrame(cursor.fetchall(), columns=names)


class TableIOManager(dg.IOManager):
    """Hands an asset's table to whoever asks for its value; the import itself has written it."""

    def __init__(self, onec: Onec) -> None:
        self.onec = onec

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Nothing to do: an import writes its tables itself."""

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows of the asset's table."""
        asset = context.asset_key.to_user_string()
        with connect(self.onec.database_url()) as connection:
            try:
                return read_table(connection, TABLES[asset])
            except psycopg.errors.UndefinedTable:
                raise DatabaseError(f"{TABLES[asset]} is not in the database yet: import {asset} first.") from None

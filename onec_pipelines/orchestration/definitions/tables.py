"""The tables of the catalogue as Dagster hands them on: their rows as DataFrames."""

import dagster as dg
import pandas as pd
import psycopg
from psycopg import sql

from onec_pipelines.database.connection import connect
from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.resources import Onec

IO_MANAGER = "onec_tables"
"""The key of the resource that hands out tables."""


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
        table = BY_ASSET[asset].table
        with connect(self.onec.database_url()) as connection:
            try:
                return read_table(connection, table)
            except psycopg.errors.UndefinedTable:
                raise DatabaseError(f"{table} is not in the database yet: import {asset} first.") from None

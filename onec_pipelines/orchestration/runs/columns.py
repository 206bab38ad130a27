"""The columns of a table as Dagster shows them."""

import dagster as dg

from onec_pipelines.database.lending import lend

COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum), a.attnotnull
from pg_attribute a
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""


def column_schema(database_url: str, table: str) -> dg.TableSchema:
    """Name, type, comment and nullability of each column."""
    with lend(database_url) as connection:
        rows = connection.execute(COLUMNS, [table]).fetchall()
    return dg.TableSchema(
        [
            dg.TableColumn(name, kind, comment, dg.TableColumnConstraints(nullable=not required))
            for name, kind, comment, required in rows
        ]
    )

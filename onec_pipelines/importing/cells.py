"""Cells: what an export states of an offer under a price type, or in a warehouse."""

from psycopg import sql

from onec_pipelines.database.staging import SCHEMA, Staging

KEEP_LATEST = """
-- Without statistics the staged rows would be sorted for the join, which most exports do not need at all.
with last as (
    select onec_id, cell, max(seq) as seq
    from (
        select onec_id, {cell} as cell, seq from {table}
        union all
        select onec_id, cell, seq from {refusals} where entity = {entity} and cell is not null
    ) stated
    group by onec_id, cell
    having count(*) > 1
), superseded as (
    delete from {table} s
    using last
    where exists (select from last)
        and last.onec_id = s.onec_id and last.cell = s.{cell} and s.seq < last.seq
)
delete from {refusals} r
using last
where r.entity = {entity} and last.onec_id = r.onec_id and last.cell = r.cell and r.seq < last.seq
"""


COUNT = """
select
    count(*) filter (where stated),
    count(*) filter (where stated and not landed),
    count(*) filter (where landed and not stated)
from (
    select
        s.seq > 0 as stated,
        v.id is not null and d.id is not null as landed
    from onec_staging.{table} s
    left join onec.product_variants v on v.onec_id = s.onec_id
    left join onec.{dictionary} d on d.onec_id = s.{cell}
) cells
"""


def count_cells(table: str, cell: str, dictionary: str) -> str:
    """The query of `Dataset.count_items`: a cell waits while its offer, or its entry in the dictionary, is unknown."""
    return COUNT.format(table=table, cell=cell, dictionary=dictionary)


def keep_latest_cells(staging: Staging, table: str, cell: str, entity: str) -> None:
    """Of a cell that is stated twice the last counts, be it a value or a refusal."""
    staging.connection.execute(
        sql.SQL(KEEP_LATEST).format(
            table=sql.Identifier(SCHEMA, table),
            refusals=sql.Identifier(SCHEMA, f"{table}_refusals"),
            cell=sql.Identifier(cell),
            entity=sql.Literal(entity),
        )
    )

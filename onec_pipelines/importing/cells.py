"""Cells: what an export states of an offer under a price type, or in a warehouse."""

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

"""Import of warehouses and stocks."""

import psycopg

from onec_pipelines.commerceml import stocks
from onec_pipelines.commerceml.records import Stock, Warehouse
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.dataset import Dataset, Entity

SUPERSEDED_REFUSALS = """
delete from onec_staging.stocks_refusals r
using onec_staging.stocks s
where s.onec_id = r.onec_id and s.warehouse_onec_id = r.cell and s.seq > r.seq
"""
COUNT_ITEMS = """
select count(*) from onec_staging.stocks s
where s.seq > 0
    or exists (
        select from onec.product_variants v, onec.warehouses w
        where v.onec_id = s.onec_id and w.onec_id = s.warehouse_onec_id
    )
"""


def _prepare(staging: Staging) -> None:
    staging.keep_latest("warehouses", "onec_id")
    staging.keep_latest("stocks", "onec_id", "warehouse_onec_id")
    staging.connection.execute(SUPERSEDED_REFUSALS)


def _count_items(connection: psycopg.Connection) -> int:
    row = connection.execute(COUNT_ITEMS).fetchone()
    return int(row[0]) if row else 0


STOCKS = Dataset(
    name="stocks",
    table="onec.stocks",
    tables={Warehouse: "warehouses", Stock: "stocks"},
    readers=lambda _file: stocks.READERS,
    items={Stock: "stocks"},
    entities=(Entity("stocks", frozenset({"Предложения", "Товары"}), Stock),),
    prepare=_prepare,
    count_items=_count_items,
    merges=("stocks", "default_variants"),
)

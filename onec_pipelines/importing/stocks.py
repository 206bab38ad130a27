"""Import of warehouses and stocks."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import stocks
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Stock, Warehouse
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.cells import count_cells, keep_latest_cells
from onec_pipelines.importing.reading import Dataset, Entity

TOTALS = """
-- Beside stock per warehouse, a quantity without one is their total, in whichever file it stands.
delete from onec_staging.{table} s
where s.onec_id is not null and s.{cell} = 'default'
    and exists (select from onec_staging.stocks o where o.onec_id = s.onec_id and o.warehouse_onec_id <> 'default')
"""


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return stocks.READERS


def _prepare(staging: Staging) -> None:
    staging.merge_repeated("warehouses", "onec_id")
    keep_latest_cells(staging, "stocks", "warehouse_onec_id", "stock")
    for table, cell in (("stocks", "warehouse_onec_id"), ("stocks_refusals", "cell")):
        staging.connection.execute(TOTALS.format(table=table, cell=cell).encode())


DATASET = Dataset(
    about=datasets.STOCKS,
    tables={Warehouse: "warehouses", Stock: "stocks"},
    readers=_readers,
    items={Stock: "stocks"},
    entities=(Entity("stocks", frozenset({"Предложения", "Товары"}), Stock),),
    prepare=_prepare,
    count_items=count_cells("stocks", "warehouse_onec_id", "warehouses"),
    merges=("stocks", "default_variants"),
)

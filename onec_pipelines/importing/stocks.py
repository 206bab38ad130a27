"""Import of warehouses and stocks."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import stocks
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Stock, Warehouse
from onec_pipelines.importing.reading import DatasetImport, Entity


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return stocks.READERS


DATASET = DatasetImport(
    about=datasets.STOCKS,
    tables={Warehouse: "warehouses", Stock: "stocks"},
    readers=_readers,
    items={Stock: "stocks"},
    entities=(Entity("stocks", frozenset({"Предложения", "Товары"}), Stock, key=("onec_id", "warehouse_onec_id")),),
)

"""Import of price types and prices."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import prices
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Price, PriceList, PriceType
from onec_pipelines.importing.reading import DatasetImport, Entity


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return prices.READERS


DATASET = DatasetImport(
    about=datasets.PRICES,
    tables={PriceType: "price_types", PriceList: "price_lists", Price: "prices"},
    readers=_readers,
    items={Price: "prices"},
    entities=(Entity("prices", frozenset({"Предложения", "Товары"}), PriceList, parts=(Price,)),),
    beside_items=("price_tiers",),
)

"""Import of customers. Personal data goes into the table and nowhere else."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Customer, NotForUs
from onec_pipelines.importing.reading import DatasetImport, Entity


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return customers.READERS


DATASET = DatasetImport(
    about=datasets.CUSTOMERS,
    tables={Customer: "customers", NotForUs: "customers_not_for_us"},
    readers=_readers,
    items={Customer: "customers"},
    entities=(Entity("customers", frozenset({"Контрагенты"}), Customer, own_list="Контрагенты"),),
)

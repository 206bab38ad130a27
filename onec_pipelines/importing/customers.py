"""Import of customers. Personal data goes into the table and nowhere else."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Customer, NotForUs
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.marks import yield_lone_marks
from onec_pipelines.importing.reading import Dataset, Entity


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return customers.READERS


def _prepare(staging: Staging) -> None:
    yield_lone_marks(staging, "customers", "onec_id", name="coalesce(name, full_name)")
    staging.keep_latest("customers", "onec_id")
    staging.keep_latest("customers_not_for_us", "onec_id")


DATASET = Dataset(
    about=datasets.CUSTOMERS,
    tables={Customer: "customers", NotForUs: "customers_not_for_us"},
    readers=_readers,
    items={Customer: "customers"},
    entities=(Entity("customers", frozenset({"Контрагенты"}), Customer, own_list="Контрагенты"),),
    prepare=_prepare,
    count_items="select count(*), 0, 0 from onec_staging.customers",
    merges=("customers",),
)

"""Import of customers. Personal data goes into the table and nowhere else."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from onec_pipelines import datasets
from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.phones import HOME
from onec_pipelines.commerceml.records import Customer, NotForUs
from onec_pipelines.importing.reading import DatasetImport, Entity


def _readers(_file: ExportFile, region: str = HOME) -> Mapping[str, Reader]:
    return customers.readers(region)


def with_region(region: str) -> DatasetImport:
    """How customers are read where a telephone number that states no country is one of `region`, such as `RU`."""
    return replace(DATASET, readers=partial(_readers, region=region))


DATASET = DatasetImport(
    about=datasets.CUSTOMERS,
    tables={Customer: "customers", NotForUs: "customers_not_for_us"},
    readers=_readers,
    items={Customer: "customers"},
    # Bitrix' documentation of this list: the mark "is not used in the new scheme of exchange", where 1C sends those
    # that have changed.
    entities=(Entity("customers", frozenset({"Контрагенты"}), Customer, own_list="Контрагенты", full_if_marked=True),),
)

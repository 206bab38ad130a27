"""Import of customers. Personal data goes into the table and nowhere else."""

import psycopg

from onec_pipelines.commerceml import customers
from onec_pipelines.commerceml.records import Customer
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.dataset import Dataset, Entity


def _prepare(staging: Staging) -> None:
    staging.keep_latest("customers", "onec_id")


def _count_items(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from onec_staging.customers").fetchone()
    return int(row[0]) if row else 0


CUSTOMERS = Dataset(
    name="customers",
    table="onec.customers",
    tables={Customer: "customers"},
    readers=lambda _file: customers.READERS,
    items={Customer: "customers"},
    entities=(Entity("customers", frozenset({"Контрагенты"}), Customer),),
    prepare=_prepare,
    count_items=_count_items,
    merges=("customers",),
)

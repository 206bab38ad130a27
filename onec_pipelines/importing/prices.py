"""Import of price types and prices."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import prices
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Price, PriceList, PriceType
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.cells import count_cells, keep_latest_cells
from onec_pipelines.importing.reading import Dataset, Entity

UNTYPED = """
-- A price without a type belongs to the only type of its file, or else to the only type there is.
update onec_staging.{table} s
set {cell} = sole.onec_id
from (
    select f.file, coalesce(own.onec_id, overall.onec_id) as onec_id
    from (select distinct file from onec_staging.{table} where {cell} is null) f
    left join (
        select file, min(onec_id) as onec_id
        from onec_staging.price_types
        group by file
        having count(distinct onec_id) = 1
    ) own on own.file = f.file
    left join (
        select min(onec_id) as onec_id
        from (select onec_id from onec_staging.price_types union select onec_id from onec.price_types) t
        having count(*) = 1
    ) overall on true
) sole
where sole.file = s.file and s.{cell} is null and s.onec_id is not null and sole.onec_id is not null
"""
UNNAMED_CELLS = """
update onec_staging.prices_refusals set cell = null where cell = 'строка ' || line
"""
REFUSE_UNTYPED = """
with untyped as (delete from onec_staging.prices where price_type_onec_id is null returning *)
insert into onec_staging.prices_refusals (seq, file, entity, onec_id, cell, reason, payload, line)
select seq, file, 'price', onec_id, null, 'нет ИдТипаЦены, а тип цен не единственный',
    jsonb_build_object('ЦенаЗаЕдиницу', value), line
from untyped
"""
SUPERSEDED_PRICES = """
delete from onec_staging.prices s using onec_staging.price_lists l where l.onec_id = s.onec_id and s.seq < l.seq
"""
SUPERSEDED_REFUSALS = """
delete from onec_staging.prices_refusals r
using onec_staging.price_lists l
where l.onec_id = r.onec_id and r.seq < l.seq
"""


def _readers(_file: ExportFile) -> Mapping[str, Reader]:
    return prices.READERS


def _prepare(staging: Staging) -> None:
    if staging.keep_latest("price_lists", "onec_id"):
        staging.connection.execute(SUPERSEDED_PRICES.encode())
    for statement in (
        SUPERSEDED_REFUSALS,
        UNNAMED_CELLS,
        UNTYPED.format(table="prices", cell="price_type_onec_id"),
        UNTYPED.format(table="prices_refusals", cell="cell"),
        REFUSE_UNTYPED,
    ):
        staging.connection.execute(statement.encode())
    keep_latest_cells(staging, "prices", "price_type_onec_id", "price")
    staging.merge_repeated("price_types", "onec_id")


DATASET = Dataset(
    about=datasets.PRICES,
    tables={PriceType: "price_types", PriceList: "price_lists", Price: "prices"},
    readers=_readers,
    items={Price: "prices"},
    entities=(Entity("prices", frozenset({"Предложения", "Товары"}), PriceList),),
    prepare=_prepare,
    count_items=count_cells("prices", "price_type_onec_id", "price_types"),
    merges=("prices", "default_variants"),
)

"""Import of price types and prices."""

import psycopg

from onec_pipelines.commerceml import prices
from onec_pipelines.commerceml.records import Price, PriceList, PriceType
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.dataset import Dataset, Entity

UNTYPED_PRICES = """
-- A price without a type belongs to the only type of its file, or else to the only type there is.
update onec_staging.prices s
set price_type_onec_id = sole.onec_id
from (
    select f.file, coalesce(own.onec_id, overall.onec_id) as onec_id
    from (select distinct file from onec_staging.prices where price_type_onec_id is null) f
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
where sole.file = s.file and s.price_type_onec_id is null and sole.onec_id is not null
"""
REFUSE_UNTYPED = """
with untyped as (delete from onec_staging.prices where price_type_onec_id is null returning *)
insert into onec_staging.prices_refusals (seq, file, entity, onec_id, cell, reason, payload, line)
select seq, file, 'price', onec_id, 'строка ' || line, 'нет ИдТипаЦены, а тип цен не единственный',
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
COUNT_ITEMS = """
select count(*) from onec_staging.prices s
where s.seq > 0
    or exists (
        select from onec.product_variants v, onec.price_types t
        where v.onec_id = s.onec_id and t.onec_id = s.price_type_onec_id
    )
"""


def _prepare(staging: Staging) -> None:
    staging.keep_latest("price_lists", "onec_id")
    for statement in (SUPERSEDED_PRICES, SUPERSEDED_REFUSALS, UNTYPED_PRICES, REFUSE_UNTYPED):
        staging.connection.execute(statement)
    staging.keep_latest("price_types", "onec_id")
    staging.keep_latest("prices", "onec_id", "price_type_onec_id")


def _count_items(connection: psycopg.Connection) -> int:
    row = connection.execute(COUNT_ITEMS).fetchone()
    return int(row[0]) if row else 0


PRICES = Dataset(
    name="prices",
    table="onec.prices",
    tables={PriceType: "price_types", PriceList: "price_lists", Price: "prices"},
    readers=lambda _file: prices.READERS,
    items={Price: "prices"},
    entities=(Entity("prices", frozenset({"Предложения", "Товары"}), PriceList),),
    prepare=_prepare,
    count_items=_count_items,
    merges=("prices", "default_variants"),
)

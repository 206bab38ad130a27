"""Import of the catalogue: groups, units, properties, brands, products, variants and their picture references."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import catalog
from onec_pipelines.commerceml.export import ExportFile, is_beside_offers
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Category, Good, Offer, Property, PropertyValue, Unit
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.marks import yield_lone_marks
from onec_pipelines.importing.reading import Dataset, Entity

COUNT_ITEMS = """
select
    (select count(*) from onec_staging.goods) + count(*) filter (where stated),
    count(*) filter (where stated and not landed),
    count(*) filter (where landed and not stated)
from (
    select
        s.seq > 0 as stated,
        v.id is not null as landed
    from onec_staging.offers s
    left join onec.product_variants v on v.onec_id = s.onec_id
) offers
"""
SUPERSEDED_GOODS = """
-- The later good wins whole; among the variants that 2.04 states as goods, one that is not deleted does, and then one
-- that says more than that it is.
delete from onec_staging.goods s
using (
    select
        seq,
        row_number() over (
            partition by onec_id
            order by not is_latest, variant_onec_id is not null and deleted,
                variant_onec_id is not null and name is null, seq desc
        ) as place
    from (
        select *, seq = max(seq) over (partition by onec_id, variant_onec_id) as is_latest
        from onec_staging.goods
        where onec_id in (select onec_id from onec_staging.goods group by onec_id having count(*) > 1)
    ) stated
) d
where d.seq = s.seq and d.place > 1
"""
SUPERSEDED_BESIDE_PRICES = """
-- What a prices or rests file repeats of an offer yields to the offer, whichever is later.
delete from onec_staging.offers s
using onec_staging.offers o
where o.onec_id = s.onec_id and s.beside_prices and not o.beside_prices
"""
SUPERSEDED_REFUSALS = """
delete from onec_staging.catalog_refusals r
using (
    select 'category' as entity, onec_id, seq from onec_staging.categories
    union all
    select 'product', onec_id, seq from onec_staging.goods
    union all
    select 'product', onec_id, seq from onec_staging.offers
    union all
    select 'offer', onec_id, seq from onec_staging.offers
) s
where s.entity = r.entity and s.onec_id = r.onec_id and s.seq > r.seq
"""


def _readers(file: ExportFile) -> Mapping[str, Reader]:
    return catalog.READERS_BESIDE_PRICES if is_beside_offers(file.name) else catalog.READERS


def _prepare(staging: Staging) -> None:
    staging.connection.execute(SUPERSEDED_BESIDE_PRICES)
    for table, key in (
        ("goods", "onec_id, variant_onec_id"),
        ("offers", "onec_id, from_good"),
        ("categories", "onec_id"),
    ):
        yield_lone_marks(staging, table, key)
    staging.keep_latest("categories", "onec_id")
    staging.keep_latest("offers", "onec_id", "from_good")
    staging.merge_repeated("units", "onec_id")
    staging.merge_repeated("properties", "onec_id")
    staging.merge_repeated("property_values", "property_onec_id", "onec_id")
    staging.connection.execute(SUPERSEDED_GOODS)
    staging.connection.execute(SUPERSEDED_REFUSALS)


DATASET = Dataset(
    about=datasets.CATALOG,
    tables={
        Category: "categories",
        Unit: "units",
        Property: "properties",
        PropertyValue: "property_values",
        Good: "goods",
        Offer: "offers",
    },
    readers=_readers,
    items={Good: "products", Offer: "product_variants"},
    entities=(
        Entity("goods", frozenset({"Товары"}), Good, own_list="Товары"),
        Entity("offers", frozenset({"Предложения", "Товары"}), Offer, own_list="Предложения"),
        Entity("categories", frozenset({"Группы"}), Category, own_list="Группы", marked_beside=True),
    ),
    prepare=_prepare,
    count_items=COUNT_ITEMS,
    merges=("catalog", "default_variants"),
    values={"brand_property": catalog.BRAND_PROPERTY},
)

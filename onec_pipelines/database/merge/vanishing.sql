-- What a full export would take away by not naming it: rows before, and rows gone. The guard decides on these.

-- count goods
select
    count(*) as before,
    count(*) filter (where not exists (select from onec_staging.goods s where s.onec_id = t.onec_id)) as gone
from onec.products t
where t.is_active;

-- count categories
select
    count(*) as before,
    count(*) filter (where not exists (select from onec_staging.categories s where s.onec_id = t.onec_id)) as gone
from onec.categories t
where t.is_active;

-- count offers
select
    count(*) as before,
    count(*) filter (where not exists (select from onec_staging.offers s where s.onec_id = t.onec_id)) as gone
from onec.product_variants t
where t.is_active and t.is_offer;

-- count prices
select
    count(*) as before,
    count(*) filter (where not exists (select from onec_staging.price_lists s where s.onec_id = v.onec_id)) as gone
from onec.prices x
join onec.product_variants v on v.id = x.variant_id;

-- count stocks
select
    count(*) as before,
    count(*) filter (
        where not exists (
            select from onec_staging.stocks s where s.onec_id = v.onec_id and s.warehouse_onec_id = w.onec_id
        )
    ) as gone
from onec.stocks x
join onec.product_variants v on v.id = x.variant_id
join onec.warehouses w on w.id = x.warehouse_id;

-- count customers
select
    count(*) as before,
    count(*) filter (where not exists (select from onec_staging.customers s where s.onec_id = t.onec_id)) as gone
from onec.customers t
where t.is_active;

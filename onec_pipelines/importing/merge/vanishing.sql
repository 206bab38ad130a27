-- What a full export would take away by not naming it: rows before, and rows gone. The guard decides on these.
-- A row that is named and refused is not gone. What is gone is told by a join: as a filter of the count it would
-- cost a scan of the staged rows for each row of the table.

-- count goods
select
    (select count(*) from onec.products where is_active) as before,
    count(*) as gone
from onec.products t
where t.is_active
    and not exists (select from onec_staging.goods s where s.onec_id = t.onec_id)
    and not exists (
        select
        from pg_temp.refusals r
        where r.entity = 'product' and split_part(r.onec_id, '#', 1) = t.onec_id
    );

-- count categories
select
    (select count(*) from onec.categories where is_active) as before,
    count(*) as gone
from onec.categories t
where t.is_active
    and not exists (select from onec_staging.categories s where s.onec_id = t.onec_id)
    and not exists (
        select from pg_temp.refusals r where r.entity = 'category' and r.onec_id = t.onec_id
    );

-- count offers
-- The default variant of a product that is still there, and has no offers any more, stays.
select
    (select count(*) from onec.product_variants where is_active and is_offer) as before,
    count(*) as gone
from onec.product_variants t
left join onec_staging.goods g on g.onec_id = t.onec_id and not g.deleted
left join (
    select distinct split_part(onec_id, '#', 1) as base
    from onec_staging.offers
    where position('#' in onec_id) > 0 and not deleted
) o on o.base = t.onec_id
where t.is_active and t.is_offer
    and not exists (select from onec_staging.offers s where s.onec_id = t.onec_id)
    and not exists (
        select
        from pg_temp.refusals r
        where r.entity in ('offer', 'product') and r.onec_id = t.onec_id
    )
    and not (t.is_default and g.onec_id is not null and o.base is null);

-- count prices
-- Those of a default variant beside real offers go without asking.
with asked as (
    select v.onec_id
    from onec.prices x
    join onec.product_variants v on v.id = x.variant_id
    where v.is_offer
        or not exists (
            select from onec.product_variants o where o.product_id = v.product_id and o.is_offer and o.is_active
        )
)
select
    (select count(*) from asked) as before,
    count(*) as gone
from asked
where not exists (select from onec_staging.price_lists s where s.onec_id = asked.onec_id);

-- count stocks
-- Those of a default variant beside real offers go without asking.
with asked as (
    select v.onec_id, w.onec_id as warehouse_onec_id
    from onec.stocks x
    join onec.product_variants v on v.id = x.variant_id
    join onec.warehouses w on w.id = x.warehouse_id
    where v.is_offer
        or not exists (
            select from onec.product_variants o where o.product_id = v.product_id and o.is_offer and o.is_active
        )
)
select
    (select count(*) from asked) as before,
    count(*) as gone
from asked
where not exists (
        select
        from onec_staging.stocks s
        where s.onec_id = asked.onec_id and s.warehouse_onec_id = asked.warehouse_onec_id
    )
    and not exists (
        select from pg_temp.refusals r where r.onec_id = asked.onec_id and r.cell = asked.warehouse_onec_id
    );

-- count customers
select
    (select count(*) from onec.customers where is_active) as before,
    count(*) as gone
from onec.customers t
where t.is_active
    and not exists (select from onec_staging.customers s where s.onec_id = t.onec_id)
    and not exists (select from onec_staging.customers_not_for_us s where s.onec_id = t.onec_id);

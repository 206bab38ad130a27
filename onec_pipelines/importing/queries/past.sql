-- What was: the goods that somebody asks for, the versions of their prices and stocks, and since when each value holds.

-- query goods
-- Those of an article, an id or a barcode: of a product, or of one of its variants.
select p.id, p.onec_id, p.article, p.name, p.is_active
from onec.products p
where p.id in (
    select id from onec.products where article = %(words)s or barcode = %(words)s or onec_id = lower(%(words)s)
        or onec_id = %(words)s
    union all
    select product_id from onec.product_variants where article = %(words)s or barcode = %(words)s
        or onec_id = lower(%(words)s) or onec_id = %(words)s
)
order by p.is_active desc, p.name, p.id
limit %(limit)s;

-- query articles
-- Those that begin alike, for who has mistyped one.
select distinct article
from (
    select article from onec.products
    union all
    select article from onec.product_variants
) stated
where starts_with(lower(article), lower(%(begin)s))
limit 20000;

-- query prices
select
    coalesce(variant_name, variant_onec_id) as variant, 'price' as kind, price_type_name as "of", value, currency,
    valid_from, valid_to, import_id
from onec.price_history
where product_id = %(product_id)s
order by variant_name, variant_id, price_type_name, price_type_id, valid_from desc
limit %(limit)s;

-- query stocks
select
    coalesce(variant_name, variant_onec_id) as variant, 'stock' as kind, warehouse_name as "of", quantity as value,
    null as currency, valid_from, valid_to, import_id
from onec.stock_history
where product_id = %(product_id)s
order by variant_name, variant_id, warehouse_name, warehouse_id, valid_from desc
limit %(limit)s;

-- query imports
-- One of the register, or the newest ones that stated prices and stocks.
select id, import_type, at, run_id, export_kind, exported_at, created, updated, removed, rejected
from onec.imports
where id = %(id)s
    or %(id)s::bigint is null and id in (
        select max(id) from onec.imports where import_type in ('prices', 'stocks') group by import_type
    )
order by import_type;

-- query product
select
    p.onec_id, p.article, p.code, p.name, p.description, p.barcode, c.name as category, b.name as brand, u.name as unit,
    p.vat_rate, p.country, p.manufacturer, p.is_active, p.created_at, p.updated_at
from onec.products p
left join onec.categories c on c.id = p.category_id
left join onec.brands b on b.id = p.brand_id
left join onec.units u on u.id = p.unit_id
where p.id = %(product_id)s;

-- query variants
select id, onec_id, article, name, barcode, is_default, is_active, created_at, updated_at
from onec.product_variants
where product_id = %(product_id)s
order by is_active desc, name, onec_id
limit %(limit)s;

-- query changed columns
-- When each column of a product or a variant last changed.
select key, max(changed_at)
from onec.entity_changes, jsonb_object_keys(before) key
where entity = %(entity)s and entity_id = %(entity_id)s
group by key;

-- query present prices
select
    'price' as kind, t.name || case when t.is_active then '' else ' (inactive)' end as "of", x.value, x.currency,
    x.updated_at as since
from onec.prices x
join onec.price_types t on t.id = x.price_type_id
where x.variant_id = %(variant_id)s
order by t.name;

-- query present stocks
select
    'stock' as kind, w.name || case when w.is_active then '' else ' (inactive)' end as "of", x.quantity as value,
    null as currency, x.updated_at as since
from onec.stocks x
join onec.warehouses w on w.id = x.warehouse_id
where x.variant_id = %(variant_id)s
order by w.name;

-- query images
select source_path, media_path, updated_at, is_main
from onec.product_images
where product_id = %(product_id)s
order by variant_id nulls first, position
limit %(limit)s;

-- query images that are named
select count(*)
from onec.image_references r
left join onec.product_variants v on v.id = r.variant_id
where r.product_id = %(product_id)s or v.product_id = %(product_id)s;

-- query imports at
-- Those of a type, or of any, whose rows have this time.
select id, import_type, export_kind
from onec.imports
where at = %(at)s and (%(import_type)s::text is null or import_type = %(import_type)s)
order by id
limit 1;

-- query sources
select path, sha256
from onec.import_sources
where import_id = %(id)s
order by path;

-- query sources of the catalogue
-- The files of the last import of it.
select path, sha256
from onec.import_files
where import_type = 'catalog'
order by path;

-- query not landed
-- What is rejected or waits of a good, its offers, their prices, stocks and images.
select 'rejected' as fate, import_type, entity, onec_id, cell as "of", reason, source_file, source_line, created_at as since
from onec.rejected_records
where import_type <> 'customers' and split_part(onec_id, '#', 1) = %(onec_id)s
union all
select 'pending', import_type, entity, onec_id, null, null, source_file, source_line, first_seen_at
from onec.pending_records
where split_part(onec_id, '#', 1) = %(onec_id)s
order by 1 desc, 2, 4
limit %(limit)s;

-- query samples
-- Some of what a transaction has done to products.
select what, article, name, detail
from (
    (
        select 1 as place, 'new' as what, article, name, null as detail
        from onec.products
        where created_at = now()
        order by id
        limit %(limit)s
    )
    union all
    (
        select
            case when c.was_active then 3 else 2 end,
            case c.was_active when true then 'inactive' when false then 'active again' else 'changed' end,
            p.article, p.name,
            case
                when c.was_active is null
                    then '(' || (select string_agg(key, ', ' order by key) from jsonb_object_keys(c.before) key) || ')'
            end
        from onec.entity_changes c
        join onec.products p on p.id = c.entity_id
        where c.entity = 'products' and c.changed_at = now()
        order by 1, p.id
        limit %(limit)s
    )
) samples
order by place
limit %(limit)s;

-- What was, readable without a join.

create view onec.known_variants as
select id, onec_id, product_id, article, name, is_active, created_at, null::timestamptz as deleted_at
from onec.product_variants
union all
select
    entity_id, before ->> 'onec_id', (before ->> 'product_id')::bigint, before ->> 'article', before ->> 'name',
    (before ->> 'is_active')::boolean, (before ->> 'created_at')::timestamptz, changed_at
from onec.entity_changes
where entity = 'product_variants' and is_deleted;
comment on view onec.known_variants is 'The variants, and those that gave way to others and were deleted.';
comment on column onec.known_variants.id is 'product_variants.id.';
comment on column onec.known_variants.onec_id is '1C''s identifier of the offer.';
comment on column onec.known_variants.product_id is 'The product.';
comment on column onec.known_variants.article is 'Артикул of the offer.';
comment on column onec.known_variants.name is 'Name of the offer.';
comment on column onec.known_variants.is_active is 'Whether it is active; of a deleted one whether it was.';
comment on column onec.known_variants.created_at is 'When an import first stated it.';
comment on column onec.known_variants.deleted_at is 'When it was deleted; null where it is there.';

create function onec.activity_at(moment timestamptz)
returns table (entity text, entity_id bigint, was_active boolean) language sql stable as $$
    select distinct on (entity, entity_id) entity, entity_id, was_active
    from onec.entity_changes
    where changed_at > moment and was_active is not null
    order by entity, entity_id, changed_at
$$;
comment on function onec.activity_at(timestamptz) is
    'What is_active was at that time, of the products, variants, price types and warehouses of which it has changed since.';

create view onec.price_history as
select
    coalesce(v.article, p.article) as article,
    p.name as product_name,
    coalesce(v.name, p.name) as variant_name,
    t.name as price_type_name,
    x.value,
    x.currency,
    x.valid_from,
    x.valid_to,
    i.id as import_id,
    p.id as product_id,
    p.onec_id as product_onec_id,
    v.id as variant_id,
    v.onec_id as variant_onec_id,
    t.id as price_type_id,
    t.onec_id as price_type_onec_id
from (
    select variant_id, price_type_id, value, currency, updated_at as valid_from, null::timestamptz as valid_to
    from onec.prices
    union all
    select variant_id, price_type_id, value, currency, valid_from, valid_to
    from onec.past_prices
) x
join onec.known_variants v on v.id = x.variant_id
join onec.products p on p.id = v.product_id
join onec.price_types t on t.id = x.price_type_id
left join onec.imports i on i.at = x.valid_from and i.import_type = 'prices';
comment on view onec.price_history is 'Each price with the time for which it held; past ones for ONEC_HISTORY_DAYS.';
comment on column onec.price_history.article is 'Артикул of the offer, or else of the product, as it is now.';
comment on column onec.price_history.product_name is 'Name of the product, as it is now.';
comment on column onec.price_history.variant_name is 'Name of the offer, or else of the product, as it is now.';
comment on column onec.price_history.price_type_name is 'Name of the price type.';
comment on column onec.price_history.value is 'The price.';
comment on column onec.price_history.currency is 'Its currency.';
comment on column onec.price_history.valid_from is 'Since when it holds, or held.';
comment on column onec.price_history.valid_to is 'When it was replaced or removed; null where it still holds.';
comment on column onec.price_history.import_id is 'The import that stated it: imports.id; null where that is not on record.';
comment on column onec.price_history.product_id is 'products.id.';
comment on column onec.price_history.product_onec_id is '1C''s identifier of the product.';
comment on column onec.price_history.variant_id is 'product_variants.id, or that of a variant which was deleted.';
comment on column onec.price_history.variant_onec_id is '1C''s identifier of the offer.';
comment on column onec.price_history.price_type_id is 'price_types.id.';
comment on column onec.price_history.price_type_onec_id is '1C''s identifier of the price type.';

create function onec.prices_at(moment timestamptz)
returns table (
    product_id bigint, product_onec_id text, variant_id bigint, variant_onec_id text, article text, product_name text,
    variant_name text, price_type_onec_id text, price_type_name text, value numeric, currency text, valid_from timestamptz
) language sql stable as $$
    with stated as materialized (
        select distinct on (variant_id, price_type_id) *
        from (
            select variant_id, price_type_id, value, currency, updated_at as valid_from
            from onec.prices
            where updated_at <= moment
            union all
            select variant_id, price_type_id, value, currency, valid_from
            from onec.past_prices
            where valid_from <= moment and valid_to > moment
        ) versions
        order by variant_id, price_type_id, valid_from desc
    ), activity as materialized (
        select * from onec.activity_at(moment)
    )
    select
        p.id, p.onec_id, v.id, v.onec_id, coalesce(v.article, p.article), p.name, coalesce(v.name, p.name), t.onec_id,
        t.name, s.value, s.currency, s.valid_from
    from stated s
    join onec.known_variants v on v.id = s.variant_id
    join onec.products p on p.id = v.product_id
    join onec.price_types t on t.id = s.price_type_id
    left join activity av on av.entity = 'product_variants' and av.entity_id = v.id
    left join activity ap on ap.entity = 'products' and ap.entity_id = p.id
    left join activity at on at.entity = 'price_types' and at.entity_id = t.id
    where coalesce(av.was_active, v.is_active) and coalesce(ap.was_active, p.is_active)
        and coalesce(at.was_active, t.is_active)
$$;
comment on function onec.prices_at(timestamptz) is
    'What current_prices showed at that time: of what was active then. Names are those of now.';

create function onec.price_changes(after timestamptz, until timestamptz)
returns table (variant_id bigint, price_type_id bigint, was numeric, becomes numeric) language sql stable as $$
    select variant_id, price_type_id, was, becomes
    from (
        select
            variant_id, price_type_id, max(value) filter (where valid_from <= after) as was,
            max(value) filter (where valid_to > until) as becomes
        from (
            select variant_id, price_type_id, value, updated_at as valid_from, 'infinity'::timestamptz as valid_to
            from onec.prices
            where updated_at > after and updated_at <= until
            union all
            select variant_id, price_type_id, value, valid_from, valid_to
            from onec.past_prices
            where valid_to > after and valid_from <= until
        ) versions
        group by variant_id, price_type_id
    ) both_ends
    where was is distinct from becomes
$$;
comment on function onec.price_changes(timestamptz, timestamptz) is
    'The prices that changed after the first time and until the second: what each was, and what it became; null is none.';

create view onec.stock_history as
select
    coalesce(v.article, p.article) as article,
    p.name as product_name,
    coalesce(v.name, p.name) as variant_name,
    t.name as warehouse_name,
    x.quantity,
    x.valid_from,
    x.valid_to,
    i.id as import_id,
    p.id as product_id,
    p.onec_id as product_onec_id,
    v.id as variant_id,
    v.onec_id as variant_onec_id,
    t.id as warehouse_id,
    t.onec_id as warehouse_onec_id
from (
    select variant_id, warehouse_id, quantity, updated_at as valid_from, null::timestamptz as valid_to
    from onec.stocks
    union all
    select variant_id, warehouse_id, quantity, valid_from, valid_to
    from onec.past_stocks
) x
join onec.known_variants v on v.id = x.variant_id
join onec.products p on p.id = v.product_id
join onec.warehouses t on t.id = x.warehouse_id
left join onec.imports i on i.at = x.valid_from and i.import_type = 'stocks';
comment on view onec.stock_history is 'Each stock with the time for which it held; past ones for ONEC_HISTORY_DAYS.';
comment on column onec.stock_history.article is 'Артикул of the offer, or else of the product, as it is now.';
comment on column onec.stock_history.product_name is 'Name of the product, as it is now.';
comment on column onec.stock_history.variant_name is 'Name of the offer, or else of the product, as it is now.';
comment on column onec.stock_history.warehouse_name is 'Name of the warehouse.';
comment on column onec.stock_history.quantity is 'The quantity.';
comment on column onec.stock_history.valid_from is 'Since when it holds, or held.';
comment on column onec.stock_history.valid_to is 'When it was replaced or removed; null where it still holds.';
comment on column onec.stock_history.import_id is 'The import that stated it: imports.id; null where that is not on record.';
comment on column onec.stock_history.product_id is 'products.id.';
comment on column onec.stock_history.product_onec_id is '1C''s identifier of the product.';
comment on column onec.stock_history.variant_id is 'product_variants.id, or that of a variant which was deleted.';
comment on column onec.stock_history.variant_onec_id is '1C''s identifier of the offer.';
comment on column onec.stock_history.warehouse_id is 'warehouses.id.';
comment on column onec.stock_history.warehouse_onec_id is '1C''s identifier of the warehouse.';

create function onec.stocks_at(moment timestamptz)
returns table (
    product_id bigint, product_onec_id text, variant_id bigint, variant_onec_id text, article text, product_name text,
    variant_name text, warehouse_onec_id text, warehouse_name text, quantity numeric, valid_from timestamptz
) language sql stable as $$
    with stated as materialized (
        select distinct on (variant_id, warehouse_id) *
        from (
            select variant_id, warehouse_id, quantity, updated_at as valid_from
            from onec.stocks
            where updated_at <= moment
            union all
            select variant_id, warehouse_id, quantity, valid_from
            from onec.past_stocks
            where valid_from <= moment and valid_to > moment
        ) versions
        order by variant_id, warehouse_id, valid_from desc
    ), activity as materialized (
        select * from onec.activity_at(moment)
    )
    select
        p.id, p.onec_id, v.id, v.onec_id, coalesce(v.article, p.article), p.name, coalesce(v.name, p.name), t.onec_id,
        t.name, s.quantity, s.valid_from
    from stated s
    join onec.known_variants v on v.id = s.variant_id
    join onec.products p on p.id = v.product_id
    join onec.warehouses t on t.id = s.warehouse_id
    left join activity av on av.entity = 'product_variants' and av.entity_id = v.id
    left join activity ap on ap.entity = 'products' and ap.entity_id = p.id
    left join activity at on at.entity = 'warehouses' and at.entity_id = t.id
    where coalesce(av.was_active, v.is_active) and coalesce(ap.was_active, p.is_active)
        and coalesce(at.was_active, t.is_active)
$$;
comment on function onec.stocks_at(timestamptz) is
    'What current_stocks showed at that time: of what was active then. Names are those of now.';

create function onec.stock_changes(after timestamptz, until timestamptz)
returns table (variant_id bigint, warehouse_id bigint, was numeric, becomes numeric) language sql stable as $$
    select variant_id, warehouse_id, was, becomes
    from (
        select
            variant_id, warehouse_id, max(quantity) filter (where valid_from <= after) as was,
            max(quantity) filter (where valid_to > until) as becomes
        from (
            select variant_id, warehouse_id, quantity, updated_at as valid_from, 'infinity'::timestamptz as valid_to
            from onec.stocks
            where updated_at > after and updated_at <= until
            union all
            select variant_id, warehouse_id, quantity, valid_from, valid_to
            from onec.past_stocks
            where valid_to > after and valid_from <= until
        ) versions
        group by variant_id, warehouse_id
    ) both_ends
    where was is distinct from becomes
$$;
comment on function onec.stock_changes(timestamptz, timestamptz) is
    'The stocks that changed after the first time and until the second: what each was, and what it became; null is none.';

create function onec.lowest_price(variant bigint, price_type bigint, days integer default 30)
returns numeric language sql stable as $$
    with versions as (
        select value, updated_at as valid_from, 'infinity'::timestamptz as valid_to
        from onec.prices
        where variant_id = variant and price_type_id = price_type
        union all
        select value, valid_from, valid_to
        from onec.past_prices
        where variant_id = variant and price_type_id = price_type
    ), now_valid as (
        select value from versions where valid_to = 'infinity'
    ), began as (
        select max(valid_to) as at
        from versions
        where value <> (select value from now_valid)
    )
    select min(value)
    from versions, began
    where valid_from < began.at and valid_to > began.at - make_interval(days => days)
$$;
comment on function onec.lowest_price(bigint, bigint, integer) is
    'The lowest price of a variant in a price type in the days before its price of now began, as the Omnibus directive asks; null where there was no other.';

create function onec.stock_days(since timestamptz, until timestamptz)
returns table (
    variant_id bigint, variant_onec_id text, article text, name text, days_in numeric, days_out numeric,
    is_in_stock boolean, unchanged_since timestamptz
) language sql stable as $$
    with ranges as (
        select
            variant_id,
            coalesce(
                range_agg(tstzrange(greatest(valid_from, since), least(valid_to, until))) filter (where quantity > 0),
                '{}'
            ) as in_stock,
            min(valid_from) as known_since
        from (
            select variant_id, quantity, updated_at as valid_from, 'infinity'::timestamptz as valid_to from onec.stocks
            union all
            select variant_id, quantity, valid_from, valid_to from onec.past_stocks
        ) versions
        where valid_from < until and valid_to > since
        group by variant_id
    ), days as (
        select
            r.variant_id,
            in_stock,
            greatest(known_since, since) as begins,
            (select coalesce(sum(extract(epoch from upper(x) - lower(x))), 0) from unnest(in_stock) x) / 86400 as days_in
        from ranges r
    )
    select
        v.id, v.onec_id, coalesce(v.article, p.article), coalesce(v.name, p.name), round(days_in, 3),
        round(extract(epoch from until - begins) / 86400 - days_in, 3), coalesce(upper(in_stock) >= until, false),
        case
            when upper(in_stock) >= until
                then (select lower(x) from unnest(in_stock) x order by lower(x) desc limit 1)
            else coalesce(upper(in_stock), begins)
        end
    from days d
    join onec.known_variants v on v.id = d.variant_id
    join onec.products p on p.id = v.product_id
$$;
comment on function onec.stock_days(timestamptz, timestamptz) is
    'For how many days between two times a variant was in any warehouse, for how many in none, and since when that did not change.';

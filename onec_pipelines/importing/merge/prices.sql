-- What the staged prices mean to the tables.
-- A shop may have several catalogues: what is marked with one is replaced by what that states alone (catalogs.py).
-- Bound: prices_full (every segment was full, something was seen, and the guard has not said no); prices_judged (the
-- same, whatever the guard says: what it keeps stands in pg_temp.kept);
-- prices_segments_full (every segment was full).

-- include catalogs

-- settle lists that are stated again
-- The later list of an offer in one catalogue wins whole, with what is rejected of it.
with last as (
    select onec_id, catalog_id, max(seq) as seq
    from onec_staging.price_lists
    group by onec_id, catalog_id
    having count(*) > 1
), rejected as (
    delete from pg_temp.rejected r
    using last
    where exists (select from last) and last.onec_id = r.onec_id and r.seq < last.seq
        and last.catalog_id is not distinct from r.catalog_id
)
delete from onec_staging.prices s
using last
where exists (select from last) and last.onec_id = s.onec_id and s.seq < last.seq
    and last.catalog_id is not distinct from s.catalog_id;

-- settle rejected prices without a type
update pg_temp.rejected set cell = null where cell = 'строка ' || line;

-- settle prices without a type
-- Such a price, be it rejected, belongs to the only type of its file, or else to the only type there is.
with sole as (
    select untyped.file, coalesce(own.onec_id, overall.onec_id) as onec_id
    from (
        select file from onec_staging.prices where price_type_onec_id is null
        union
        select file from pg_temp.rejected where cell is null
    ) untyped
    left join (
        select file, min(onec_id) as onec_id
        from onec_staging.price_types
        group by file
        having count(distinct onec_id) = 1
    ) own on own.file = untyped.file
    left join (
        select min(onec_id) as onec_id
        from (select onec_id from onec_staging.price_types union select onec_id from onec.price_types) t
        having count(*) = 1
    ) overall on true
), typed as (
    update onec_staging.prices s
    set price_type_onec_id = sole.onec_id
    from sole
    where sole.file = s.file and s.price_type_onec_id is null and sole.onec_id is not null
)
update pg_temp.rejected r
set cell = sole.onec_id
from sole
where sole.file = r.file and r.cell is null and r.onec_id is not null and sole.onec_id is not null;

-- settle prices whose type nobody can tell
with untyped as (
    delete from onec_staging.prices where price_type_onec_id is null returning *
)
insert into pg_temp.rejected (seq, file, entity, onec_id, cell, reason, payload, line)
select seq, file, 'price', onec_id, null, 'нет ИдТипаЦены, а тип цен не единственный',
    jsonb_build_object('ЦенаЗаЕдиницу', value), line
from untyped;

-- settle cells of prices
-- Prices of one type for different units or quantities are different cells: nothing in XML holds what parts them here.
create or replace temp view cells as
select seq, onec_id, concat_ws(chr(31), price_type_onec_id, concat(unit, chr(31), factor, chr(31), min_quantity)) as cell
from onec_staging.prices;

-- settle rejected cells of prices
update pg_temp.rejected
set cell = concat_ws(
    chr(31), cell,
    concat(payload ->> 'Единица', chr(31), payload ->> 'Коэффициент', chr(31), payload ->> 'МинКоличество')
)
where cell is not null;

-- include cells

-- settle types of rejected cells
update pg_temp.rejected set cell = split_part(cell, chr(31), 1) where cell is not null;

-- settle tiers of prices
create temp table tiers on commit drop as
select seq, file, line, onec_id, price_type_onec_id, unit, 1::numeric as factor, 0::numeric as min_quantity, value, currency,
    catalog_id
from onec_staging.prices
limit 0;

-- settle prices for other units or from larger quantities
-- Of several prices of a type the price is the one for the base unit and the least quantity, be it rejected; without one
-- for the base unit, that of the least factor. The others are tiers. What cannot be read of a rejected one comes last.
with several as (
    select onec_id, cell
    from (
        select onec_id, price_type_onec_id as cell from onec_staging.prices
        union all
        select onec_id, cell from pg_temp.rejected where cell is not null
    ) cells
    group by onec_id, cell
    having count(*) > 1
), stated as (
    select
        seq, onec_id, cell, unit, coalesce(factor, '1')::numeric as factor,
        coalesce(min_quantity, '0')::numeric as min_quantity
    from several
    join onec_staging.prices s using (onec_id)
    where s.price_type_onec_id = cell
    union all
    select
        seq, onec_id, cell, payload ->> 'Единица',
        case when factor ~ '^[0-9]+([.][0-9]+)?$' then factor else 'infinity' end::numeric,
        case when min_quantity ~ '^[0-9]+([.][0-9]+)?$' then min_quantity else 'infinity' end::numeric
    from several
    join pg_temp.rejected using (onec_id, cell)
    cross join lateral (
        select
            coalesce(replace(payload ->> 'Коэффициент', ',', '.'), '1') as factor,
            coalesce(replace(payload ->> 'МинКоличество', ',', '.'), '0') as min_quantity
    ) read
), ranked as (
    select
        seq, factor, min_quantity,
        row_number() over (
            partition by onec_id, cell order by factor <> 1, factor, min_quantity, seq desc
        ) as place,
        row_number() over (partition by onec_id, cell, unit, factor, min_quantity order by seq desc) as repetition
    from stated
), further as (
    delete from onec_staging.prices s
    using ranked r
    where r.seq = s.seq and r.place > 1
    returning s.seq, s.file, s.line, s.onec_id, s.price_type_onec_id, s.unit, r.factor, r.min_quantity, s.value,
        s.currency, s.catalog_id, r.repetition
)
insert into pg_temp.tiers
select seq, file, line, onec_id, price_type_onec_id, unit, factor, min_quantity, value, currency, catalog_id
from further
where repetition = 1;

-- repeated price_types by onec_id

-- settle default variants that gave way
-- Offers took the place of the bare id, and 1C prices it no longer: that takes nothing from a shop to guard.
create or replace temp view given_way as
select d.id
from pg_temp.unstated d
where d.is_beside_offers and not exists (select from onec_staging.price_lists l where l.onec_id = d.onec_id);

-- guard prices
select x.variant_id, x.price_type_id
from onec.prices x
where not exists (select from pg_temp.given_way d where d.id = x.variant_id);

-- upsert price_types by onec_id
-- What is not stated does not replace what is.
select
    s.onec_id,
    coalesce(nullif(s.name, ''), t.name, s.onec_id) as name,
    coalesce(s.currency, t.currency) as currency,
    not s.deleted as is_active
from onec_staging.price_types s
left join onec.price_types t on t.onec_id = s.onec_id;

-- settle prices that were pending
-- They are tried again, unless the offer's list is stated anew, or a full export names it no longer. A rejected price
-- keeps the one that is pending.
create temp table waited on commit drop as
select -row_number() over (order by w.onec_id) as seq, w.source_file as file, w.source_line as line, w.onec_id, cell.*
from onec.pending_records w
cross join lateral jsonb_to_recordset(w.payload) as cell (
    price_type_onec_id text, value text, currency text, unit text, factor text, min_quantity text, is_tier boolean,
    catalog_id integer
)
left join (select distinct onec_id, cell from pg_temp.rejected) r
    on r.onec_id = w.onec_id and r.cell = cell.price_type_onec_id
where w.import_type = 'prices'
    and (
        r.cell is not null
        or not coalesce(%(prices_full)s and (%(one_catalog)s or cell.catalog_id = any (%(prices_spoken)s)), false)
            and not exists (
                select
                from onec_staging.price_lists l
                where l.onec_id = w.onec_id and (%(one_catalog)s or l.catalog_id is not distinct from cell.catalog_id)
            )
    );

-- settle pending prices
insert into onec_staging.prices
    (seq, file, line, onec_id, price_type_onec_id, value, currency, unit, factor, min_quantity, catalog_id)
select seq, file, line, onec_id, price_type_onec_id, value, currency, unit, factor, min_quantity, catalog_id
from pg_temp.waited w
where is_tier is not true
    and not exists (
        select
        from onec_staging.prices s
        where s.onec_id = w.onec_id and s.price_type_onec_id = w.price_type_onec_id
    );

-- settle pending tiers
insert into pg_temp.tiers
    (seq, file, line, onec_id, price_type_onec_id, value, currency, unit, factor, min_quantity, catalog_id)
select
    seq, file, line, onec_id, price_type_onec_id, value, currency, unit, factor::numeric, min_quantity::numeric, catalog_id
from pg_temp.waited w
where is_tier
    and not exists (
        select
        from pg_temp.tiers s
        where s.onec_id = w.onec_id and s.price_type_onec_id = w.price_type_onec_id and s.unit is not distinct from w.unit
            and s.factor = w.factor::numeric and s.min_quantity = w.min_quantity::numeric
    );

-- run default variants for prices of a bare product id
-- No product id holds a #: most offers need not be looked up among the products.
insert into onec.product_variants (onec_id, product_id, is_default, is_offer, is_active)
select p.onec_id, p.id, true, false, p.is_active
from onec.products p
where p.onec_id in (select s.onec_id from onec_staging.prices s where position('#' in s.onec_id) = 0)
    and (select v.id from onec.product_variants v where v.onec_id = p.onec_id) is null
on conflict (onec_id) do nothing;

-- upsert prices by variant_id, price_type_id
select
    v.id as variant_id,
    t.id as price_type_id,
    s.value::numeric as value,
    coalesce(t.currency, s.currency) as currency,
    s.catalog_id
from onec_staging.prices s
join onec.product_variants v on v.onec_id = s.onec_id
join onec.price_types t on t.onec_id = s.price_type_onec_id;

-- remove prices by types no longer sent
-- The list of an offer is complete: a type that is not in it applies no longer. A rejected price keeps the old one.
-- What this import wrote, at its now(), was sent: that spares a first one the joins.
delete from onec.prices x
using onec_staging.price_lists l, onec.product_variants v, onec.price_types t
where v.onec_id = l.onec_id and x.variant_id = v.id and t.id = x.price_type_id and x.updated_at <> now()
    and (%(one_catalog)s or l.catalog_id = any (case when x.catalog_id is null then (
        select k.catalog_ids from pg_temp.catalogs_of_products k where k.product_id = v.product_id
    ) else array[x.catalog_id] end))
    and not exists (
        select from onec_staging.prices s where s.onec_id = l.onec_id and s.price_type_onec_id = t.onec_id
    )
    and not exists (
        select from pg_temp.rejected r where r.onec_id = l.onec_id and r.cell = t.onec_id
    )
    and not exists (
        select
        from pg_temp.kept k
        where k.entity = 'prices' and k.row_id = x.variant_id and k.other_id = x.price_type_id
    )
returning x.variant_id, x.price_type_id;

-- upsert price_tiers by variant_id, price_type_id, unit?, factor, min_quantity
-- One whose price is rejected, and not on record, has nothing to stand beside.
select
    v.id as variant_id,
    t.id as price_type_id,
    s.unit,
    s.factor,
    s.min_quantity,
    s.value::numeric as value,
    coalesce(t.currency, s.currency) as currency,
    s.catalog_id
from pg_temp.tiers s
join onec.product_variants v on v.onec_id = s.onec_id
join onec.price_types t on t.onec_id = s.price_type_onec_id
join onec.prices p on p.variant_id = v.id and p.price_type_id = t.id;

-- remove tiers no longer sent
-- The list of an offer is complete. A rejected price keeps the tiers of its type, and so does one that its guard keeps.
delete from onec.price_tiers x
using onec_staging.price_lists l, onec.product_variants v, onec.price_types t
where v.onec_id = l.onec_id and x.variant_id = v.id and t.id = x.price_type_id
    and (%(one_catalog)s or x.catalog_id is null or l.catalog_id = x.catalog_id)
    and not exists (
        select
        from pg_temp.kept k
        where k.entity = 'prices' and k.row_id = x.variant_id and k.other_id = x.price_type_id
    )
    and not exists (
        select
        from pg_temp.tiers s
        where s.onec_id = l.onec_id and s.price_type_onec_id = t.onec_id and s.unit is not distinct from x.unit
            and s.factor = x.factor and s.min_quantity = x.min_quantity
    )
    and not exists (
        select from pg_temp.rejected r where r.onec_id = l.onec_id and r.cell = t.onec_id
    );

-- run prices in another currency
-- The currency of a price type is the reliable one, also where the price itself is not sent again. A type that this
-- import has not written, at its now(), has the one that it had.
update onec.prices x
set currency = t.currency, updated_at = now()
from onec.price_types t
where t.updated_at = now() and x.price_type_id = t.id and t.currency is not null
    and t.currency is distinct from x.currency;

-- run tiers in another currency
update onec.price_tiers x
set currency = t.currency, updated_at = now()
from onec.price_types t
where t.updated_at = now() and x.price_type_id = t.id and t.currency is not null
    and t.currency is distinct from x.currency;

-- remove prices of default variants that gave way
delete from onec.prices x
using pg_temp.given_way d
where %(prices_segments_full)s and d.id = x.variant_id;

-- remove prices by prices of offers no longer named
delete from onec.prices x
using onec.product_variants v
where %(prices_judged)s and v.id = x.variant_id
    and not exists (
        select
        from onec_staging.price_lists l
        where l.onec_id = v.onec_id and (%(one_catalog)s or l.catalog_id = x.catalog_id or x.catalog_id is null)
    )
    and (%(one_catalog)s or case when x.catalog_id is null then (
        select k.catalog_ids from pg_temp.catalogs_of_products k where k.product_id = v.product_id
    ) else array[x.catalog_id] end <@ %(prices_spoken)s::integer[])
    and not exists (
        select
        from pg_temp.kept k
        where k.entity = 'prices' and k.row_id = x.variant_id and k.other_id = x.price_type_id
    )
returning x.variant_id, x.price_type_id;

-- remove tiers whose price is gone
delete from onec.price_tiers x
where not exists (
    select from onec.prices p where p.variant_id = x.variant_id and p.price_type_id = x.price_type_id
);

-- settle prices that are pending
-- Their offer or their price type has not arrived.
create temp table pending on commit drop as
select s.*
from onec_staging.prices s
left join onec.product_variants v on v.onec_id = s.onec_id
left join onec.price_types d on d.onec_id = s.price_type_onec_id
where v.id is null or d.id is null;

-- upsert pending_records by import_type, entity, onec_id
select
    'prices' as import_type,
    'price' as entity,
    s.onec_id,
    jsonb_agg(
        jsonb_build_object(
            'price_type_onec_id', s.price_type_onec_id, 'value', s.value, 'currency', s.currency
        ) || jsonb_strip_nulls(jsonb_build_object(
            'unit', s.unit, 'factor', s.factor, 'min_quantity', s.min_quantity, 'is_tier', s.is_tier,
            'catalog_id', s.catalog_id
        ))
        order by s.price_type_onec_id, s.is_tier, s.unit, s.factor, s.min_quantity
    ) as payload,
    min(s.file) as source_file,
    min(s.line) as source_line
from (
    select
        onec_id, file, line, price_type_onec_id, value, currency, unit, factor, min_quantity, null as is_tier,
        catalog_id
    from pg_temp.pending
    union all
    select
        t.onec_id, t.file, t.line, t.price_type_onec_id, t.value, t.currency, t.unit, t.factor::text,
        t.min_quantity::text, true, t.catalog_id
    from pg_temp.tiers t
    join pg_temp.pending p on p.onec_id = t.onec_id and p.price_type_onec_id = t.price_type_onec_id
) s
group by s.onec_id;

-- run prices that are pending no longer
delete from onec.pending_records w
where w.import_type = 'prices' and not exists (select from pg_temp.pending s where s.onec_id = w.onec_id);

-- count items
-- Those that the files state, those of them that are pending, and those that an earlier export stated and landed now.
select
    count(*) filter (where seq > 0),
    (select count(*) from pg_temp.pending where seq > 0),
    count(*) filter (where seq < 0) - (select count(*) from pg_temp.pending where seq < 0)
from onec_staging.prices;

-- include default_variants

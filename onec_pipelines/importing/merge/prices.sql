-- What the staged prices mean to the tables. The staged rows are the latest list of each offer.
-- Bound: prices_full (every segment was full, something was seen, and the guard said yes);
-- prices_segments_full (every segment was full).

-- upsert price_types by onec_id
-- What is not stated does not replace what is.
select
    s.onec_id,
    coalesce(nullif(s.name, ''), t.name, s.onec_id) as name,
    coalesce(s.currency, t.currency) as currency,
    not s.deleted as is_active
from onec_staging.price_types s
left join onec.price_types t on t.onec_id = s.onec_id;

-- run prices that waited
-- What waits is tried again, unless the offer's list is stated anew, or a full export names it no longer. A refused
-- price keeps the one that waits.
insert into onec_staging.prices (seq, file, line, onec_id, price_type_onec_id, value, currency)
select -row_number() over (order by w.onec_id), w.source_file, w.source_line, w.onec_id, cell.price_type_onec_id,
    cell.value, cell.currency
from onec.pending_records w
cross join lateral jsonb_to_recordset(w.payload)
    as cell (price_type_onec_id text, value text, currency text)
left join onec_staging.price_lists l on l.onec_id = w.onec_id
left join (select distinct onec_id, cell from onec_staging.prices_refusals) r
    on r.onec_id = w.onec_id and r.cell = cell.price_type_onec_id
where w.import_type = 'prices' and (r.cell is not null or (l.onec_id is null and not %(prices_full)s));

-- run default variants for prices of a bare product id
-- No product id holds a #: most offers need not be looked up among the products.
insert into onec.product_variants (onec_id, product_id, is_default, is_offer, is_active)
select p.onec_id, p.id, true, false, p.is_active
from onec.products p
where p.onec_id in (select s.onec_id from onec_staging.prices s where position('#' in s.onec_id) = 0)
    and (select v.id from onec.product_variants v where v.onec_id = p.onec_id) is null
on conflict (onec_id) do nothing;

-- upsert prices by variant_id, price_type_id
select v.id as variant_id, t.id as price_type_id, s.value::numeric as value, coalesce(t.currency, s.currency) as currency
from onec_staging.prices s
join onec.product_variants v on v.onec_id = s.onec_id
join onec.price_types t on t.onec_id = s.price_type_onec_id;

-- run types no longer sent
-- The list of an offer is complete: a type that is not in it applies no longer. A refused price keeps the old one.
-- What this import wrote, at its now(), was sent: that spares a first one the joins.
delete from onec.prices x
using onec_staging.price_lists l, onec.product_variants v, onec.price_types t
where v.onec_id = l.onec_id and x.variant_id = v.id and t.id = x.price_type_id and x.updated_at <> now()
    and not exists (
        select from onec_staging.prices s where s.onec_id = l.onec_id and s.price_type_onec_id = t.onec_id
    )
    and not exists (
        select from onec_staging.prices_refusals r where r.onec_id = l.onec_id and r.cell = t.onec_id
    );

-- run prices in another currency
-- The currency of a price type is the reliable one, also where the price itself is not sent again.
update onec.prices x
set currency = t.currency, updated_at = now()
from onec.price_types t
where t.id = x.price_type_id and t.currency is not null and t.currency is distinct from x.currency;

-- run prices of default variants that gave way
-- Real offers took the place of the bare id, and 1C prices it no longer: that takes nothing from a shop to guard.
delete from onec.prices x
using onec.product_variants d
where %(prices_segments_full)s and d.id = x.variant_id and d.is_default and not d.is_offer
    and exists (
        select from onec.product_variants v where v.product_id = d.product_id and v.is_offer and v.is_active
    )
    and not exists (select from onec_staging.price_lists l where l.onec_id = d.onec_id);

-- run prices of offers no longer named
delete from onec.prices x
using onec.product_variants v
where %(prices_full)s and v.id = x.variant_id
    and not exists (select from onec_staging.price_lists l where l.onec_id = v.onec_id);

-- upsert pending_records by import_type, entity, onec_id
select
    'prices' as import_type,
    'price' as entity,
    s.onec_id,
    jsonb_agg(
        jsonb_build_object(
            'price_type_onec_id', s.price_type_onec_id, 'value', s.value, 'currency', s.currency
        )
        order by s.price_type_onec_id
    ) as payload,
    min(s.file) as source_file,
    min(s.line) as source_line
from onec_staging.prices s
where not exists (select from onec.product_variants v where v.onec_id = s.onec_id)
    or not exists (select from onec.price_types t where t.onec_id = s.price_type_onec_id)
group by s.onec_id;

-- run prices that wait no longer
delete from onec.pending_records w
where w.import_type = 'prices'
    and not exists (
        select
        from onec_staging.prices s
        where s.onec_id = w.onec_id
            and (
                not exists (select from onec.product_variants v where v.onec_id = s.onec_id)
                or not exists (select from onec.price_types t where t.onec_id = s.price_type_onec_id)
            )
    );

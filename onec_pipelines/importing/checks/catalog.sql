-- What a person should look at in the catalogue after an import: each check selects the rows that fail it.
-- Bound: pending_days.

-- check pending_offers
-- Offers whose product has not arrived.
select
    onec_id,
    payload->>'article' as article,
    payload->>'name' as name,
    source_file,
    source_line,
    first_seen_at as waiting_since
from onec.pending_records
where import_type = 'catalog' and first_seen_at < now() - make_interval(days => %(pending_days)s)
order by first_seen_at, onec_id;

-- check products_without_category
-- Either 1C states no group, or it states groups that it did not export.
select id as product_id, onec_id, article, name, array_to_string(group_onec_ids, ', ') as groups_in_1c
from onec.products
where is_active and category_id is null
order by id;

-- count rows
-- A product is never removed: the active ones are those that can vanish.
select count(*) from onec.products where is_active;

-- What a person should look at in the prices after an import: each check selects the rows that fail it.
-- Bound: pending_days.

-- check pending_prices
-- Prices of an offer or of a price type that has not arrived; a row is an offer with all of its pending prices.
select
    onec_id,
    jsonb_path_query_array(payload, '$[*].value')::text as value,
    source_file,
    source_line,
    first_seen_at as waiting_since
from onec.pending_records
where import_type = 'prices' and first_seen_at < now() - make_interval(days => %(pending_days)s)
order by first_seen_at, onec_id;

-- check prices_not_positive
select variant_id, variant_onec_id as onec_id, article, variant_name as name, price_type_name as price_type, value,
    currency
from onec.current_prices
where value <= 0
order by value, variant_id;

-- check products_without_price
-- Active products none of whose active variants has a price of an active type.
select p.id as product_id, p.onec_id, p.article, p.name
from onec.products p
where p.is_active and not exists (select from onec.current_prices c where c.product_id = p.id)
order by p.id;

-- count rows
select count(*) from onec.prices;

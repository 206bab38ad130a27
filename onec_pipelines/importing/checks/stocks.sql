-- What a person should look at in the stocks after an import: each check selects the rows that fail it.
-- Bound: pending_days.

-- check pending_stocks
-- Stocks of an offer or in a warehouse that has not arrived; a row is an offer with all of its pending stocks.
select
    onec_id,
    jsonb_path_query_array(payload, '$[*].quantity')::text as value,
    source_file,
    source_line,
    first_seen_at as waiting_since
from onec.pending_records
where import_type = 'stocks' and first_seen_at < now() - make_interval(days => %(pending_days)s)
order by first_seen_at, onec_id;

-- check negative_stocks
select variant_id, variant_onec_id as onec_id, article, variant_name as name, warehouse_name as warehouse, value
from onec.current_stocks
where value < 0
order by value, variant_id;

-- count rows
select count(*) from onec.stocks;

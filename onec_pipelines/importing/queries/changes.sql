-- How values changed between two moments.

-- query prices in numbers
-- Of prices that were there before and after the median is by how much they rose, in per cent.
select
    count(*) filter (where becomes > was),
    count(*) filter (where becomes < was),
    count(*) filter (where becomes is null),
    count(*) filter (where was is null),
    round((percentile_cont(0.5) within group (order by (becomes - was) / abs(nullif(was, 0)) * 100))::numeric, 2)::float8
from onec.price_changes(%(after)s, %(until)s);

-- query prices by size
select coalesce(v.article, p.article) as article, coalesce(v.name, p.name) as name, t.name as "of", c.was, c.becomes
from onec.price_changes(%(after)s, %(until)s) c
join onec.known_variants v on v.id = c.variant_id
join onec.products p on p.id = v.product_id
join onec.price_types t on t.id = c.price_type_id
where c.was is not null
order by abs((c.becomes - c.was) / nullif(c.was, 0)) desc nulls last, abs(coalesce(c.becomes, 0) - c.was) desc, 1, 2, 3
limit %(largest)s;

-- query stocks in numbers
-- Of stocks that were there before and after the median is by how much they rose, in per cent.
select
    count(*) filter (where becomes > was),
    count(*) filter (where becomes < was),
    count(*) filter (where becomes is null),
    count(*) filter (where was is null),
    round((percentile_cont(0.5) within group (order by (becomes - was) / abs(nullif(was, 0)) * 100))::numeric, 2)::float8
from onec.stock_changes(%(after)s, %(until)s);

-- query stocks by size
select coalesce(v.article, p.article) as article, coalesce(v.name, p.name) as name, t.name as "of", c.was, c.becomes
from onec.stock_changes(%(after)s, %(until)s) c
join onec.known_variants v on v.id = c.variant_id
join onec.products p on p.id = v.product_id
join onec.warehouses t on t.id = c.warehouse_id
where c.was is not null
order by abs((c.becomes - c.was) / nullif(c.was, 0)) desc nulls last, abs(coalesce(c.becomes, 0) - c.was) desc, 1, 2, 3
limit %(largest)s;

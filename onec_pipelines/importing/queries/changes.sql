-- How prices or stocks changed: of each, what it was and what it became.
-- In their place: {changes}, a function that tells it, of a price type or a warehouse; {kinds}, the table of those.

-- query values in numbers
-- Of those that were there before and after the median is by how much they rose, in per cent.
select
    count(*) filter (where becomes > was),
    count(*) filter (where becomes < was),
    count(*) filter (where becomes is null),
    count(*) filter (where was is null),
    round((percentile_cont(0.5) within group (order by (becomes - was) / abs(nullif(was, 0)) * 100))::numeric, 2)::float8
from {changes} c (variant_id, kind_id, was, becomes);

-- query values by size
select coalesce(v.article, p.article) as article, coalesce(v.name, p.name) as name, t.name as "of", c.was, c.becomes
from {changes} c (variant_id, kind_id, was, becomes)
join onec.known_variants v on v.id = c.variant_id
join onec.products p on p.id = v.product_id
join {kinds} t on t.id = c.kind_id
where c.was is not null
order by abs((c.becomes - c.was) / nullif(c.was, 0)) desc nulls last, abs(coalesce(c.becomes, 0) - c.was) desc, 1, 2, 3
limit %(largest)s;

-- query silent
-- Of several catalogues those of which no full package came for long, though active products are theirs.
select c.onec_id, coalesce(c.heard_at, c.noted_at)::date::text, count(*)
from onec.catalogs c
join onec.product_catalogs pc on pc.catalog_onec_id = c.onec_id
join onec.products p on p.id = pc.product_id
where not c.is_classifier and p.is_active
    and coalesce(c.heard_at, c.noted_at) < now() - make_interval(days => %(days)s)
    and (select count(*) from onec.catalogs where not is_classifier) > 1
group by c.id
order by c.onec_id;

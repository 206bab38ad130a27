-- Of several catalogues those that name each product: what bears no mark of its own counts as theirs.

-- settle catalogues of products
-- None is known of a product of 0.1.0: nobody speaks for it. What is left of a product that has gone may go.
create or replace temp view catalogs_of_products as
select
    p.id as product_id,
    coalesce(
        array_agg(c.id) filter (where c.id is not null), case when not p.is_active then '{}'::integer[] end
    ) as catalog_ids
from onec.products p
left join onec.product_catalogs pc on pc.product_id = p.id
left join onec.catalogs c on c.onec_id = pc.catalog_onec_id and not c.is_classifier
group by p.id;

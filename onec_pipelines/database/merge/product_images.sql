-- What the staged pictures mean to the table: they are all the pictures of the products that were active when the
-- import began (pg_temp.seen_products) and of their active variants.

-- run pictures no longer listed
-- Those of an inactive variant are left alone, like those of an inactive product, as long as the XML lists them.
delete from onec.product_images t
using pg_temp.seen_products seen, onec.products p
where seen.id = t.product_id and p.id = t.product_id and p.is_active
    and not exists (
        select
        from onec_staging.product_images s
        where s.product_id = t.product_id and s.variant_id is not distinct from t.variant_id
            and s.position = t.position
    )
    and not exists (
        select
        from onec.product_variants v
        join onec.image_references r on r.variant_id = v.id
        where v.id = t.variant_id and not v.is_active and r.path = t.source_path
    );

-- upsert product_images by product_id, variant_id?, position
select
    product_id,
    variant_id,
    position,
    is_main,
    source_path,
    media_path,
    sha256,
    size_bytes,
    source_mtime_ns,
    width,
    height,
    format,
    is_listed
from onec_staging.product_images s
where s.variant_id is null or exists (select from onec.product_variants v where v.id = s.variant_id);

-- What the staged pictures mean to the table: they are all the pictures of active products.

-- run pictures no longer listed
delete from onec.product_images t
using onec.products p
where p.id = t.product_id and p.is_active
    and not exists (
        select
        from onec_staging.product_images s
        where s.product_id = t.product_id and s.variant_id is not distinct from t.variant_id
            and s.position = t.position
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
from onec_staging.product_images;

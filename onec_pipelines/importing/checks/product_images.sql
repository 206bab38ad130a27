-- What a person should look at in the images after an import: each check selects the rows that fail it.

-- check products_without_image
select p.id as product_id, p.onec_id, p.article, p.name
from onec.products p
where p.is_active and not exists (select from onec.product_images i where i.product_id = p.id)
order by p.id;

-- check missing_media
-- Every image on record: whether its file is in the media store, only the store knows.
select i.id as image_id, p.onec_id, p.article, p.name, i.media_path, i.source_path as source_file
from onec.product_images i
join onec.products p on p.id = i.product_id
order by i.id;

-- check deactivation_guard
select i.id as image_id, p.onec_id, p.article, p.name, i.media_path, i.source_path as source_file
from onec.product_images i
join onec.products p on p.id = i.product_id
where exists (
        select from onec.guarded_rows g where g.import_type = 'images' and g.entity = 'images' and g.row_id = i.id
    )
    and not exists (
        select
        from onec.image_references r
        where r.path = i.source_path and (r.variant_id = i.variant_id or r.product_id = i.product_id)
    )
order by i.id;

-- count rows
select count(*) from onec.product_images;

-- What the plan (onec_staging.images_references) and the results of its shards (onec_staging.images_results) mean to
-- the table: together they are all the images of the products with which something is to be done
-- (onec_staging.images_products) and of their active variants. Those of all other products stay as they are.

-- run images as of now
-- What became of each reference, and the row of each image that is published: as published now, or else as before.
-- A rejected file leaves what was published. One that is not shipped is missing only if it is not published either.
create temp table images_now on commit drop as
select
    *,
    sha256 is not null
        and row_number() over (partition by product_id, variant_id, sha256 is null order by position) = 1 as is_main
from (
    select
        r.seq,
        r.product_id,
        r.variant_id,
        r.onec_id,
        r.position,
        r.source_path,
        r.is_listed,
        case
            when r.publishes is null then r.fate
            when p.status = 'published' and r.seq > f.place then 'unchanged'
            when p.status = 'refused' then 'corrupt'
            when p.status = 'missing' and r.is_stored then 'not_shipped'
            else p.status
        end as fate,
        coalesce(p.reason, r.reason) as reason,
        case when p.sha256 is null then r.media_path else p.media_path end as media_path,
        coalesce(p.sha256, r.sha256) as sha256,
        case when p.sha256 is null then r.size_bytes else p.size_bytes end as size_bytes,
        case when p.sha256 is null then r.source_mtime_ns else p.source_mtime_ns end as source_mtime_ns,
        case when p.sha256 is null then r.width else p.width end as width,
        case when p.sha256 is null then r.height else p.height end as height,
        case when p.sha256 is null then r.format else p.format end as format,
        case when p.sha256 is null then r.found_at else r.publishes end as found_at
    from onec_staging.images_references r
    left join onec_staging.images_files f on f.path = r.publishes
    left join onec_staging.images_results p on p.path = r.publishes
) settled;

-- run statistics
analyze pg_temp.images_now;

-- run files that may be gone
create temp table images_before on commit drop as
select distinct t.media_path
from onec.product_images t
join onec_staging.images_products seen on seen.product_id = t.product_id
where not exists (select from pg_temp.images_now n where n.media_path = t.media_path and n.sha256 is not null);

-- guard images
select id, 0 from onec.product_images;

-- remove images by images no longer listed
-- Those of an inactive variant are left alone, like those of an inactive product, as long as the XML lists them.
delete from onec.product_images t
using onec_staging.images_products seen, onec.products p
where seen.product_id = t.product_id and p.id = t.product_id and p.is_active
    and not exists (
        select
        from pg_temp.images_now n
        where n.product_id = t.product_id and n.variant_id is not distinct from t.variant_id
            and n.position = t.position and n.sha256 is not null
    )
    and not exists (
        select
        from onec.product_variants v
        join onec.image_references r on r.variant_id = v.id
        where v.id = t.variant_id and not v.is_active and r.path = t.source_path
    )
    and not exists (select from pg_temp.kept k where k.entity = 'images' and k.row_id = t.id)
returning t.id, 0;

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
    found_at,
    is_listed
from pg_temp.images_now n
where n.sha256 is not null
    and (n.variant_id is null or exists (select from onec.product_variants v where v.id = n.variant_id));

-- run files that are gone
insert into onec.media_deletions (media_path, since)
select media_path, now()
from pg_temp.images_before b
where not exists (select from onec.product_images t where t.media_path = b.media_path)
on conflict do nothing;

-- settle rejected images
create temp table rejected on commit drop as
select
    seq,
    'image' as entity,
    onec_id,
    source_path as cell,
    coalesce(reason, 'файл не принят') as reason,
    source_path as file,
    null::bigint as line,
    jsonb_build_object('Картинка', source_path) as payload
from pg_temp.images_now
where fate in ('missing', 'corrupt');

-- What an import of images asks of the tables, and of its plan (onec_staging.images_*).

-- query products
-- Of each active product: what the XML lists, with the records; where it lists none of its own, those records alone.
-- `is_in_place` says that a merge would write the record of an image as it stands if nothing is to be published, and
-- that the product has an image of its own in the XML and no other records; whether its name is one that it may have,
-- images/names.py knows.
select
    p.id, p.onec_id, r.variant_id, r.variant_onec_id, r.position, r.path, r.directory, false as is_recorded, false as by_name,
    i.position = r.position and i.is_listed and i.is_main = (r.position = min(r.position) over owner)
        and count(*) over product = recorded.images
        and count(*) filter (where r.variant_id is null) over product > 0 as is_in_place,
    i.media_path, i.sha256, i.size_bytes, i.width, i.height, i.format, i.source_mtime_ns,
    i.found_at
from onec.products p
left join (
    select product_id, null::bigint as variant_id, null as variant_onec_id, path, directory, position
    from onec.image_references
    where product_id is not null
    union all
    select v.product_id, v.id, v.onec_id, offers.path, offers.directory, offers.position
    from onec.image_references offers
    join onec.product_variants v on v.id = offers.variant_id
    where v.is_active
) r on r.product_id = p.id
left join onec.product_images i
    on i.product_id = r.product_id and i.source_path = r.path and i.variant_id is not distinct from r.variant_id
left join (
    select product_id, count(*) as images from onec.product_images group by product_id
) recorded on recorded.product_id = p.id
where p.is_active
window product as (partition by p.id), owner as (partition by p.id, r.variant_id)
union all
select
    p.id, p.onec_id, null, null, i.position, i.source_path, null, true, not i.is_listed, false,
    i.media_path, i.sha256, i.size_bytes, i.width, i.height, i.format, i.source_mtime_ns,
    i.found_at
from onec.product_images i
join onec.products p on p.id = i.product_id
where p.is_active and i.variant_id is null
    and not exists (select from onec.image_references own where own.product_id = p.id)
order by 1, 8, 3 nulls first, 5;

-- query counters
-- How far the import is, over all its shards.
select
    total,
    processed + coalesce(sum(s_processed), 0)::int,
    coalesce(sum(s_created), 0)::int,
    skipped + coalesce(sum(s_skipped), 0)::int,
    errors + coalesce(sum(s_errors), 0)::int
from onec_staging.images_run
left join (
    select processed as s_processed, created as s_created, skipped as s_skipped, errors as s_errors
    from onec_staging.images_shards
) shards on true
group by total, processed, skipped, errors;

-- query files of a shard
-- Those that have no result yet, some at a time.
select f.source, f.name, f.known_sha256, f.known_as, f.is_held, f.path, f.uses, f.products, f.place
from onec_staging.images_files f
where f.shard = %(shard)s and f.place > %(place)s
    and not exists (select from onec_staging.images_results r where r.path = f.path)
order by f.place
limit %(fetch)s;

-- query claim
-- A name in the media store for the file found at a path; it is another file's that bears it, is on record under it, or
-- has claimed it before.
insert into onec_staging.images_names as n (media_path, path)
select %(name)s, %(path)s
where not exists (select from onec_staging.images_files f where f.name = %(name)s and f.path <> %(path)s)
    and not exists (
        select
        from onec.product_images i
        join onec_staging.images_files f on f.path = %(path)s
        where i.media_path = %(name)s
            and coalesce(i.found_at <> f.path, right(i.source_path, length(f.name)) <> f.name)
    )
on conflict (media_path) do update set path = excluded.path where n.path = excluded.path
returning true;

-- run progress shown
-- By one shard, on whatever machine, and not more often than every two seconds.
update onec_staging.images_run
set shown_at = clock_timestamp()
where shown_at < clock_timestamp() - interval '1.9 s';

-- query planned
select
    total,
    extract(epoch from clock_timestamp() - begun_at)::float8,
    unchanged,
    (select count(*) from onec_staging.images_products where not has_images)
from onec_staging.images_run;

-- query published
-- Images for the contact sheet, with some in reserve for those that cannot be decoded.
select coalesce(nullif(p.article, ''), r.onec_id), done.media_path
from onec_staging.images_files f
join onec_staging.images_results done using (path)
join onec_staging.images_references r on r.seq = f.place
join onec.products p on p.id = r.product_id
where done.status = 'published'
order by r.position, r.seq
limit 48;

-- query fingerprint
select coalesce(lpad(to_hex(bit_xor(hashtextextended(
    coalesce(v.onec_id, p.onec_id) || ' ' || i.position || ' ' || i.source_path || ' ' || i.sha256, 0
))), 16, '0'), repeat('0', 16))
from onec.product_images i
join onec.products p on p.id = i.product_id
left join onec.product_variants v on v.id = i.variant_id;

-- run files without a record
-- What a plan published and no import recorded.
insert into onec.media_deletions (media_path, since)
select media_path, now()
from onec_staging.images_results r
where r.status = 'published' and not exists (select from onec.product_images i where i.media_path = r.media_path)
on conflict do nothing;

-- query files to delete
-- Some that no record has named for long enough.
select media_path
from onec.media_deletions d
where since <= now() - make_interval(days => %(keep_days)s)
order by media_path
limit %(batch)s;

-- run files that are named again
delete from onec.media_deletions d
where exists (select from onec.product_images i where i.media_path = d.media_path);

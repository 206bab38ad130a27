-- What the making of thumbnails asks of the tables.

-- query images
-- By their content, some at a time. What a checkpoint says of a thumbnail is newer than its record.
select
    i.sha256,
    min(p.onec_id),
    array_agg(distinct i.media_path),
    (
        select jsonb_agg(latest.thumbnail)
        from (
            select distinct on (t.size) jsonb_build_array(
                t.sha256, t.size, t.format, t.quality, t.media_path, t.size_bytes, t.width, t.height
            ) as thumbnail
            from (
                select 0 as seq, sha256, size, format, quality, media_path, size_bytes, width, height
                from onec.product_thumbnails
                union all
                select seq, sha256, size, format, quality, media_path, size_bytes, width, height
                from onec_staging.thumbnails_made
            ) t
            where t.sha256 = i.sha256 and t.format = %(format)s and t.size = any(%(sizes)s)
            order by t.size, t.seq desc
        ) latest
    )
from onec.product_images i
join onec.products p on p.id = i.product_id
where i.sha256 > %(after)s
group by i.sha256
order by i.sha256
limit %(fetch)s;

-- query last style
-- That of the thumbnails that are there.
select
    array_agg(distinct size order by size),
    mode() within group (order by format),
    mode() within group (order by quality)
from onec.product_thumbnails
having count(*) > 0;

-- query files without a record
select path
from unnest(%(paths)s::text[]) path
where not exists (select from onec.product_thumbnails t where t.media_path = path)
    and not exists (select from onec.product_images i where i.media_path = path);

-- query fingerprint
select lpad(to_hex(coalesce(bit_xor(hashtextextended(sha256 || ' ' || size || ' ' || format || ' ' || quality, 0)), 0)),
    16, '0')
from onec.product_thumbnails;

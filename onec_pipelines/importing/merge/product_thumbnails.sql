-- What the staged thumbnails mean to the table: they are all that there should be.

-- run thumbnails no longer wanted
delete from onec.product_thumbnails t
where not exists (
    select
    from onec_staging.product_thumbnails s
    where s.sha256 = t.sha256 and s.size = t.size and s.format = t.format
);

-- upsert product_thumbnails by sha256, size, format
select sha256, size, format, quality, media_path, size_bytes, width, height
from onec_staging.product_thumbnails;

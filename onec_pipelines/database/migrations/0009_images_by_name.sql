-- 1C may give a file any name; what is published has one that tells its format, and no other file's.

create index on onec.product_images (media_path);
comment on column onec.product_images.media_path is
    'Path in the media store: that of the source, with a usual extension of its format. An image that 0.1.0 published keeps the one of the source.';
comment on column onec.product_images.format is 'JPEG, PNG, WebP or GIF.';

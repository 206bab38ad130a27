-- Smaller copies of the published pictures. They belong to the content of a picture, not to its path: a picture that
-- two products share has them once, and a changed one has others, under other names.

create table onec.product_thumbnails (
    sha256 text not null,
    size integer not null,
    format text not null,
    quality integer not null,
    media_path text not null unique,
    size_bytes bigint not null,
    width integer not null,
    height integer not null,
    updated_at timestamptz not null default now(),
    primary key (sha256, size, format)
);
comment on table onec.product_thumbnails is 'Thumbnails of the published pictures, in the media store beside them.';
comment on column onec.product_thumbnails.sha256 is 'The picture: product_images.sha256.';
comment on column onec.product_thumbnails.size is 'Pixels of the square that the thumbnail fits into.';
comment on column onec.product_thumbnails.format is 'webp or jpeg.';
comment on column onec.product_thumbnails.quality is 'Quality it was written with, from 1 to 100.';
comment on column onec.product_thumbnails.media_path is 'Path in the media store.';
comment on column onec.product_thumbnails.size_bytes is 'Size of the file.';
comment on column onec.product_thumbnails.width is 'Width in pixels.';
comment on column onec.product_thumbnails.height is 'Height in pixels.';
comment on column onec.product_thumbnails.updated_at is 'When a run last changed it.';

comment on column onec.rejected_records.import_type is 'catalog, stocks, prices, customers, images or thumbnails.';

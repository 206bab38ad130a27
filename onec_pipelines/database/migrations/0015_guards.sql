-- What a guard still decides on after it has said no.

create table onec.guarded_rows (
    import_type text not null,
    entity text not null,
    row_id bigint not null,
    other_id bigint not null,
    primary key (import_type, entity, row_id, other_id)
);

comment on table onec.guarded_rows is
    'The rows of an entity that were there when its guard first said no; the guard decides on these alone until it says yes.';
comment on column onec.guarded_rows.import_type is 'The import whose guard it is.';
comment on column onec.guarded_rows.entity is 'What it guards: goods, offers, categories, prices, stocks, customers or images.';
comment on column onec.guarded_rows.row_id is 'The id of the row; of a price, a stock or an image the first of two that name it.';
comment on column onec.guarded_rows.other_id is 'The second of the two, else 0.';

alter table onec.landed_images add column guard jsonb;
comment on column onec.landed_images.guard is 'What the guard of the images said: before, removed and limit.';

-- Files of 0.1.0 that are to be deleted have waited long enough.
alter table onec.media_deletions add column since timestamptz not null default '-infinity';
alter table onec.media_deletions alter column since drop default;
comment on table onec.media_deletions is
    'Files of the media store that no image names: an import of images deletes them after ONEC_MEDIA_KEEP_DAYS.';
comment on column onec.media_deletions.since is 'When the last record that named the file went.';

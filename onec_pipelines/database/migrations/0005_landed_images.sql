-- The last step of an import of images may be done twice: its worker dies after the commit and before anybody knows.
-- What it came to stands here until the next import. Not worth a line in the WAL.

create unlogged table onec.landed_images (
    run_id text primary key,
    total integer not null,
    seconds double precision not null,
    pictures jsonb not null
);
comment on table onec.landed_images is 'What the last import of images came to.';
comment on column onec.landed_images.run_id is 'The run that imported.';
comment on column onec.landed_images.total is 'Active products.';
comment on column onec.landed_images.seconds is 'How long it took.';
comment on column onec.landed_images.pictures is 'What became of the pictures: numbers by name.';

comment on table onec.media_deletions is 'Files of the media store that no picture names; each import of images removes them.';

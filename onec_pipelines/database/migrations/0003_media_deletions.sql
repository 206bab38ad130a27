-- Files of the media store that no record names any more and that have not been removed yet: a process may die
-- between the transaction that takes the records away and the removal of the files.

create table onec.media_deletions (
    media_path text primary key
);
comment on table onec.media_deletions is 'Published files that no picture names any more; each import of images removes them.';
comment on column onec.media_deletions.media_path is 'Path in the media store.';

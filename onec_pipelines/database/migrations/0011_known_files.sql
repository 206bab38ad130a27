-- What a file holds is remembered by the file itself and no longer by its content: one that nothing has touched need not
-- be opened to learn that it is known.

drop table onec.file_tags;

create table onec.known_files (
    path text primary key,
    identity text not null,
    sha256 text not null,
    tags jsonb not null,
    is_whole boolean not null,
    looked_at timestamptz not null,
    looked_by text not null
);
comment on table onec.known_files is 'What the files of exports hold: spares opening those that nothing has touched since.';
comment on column onec.known_files.path is 'The file, absolute.';
comment on column onec.known_files.identity is 'Its size, mtime and ctime in ns, and inode when it was looked at.';
comment on column onec.known_files.sha256 is 'SHA-256 of its content.';
comment on column onec.known_files.tags is 'Tag -> how often it opens.';
comment on column onec.known_files.is_whole is 'Whether it is a whole CommerceML, as far as anybody has asked.';
comment on column onec.known_files.looked_at is 'When it was looked at.';
comment on column onec.known_files.looked_by is 'The version of this program and a digest of what it looked for: another one looks anew.';

-- «Обмен с сайтом»: who has logged in, what has arrived, and what has come of it. The files lie on disk.

create table onec.exchange_packages (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('full', 'portion', 'changes')),
    state text not null check (state in ('open', 'sealed', 'running', 'landed', 'failed', 'merged')),
    user_name text not null,
    catalog text not null default '',
    exported_at text not null default '',
    directory text unique,
    full_id bigint references onec.exchange_packages (id),
    place bigint unique,
    holds text[] not null default '{}',
    files integer not null default 0,
    bytes bigint not null default 0,
    received_at timestamptz not null default now(),
    touched_at timestamptz not null default now(),
    sealed_at timestamptz,
    ended_at timestamptz,
    removed_at timestamptz,
    run_id text,
    progress text not null default '',
    message text not null default ''
);
create index on onec.exchange_packages (state);
create index on onec.exchange_packages (full_id);
create sequence onec.exchange_places owned by onec.exchange_packages.place;
comment on sequence onec.exchange_places is 'The order in which packages are sealed.';
comment on table onec.exchange_packages is 'What 1C has pushed: a row for each directory that is imported by a run.';
comment on column onec.exchange_packages.id is 'Number of the package, as onec exchanges lists it.';
comment on column onec.exchange_packages.kind is 'changes: one session, says nothing of what it does not name; portion: one session of a full export, imported likewise; full: all portions of an export together, after which is taken away what they do not name.';
comment on column onec.exchange_packages.state is 'open: more may come; sealed: waits for its run; running; landed; failed; merged: a portion that was imported with its full package.';
comment on column onec.exchange_packages.user_name is 'Who delivered it.';
comment on column onec.exchange_packages.catalog is 'Каталог/Ид or ИдКаталога of its first file of goods or offers; empty where there is none.';
comment on column onec.exchange_packages.exported_at is 'ДатаФормирования of that file, as 1C states it.';
comment on column onec.exchange_packages.directory is 'Its directory below packages/ of the exchange directory; null while a full package is open.';
comment on column onec.exchange_packages.full_id is 'Of a portion: the full package that it belongs to.';
comment on column onec.exchange_packages.place is 'Its place in the order of sealing, which is that of the imports.';
comment on column onec.exchange_packages.holds is 'The import types that it holds something of.';
comment on column onec.exchange_packages.files is 'Number of its files.';
comment on column onec.exchange_packages.bytes is 'Their size in bytes.';
comment on column onec.exchange_packages.received_at is 'When the first session of it was sealed.';
comment on column onec.exchange_packages.touched_at is 'When the last session of it was sealed.';
comment on column onec.exchange_packages.sealed_at is 'Since when it waits for its run.';
comment on column onec.exchange_packages.ended_at is 'When its run ended.';
comment on column onec.exchange_packages.removed_at is 'When its directory was removed.';
comment on column onec.exchange_packages.run_id is 'The Dagster run that imports it, or has.';
comment on column onec.exchange_packages.progress is 'How far that run is: processed/total.';
comment on column onec.exchange_packages.message is 'Why it failed, in the words that 1C is told.';

create table onec.exchange_sessions (
    id uuid primary key,
    token_hash bytea not null unique,
    user_name text not null,
    address text not null,
    opened_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    part integer not null default 1,
    has_files boolean not null default false,
    failure text not null default '',
    package_id bigint references onec.exchange_packages (id)
);
create index on onec.exchange_sessions (seen_at);
comment on table onec.exchange_sessions is 'Sessions of 1C with the exchange, each from its checkauth on.';
comment on column onec.exchange_sessions.id is 'Name of its directory below incoming/, with the number of the part.';
comment on column onec.exchange_sessions.token_hash is 'SHA-256 of its cookie; the cookie itself is stored nowhere.';
comment on column onec.exchange_sessions.user_name is 'Who has logged in.';
comment on column onec.exchange_sessions.address is 'From which address.';
comment on column onec.exchange_sessions.opened_at is 'When.';
comment on column onec.exchange_sessions.seen_at is 'When it last asked for something, to some seconds.';
comment on column onec.exchange_sessions.part is 'How often it has begun to send files: what comes after a mode=import is another part.';
comment on column onec.exchange_sessions.has_files is 'Whether this part has files that are not sealed.';
comment on column onec.exchange_sessions.failure is 'The words of its first failure, which are repeated; empty where nothing failed.';
comment on column onec.exchange_sessions.package_id is 'The package that its last part has become.';

create table onec.exchange_logins (
    address text not null,
    user_name text not null,
    failed_at timestamptz not null default now()
);
create index on onec.exchange_logins (address, user_name, failed_at);
comment on table onec.exchange_logins is 'Logins with wrong words in the last hour: too many of them are made to wait.';
comment on column onec.exchange_logins.address is 'From which address.';
comment on column onec.exchange_logins.user_name is 'As whom, cut to 100 characters.';
comment on column onec.exchange_logins.failed_at is 'When.';

-- GUIDs in capitals are written in lower case since 0.2.0; the rows of 0.1.0 keep theirs. They are looked for once.

create table onec.former_ids (
    folded text primary key,
    onec_id text not null
);
comment on table onec.former_ids is
    'Identifiers with capitals that 0.1.0 wrote down and that rows keep. Empty: nobody has looked for them yet; one row without an id says that somebody has.';
comment on column onec.former_ids.folded is 'The identifier in lower case, as an export is read.';
comment on column onec.former_ids.onec_id is 'The identifier on record.';

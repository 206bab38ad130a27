-- Which of two files is the later one is told by what stands at their heads.

alter table onec.known_files
    add column exported_at text not null default '',
    add column is_changes boolean not null default false;
comment on column onec.known_files.exported_at is 'ДатаФормирования as 1C states it; empty where it does not.';
comment on column onec.known_files.is_changes is 'Whether its first package says that it holds changes alone.';

create table onec.data_versions (
    import_type text primary key,
    changed_at timestamptz not null default now()
);
comment on table onec.data_versions is 'When an import last wrote or removed a row of an asset: the data version of the asset in Dagster.';
comment on column onec.data_versions.import_type is 'catalog, stocks, prices, customers, images or thumbnails.';
comment on column onec.data_versions.changed_at is 'The time of the transaction of that import.';

insert into onec.data_versions (import_type) select import_type from onec.import_states;

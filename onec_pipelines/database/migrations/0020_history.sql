-- What changed, when, by which import: a register of imports, and what rows held before.

create table onec.imports (
    id bigint generated always as identity primary key,
    import_type text not null,
    at timestamptz not null default now(),
    run_id text,
    export_kind text not null,
    catalogs text[] not null,
    fingerprint text not null,
    exported_at timestamptz,
    created integer not null,
    updated integer not null,
    removed integer not null,
    rejected integer not null
);
create index on onec.imports (at);
comment on table onec.imports is
    'The register: one row for each import that wrote something. Rows that it wrote have its time as updated_at.';
comment on column onec.imports.id is 'Number of the import.';
comment on column onec.imports.import_type is 'catalog, stocks, prices, customers or images.';
comment on column onec.imports.at is 'Time of its transaction.';
comment on column onec.imports.run_id is 'The Dagster run.';
comment on column onec.imports.export_kind is
    'full, changes, or landed where the files were those of the import before, and rows that had been pending landed.';
comment on column onec.imports.catalogs is 'The catalogues that the export named.';
comment on column onec.imports.fingerprint is 'Digest of what was imported.';
comment on column onec.imports.exported_at is 'The newest ДатаФормирования of its files.';
comment on column onec.imports.created is 'Items created.';
comment on column onec.imports.updated is 'Items updated.';
comment on column onec.imports.removed is 'Items that went, as the export stated them no longer.';
comment on column onec.imports.rejected is 'Rows that it rejected.';

create table onec.import_sources (
    import_id bigint not null references onec.imports (id) on delete cascade,
    path text not null,
    sha256 text not null,
    size_bytes bigint not null,
    rows bigint not null,
    primary key (import_id, path)
);
comment on table onec.import_sources is 'The files of each import of the register.';
comment on column onec.import_sources.import_id is 'The import.';
comment on column onec.import_sources.path is 'The file, from the directory of the export on.';
comment on column onec.import_sources.sha256 is 'SHA-256 of its bytes.';
comment on column onec.import_sources.size_bytes is 'Its size.';
comment on column onec.import_sources.rows is 'How many records were read from it.';

create table onec.past_prices (
    variant_id bigint not null,
    price_type_id bigint not null,
    value numeric not null,
    currency text,
    catalog_id integer,
    valid_from timestamptz not null,
    valid_to timestamptz not null
) partition by range (valid_to);
create index on onec.past_prices (variant_id, price_type_id);
comment on table onec.past_prices is
    'Prices that hold no longer; those that hold are in prices, since their updated_at. Kept for ONEC_HISTORY_DAYS.';
comment on column onec.past_prices.variant_id is 'The variant, which may be gone since.';
comment on column onec.past_prices.price_type_id is 'The price type.';
comment on column onec.past_prices.value is 'The price.';
comment on column onec.past_prices.currency is 'Its currency.';
comment on column onec.past_prices.catalog_id is 'As that of prices.';
comment on column onec.past_prices.valid_from is 'Time of the import that stated it.';
comment on column onec.past_prices.valid_to is 'Time of the import that replaced or removed it.';
create table onec.past_prices_default (like onec.past_prices including all);
alter table onec.past_prices attach partition onec.past_prices_default default;
comment on table onec.past_prices_default is 'Prices that ended in a month that had no table of its own yet.';

create table onec.past_stocks (
    variant_id bigint not null,
    warehouse_id bigint not null,
    quantity numeric not null,
    catalog_id integer,
    valid_from timestamptz not null,
    valid_to timestamptz not null
) partition by range (valid_to);
create index on onec.past_stocks (variant_id, warehouse_id);
comment on table onec.past_stocks is
    'Stocks that hold no longer; those that hold are in stocks, since their updated_at. Kept for ONEC_HISTORY_DAYS.';
comment on column onec.past_stocks.variant_id is 'The variant, which may be gone since.';
comment on column onec.past_stocks.warehouse_id is 'The warehouse.';
comment on column onec.past_stocks.quantity is 'The quantity.';
comment on column onec.past_stocks.catalog_id is 'As that of stocks.';
comment on column onec.past_stocks.valid_from is 'Time of the import that stated it.';
comment on column onec.past_stocks.valid_to is 'Time of the import that replaced or removed it.';
create table onec.past_stocks_default (like onec.past_stocks including all);
alter table onec.past_stocks attach partition onec.past_stocks_default default;
comment on table onec.past_stocks_default is 'Stocks that ended in a month that had no table of its own yet.';

create table onec.entity_changes (
    entity text not null,
    entity_id bigint not null,
    before jsonb not null,
    was_active boolean,
    is_deleted boolean not null,
    changed_at timestamptz not null,
    primary key (entity, entity_id, changed_at)
) partition by range (changed_at);
create index on onec.entity_changes (entity, entity_id, changed_at) where was_active is not null;
create index on onec.entity_changes (entity_id) where is_deleted;
comment on table onec.entity_changes is
    'What products, variants, price types and warehouses were until they changed. Kept for ONEC_HISTORY_DAYS.';
comment on column onec.entity_changes.entity is 'products, product_variants, price_types or warehouses.';
comment on column onec.entity_changes.entity_id is 'The id of the row in that table.';
comment on column onec.entity_changes.before is
    'The columns that changed, with what they held; all columns of a row that was deleted.';
comment on column onec.entity_changes.was_active is 'What is_active was; null where it did not change.';
comment on column onec.entity_changes.is_deleted is 'Whether the row was deleted.';
comment on column onec.entity_changes.changed_at is 'Time of the import that changed it.';
create table onec.entity_changes_default (like onec.entity_changes including all);
alter table onec.entity_changes attach partition onec.entity_changes_default default;
comment on table onec.entity_changes_default is 'Changes of a month that had no table of its own yet.';

create function onec.keeps_history() returns boolean language sql stable
return coalesce(current_setting('onec.history', true), '') <> 'off';
comment on function onec.keeps_history() is
    'Whether this session writes history: `set onec.history = off` says no, as imports do with ONEC_HISTORY_DAYS=0.';

-- A version that begins and ends in one transaction was never seen.
create function onec.keep_past_prices() returns trigger language plpgsql as $$
begin
    if not onec.keeps_history() then
        return null;
    end if;
    if tg_op = 'TRUNCATE' then
        insert into onec.past_prices (variant_id, price_type_id, value, currency, catalog_id, valid_from, valid_to)
        select variant_id, price_type_id, value, currency, catalog_id, updated_at, now()
        from onec.prices
        where updated_at < now();
    else
        insert into onec.past_prices (variant_id, price_type_id, value, currency, catalog_id, valid_from, valid_to)
        select variant_id, price_type_id, value, currency, catalog_id, updated_at, now()
        from old_rows
        where updated_at < now();
    end if;
    return null;
end
$$;
comment on function onec.keep_past_prices() is 'Writes past_prices, whatever changes prices.';
create trigger keep_updated after update on onec.prices referencing old table as old_rows
    for each statement execute function onec.keep_past_prices();
create trigger keep_deleted after delete on onec.prices referencing old table as old_rows
    for each statement execute function onec.keep_past_prices();
create trigger keep_truncated before truncate on onec.prices
    for each statement execute function onec.keep_past_prices();

create function onec.keep_past_stocks() returns trigger language plpgsql as $$
begin
    if not onec.keeps_history() then
        return null;
    end if;
    if tg_op = 'TRUNCATE' then
        insert into onec.past_stocks (variant_id, warehouse_id, quantity, catalog_id, valid_from, valid_to)
        select variant_id, warehouse_id, quantity, catalog_id, updated_at, now()
        from onec.stocks
        where updated_at < now();
    else
        insert into onec.past_stocks (variant_id, warehouse_id, quantity, catalog_id, valid_from, valid_to)
        select variant_id, warehouse_id, quantity, catalog_id, updated_at, now()
        from old_rows
        where updated_at < now();
    end if;
    return null;
end
$$;
comment on function onec.keep_past_stocks() is 'Writes past_stocks, whatever changes stocks.';
create trigger keep_updated after update on onec.stocks referencing old table as old_rows
    for each statement execute function onec.keep_past_stocks();
create trigger keep_deleted after delete on onec.stocks referencing old table as old_rows
    for each statement execute function onec.keep_past_stocks();
create trigger keep_truncated before truncate on onec.stocks
    for each statement execute function onec.keep_past_stocks();

-- What changes twice in one transaction was before what it was first.
create function onec.keep_entity_changes() returns trigger language plpgsql as $$
begin
    if not onec.keeps_history() then
        return null;
    end if;
    insert into onec.entity_changes as t (entity, entity_id, before, was_active, is_deleted, changed_at)
    select tg_table_name, id, before, (before ->> 'is_active')::boolean, false, now()
    from (
        select
            id,
            (
                select jsonb_object_agg(key, o.value)
                from jsonb_each(was) o
                join jsonb_each(becomes) n using (key)
                where o.value <> n.value and key <> all ('{updated_at,statements,is_beside_prices,is_offer}'::text[])
            ) as before
        from (
            select o.id, to_jsonb(o) as was, to_jsonb(n) as becomes
            from old_rows o
            join new_rows n using (id)
            where o.created_at < now()
            offset 0
        ) both_rows
    ) changes
    where before is not null
    on conflict (entity, entity_id, changed_at) do update set
        before = excluded.before || t.before,
        was_active = coalesce(t.was_active, excluded.was_active);
    return null;
end
$$;
comment on function onec.keep_entity_changes() is 'Writes entity_changes, whatever updates the table.';

create function onec.keep_deleted_entities() returns trigger language plpgsql as $$
begin
    if not onec.keeps_history() then
        return null;
    end if;
    insert into onec.entity_changes as t (entity, entity_id, before, was_active, is_deleted, changed_at)
    select tg_table_name, id, to_jsonb(o), is_active, true, now()
    from old_rows o
    where created_at < now()
    on conflict (entity, entity_id, changed_at) do update set
        before = excluded.before || t.before,
        was_active = coalesce(t.was_active, excluded.was_active),
        is_deleted = true;
    return null;
end
$$;
comment on function onec.keep_deleted_entities() is 'Writes entity_changes, whatever deletes from the table.';

do $$
declare
    entity text;
begin
    foreach entity in array array['products', 'product_variants', 'price_types', 'warehouses'] loop
        execute format(
            'create trigger keep_updated after update on onec.%I referencing old table as old_rows new table as new_rows '
            'for each statement execute function onec.keep_entity_changes()', entity);
        execute format(
            'create trigger keep_deleted after delete on onec.%I referencing old table as old_rows '
            'for each statement execute function onec.keep_deleted_entities()', entity);
    end loop;
end
$$;

-- The tables of months.
create function onec.prepare_history(days integer) returns void language plpgsql as $$
declare
    parent text;
    ended text;
    month date;
    partition text;
    since timestamptz;
    bound timestamptz;
begin
    for parent, ended in
        values ('past_prices', 'valid_to'), ('past_stocks', 'valid_to'), ('entity_changes', 'changed_at')
    loop
        for ahead in 0..1 loop
            month := date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead);
            since := month::timestamp at time zone 'UTC';
            bound := (month + interval '1 month') at time zone 'UTC';
            partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
            continue when to_regclass('onec.' || partition) is not null;
            execute format('create table onec.%I (like onec.%I including all)', partition, parent);
            execute format(
                'with early as (delete from onec.%1$I where %2$I >= %3$L and %2$I < %4$L returning *) '
                'insert into onec.%5$I select * from early', parent || '_default', ended, since, bound, partition);
            execute format(
                'alter table onec.%I attach partition onec.%I for values from (%L) to (%L)',
                parent, partition, since, bound);
            execute format('comment on table onec.%I is %L', partition, format('%s of one month.', parent));
        end loop;
        continue when days = 0;
        for partition, month in
            select relname, to_date(right(relname, 7), 'YYYY_MM')
            from pg_inherits join pg_class on pg_class.oid = inhrelid
            where inhparent = to_regclass('onec.' || parent) and relname ~ '_[0-9]{4}_[0-9]{2}$'
        loop
            if (month + interval '1 month') at time zone 'UTC' < now() - make_interval(days => days) then
                execute format('drop table onec.%I', partition);
            end if;
        end loop;
        execute format(
            'delete from onec.%I where %I < now() - make_interval(days => %s)', parent || '_default', ended, days);
    end loop;
end
$$;
comment on function onec.prepare_history(integer) is
    'Makes the tables of this month and the next, and drops months that ended more than so many days ago; 0 drops none.';
select onec.prepare_history(0);

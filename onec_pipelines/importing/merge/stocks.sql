-- What the staged stocks mean to the tables.
-- A shop may have several catalogues: what is marked with one is replaced by what that states alone (catalogs.py).
-- Bound: stocks_full (every segment was full, something was seen, and the guard has not said no); stocks_judged (the
-- same, whatever the guard says: what it keeps stands in pg_temp.kept);
-- stocks_segments_full (every segment was full).

-- include catalogs

-- repeated warehouses by onec_id

-- settle offers that have no stock
-- Their list is empty: what was stated before it counts no longer.
create temp table emptied (onec_id text collate "C", catalog_id integer, seq bigint) on commit drop;

-- settle lists that are empty
with lists as (
    delete from onec_staging.stocks where warehouse_onec_id is null returning onec_id, catalog_id, seq
)
insert into pg_temp.emptied
select onec_id, catalog_id, max(seq)
from lists
group by onec_id, catalog_id;

-- settle stocks before a list that is empty
delete from onec_staging.stocks s
using pg_temp.emptied e
where e.onec_id = s.onec_id and e.catalog_id is not distinct from s.catalog_id and s.seq < e.seq;

-- settle rejected stocks before a list that is empty
delete from pg_temp.rejected r
using pg_temp.emptied e
where e.onec_id = r.onec_id and e.catalog_id is not distinct from r.catalog_id and r.seq < e.seq;

-- settle cells of stocks
create or replace temp view cells as
select seq, onec_id, warehouse_onec_id as cell
from onec_staging.stocks;

-- include cells

-- settle totals beside their warehouses
-- Beside stock per warehouse, a quantity without one is their total, in whichever file it stands, be it rejected.
with totals as (
    delete from onec_staging.stocks s
    where s.warehouse_onec_id = 'default'
        and exists (select from onec_staging.stocks o where o.onec_id = s.onec_id and o.warehouse_onec_id <> 'default')
)
delete from pg_temp.rejected r
where r.cell = 'default'
    and exists (select from onec_staging.stocks o where o.onec_id = r.onec_id and o.warehouse_onec_id <> 'default');

-- settle default variants that gave way
-- Offers took the place of the bare id, and 1C states no stock of it: that takes nothing from a shop to guard.
create or replace temp view given_way as
select d.id
from pg_temp.unstated d
where d.is_beside_offers
    and not exists (select from onec_staging.stocks s where s.onec_id = d.onec_id)
    and not exists (select from pg_temp.rejected r where r.onec_id = d.onec_id);

-- guard stocks
select x.variant_id, x.warehouse_id
from onec.stocks x
where not exists (select from pg_temp.given_way d where d.id = x.variant_id);

-- upsert warehouses by onec_id
-- A deletion mark may come alone: then the name stays.
select s.onec_id, coalesce(nullif(s.name, ''), t.name, s.onec_id) as name, not s.deleted as is_active
from onec_staging.warehouses s
left join onec.warehouses t on t.onec_id = s.onec_id;

-- settle stocks that were pending
-- A total without a warehouse is pending no longer once its offer states warehouses. A rejected stock keeps the one
-- that is pending.
insert into onec_staging.stocks (seq, file, line, onec_id, warehouse_onec_id, quantity, catalog_id)
select -row_number() over (order by w.onec_id), w.source_file, w.source_line, w.onec_id, cell.warehouse_onec_id,
    cell.quantity, cell.catalog_id
from onec.pending_records w
cross join lateral jsonb_to_recordset(w.payload) as cell (
    warehouse_onec_id text, quantity text, catalog_id integer
)
left join (select distinct onec_id, cell from pg_temp.rejected) r
    on r.onec_id = w.onec_id and r.cell = cell.warehouse_onec_id
where w.import_type = 'stocks'
    and (
        r.cell is not null
        or not coalesce(%(stocks_full)s and (%(one_catalog)s or cell.catalog_id = any (%(stocks_spoken)s)), false)
            and not exists (
                select
                from pg_temp.emptied e
                where e.onec_id = w.onec_id and (%(one_catalog)s or e.catalog_id is not distinct from cell.catalog_id)
            )
    )
    and not exists (
        select
        from onec_staging.stocks s
        where s.onec_id = w.onec_id
            and (s.warehouse_onec_id = cell.warehouse_onec_id or cell.warehouse_onec_id = 'default')
    );

-- settle totals of offers whose warehouses are on record
-- Beside stock per warehouse, a quantity without one is their total. A full export takes those away instead.
delete from onec_staging.stocks s
using onec.product_variants v
where not %(stocks_full)s and s.warehouse_onec_id = 'default' and v.onec_id = s.onec_id
    and not exists (select from pg_temp.emptied e where e.onec_id = s.onec_id)
    and exists (
        select
        from onec.stocks x
        join onec.warehouses w on w.id = x.warehouse_id
        where x.variant_id = v.id and w.onec_id <> 'default'
    );

-- settle totals of offers whose warehouses were pending
delete from onec_staging.stocks s
using onec_staging.stocks o
join onec.warehouses w on w.onec_id = o.warehouse_onec_id
where s.onec_id = o.onec_id and s.warehouse_onec_id = 'default' and o.warehouse_onec_id <> 'default' and o.seq < 0;

-- run the default warehouse
insert into onec.warehouses (onec_id, name)
select 'default', 'Основной склад'
where exists (select from onec_staging.stocks s where s.warehouse_onec_id = 'default')
    and not exists (select from onec.warehouses w where w.onec_id = 'default');

-- run default variants for stocks of a bare product id
-- No product id holds a #: most offers need not be looked up among the products.
insert into onec.product_variants (onec_id, product_id, is_default, is_offer, is_active)
select p.onec_id, p.id, true, false, p.is_active
from onec.products p
where p.onec_id in (select s.onec_id from onec_staging.stocks s where position('#' in s.onec_id) = 0)
    and (select v.id from onec.product_variants v where v.onec_id = p.onec_id) is null
on conflict (onec_id) do nothing;

-- upsert stocks by variant_id, warehouse_id
select v.id as variant_id, w.id as warehouse_id, s.quantity::numeric as quantity, s.catalog_id
from onec_staging.stocks s
join onec.product_variants v on v.onec_id = s.onec_id
join onec.warehouses w on w.onec_id = s.warehouse_onec_id;

-- remove stocks of default variants that gave way
delete from onec.stocks x
using pg_temp.given_way d
where %(stocks_segments_full)s and d.id = x.variant_id;

-- remove stocks of offers whose list is empty
-- Those of a full package are no longer sent, and guarded with the others.
delete from onec.stocks x
using pg_temp.emptied e, onec.product_variants v, onec.warehouses w
where not coalesce(%(stocks_judged)s and (%(one_catalog)s or e.catalog_id = any (%(stocks_spoken)s)), false)
    and v.onec_id = e.onec_id and x.variant_id = v.id and w.id = x.warehouse_id
    and (%(one_catalog)s or x.catalog_id is null or x.catalog_id = e.catalog_id)
    and not exists (
        select from onec_staging.stocks s where s.onec_id = v.onec_id and s.warehouse_onec_id = w.onec_id
    )
    and not exists (
        select from pg_temp.rejected r where r.onec_id = v.onec_id and r.cell = w.onec_id
    );

-- remove stocks by stocks no longer sent
-- What this import wrote, at its now(), was sent: that spares a first one the joins.
delete from onec.stocks x
using onec.product_variants v, onec.warehouses w
where %(stocks_judged)s and v.id = x.variant_id and w.id = x.warehouse_id and x.updated_at <> now()
    and (%(one_catalog)s or case when x.catalog_id is null then (
        select k.catalog_ids from pg_temp.catalogs_of_products k where k.product_id = v.product_id
    ) else array[x.catalog_id] end <@ %(stocks_spoken)s::integer[])
    and not exists (
        select from onec_staging.stocks s where s.onec_id = v.onec_id and s.warehouse_onec_id = w.onec_id
    )
    and not exists (
        select from pg_temp.rejected r where r.onec_id = v.onec_id and r.cell = w.onec_id
    )
    and not exists (
        select
        from pg_temp.kept k
        where k.entity = 'stocks' and k.row_id = x.variant_id and k.other_id = x.warehouse_id
    )
returning x.variant_id, x.warehouse_id;

-- remove totals beside warehouses
delete from onec.stocks x
using onec.warehouses w
where w.id = x.warehouse_id and w.onec_id = 'default'
    and exists (select from onec.stocks o where o.variant_id = x.variant_id and o.warehouse_id <> x.warehouse_id);

-- settle stocks that are pending
-- Their offer or their warehouse has not arrived.
create temp table pending on commit drop as
select s.*
from onec_staging.stocks s
left join onec.product_variants v on v.onec_id = s.onec_id
left join onec.warehouses d on d.onec_id = s.warehouse_onec_id
where v.id is null or d.id is null;

-- upsert pending_records by import_type, entity, onec_id
select
    'stocks' as import_type,
    'stock' as entity,
    s.onec_id,
    jsonb_agg(
        jsonb_build_object('warehouse_onec_id', s.warehouse_onec_id, 'quantity', s.quantity)
            || case when s.catalog_id is null then '{}' else jsonb_build_object('catalog_id', s.catalog_id) end
        order by s.warehouse_onec_id
    ) as payload,
    min(s.file) as source_file,
    min(s.line) as source_line
from pg_temp.pending s
group by s.onec_id;

-- run stocks that are pending no longer
delete from onec.pending_records w
where w.import_type = 'stocks' and not exists (select from pg_temp.pending s where s.onec_id = w.onec_id);

-- count items
-- Those that the files state, those of them that are pending, and those that an earlier export stated and landed now.
select
    count(*) filter (where seq > 0),
    (select count(*) from pg_temp.pending where seq > 0),
    count(*) filter (where seq < 0) - (select count(*) from pg_temp.pending where seq < 0)
from onec_staging.stocks;

-- include default_variants

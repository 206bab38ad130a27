-- The rows that have not landed, as people see them. Article and name are those of the offer or the good on record, or
-- else what the row itself states; a payload of customers is not read. What somebody has written at length is cut.
-- Bound: import_type (or `all`), limit (or null).

-- query rejected
-- The newest first: what is rejected since the last import stands at the top.
select
    r.reason,
    left(coalesce(v.article, p.article, g.payload ->> 'article'), 200) as article,
    left(coalesce(v.name, p.name, g.payload ->> 'name'), 200) as name,
    case when r.entity in ('price', 'stock') then coalesce(t.name, w.name, r.cell) end as cell,
    r.source_file as file,
    r.source_line as line,
    r.onec_id,
    r.import_type,
    r.entity,
    r.created_at as first_seen_at
from (
    select *
    from onec.rejected_records
    where %(import_type)s::text = 'all' or import_type = %(import_type)s
    order by created_at desc, id
    limit %(limit)s
) r
left join lateral (
    select r.onec_id, r.payload where r.entity in ('product', 'offer', 'price', 'stock', 'image', 'thumbnail')
) g on true
left join onec.product_variants v on v.onec_id = g.onec_id
left join onec.products p on p.onec_id = split_part(g.onec_id, '#', 1)
left join onec.price_types t on r.entity = 'price' and t.onec_id = r.cell
left join onec.warehouses w on r.entity = 'stock' and w.onec_id = r.cell
order by r.created_at desc, r.id;

-- query pending
-- Those that have waited longest first. What has arrived since the last import of the type lands with the next one.
select
    left(coalesce(nullif(concat_ws(
        '; ',
        case
            when p.id is null then 'нет товара'
            when v.id is null and r.onec_id like '%%#%%' then 'нет предложения'
        end,
        (
            select 'нет вида цен: ' || string_agg(distinct missing #>> '{}', ', ')
            from jsonb_path_query(r.payload, '$[*].price_type_onec_id') missing
            where not exists (select from onec.price_types t where t.onec_id = missing #>> '{}')
        ),
        (
            select 'нет склада: ' || string_agg(distinct missing #>> '{}', ', ')
            from jsonb_path_query(r.payload, '$[*].warehouse_onec_id') missing
            where not exists (select from onec.warehouses w where w.onec_id = missing #>> '{}')
        )
    ), ''), 'всё есть, загрузит следующий импорт'), 200) as reason,
    left(coalesce(v.article, p.article, r.payload ->> 'article'), 200) as article,
    left(coalesce(v.name, p.name, r.payload ->> 'name'), 200) as name,
    null as cell,
    r.source_file as file,
    r.source_line as line,
    r.onec_id,
    r.import_type,
    r.entity,
    r.first_seen_at
from (
    select *
    from onec.pending_records
    where %(import_type)s::text = 'all' or import_type = %(import_type)s
    order by first_seen_at, import_type, onec_id
    limit %(limit)s
) r
left join onec.product_variants v on v.onec_id = r.onec_id
left join onec.products p on p.onec_id = split_part(r.onec_id, '#', 1)
order by r.first_seen_at, r.import_type, r.onec_id;

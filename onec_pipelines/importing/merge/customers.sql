-- What the staged customers mean to the table. An element that 1C states empty clears, one that is absent (null in
-- staging) says nothing, in a delta and in a full export alike.
-- Bound: customers_judged (every segment says that it is full, and something was seen; whom the guard keeps stands in
-- pg_temp.kept).

-- settle customers of whom several elements state parts
-- Each column is what the latest element says of it.
with elements as (
    delete from onec_staging.customers s
    where exists (select from onec_staging.customers o where o.onec_id = s.onec_id and o.seq <> s.seq)
    returning s.*
),
columns as (
    select e.onec_id, jsonb_object_agg(c.key, c.value order by e.seq) as latest
    from elements e cross join jsonb_each(to_jsonb(e)) c
    where c.value <> 'null' or (c.key = 'inn_valid' and e.inn is not null)
    group by e.onec_id
)
insert into onec_staging.customers
select r.*
from columns c
cross join lateral (
    select jsonb_build_object(
        'addresses', (
            select coalesce(jsonb_object_agg(a.key, a.value order by e.seq), '{}')
            from elements e cross join jsonb_each(e.addresses) a where e.onec_id = c.onec_id
        ),
        'extra', (
            select coalesce(jsonb_object_agg(x.key, x.value order by e.seq), '{}')
            from elements e cross join jsonb_each(e.extra) x where e.onec_id = c.onec_id
        )
    ) as merged
) m
cross join jsonb_populate_record(null::onec_staging.customers, c.latest || m.merged) r;

-- settle roles of buyers that another element states
update onec_staging.customers s
set roles = s.roles || n.roles
from (
    select n.onec_id, array_agg(distinct role) as roles
    from onec_staging.customers_not_for_us n cross join unnest(n.roles) role group by n.onec_id
) n
where n.onec_id = s.onec_id and s.roles <> '{}' and not s.roles @> n.roles;

-- latest customers_not_for_us by onec_id

-- settle contragents that an element calls a buyer, or the latest one nothing else
delete from onec_staging.customers_not_for_us n
using onec_staging.customers s
where s.onec_id = n.onec_id and (s.roles <> '{}' or s.seq > n.seq);

-- settle contragents whom the latest element calls something else, and none a buyer
delete from onec_staging.customers s
using onec_staging.customers_not_for_us n
where n.onec_id = s.onec_id;

-- guard customers
select id, 0 from onec.customers where is_active;

-- upsert customers by onec_id
-- A deletion mark that comes alone says nothing of somebody unknown.
select
    p.onec_id,
    case
        when p.stated_kind = 'legal_entity' or p.inn ~ '^([0-9]{8}|[0-9]{10})$' then 'legal_entity'
        when p.stated_kind <> '' then p.stated_kind
        when p.inn_scheme = 'kz_bin' or p.inn ~ '^[0-9]{9}$' then 'legal_entity'
        when p.inn ~ '^[0-9]{12}$' then 'individual'
        when p.kpp <> '' then 'legal_entity'
        else 'individual'
    end as kind,
    nullif(p.stated_kind, '') as stated_kind,
    nullif(p.name, '') as name,
    nullif(p.full_name, '') as full_name,
    nullif(p.inn, '') as inn,
    nullif(p.inn_scheme, '') as inn_scheme,
    p.inn_valid,
    nullif(p.kpp, '') as kpp,
    nullif(p.okpo, '') as okpo,
    nullif(p.email, '') as email,
    nullif(p.phone, '') as phone,
    p.roles,
    p.addresses,
    p.contacts,
    p.bank_accounts,
    p.representatives,
    p.extra,
    not p.deleted as is_active
from (
    select
        s.onec_id,
        s.deleted,
        t.id is not null as is_known,
        -- Of two names the full one tells the kind; where there is no such, the other.
        coalesce(s.stated_kind, case when s.name is null or t.full_name is not null then t.stated_kind end) as stated_kind,
        case
            when s.name <> '' then s.name
            when s.name is null and t.name is distinct from parts.before then t.name
            else parts.now
        end as name,
        coalesce(s.full_name, t.full_name) as full_name,
        coalesce(s.inn, t.inn) as inn,
        coalesce(s.inn_scheme, t.inn_scheme) as inn_scheme,
        case when s.inn is null then t.inn_valid else s.inn_valid end as inn_valid,
        coalesce(s.kpp, t.kpp) as kpp,
        coalesce(s.okpo, t.okpo) as okpo,
        coalesce(s.email, t.email) as email,
        coalesce(s.phone, t.phone) as phone,
        coalesce(s.roles, t.roles, '{}') as roles,
        addresses.now as addresses,
        coalesce(s.contacts, t.contacts, '[]') as contacts,
        coalesce(s.bank_accounts, t.bank_accounts, '[]') as bank_accounts,
        coalesce(s.representatives, t.representatives, '[]') as representatives,
        extra.now as extra
    from onec_staging.customers s
    left join onec.customers t on t.onec_id = s.onec_id
    cross join lateral (select jsonb_strip_nulls(coalesce(t.extra, '{}') || s.extra) as now) extra
    cross join lateral (
        select
            nullif(concat_ws(' ', t.extra ->> 'Фамилия', t.extra ->> 'Имя', t.extra ->> 'Отчество'), '') as before,
            nullif(concat_ws(' ', extra.now ->> 'Фамилия', extra.now ->> 'Имя', extra.now ->> 'Отчество'), '') as now
    ) parts
    cross join lateral (
        select coalesce(jsonb_agg(a.address order by a.address ->> 'kind' collate "C", a.place), '[]') as now
        from (
            select k.address, k.place from jsonb_array_elements(t.addresses) with ordinality k (address, place)
            where not s.addresses ? (k.address ->> 'kind')
            union all
            select n.address, n.place
            from jsonb_each(s.addresses) e cross join jsonb_array_elements(e.value) with ordinality n (address, place)
        ) a
    ) addresses
) p
where p.is_known or not p.deleted or coalesce(p.name, p.full_name) <> '';

-- remove customers by customers no longer named
update onec.customers t
set is_active = false, updated_at = now()
where %(customers_judged)s and t.is_active
    and not exists (select from pg_temp.kept k where k.entity = 'customers' and k.row_id = t.id)
    and not exists (select from onec_staging.customers s where s.onec_id = t.onec_id)
    and not exists (select from onec_staging.customers_not_for_us n where n.onec_id = t.onec_id)
returning t.id, 0;

-- run customers who are no buyers any more
-- Here 1C does name them: neither a delta nor a guard keeps them.
update onec.customers t
set is_active = false, updated_at = now()
from onec_staging.customers_not_for_us n
where n.onec_id = t.onec_id and t.is_active;

-- count items
-- Those that the files state; none of them is ever pending.
select count(*), 0, 0 from onec_staging.customers;

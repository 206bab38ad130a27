-- What the staged customers mean to the table.
-- Bound: customers_full (every segment was full, something was seen, and the guard has not said no),
-- customers_segments_full (every segment was full): only then does the absence of a value blank it.

-- yield customers by onec_id
coalesce(name, full_name) <> '' or not deleted;

-- latest customers by onec_id

-- latest customers_not_for_us by onec_id

-- settle contragents that a later row calls a buyer
delete from onec_staging.customers_not_for_us n
using onec_staging.customers s
where s.onec_id = n.onec_id and s.seq > n.seq;

-- settle buyers that a later row calls something else
delete from onec_staging.customers s
using onec_staging.customers_not_for_us n
where n.onec_id = s.onec_id;

-- guard customers by customers no longer named
select count(*) from onec.customers where is_active;

-- upsert customers by onec_id
-- A deletion mark that comes alone takes nothing but the activity. An ИНН tells the kind, but for an entrepreneur from
-- an individual: what tells those apart is the name, so where none is stated the entrepreneur is still one.
select
    s.onec_id,
    case
        when not s.is_whole and s.name is null and s.full_name is null
            and (s.kind is null or s.inn = t.inn or (s.kind, t.kind) = ('individual', 'entrepreneur'))
        then coalesce(t.kind, s.kind, 'individual')
        else coalesce(s.kind, case when not s.is_whole then t.kind end, 'individual')
    end as kind,
    case when s.is_whole then s.name else coalesce(s.name, t.name) end as name,
    case when s.is_whole then s.full_name else coalesce(s.full_name, t.full_name) end as full_name,
    case when s.is_whole then s.inn else coalesce(s.inn, t.inn) end as inn,
    case when s.is_whole then s.inn_valid else coalesce(s.inn_valid, t.inn_valid) end as inn_valid,
    case when s.is_whole then s.kpp else coalesce(s.kpp, t.kpp) end as kpp,
    case when s.is_whole then s.okpo else coalesce(s.okpo, t.okpo) end as okpo,
    case when s.is_whole then s.email else coalesce(s.email, t.email) end as email,
    case when s.is_whole then s.phone else coalesce(s.phone, t.phone) end as phone,
    case when s.is_whole or s.roles <> '{}' then s.roles else coalesce(t.roles, '{}') end as roles,
    coalesce(s.addresses, case when not s.is_whole then t.addresses end, '[]') as addresses,
    coalesce(s.contacts, case when not s.is_whole then t.contacts end, '[]') as contacts,
    coalesce(s.bank_accounts, case when not s.is_whole then t.bank_accounts end, '[]') as bank_accounts,
    coalesce(s.representatives, case when not s.is_whole then t.representatives end, '[]') as representatives,
    not s.deleted as is_active
from (
    select *, %(customers_segments_full)s and not (deleted and name is null and full_name is null) as is_whole
    from onec_staging.customers
) s
left join onec.customers t on t.onec_id = s.onec_id;

-- run customers no longer named
update onec.customers t
set is_active = false, updated_at = now()
where %(customers_full)s and t.is_active
    and not exists (select from onec_staging.customers s where s.onec_id = t.onec_id)
    and not exists (select from onec_staging.customers_not_for_us n where n.onec_id = t.onec_id);

-- run customers who are no buyers any more
-- Here 1C does name them: neither a delta nor a guard keeps them.
update onec.customers t
set is_active = false, updated_at = now()
from onec_staging.customers_not_for_us n
where n.onec_id = t.onec_id and t.is_active;

-- count items
-- Those that the files state; none of them is ever pending.
select count(*), 0, 0 from onec_staging.customers;

-- Nothing that 1C states of a customer is dropped, and what tells his kind is kept: a delta may change one part of it.

alter table onec.customers
    add column extra jsonb not null default '{}',
    add column inn_scheme text,
    add column stated_kind text check (stated_kind in ('legal_entity', 'entrepreneur', 'individual'));
comment on column onec.customers.extra is
    'What has no column, by element: price type, agreement, manager, parts of the name and the like. Personal data.';
comment on column onec.customers.inn_scheme is
    'What the ИНН is, as its form tells: ru_inn, kz_bin, kz_iin, by_unp or ua_edrpou; null where it does not tell.';
comment on column onec.customers.stated_kind is
    'What names and elements of 1C say of the kind, whatever the ИНН; null where they say nothing.';
comment on column onec.customers.kind is
    'legal_entity, entrepreneur or individual: as stated_kind says, else as the ИНН and the КПП tell.';
comment on column onec.customers.name is 'Наименование; without one Фамилия, Имя and Отчество.';
comment on column onec.customers.inn is 'ИНН as sent; of ИНН/КПП in one the first.';
comment on column onec.customers.inn_valid is
    'Whether the control digits of the ИНН are right; null without one, and where no rule is known.';
comment on column onec.customers.kpp is 'КПП; null where 1C states 0, - or zeros.';
comment on column onec.customers.email is 'The first e-mail among the contacts, in lower case.';
comment on column onec.customers.phone is
    'The first telephone among the contacts that can be read, as +, code of the country, number; internal ones come last.';

-- The kinds of 0.1.0 that did not follow from the ИНН or the КПП.
update onec.customers set stated_kind = kind
where kind = 'entrepreneur' or (kind = 'legal_entity' and kpp is null and coalesce(inn, '') !~ '^[0-9]{10}$');

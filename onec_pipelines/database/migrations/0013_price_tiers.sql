-- Of several prices of one type for different units or quantities none is lost.

create table onec.price_tiers (
    variant_id bigint not null references onec.product_variants (id),
    price_type_id bigint not null references onec.price_types (id),
    unit text,
    factor numeric not null,
    min_quantity numeric not null,
    value numeric not null,
    currency text,
    updated_at timestamptz not null default now(),
    unique nulls not distinct (variant_id, price_type_id, unit, factor, min_quantity)
);
create index on onec.price_tiers (price_type_id);
comment on table onec.price_tiers is
    'Further prices of a variant in a price type, for another unit or from a larger quantity; the first is in prices.';
comment on column onec.price_tiers.variant_id is 'The variant.';
comment on column onec.price_tiers.price_type_id is 'The price type.';
comment on column onec.price_tiers.unit is 'Единица: what the price is for; null where 1C names none.';
comment on column onec.price_tiers.factor is 'Коэффициент: how many base units that is; 1 where 1C states none.';
comment on column onec.price_tiers.min_quantity is 'МинКоличество: from which quantity on; 0 where 1C states none.';
comment on column onec.price_tiers.value is 'ЦенаЗаЕдиницу, for one unit.';
comment on column onec.price_tiers.currency is 'Currency of the price type, or the price''s own where the type has none.';
comment on column onec.price_tiers.updated_at is 'When an import last changed it.';
comment on table onec.prices is
    'The price of a variant in a price type: for one base unit and the least quantity, where 1C states several.';

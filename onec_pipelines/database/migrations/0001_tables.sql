-- The catalogue, its customers and pictures, and the records of what was refused or waits.
-- Every identifier of 1C compares by bytes (collate "C"): equal on every server, and fast.
-- Texts without a limit of length are indexed by hash: a B-tree refuses what is longer than 2,704 bytes.

create schema if not exists onec;
comment on schema onec is 'What 1C exported: catalogue, prices, stocks, customers and product images.';

create schema if not exists onec_staging;
comment on schema onec_staging is 'Rows of an import on their way; empty between imports.';

create table onec.categories (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    parent_id bigint references onec.categories (id),
    parent_onec_id text collate "C",
    name text not null,
    description text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on onec.categories (parent_id);
comment on table onec.categories is 'Product groups of 1C, as a tree.';
comment on column onec.categories.id is 'Surrogate key.';
comment on column onec.categories.onec_id is '1C''s own identifier.';
comment on column onec.categories.parent_id is 'The group around it; null at the top, or while the parent has not arrived.';
comment on column onec.categories.parent_onec_id is 'The parent as 1C names it.';
comment on column onec.categories.name is 'Name.';
comment on column onec.categories.description is 'Description.';
comment on column onec.categories.is_active is 'False once 1C marks it as deleted, or a full export no longer names it.';
comment on column onec.categories.created_at is 'When it was first imported.';
comment on column onec.categories.updated_at is 'When an import last changed it.';

create table onec.brands (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    name text not null,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table onec.brands is 'Brands, from the property `Бренд`, ТорговаяМарка or Изготовитель.';
comment on column onec.brands.id is 'Surrogate key.';
comment on column onec.brands.onec_id is '1C''s own identifier.';
comment on column onec.brands.name is 'Name.';
comment on column onec.brands.is_active is 'Always true: 1C has no deletion mark for a brand.';
comment on column onec.brands.created_at is 'When it was first imported.';
comment on column onec.brands.updated_at is 'When an import last changed it.';

create table onec.units (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    name text not null,
    full_name text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table onec.units is 'Units of measure; onec_id is the trimmed code.';
comment on column onec.units.id is 'Surrogate key.';
comment on column onec.units.onec_id is '1C''s own identifier.';
comment on column onec.units.name is 'Short name, such as шт.';
comment on column onec.units.full_name is 'Full name.';
comment on column onec.units.is_active is 'False once 1C marks it as deleted.';
comment on column onec.units.created_at is 'When it was first imported.';
comment on column onec.units.updated_at is 'When an import last changed it.';

create table onec.properties (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    name text not null,
    value_type text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table onec.properties is 'Properties of goods and offers.';
comment on column onec.properties.id is 'Surrogate key.';
comment on column onec.properties.onec_id is '1C''s own identifier.';
comment on column onec.properties.name is 'Name.';
comment on column onec.properties.value_type is 'ТипЗначений, such as Справочник.';
comment on column onec.properties.is_active is 'False once 1C marks it as deleted.';
comment on column onec.properties.created_at is 'When it was first imported.';
comment on column onec.properties.updated_at is 'When an import last changed it.';

create table onec.property_values (
    id bigint generated always as identity primary key,
    property_id bigint not null references onec.properties (id),
    onec_id text collate "C" not null,
    value text not null,
    unique (property_id, onec_id)
);
create index on onec.property_values (onec_id);
comment on table onec.property_values is 'Dictionary of the properties whose values are references.';
comment on column onec.property_values.id is 'Surrogate key.';
comment on column onec.property_values.property_id is 'The property.';
comment on column onec.property_values.onec_id is 'ИдЗначения, by which goods refer to it.';
comment on column onec.property_values.value is 'The label.';

create table onec.products (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    article text,
    name text not null,
    description text,
    barcode text,
    category_id bigint references onec.categories (id),
    group_onec_ids text[] not null default '{}',
    brand_id bigint references onec.brands (id),
    brand_onec_id text collate "C",
    unit_id bigint references onec.units (id),
    unit_code text collate "C",
    vat_rate numeric,
    vat text,
    country text,
    manufacturer text,
    properties jsonb not null default '{}',
    requisites jsonb not null default '{}',
    dimensions jsonb not null default '{}',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on onec.products (category_id);
create index on onec.products (brand_id);
create index on onec.products using hash (article);
comment on table onec.products is 'Goods of 1C (Товар).';
comment on column onec.products.id is 'Surrogate key.';
comment on column onec.products.onec_id is '1C''s own identifier.';
comment on column onec.products.article is 'Артикул.';
comment on column onec.products.name is 'Наименование.';
comment on column onec.products.description is 'Описание, HTML as sent.';
comment on column onec.products.barcode is 'Штрихкод.';
comment on column onec.products.category_id is 'The first known group of the good.';
comment on column onec.products.group_onec_ids is 'All groups as 1C names them, in its order.';
comment on column onec.products.brand_id is 'The brand.';
comment on column onec.products.brand_onec_id is 'The brand as 1C names it.';
comment on column onec.products.unit_id is 'The base unit.';
comment on column onec.products.unit_code is 'The base unit as 1C names it.';
comment on column onec.products.vat_rate is 'VAT in percent; null for Без НДС.';
comment on column onec.products.vat is 'VAT as 1C writes it.';
comment on column onec.products.country is 'Страна.';
comment on column onec.products.manufacturer is 'Name of the Изготовитель.';
comment on column onec.products.properties is 'Property onec_id -> raw value, or array of values; empty ones are left out.';
comment on column onec.products.requisites is 'Requisite name -> value, or array of values.';
comment on column onec.products.dimensions is 'Ширина, Длина, Высота, Вес as sent.';
comment on column onec.products.is_active is 'False once 1C marks it as deleted, or a full export no longer names it.';
comment on column onec.products.created_at is 'When it was first imported.';
comment on column onec.products.updated_at is 'When an import last changed it.';

create table onec.product_categories (
    product_id bigint not null references onec.products (id),
    category_id bigint not null references onec.categories (id),
    primary key (product_id, category_id)
);
create index on onec.product_categories (category_id);
comment on table onec.product_categories is 'Every known group of a product.';
comment on column onec.product_categories.product_id is 'The product.';
comment on column onec.product_categories.category_id is 'The group.';

create table onec.product_variants (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    product_id bigint not null references onec.products (id),
    article text,
    name text,
    barcode text,
    characteristics jsonb not null default '{}',
    properties jsonb not null default '{}',
    dimensions jsonb not null default '{}',
    is_default boolean not null default false,
    is_offer boolean not null default true,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on onec.product_variants (product_id);
create index product_variants_unstated on onec.product_variants (product_id) where is_default and not is_offer;
comment on table onec.product_variants is 'Offers of 1C (Предложение): what is sold. A product without characteristics has one default variant.';
comment on column onec.product_variants.id is 'Surrogate key.';
comment on column onec.product_variants.onec_id is '1C''s own identifier.';
comment on column onec.product_variants.product_id is 'The product.';
comment on column onec.product_variants.article is 'Артикул.';
comment on column onec.product_variants.name is 'Наименование of the offer.';
comment on column onec.product_variants.barcode is 'Штрихкод.';
comment on column onec.product_variants.characteristics is 'Characteristic name -> value; empty ones are left out.';
comment on column onec.product_variants.properties is 'Property onec_id -> raw value, or array of values.';
comment on column onec.product_variants.dimensions is 'Ширина, Длина, Высота, Вес as sent.';
comment on column onec.product_variants.is_default is 'True for the variant whose onec_id is the bare product id.';
comment on column onec.product_variants.is_offer is 'Whether 1C stated it as an offer; a default variant may exist for its prices or stocks alone.';
comment on column onec.product_variants.is_active is 'False once 1C marks it as deleted, or a full export no longer names it.';
comment on column onec.product_variants.created_at is 'When it was first imported.';
comment on column onec.product_variants.updated_at is 'When an import last changed it.';

create table onec.price_types (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    name text not null,
    currency text,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table onec.price_types is 'Price types (ТипЦены).';
comment on column onec.price_types.id is 'Surrogate key.';
comment on column onec.price_types.onec_id is '1C''s own identifier.';
comment on column onec.price_types.name is 'Name.';
comment on column onec.price_types.currency is 'Валюта, as sent.';
comment on column onec.price_types.is_active is 'False once 1C marks it as deleted.';
comment on column onec.price_types.created_at is 'When it was first imported.';
comment on column onec.price_types.updated_at is 'When an import last changed it.';

create table onec.prices (
    variant_id bigint not null references onec.product_variants (id),
    price_type_id bigint not null references onec.price_types (id),
    value numeric not null,
    currency text,
    updated_at timestamptz not null default now(),
    primary key (variant_id, price_type_id)
);
create index on onec.prices (price_type_id);
comment on table onec.prices is 'The price of a variant in a price type.';
comment on column onec.prices.variant_id is 'The variant.';
comment on column onec.prices.price_type_id is 'The price type.';
comment on column onec.prices.value is 'ЦенаЗаЕдиницу.';
comment on column onec.prices.currency is 'Currency of the price type, or the price''s own where the type has none.';
comment on column onec.prices.updated_at is 'When an import last changed it.';

create table onec.warehouses (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    name text not null,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table onec.warehouses is 'Warehouses (Склад); `default` holds stock that 1C states without one.';
comment on column onec.warehouses.id is 'Surrogate key.';
comment on column onec.warehouses.onec_id is '1C''s own identifier.';
comment on column onec.warehouses.name is 'Name.';
comment on column onec.warehouses.is_active is 'False once 1C marks it as deleted.';
comment on column onec.warehouses.created_at is 'When it was first imported.';
comment on column onec.warehouses.updated_at is 'When an import last changed it.';

create table onec.stocks (
    variant_id bigint not null references onec.product_variants (id),
    warehouse_id bigint not null references onec.warehouses (id),
    quantity numeric not null,
    updated_at timestamptz not null default now(),
    primary key (variant_id, warehouse_id)
);
create index on onec.stocks (warehouse_id);
comment on table onec.stocks is 'The stock of a variant in a warehouse.';
comment on column onec.stocks.variant_id is 'The variant.';
comment on column onec.stocks.warehouse_id is 'The warehouse.';
comment on column onec.stocks.quantity is 'Количество; may be negative or fractional.';
comment on column onec.stocks.updated_at is 'When an import last changed it.';

create table onec.customers (
    id bigint generated always as identity primary key,
    onec_id text collate "C" not null unique,
    kind text not null check (kind in ('legal_entity', 'entrepreneur', 'individual')),
    name text,
    full_name text,
    inn text,
    inn_valid boolean,
    kpp text,
    okpo text,
    email text,
    phone text,
    roles text[] not null default '{}',
    addresses jsonb not null default '[]',
    contacts jsonb not null default '[]',
    bank_accounts jsonb not null default '[]',
    representatives jsonb not null default '[]',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on onec.customers using hash (email);
create index on onec.customers using hash (inn);
comment on table onec.customers is 'Buyers among the contragents of 1C. Personal data.';
comment on column onec.customers.id is 'Surrogate key.';
comment on column onec.customers.onec_id is '1C''s own identifier.';
comment on column onec.customers.kind is 'legal_entity, entrepreneur or individual.';
comment on column onec.customers.name is 'Наименование.';
comment on column onec.customers.full_name is 'ПолноеНаименование or ОфициальноеНаименование.';
comment on column onec.customers.inn is 'ИНН as sent.';
comment on column onec.customers.inn_valid is 'Whether the control digits of the ИНН are right; null without one.';
comment on column onec.customers.kpp is 'КПП.';
comment on column onec.customers.okpo is 'ОКПО.';
comment on column onec.customers.email is 'The first valid e-mail, in lower case.';
comment on column onec.customers.phone is 'The first phone, as +7 and ten digits where it is a Russian one.';
comment on column onec.customers.roles is 'Роль, as sent.';
comment on column onec.customers.addresses is 'Addresses: kind, text and fields.';
comment on column onec.customers.contacts is 'Every contact as sent: type, value, comment.';
comment on column onec.customers.bank_accounts is 'Bank accounts.';
comment on column onec.customers.representatives is 'Representatives.';
comment on column onec.customers.is_active is 'False once 1C marks it as deleted, or a full export no longer names it.';
comment on column onec.customers.created_at is 'When it was first imported.';
comment on column onec.customers.updated_at is 'When an import last changed it.';

create table onec.image_references (
    id bigint generated always as identity primary key,
    product_id bigint references onec.products (id),
    variant_id bigint references onec.product_variants (id),
    position integer not null,
    path text not null,
    check ((product_id is null) <> (variant_id is null)),
    unique nulls not distinct (product_id, variant_id, position)
);
create index on onec.image_references (variant_id);
comment on table onec.image_references is 'The pictures of products and variants, as the XML lists them.';
comment on column onec.image_references.id is 'Surrogate key.';
comment on column onec.image_references.product_id is 'The product, where the picture is its own.';
comment on column onec.image_references.variant_id is 'The variant, where the picture is an offer''s.';
comment on column onec.image_references.position is 'Place in the XML, from 0.';
comment on column onec.image_references.path is 'Path as in the XML.';

create table onec.product_images (
    id bigint generated always as identity primary key,
    product_id bigint not null references onec.products (id),
    variant_id bigint references onec.product_variants (id),
    position integer not null,
    is_main boolean not null,
    source_path text not null,
    media_path text not null,
    sha256 text not null,
    size_bytes bigint not null,
    source_mtime_ns bigint not null,
    width integer not null,
    height integer not null,
    format text not null,
    is_listed boolean not null default true,
    updated_at timestamptz not null default now(),
    unique nulls not distinct (product_id, variant_id, position)
);
create index on onec.product_images (variant_id);
comment on table onec.product_images is 'The pictures that are published in the media store.';
comment on column onec.product_images.id is 'Surrogate key.';
comment on column onec.product_images.product_id is 'The product.';
comment on column onec.product_images.variant_id is 'The variant; null for a product''s own picture.';
comment on column onec.product_images.position is 'Place among the pictures, from 0.';
comment on column onec.product_images.is_main is 'True for the first picture.';
comment on column onec.product_images.source_path is 'Path as in the XML, or of the file found by its name.';
comment on column onec.product_images.media_path is 'Path in the media store.';
comment on column onec.product_images.sha256 is 'SHA-256 of the file.';
comment on column onec.product_images.size_bytes is 'Size of the file.';
comment on column onec.product_images.source_mtime_ns is 'Modification time of the source file in ns: how an unchanged file is known without reading it.';
comment on column onec.product_images.width is 'Width in pixels.';
comment on column onec.product_images.height is 'Height in pixels.';
comment on column onec.product_images.format is 'JPEG, PNG, WEBP or GIF.';
comment on column onec.product_images.is_listed is 'Whether the XML lists pictures of the product; else the file was found by its name.';
comment on column onec.product_images.updated_at is 'When an import last changed it.';

create table onec.pending_records (
    import_type text not null,
    entity text not null,
    onec_id text collate "C" not null,
    payload jsonb not null,
    source_file text not null,
    source_line integer not null,
    first_seen_at timestamptz not null default now(),
    primary key (import_type, entity, onec_id)
);
comment on table onec.pending_records is 'Rows whose parent has not arrived; every later import of the type tries them again.';
comment on column onec.pending_records.import_type is 'catalog, prices or stocks.';
comment on column onec.pending_records.entity is 'offer, price or stock.';
comment on column onec.pending_records.onec_id is 'The offer''s identifier.';
comment on column onec.pending_records.payload is 'What waits: the offer, or the list of its waiting prices or stocks.';
comment on column onec.pending_records.source_file is 'The file, relative to the export.';
comment on column onec.pending_records.source_line is 'The line.';
comment on column onec.pending_records.first_seen_at is 'Since when it waits.';

create table onec.rejected_records (
    id bigint generated always as identity primary key,
    run_id text,
    import_type text not null,
    entity text not null,
    onec_id text,
    cell text,
    reason text not null,
    source_file text not null,
    source_line integer,
    payload jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create index on onec.rejected_records (import_type);
comment on table onec.rejected_records is 'Rows refused for good, as of the last import of each type.';
comment on column onec.rejected_records.id is 'Surrogate key.';
comment on column onec.rejected_records.run_id is 'The run that first refused it.';
comment on column onec.rejected_records.import_type is 'catalog, stocks, prices, customers or images.';
comment on column onec.rejected_records.entity is 'What it is: product, offer, price, ...';
comment on column onec.rejected_records.onec_id is 'Identifier, where it has one.';
comment on column onec.rejected_records.cell is 'The price type or warehouse of a refused cell.';
comment on column onec.rejected_records.reason is 'Why, in Russian.';
comment on column onec.rejected_records.source_file is 'The file, relative to the export.';
comment on column onec.rejected_records.source_line is 'The line.';
comment on column onec.rejected_records.payload is 'What was stated.';
comment on column onec.rejected_records.created_at is 'When it was first refused.';

create table onec.import_files (
    import_type text not null,
    path text not null,
    size_bytes bigint not null,
    sha256 text not null,
    rows bigint not null,
    run_id text,
    imported_at timestamptz not null default now(),
    primary key (import_type, path)
);
comment on table onec.import_files is 'The ledger: the files of the last completed import of each type.';
comment on column onec.import_files.import_type is 'catalog, stocks, prices, customers or images.';
comment on column onec.import_files.path is 'The file, relative to the export.';
comment on column onec.import_files.size_bytes is 'Size.';
comment on column onec.import_files.sha256 is 'SHA-256 of its content.';
comment on column onec.import_files.rows is 'Records read from it.';
comment on column onec.import_files.run_id is 'The run that read it.';
comment on column onec.import_files.imported_at is 'When it was read.';

create table onec.import_states (
    import_type text primary key,
    fingerprint text not null,
    export_kind text not null,
    total_items bigint not null,
    waiting_items bigint not null default 0,
    skipped_by_rule bigint not null default 0
);
comment on table onec.import_states is 'The last completed import of each type: what tells that nothing has changed since.';
comment on column onec.import_states.import_type is 'catalog, stocks, prices or customers.';
comment on column onec.import_states.fingerprint is 'Digest of the files, the schema and the version of this program.';
comment on column onec.import_states.export_kind is 'full or changes.';
comment on column onec.import_states.total_items is 'Items that the files state.';
comment on column onec.import_states.waiting_items is 'Those of them that wait for their parent.';
comment on column onec.import_states.skipped_by_rule is 'Items that are not for us.';

create table onec.file_tags (
    sha256 text primary key,
    tags jsonb not null,
    seen_at timestamptz not null default now()
);
comment on table onec.file_tags is 'What files hold, by their content: spares counting the tags of a file again.';
comment on column onec.file_tags.sha256 is 'SHA-256 of the file.';
comment on column onec.file_tags.tags is 'Tag -> how often it opens.';
comment on column onec.file_tags.seen_at is 'When it was first looked at.';

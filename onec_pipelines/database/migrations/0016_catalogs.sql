-- A shop may have several catalogues, each of which speaks for its own alone.

create table onec.catalogs (
    id integer generated always as identity primary key,
    onec_id text not null,
    is_classifier boolean not null,
    noted_at timestamptz not null default now(),
    heard_at timestamptz,
    unique (onec_id, is_classifier)
);
comment on table onec.catalogs is 'The catalogues and the classifiers that exports have named.';
comment on column onec.catalogs.id is 'Surrogate key.';
comment on column onec.catalogs.onec_id is 'Каталог/Ид, ПакетПредложений/ИдКаталога or Классификатор/Ид.';
comment on column onec.catalogs.is_classifier is 'Whether it is a Классификатор.';
comment on column onec.catalogs.noted_at is 'When an export first named it.';
comment on column onec.catalogs.heard_at is 'When a full package of its goods was last imported.';

create table onec.product_catalogs (
    product_id bigint not null references onec.products (id),
    catalog_onec_id text not null,
    primary key (product_id, catalog_onec_id)
);
comment on table onec.product_catalogs is
    'The catalogues that name a product: one that none names any more is deactivated.';
comment on column onec.product_catalogs.product_id is 'The product.';
comment on column onec.product_catalogs.catalog_onec_id is 'The catalogue, Каталог/Ид.';

-- What comes of one catalogue alone bears no mark: it counts as that of its product.
alter table onec.product_variants add column catalog_ids integer[];
comment on column onec.product_variants.catalog_ids is
    'Of several catalogues those whose packages name the offer; null: those of its product.';
alter table onec.categories add column classifier_ids integer[];
comment on column onec.categories.classifier_ids is 'Of several classifiers those that name the group.';
alter table onec.prices add column catalog_id integer;
comment on column onec.prices.catalog_id is
    'Of several catalogues the one whose package stated the price; null: that of the product.';
alter table onec.price_tiers add column catalog_id integer;
comment on column onec.price_tiers.catalog_id is 'As that of prices.';
alter table onec.stocks add column catalog_id integer;
comment on column onec.stocks.catalog_id is
    'Of several catalogues the one whose package stated the stock; null: that of the product.';

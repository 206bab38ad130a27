-- Nothing that 1C states of a good or an offer is dropped, and properties of offers are readable as those of goods.

alter table onec.products add column code text, add column extra jsonb not null default '{}';
alter table onec.product_variants add column extra jsonb not null default '{}';
comment on column onec.products.code is 'Код: what the people who run 1C call it by.';
comment on column onec.products.description is 'Описание, or ОписаниеВФорматеHTML where that is longer; HTML as sent.';
comment on column onec.products.extra is
    'What has no column, by element: further barcodes, Категория, units, marking and the like; no prices, stocks, images.';
comment on column onec.product_variants.extra is 'What has no column, by element; no prices, stocks, images.';

-- A good may state its value under the name of a property, though that has an id.
create or replace view onec.product_attributes as
select
    p.id as product_id,
    p.onec_id as product_onec_id,
    p.article,
    coalesce(pr.name, attribute.key) as property_name,
    string_agg(coalesce(label.value, stated.value), ', ' order by stated.place) as value
from onec.products p
cross join lateral jsonb_each(p.properties) as attribute
cross join lateral (
    select value, place
    from jsonb_array_elements_text(
        case jsonb_typeof(attribute.value) when 'array' then attribute.value else jsonb_build_array(attribute.value) end
    ) with ordinality as element (value, place)
) as stated
left join onec.properties pr on pr.onec_id = attribute.key
left join (
    select min(id) as id, name from onec.properties group by name having count(*) = 1
) named on pr.id is null and named.name = attribute.key
left join onec.property_values label
    on label.property_id = coalesce(pr.id, named.id) and label.onec_id = stated.value
group by p.id, attribute.key, pr.name;

create view onec.variant_attributes as
select
    v.id as variant_id,
    v.onec_id as variant_onec_id,
    p.id as product_id,
    p.onec_id as product_onec_id,
    coalesce(v.article, p.article) as article,
    coalesce(pr.name, attribute.key) as property_name,
    string_agg(coalesce(label.value, stated.value), ', ' order by stated.place) as value
from onec.product_variants v
join onec.products p on p.id = v.product_id
cross join lateral jsonb_each(v.properties) as attribute
cross join lateral (
    select value, place
    from jsonb_array_elements_text(
        case jsonb_typeof(attribute.value) when 'array' then attribute.value else jsonb_build_array(attribute.value) end
    ) with ordinality as element (value, place)
) as stated
left join onec.properties pr on pr.onec_id = attribute.key
left join (
    select min(id) as id, name from onec.properties group by name having count(*) = 1
) named on pr.id is null and named.name = attribute.key
left join onec.property_values label
    on label.property_id = coalesce(pr.id, named.id) and label.onec_id = stated.value
group by v.id, p.id, attribute.key, pr.name;
comment on view onec.variant_attributes is
    'The properties of offers by name, with the labels of their dictionaries; product_attributes has those of products.';
comment on column onec.variant_attributes.variant_id is 'product_variants.id.';
comment on column onec.variant_attributes.variant_onec_id is '1C''s identifier of the offer.';
comment on column onec.variant_attributes.product_id is 'products.id.';
comment on column onec.variant_attributes.product_onec_id is '1C''s identifier of the product.';
comment on column onec.variant_attributes.article is 'Артикул of the offer, or else of the product.';
comment on column onec.variant_attributes.property_name is
    'Name of the property, or its identifier where 1C did not send the property.';
comment on column onec.variant_attributes.value is 'Label or raw value; several are joined by commas.';

-- Views for people: readable without a join.

create view onec.product_attributes as
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
left join onec.property_values label on label.property_id = pr.id and label.onec_id = stated.value
group by p.id, attribute.key, pr.name;
comment on view onec.product_attributes is 'The properties of products by name, with the labels of their dictionaries.';
comment on column onec.product_attributes.product_id is 'products.id.';
comment on column onec.product_attributes.product_onec_id is '1C''s identifier of the product.';
comment on column onec.product_attributes.article is 'Артикул.';
comment on column onec.product_attributes.property_name is 'Name of the property, or its identifier where 1C did not send the property.';
comment on column onec.product_attributes.value is 'Label or raw value; several are joined by commas.';

create view onec.current_prices as
select
    p.id as product_id,
    p.onec_id as product_onec_id,
    v.id as variant_id,
    v.onec_id as variant_onec_id,
    coalesce(v.article, p.article) as article,
    p.name as product_name,
    coalesce(v.name, p.name) as variant_name,
    t.onec_id as price_type_onec_id,
    t.name as price_type_name,
    price.value,
    price.currency,
    price.updated_at
from onec.prices price
join onec.product_variants v on v.id = price.variant_id
join onec.products p on p.id = v.product_id
join onec.price_types t on t.id = price.price_type_id
where p.is_active and v.is_active and t.is_active;
comment on view onec.current_prices is 'The prices of active variants of active products.';
comment on column onec.current_prices.product_id is 'products.id.';
comment on column onec.current_prices.product_onec_id is '1C''s identifier of the product.';
comment on column onec.current_prices.variant_id is 'product_variants.id.';
comment on column onec.current_prices.variant_onec_id is '1C''s identifier of the offer.';
comment on column onec.current_prices.article is 'Артикул of the offer, or else of the product.';
comment on column onec.current_prices.product_name is 'Name of the product.';
comment on column onec.current_prices.variant_name is 'Name of the offer, or else of the product.';
comment on column onec.current_prices.price_type_onec_id is '1C''s identifier of the price type.';
comment on column onec.current_prices.price_type_name is 'Name of the price type.';
comment on column onec.current_prices.value is 'The price.';
comment on column onec.current_prices.currency is 'Its currency.';
comment on column onec.current_prices.updated_at is 'When an import last changed it.';

create view onec.current_stocks as
select
    p.id as product_id,
    p.onec_id as product_onec_id,
    v.id as variant_id,
    v.onec_id as variant_onec_id,
    coalesce(v.article, p.article) as article,
    p.name as product_name,
    coalesce(v.name, p.name) as variant_name,
    w.onec_id as warehouse_onec_id,
    w.name as warehouse_name,
    stock.quantity,
    stock.quantity as value,
    stock.updated_at
from onec.stocks stock
join onec.product_variants v on v.id = stock.variant_id
join onec.products p on p.id = v.product_id
join onec.warehouses w on w.id = stock.warehouse_id
where p.is_active and v.is_active and w.is_active;
comment on view onec.current_stocks is 'The stocks of active variants of active products.';
comment on column onec.current_stocks.product_id is 'products.id.';
comment on column onec.current_stocks.product_onec_id is '1C''s identifier of the product.';
comment on column onec.current_stocks.variant_id is 'product_variants.id.';
comment on column onec.current_stocks.variant_onec_id is '1C''s identifier of the offer.';
comment on column onec.current_stocks.article is 'Артикул of the offer, or else of the product.';
comment on column onec.current_stocks.product_name is 'Name of the product.';
comment on column onec.current_stocks.variant_name is 'Name of the offer, or else of the product.';
comment on column onec.current_stocks.warehouse_onec_id is '1C''s identifier of the warehouse.';
comment on column onec.current_stocks.warehouse_name is 'Name of the warehouse.';
comment on column onec.current_stocks.quantity is 'The quantity.';
comment on column onec.current_stocks.value is 'The quantity, under the name that current_prices uses.';
comment on column onec.current_stocks.updated_at is 'When an import last changed it.';

-- What the transaction of an import has changed, without a look at all prices and stocks.

create index on onec.past_prices (valid_to);
create index on onec.past_stocks (valid_to);

create function onec.price_changes_now()
returns table (variant_id bigint, price_type_id bigint, was numeric, becomes numeric) language sql stable as $$
    select w.variant_id, w.price_type_id, w.value, x.value
    from onec.past_prices w
    left join onec.prices x on x.variant_id = w.variant_id and x.price_type_id = w.price_type_id
    where w.valid_to = now() and w.value is distinct from x.value
$$;
comment on function onec.price_changes_now() is
    'Of the prices that were there, those that this transaction has changed: what each was, and what it became; null is none.';

create function onec.stock_changes_now()
returns table (variant_id bigint, warehouse_id bigint, was numeric, becomes numeric) language sql stable as $$
    select w.variant_id, w.warehouse_id, w.quantity, x.quantity
    from onec.past_stocks w
    left join onec.stocks x on x.variant_id = w.variant_id and x.warehouse_id = w.warehouse_id
    where w.valid_to = now() and w.quantity is distinct from x.quantity
$$;
comment on function onec.stock_changes_now() is
    'Of the stocks that were there, those that this transaction has changed: what each was, and what it became; null is none.';

-- What is said of default variants that no offer states.

-- settle default variants that no offer states
-- Beside offers, `gives_way` one that has neither a price nor a stock.
create or replace temp view unstated as
select
    id,
    onec_id,
    product_id,
    is_beside_offers,
    is_beside_offers
        and not exists (select from onec.prices x where x.variant_id = d.id)
        and not exists (select from onec.stocks x where x.variant_id = d.id) as gives_way
from (
    select
        id,
        onec_id,
        product_id,
        exists (
            select from onec.product_variants v where v.product_id = t.product_id and v.id <> t.id and v.is_active
        ) as is_beside_offers
    from onec.product_variants t
    where is_default and not is_offer
) d;

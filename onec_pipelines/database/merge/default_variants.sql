-- Default variants that no offer states: they exist for the prices or stocks stated under the bare product id,
-- or because a product has no offers. Run at the end of each import that can change either.

-- run default variants that gave way to offers
-- Beside real offers such a variant stands only as long as it has a price or a stock.
delete from onec.product_variants d
where d.is_default and not d.is_offer
    and exists (
        select from onec.product_variants v where v.product_id = d.product_id and v.id <> d.id and v.is_active
    )
    and not exists (select from onec.prices x where x.variant_id = d.id)
    and not exists (select from onec.stocks x where x.variant_id = d.id)
    and not exists (select from onec.product_images x where x.variant_id = d.id)
    and not exists (select from onec.image_references x where x.variant_id = d.id);

-- run default variants that follow their product
update onec.product_variants d
set is_active = p.is_active, updated_at = now()
from onec.products p
where p.id = d.product_id and d.is_default and not d.is_offer and d.is_active <> p.is_active;

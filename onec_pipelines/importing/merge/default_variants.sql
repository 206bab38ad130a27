-- Default variants that no offer states: they exist for the prices or stocks stated under the bare product id,
-- or because a product has no offers. At the end of each merge that can change either.

-- run pictures of default variants that no offer states
delete from onec.image_references r
using onec.product_variants d
where d.id = r.variant_id and d.is_default and not d.is_offer;

-- run default variants that no offer describes
-- One that an offer stated once has nothing left of it.
update onec.product_variants
set article = null, name = null, barcode = null, characteristics = '{}', properties = '{}', dimensions = '{}',
    updated_at = now()
where is_default and not is_offer
    and (coalesce(article, name, barcode) is not null or (characteristics || properties || dimensions) <> '{}');

-- run default variants that gave way to offers
-- Beside real offers such a variant stands only as long as it has a price or a stock.
delete from onec.product_variants d
where d.is_default and not d.is_offer
    and exists (
        select from onec.product_variants v where v.product_id = d.product_id and v.id <> d.id and v.is_active
    )
    and not exists (select from onec.prices x where x.variant_id = d.id)
    and not exists (select from onec.stocks x where x.variant_id = d.id)
    and not exists (select from onec.product_images x where x.variant_id = d.id);

-- run default variants that follow their product
-- One that gave way but has published pictures is inactive until the import of images has removed them.
update onec.product_variants d
set is_active = r.is_active, updated_at = now()
from (
    select
        d.id,
        p.is_active and (
            not exists (
                select from onec.product_variants v where v.product_id = d.product_id and v.id <> d.id and v.is_active
            )
            or exists (select from onec.prices x where x.variant_id = d.id)
            or exists (select from onec.stocks x where x.variant_id = d.id)
        ) as is_active
    from onec.product_variants d
    join onec.products p on p.id = d.product_id
    where d.is_default and not d.is_offer
) r
where r.id = d.id and d.is_active <> r.is_active;

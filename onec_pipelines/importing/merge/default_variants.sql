-- Default variants that no offer states: they exist for the prices or stocks stated under the bare product id,
-- or because a product has no offers. At the end of each merge that can change either.

-- include unstated

-- run pictures of default variants that no offer states
delete from onec.image_references r
using pg_temp.unstated d
where d.id = r.variant_id;

-- run default variants that no offer describes
-- One that an offer stated once has nothing left of it.
update onec.product_variants
set article = null, name = null, barcode = null, characteristics = '{}', properties = '{}', dimensions = '{}',
    extra = '{}',
    updated_at = now()
where is_default and not is_offer
    and (coalesce(article, name, barcode) is not null or (characteristics || properties || dimensions || extra) <> '{}');

-- remove default variants that gave way to offers
-- Beside offers such a variant stands only as long as it has a price or a stock. One that has published images stays
-- until the import of images has removed them.
delete from onec.product_variants t
using pg_temp.unstated d
where d.id = t.id and d.gives_way
    and not exists (select from onec.product_images x where x.variant_id = d.id);

-- remove default variants that go with their product
update onec.product_variants t
set is_active = false, updated_at = now()
from pg_temp.unstated d
where d.id = t.id and t.is_active
    and (d.gives_way or d.product_id in (select row_id from pg_temp.removed where entity = 'goods'));

-- run default variants that follow their product
update onec.product_variants t
set is_active = not t.is_active, updated_at = now()
from pg_temp.unstated d
join onec.products p on p.id = d.product_id
where d.id = t.id and t.is_active <> (p.is_active and not d.gives_way);

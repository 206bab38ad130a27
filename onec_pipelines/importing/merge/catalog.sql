-- What the staged catalogue means to the tables.
-- A shop may have several catalogues: what is marked with one goes only where that states it no longer (catalogs.py).
-- Bound: offers_full (every segment of the offers was full, something was seen, and its guard has not said no),
-- goods_full and categories_full likewise; offers_judged, goods_judged and categories_judged (the same whatever that
-- says: what it keeps stands in pg_temp.kept); offers_segments_full (every segment was full); brand_property.

-- include catalogs

-- settle goods and offers as their catalogues name them
-- The same one may stand in several. Of the only catalogue nothing is marked.
create temp table named_goods on commit drop as
select distinct onec_id, coalesce(catalog_id, %(catalog_id)s::integer) as catalog_id
from (
    select onec_id, catalog_id from onec_staging.goods
    union all
    select split_part(onec_id, '#', 1), catalog_id from pg_temp.rejected where entity = 'product'
) stated;

-- settle offers as their catalogues name them
create temp table named_offers on commit drop as
select distinct onec_id, catalog_id
from (
    select onec_id, catalog_id from onec_staging.offers
    union all
    select onec_id, catalog_id from pg_temp.rejected where entity in ('offer', 'product')
) stated
where catalog_id is not null;

-- settle groups as their classifiers name them
create temp table named_groups on commit drop as
select distinct onec_id, catalog_id
from (
    select onec_id, catalog_id from onec_staging.categories
    union all
    select onec_id, catalog_id from pg_temp.rejected where entity = 'category'
) stated
where catalog_id is not null;

-- settle goods without images
-- Where some good of the export names an image, one that names none has none. Where none does, 1C has exported no images,
-- and only an empty `Картинка` says that there is none: null takes nothing away.
update onec_staging.goods
set images = '{}'
where images is null and exists (select from onec_staging.goods where images <> '{}');

-- settle offers that describe nothing
-- They take nothing from what the export says of them elsewhere: prices and rests files anywhere, others before.
update onec_staging.offers s
set article = o.article,
    name = o.name,
    barcode = o.barcode,
    characteristics = o.characteristics,
    properties = o.properties,
    dimensions = o.dimensions || s.dimensions,
    images = coalesce(s.images, o.images),
    extra = o.extra || s.extra,
    is_bare = false
from (
    select distinct on (bare.seq) bare.seq as bare_seq, o.*
    from onec_staging.offers bare
    join onec_staging.offers o on o.onec_id = bare.onec_id and o.from_good = bare.from_good
    where bare.is_bare and not o.is_bare and (o.beside_prices or o.seq < bare.seq)
    order by bare.seq, o.beside_prices, o.seq desc
) o
where o.bare_seq = s.seq;

-- settle offers without images
-- Offers are judged by themselves, and the variants that 2.04 states as goods with the goods.
update onec_staging.offers
set images = '{}'
where images is null and not is_bare
    and from_good = any (array(select distinct from_good from onec_staging.offers where images <> '{}'));

-- settle offers that prices or rests files repeat
-- What they repeat of an offer yields to the offer, whichever is later.
delete from onec_staging.offers s
using onec_staging.offers o
where o.onec_id = s.onec_id and s.beside_prices and not o.beside_prices;

-- yield goods by onec_id, variant_onec_id
name <> '' or not deleted;

-- yield categories by onec_id
name <> '' or not deleted;

-- latest categories by onec_id

-- latest offers by onec_id, from_good

-- repeated units by onec_id

-- repeated properties by onec_id

-- settle values of properties whose id stands behind them
-- They go by the name that stands before them.
update onec_staging.property_values s
set property_onec_id = p.onec_id
from onec_staging.properties p
where p.name = s.property_onec_id and p.file = s.file
    and not exists (select from onec_staging.properties o where o.onec_id = s.property_onec_id);

-- repeated property_values by property_onec_id, onec_id

-- settle goods that are stated again
-- The later good wins whole; among the variants that 2.04 states as goods, one that is not deleted does, and then one
-- that says more than that it is.
delete from onec_staging.goods s
using (
    select
        seq,
        row_number() over (
            partition by onec_id
            order by not is_latest, variant_onec_id is not null and deleted,
                variant_onec_id is not null and name is null, seq desc
        ) as place
    from (
        select *, seq = max(seq) over (partition by onec_id, variant_onec_id) as is_latest
        from onec_staging.goods
        where onec_id in (select onec_id from onec_staging.goods group by onec_id having count(*) > 1)
    ) stated
) d
where d.seq = s.seq and d.place > 1;

-- settle rejected rows that later ones replace
delete from pg_temp.rejected r
using (
    select 'category' as entity, onec_id, seq from onec_staging.categories
    union all
    select 'product', onec_id, seq from onec_staging.goods
    union all
    select 'product', onec_id, seq from onec_staging.offers
    union all
    select 'offer', onec_id, seq from onec_staging.offers
) s
where s.entity = r.entity and s.onec_id = r.onec_id and s.seq > r.seq;

-- guard goods
select id, 0 from onec.products where is_active;

-- guard offers
select id, 0 from onec.product_variants where is_active and is_offer;

-- guard categories
select id, 0 from onec.categories where is_active;

-- upsert categories by onec_id
-- A deletion mark that comes alone leaves a group what it is, where it is.
select
    s.onec_id,
    case when s.name = '' then coalesce(s.parent_onec_id, t.parent_onec_id) else s.parent_onec_id end
        as parent_onec_id,
    coalesce(nullif(s.name, ''), t.name, '') as name,
    case when s.name = '' then t.description else s.description end as description,
    not s.deleted as is_active
from onec_staging.categories s
left join onec.categories t on t.onec_id = s.onec_id;

-- run categories under their parents
update onec.categories t
set parent_id = r.parent_id, updated_at = now()
from (
    select child.id, parent.id as parent_id
    from onec.categories child
    left join onec.categories parent on parent.onec_id = child.parent_onec_id
) r
where r.id = t.id and t.parent_id is distinct from r.parent_id;

-- upsert units by onec_id
-- What is not stated does not replace what is. A unit without a short name goes by its full name, or its code.
select
    s.onec_id,
    coalesce(nullif(s.name, ''), nullif(t.name, s.onec_id), s.full_name, t.name, s.onec_id) as name,
    coalesce(s.full_name, t.full_name) as full_name,
    not s.deleted as is_active
from onec_staging.units s
left join onec.units t on t.onec_id = s.onec_id;

-- upsert properties by onec_id
-- What is not stated does not replace what is.
select
    s.onec_id,
    coalesce(nullif(s.name, ''), t.name, s.onec_id) as name,
    coalesce(s.value_type, t.value_type) as value_type,
    not s.deleted as is_active
from onec_staging.properties s
left join onec.properties t on t.onec_id = s.onec_id;

-- upsert property_values by property_id, onec_id
-- What is not stated does not replace what is.
select p.id as property_id, s.onec_id, coalesce(nullif(s.value, ''), t.value, '') as value
from onec_staging.property_values s
join onec.properties p on p.onec_id = s.property_onec_id
left join onec.property_values t on t.property_id = p.id and t.onec_id = s.onec_id;

-- settle what goods and offers have said before
-- Of a variant that 2.04 states as a good and as an offer, and of an offer that is pending.
create or replace temp view said as
select onec_id, jsonb_array_elements(statements) as stated
from onec.product_variants
union all
select onec_id, payload
from onec.pending_records
where import_type = 'catalog' and entity = 'offer';

-- settle offers that describe nothing of what they have said
-- They take nothing from what the same of the two has said.
update onec_staging.offers s
set article = w.article,
    name = w.name,
    barcode = w.barcode,
    characteristics = w.characteristics,
    properties = w.properties,
    dimensions = w.dimensions || s.dimensions,
    images = coalesce(s.images, w.images),
    extra = coalesce(w.extra, '{}') || s.extra,
    is_bare = false
from pg_temp.said
cross join lateral jsonb_populate_record(null::onec_staging.offers, said.stated) w
where said.onec_id = s.onec_id and w.from_good = s.from_good and s.is_bare;

-- settle offers that describe nothing of what is on record
-- Their images are null, which takes none away.
update onec_staging.offers s
set article = v.article,
    name = v.name,
    barcode = v.barcode,
    characteristics = v.characteristics,
    properties = v.properties,
    dimensions = v.dimensions || s.dimensions,
    extra = v.extra || s.extra,
    beside_prices = v.is_beside_prices,
    is_bare = false
from onec.product_variants v
where v.onec_id = s.onec_id and v.statements is null and s.is_bare;

-- settle goods and offers that are not sent again
-- What the other of the two has said still holds, unless a full export names it no longer.
insert into onec_staging.offers
select w.*
from pg_temp.said
cross join lateral jsonb_populate_record(null::onec_staging.offers, said.stated || '{"seq": 0}') w
join onec_staging.offers s on s.onec_id = said.onec_id and s.from_good <> w.from_good and not s.beside_prices
where not w.beside_prices and not case when w.from_good then %(goods_full)s else %(offers_full)s end
    and not exists (
        select
        from onec_staging.offers o
        where o.onec_id = said.onec_id and o.from_good = w.from_good and not o.beside_prices
    );

-- settle statements of variants
create temp table statements on commit drop as
select
    onec_id,
    case
        when bool_or(from_good)
            then jsonb_agg(to_jsonb(s) - '{seq,file,line,is_bare,catalog_id}'::text[] order by from_good)
    end as stated
from onec_staging.offers s
where not beside_prices
    and onec_id in (
        select onec_id from onec_staging.offers where from_good
        union all
        select onec_id from onec.product_variants where statements is not null
    )
group by onec_id;

-- settle offers that goods complete
-- What an offer does not state, a 2.04 good of the same id does.
with stated as (
    delete from onec_staging.offers g
    using onec_staging.offers o
    where o.onec_id = g.onec_id and g.from_good and not o.from_good
    returning g.*
)
update onec_staging.offers o
set seq = greatest(o.seq, g.seq),
    article = coalesce(o.article, g.article),
    name = coalesce(o.name, g.name),
    barcode = coalesce(o.barcode, g.barcode),
    characteristics = g.characteristics || o.characteristics,
    properties = g.properties || o.properties,
    dimensions = g.dimensions || o.dimensions,
    images = coalesce(nullif(o.images, '{}'), g.images, o.images),
    extra = coalesce(g.extra, '{}') || coalesce(o.extra, '{}'),
    deleted = o.deleted or g.deleted
from stated g
where g.onec_id = o.onec_id and not o.from_good;

-- settle offers that prices or stocks repeat
-- A prices or rests file states a variant where no offer does; of one that an offer stated it says nothing new.
update onec_staging.offers s
set article = v.article,
    name = v.name,
    barcode = v.barcode,
    characteristics = v.characteristics,
    properties = v.properties,
    dimensions = v.dimensions,
    images = array(select r.path from onec.image_references r where r.variant_id = v.id order by r.position),
    extra = v.extra,
    beside_prices = false,
    deleted = not v.is_active
from onec.product_variants v
where v.onec_id = s.onec_id and v.is_offer and not v.is_beside_prices and s.beside_prices;

-- settle pending offers that prices or stocks repeat
update onec_staging.offers s
set article = w.article,
    name = w.name,
    barcode = w.barcode,
    characteristics = w.characteristics,
    properties = w.properties,
    dimensions = w.dimensions,
    images = w.images,
    extra = w.extra,
    beside_prices = w.beside_prices,
    deleted = w.deleted
from onec.pending_records p
cross join lateral jsonb_populate_record(null::onec_staging.offers, p.payload) w
where p.import_type = 'catalog' and p.entity = 'offer' and p.onec_id = s.onec_id
    and s.beside_prices and w.beside_prices is not true;

-- settle products that live on in other variants
-- 2.04 states a product by its variants: one that is marked as deleted says nothing of it while another is active,
-- unless nothing else has said what it is.
update onec_staging.goods s
set name = case when k.id is null then s.name end,
    images = case when k.id is null then s.images else '{}' end,
    deleted = false
from (
    select g.seq, t.id
    from onec_staging.goods g
    left join onec.products t on t.onec_id = g.onec_id
) k
where k.seq = s.seq and s.variant_onec_id is not null and s.deleted
    and s.onec_id in (
        select split_part(o.onec_id, '#', 1)
        from onec_staging.offers o
        where not o.deleted
        union all
        select p.onec_id
        from onec.product_variants v
        join onec.products p on p.id = v.product_id
        where not %(offers_full)s and v.is_active
            and not exists (select from onec_staging.offers o where o.onec_id = v.onec_id)
    );

-- upsert brands by onec_id
-- A brand is an entry of the brand property's dictionary, or else what a good names: an Изготовитель or a
-- ТорговаяМарка, or a value of the brand property that is a name and no reference.
select distinct on (onec_id) onec_id, name
from (
    select v.onec_id, v.value as name, 0 as rank, 0::bigint as seq
    from onec.property_values v
    join onec.properties p on p.id = v.property_id
    where p.onec_id = %(brand_property)s
    union all
    select brand_onec_id, coalesce(brand_name, brand_onec_id), 1, seq
    from onec_staging.goods
    where brand_onec_id is not null
        and (brand_name is not null or brand_onec_id !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$')
) stated
where name <> ''
order by onec_id, rank, seq desc;

-- upsert products by onec_id
-- A good comes whole: what it does not state is empty.
select
    s.onec_id,
    s.code,
    s.article,
    s.name,
    s.description,
    s.barcode,
    c.id as category_id,
    s.group_onec_ids,
    b.id as brand_id,
    s.brand_onec_id,
    u.id as unit_id,
    s.unit_code,
    s.vat_rate::numeric as vat_rate,
    s.vat,
    s.country,
    s.manufacturer,
    s.properties,
    s.requisites,
    s.dimensions,
    s.extra,
    not s.deleted as is_active
from onec_staging.goods s
left join onec.brands b on b.onec_id = s.brand_onec_id
left join onec.units u on u.onec_id = s.unit_code
left join lateral (
    select c.id
    from unnest(s.group_onec_ids) with ordinality as g (onec_id, place)
    join onec.categories c on c.onec_id = g.onec_id
    order by g.place
    limit 1
) c on true
where s.name is not null;

-- upsert products by onec_id
-- A deletion mark that comes alone takes nothing but the activity.
select s.onec_id, coalesce(t.name, '') as name, not s.deleted as is_active
from onec_staging.goods s
left join onec.products t on t.onec_id = s.onec_id
where s.name is null;

-- remove goods by products no longer named
-- Of several catalogues, by all that named it.
update onec.products t
set is_active = false, updated_at = now()
where %(goods_judged)s and t.is_active
    and (%(one_catalog)s or (
        select k.catalog_ids <@ %(goods_spoken)s::integer[]
        from pg_temp.catalogs_of_products k
        where k.product_id = t.id
    ))
    and not exists (select from pg_temp.kept k where k.entity = 'goods' and k.row_id = t.id)
    and not exists (select from onec_staging.goods s where s.onec_id = t.onec_id)
    and not exists (
        select
        from pg_temp.rejected r
        where r.entity = 'product' and split_part(r.onec_id, '#', 1) = t.onec_id
    )
returning t.id, 0;

-- remove categories by categories no longer named
update onec.categories t
set is_active = false, updated_at = now()
where %(categories_judged)s and t.is_active
    and (%(one_classifier)s or t.classifier_ids <@ %(categories_spoken)s::integer[])
    and not exists (select from pg_temp.kept k where k.entity = 'categories' and k.row_id = t.id)
    and not exists (select from onec_staging.categories s where s.onec_id = t.onec_id)
    and not exists (
        select from pg_temp.rejected r where r.entity = 'category' and r.onec_id = t.onec_id
    )
returning t.id, 0;

-- run dictionaries that arrived after their goods
update onec.products t
set category_id = r.category_id, brand_id = r.brand_id, unit_id = r.unit_id, updated_at = now()
from (
    select p.id, c.id as category_id, b.id as brand_id, u.id as unit_id
    from onec.products p
    left join onec.brands b on b.onec_id = p.brand_onec_id
    left join onec.units u on u.onec_id = p.unit_code
    left join lateral (
        select c.id
        from unnest(p.group_onec_ids) with ordinality as g (onec_id, place)
        join onec.categories c on c.onec_id = g.onec_id
        order by g.place
        limit 1
    ) c on true
) r
where r.id = t.id
    and (t.category_id, t.brand_id, t.unit_id) is distinct from (r.category_id, r.brand_id, r.unit_id);

-- run groups no longer stated
delete from onec.product_categories pc
using onec.products p, onec.categories c
where p.id = pc.product_id and c.id = pc.category_id and c.onec_id <> all (p.group_onec_ids);

-- run groups of products
insert into onec.product_categories (product_id, category_id)
select distinct p.id, c.id
from onec.products p
cross join lateral unnest(p.group_onec_ids) as g (onec_id)
join onec.categories c on c.onec_id = g.onec_id
where not exists (
    select from onec.product_categories pc where pc.product_id = p.id and pc.category_id = c.id
);

-- settle offers that were pending
-- One is tried again, unless it is stated anew, or a full export names it no longer.
insert into onec_staging.offers
select (jsonb_populate_record(
    null::onec_staging.offers,
    w.payload || jsonb_build_object(
        'seq', -row_number() over (order by w.onec_id), 'file', w.source_file, 'line', w.source_line
    )
)).*
from onec.pending_records w
where w.import_type = 'catalog' and w.entity = 'offer'
    and not coalesce(
        %(offers_full)s and (%(one_catalog)s or (w.payload ->> 'catalog_id')::integer = any (%(offers_spoken)s)), false
    )
    and not exists (select from onec_staging.offers s where s.onec_id = w.onec_id);

-- settle offers that are pending
-- Their good has not arrived.
create temp table pending on commit drop as
select *
from onec_staging.offers s
where not exists (select from onec.products p where p.onec_id = split_part(s.onec_id, '#', 1));

-- upsert product_variants by onec_id
select
    s.onec_id,
    p.id as product_id,
    s.article,
    s.name,
    s.barcode,
    s.characteristics,
    s.properties,
    s.dimensions,
    coalesce(s.extra, '{}') as extra,
    s.onec_id = p.onec_id as is_default,
    true as is_offer,
    s.beside_prices is true as is_beside_prices,
    case when x.onec_id is null then t.statements else x.stated end as statements,
    not s.deleted as is_active
from onec_staging.offers s
join onec.products p on p.onec_id = split_part(s.onec_id, '#', 1)
left join onec.product_variants t on t.onec_id = s.onec_id
left join pg_temp.statements x on x.onec_id = s.onec_id
where s.name is not null or not s.deleted;

-- upsert product_variants by onec_id
-- A deletion mark that comes alone takes nothing but the activity.
select s.onec_id, p.id as product_id, s.onec_id = p.onec_id as is_default, true as is_offer, false as is_active
from onec_staging.offers s
join onec.products p on p.onec_id = split_part(s.onec_id, '#', 1)
where s.name is null and s.deleted;

-- settle offers that are not named
-- The default variant of a product that now has no offers at all stays, as one that no offer states. Which products
-- have others is told by a join: asked for each row it would cost a scan of the staged offers for each. An offer that
-- is rejected is named, and so is a rejected 2.04 good that states one. Those of a good that goes follow it, and those
-- of one that its guard keeps are kept.
create temp table unnamed_offers on commit drop as
select v.id, v.is_default and p.is_active and o.base is null as stays, not p.is_active as follows
from onec.product_variants v
join onec.products p on p.id = v.product_id
left join (
    select distinct split_part(onec_id, '#', 1) as base
    from onec_staging.offers
    where position('#' in onec_id) > 0 and not deleted
) o on o.base = p.onec_id
left join (
    select p.id
    from pg_temp.kept k
    join onec.products p on p.id = k.row_id
    where k.entity = 'goods' and not exists (select from onec_staging.goods s where s.onec_id = p.onec_id)
) g on g.id = p.id
where %(offers_judged)s and v.is_active and v.is_offer
    and (%(one_catalog)s or coalesce(v.catalog_ids, (
        select k.catalog_ids from pg_temp.catalogs_of_products k where k.product_id = p.id
    )) <@ %(offers_spoken)s::integer[])
    and not exists (select from onec_staging.offers s where s.onec_id = v.onec_id)
    and not exists (
        select from pg_temp.rejected r where r.entity in ('offer', 'product') and r.onec_id = v.onec_id
    )
    and not exists (select from pg_temp.kept k where k.entity = 'offers' and k.row_id = v.id and p.is_active)
    and g.id is null;

-- remove offers by offers no longer named
update onec.product_variants t
set is_active = false, statements = null, updated_at = now()
from pg_temp.unnamed_offers u
where u.id = t.id and not u.stays
returning t.id, 0, u.follows;

-- run default variants that no offer states any more
update onec.product_variants t
set is_offer = false, statements = null, updated_at = now()
from pg_temp.unnamed_offers u
where u.id = t.id and u.stays;

-- run default variants that stand again
-- An offer under the bare id that was marked as deleted, or gave way to offers that are gone.
update onec.product_variants t
set is_active = true, is_offer = false, updated_at = now()
from onec.products p
where %(offers_segments_full)s and p.id = t.product_id and p.is_active and t.is_default and not t.is_active
    and (%(one_catalog)s or exists (
        select from pg_temp.named_goods n where n.onec_id = p.onec_id and n.catalog_id = any (%(offers_spoken)s)
    ))
    and not exists (select from onec.product_variants v where v.product_id = p.id and v.is_active)
    and not exists (select from onec_staging.offers s where split_part(s.onec_id, '#', 1) = p.onec_id);

-- run default variants of products without offers
insert into onec.product_variants (onec_id, product_id, is_default, is_offer)
select p.onec_id, p.id, true, false
from onec.products p
where %(offers_segments_full)s and p.is_active
    and (%(one_catalog)s or exists (
        select from pg_temp.named_goods n where n.onec_id = p.onec_id and n.catalog_id = any (%(offers_spoken)s)
    ))
    and not exists (select from onec.product_variants v where v.product_id = p.id and (v.is_active or v.is_default))
    and not exists (select from onec_staging.offers s where split_part(s.onec_id, '#', 1) = p.onec_id);

-- upsert image_references by product_id, position
-- A path is relative to the directory of the file that states it.
select p.id as product_id, i.place::integer - 1 as position, i.path, regexp_replace(s.file, '/?[^/]*$', '') as directory
from onec_staging.goods s
join onec.products p on p.onec_id = s.onec_id
cross join lateral unnest(s.images) with ordinality as i (path, place)
where s.name is not null;

-- upsert image_references by variant_id, position
select v.id as variant_id, i.place::integer - 1 as position, i.path, regexp_replace(s.file, '/?[^/]*$', '') as directory
from onec_staging.offers s
join onec.product_variants v on v.onec_id = s.onec_id
cross join lateral unnest(s.images) with ordinality as i (path, place)
where s.name is not null or not s.deleted;

-- run pictures of products no longer listed
delete from onec.image_references r
using onec_staging.goods s, onec.products p
where p.onec_id = s.onec_id and r.product_id = p.id and s.name is not null
    and r.position >= cardinality(s.images);

-- run pictures of offers no longer listed
delete from onec.image_references r
using onec_staging.offers s, onec.product_variants v
where v.onec_id = s.onec_id and r.variant_id = v.id and (s.name is not null or not s.deleted)
    and r.position >= cardinality(s.images);

-- upsert pending_records by import_type, entity, onec_id
select
    'catalog' as import_type,
    'offer' as entity,
    s.onec_id,
    to_jsonb(s) - '{seq,file,line,is_bare}'::text[]
        - case when s.catalog_id is null then 'catalog_id' else '' end as payload,
    s.file as source_file,
    s.line as source_line
from pg_temp.pending s;

-- run offers that are pending no longer
delete from onec.pending_records w
where w.import_type = 'catalog' and not exists (select from pg_temp.pending s where s.onec_id = w.onec_id);

-- settle catalogues that name products
insert into onec.product_catalogs (product_id, catalog_onec_id)
select p.id, c.onec_id
from pg_temp.named_goods n
join onec.products p on p.onec_id = n.onec_id
join onec.catalogs c on c.id = n.catalog_id
on conflict do nothing;

-- settle catalogues that name products no longer
-- What a guard keeps, the catalogue still has.
delete from onec.product_catalogs pc
using onec.products p, onec.catalogs c
where %(goods_judged)s and p.id = pc.product_id and c.onec_id = pc.catalog_onec_id
    and c.id = any (%(goods_spoken)s)
    and not exists (select from pg_temp.named_goods n where n.onec_id = p.onec_id and n.catalog_id = c.id)
    and not exists (select from pg_temp.kept k where k.entity = 'goods' and k.row_id = p.id);

-- settle catalogues heard of in full
-- To the day.
update onec.catalogs
set heard_at = now()
where id = any (%(goods_spoken)s) and (heard_at is null or heard_at < now() - interval '1 day');

-- settle catalogues that name offers
update onec.product_variants t
set catalog_ids = r.catalog_ids
from (
    select
        v.id,
        array(
            select i
            from unnest(coalesce(v.catalog_ids, (
                select k.catalog_ids
                from pg_temp.catalogs_of_products k
                where k.product_id = v.product_id and v.created_at <> now()
            ))) i
            where i <> all (%(offers_spoken)s::integer[])
                or exists (select from pg_temp.kept k where k.entity = 'offers' and k.row_id = v.id)
            union
            select n.catalog_id from pg_temp.named_offers n where n.onec_id = v.onec_id
            order by 1
        ) as catalog_ids
    from onec.product_variants v
    where not %(one_catalog)s
) r
where r.id = t.id and r.catalog_ids is distinct from coalesce(t.catalog_ids, '{}');

-- settle classifiers that name groups
update onec.categories t
set classifier_ids = r.classifier_ids
from (
    select
        g.id,
        array(
            select i
            from unnest(g.classifier_ids) i
            where i <> all (%(categories_spoken)s::integer[])
                or exists (select from pg_temp.kept k where k.entity = 'categories' and k.row_id = g.id)
            union
            select n.catalog_id from pg_temp.named_groups n where n.onec_id = g.onec_id
            order by 1
        ) as classifier_ids
    from onec.categories g
    where not %(one_classifier)s
) r
where r.id = t.id and r.classifier_ids is distinct from coalesce(t.classifier_ids, '{}');

-- count items
-- Those that the files state, those of them that are pending, and those that an earlier export stated and landed now.
select
    count(*) filter (where seq > 0) + (select count(*) from onec_staging.goods),
    (select count(*) from pg_temp.pending where seq > 0),
    count(*) filter (where seq < 0) - (select count(*) from pg_temp.pending where seq < 0)
from onec_staging.offers;

-- include default_variants

"""Which pictures 1C refers to: product by product, as the XML lists them or, where it lists none, by file name.

Here references come out of the tables; what is done about them is decided in `images.plan`.
"""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg

from onec_pipelines.images.plan import PublishedFile, Reference
from onec_pipelines.images.scan import FileIndex, files_named

FETCH = 2000
"""Rows fetched at a time."""
PICTURES = """
select
    p.id, p.onec_id, r.variant_id, r.variant_onec_id, r.position, r.path, false as is_recorded, false as by_name,
    i.position = r.position and i.is_listed and i.is_main = (r.position = min(r.position) over owner)
        and r.path = 'import_files/' || i.media_path
        and count(*) over product = recorded.pictures
        and count(*) filter (where r.variant_id is null) over product > 0 as is_in_place,
    i.media_path, i.sha256, i.size_bytes, i.width, i.height, i.format, i.source_mtime_ns
from onec.products p
left join (
    select product_id, null::bigint as variant_id, null as variant_onec_id, path, position
    from onec.image_references
    where product_id is not null
    union all
    select v.product_id, v.id, v.onec_id, offers.path, offers.position
    from onec.image_references offers
    join onec.product_variants v on v.id = offers.variant_id
    where v.is_active
) r on r.product_id = p.id
left join onec.product_images i
    on i.product_id = r.product_id and i.source_path = r.path and i.variant_id is not distinct from r.variant_id
left join (
    select product_id, count(*) as pictures from onec.product_images group by product_id
) recorded on recorded.product_id = p.id
where p.is_active
window product as (partition by p.id), owner as (partition by p.id, r.variant_id)
union all
select
    p.id, p.onec_id, null, null, i.position, i.source_path, true, not i.is_listed, false,
    i.media_path, i.sha256, i.size_bytes, i.width, i.height, i.format, i.source_mtime_ns
from onec.product_images i
join onec.products p on p.id = i.product_id
where p.is_active and i.variant_id is null
    and not exists (select from onec.image_references own where own.product_id = p.id)
order by 1, 7, 3 nulls first, 5
"""
"""Of each active product: what the XML lists, with the records; where it lists none of its own, those records alone.

`is_in_place` says that a merge would write the record of a picture as it stands if nothing is to be published, and
that the product has a picture of its own in the XML and no other records.
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """A product or a variant; `is_listed` says whether the XML names pictures of its own."""

    id: int
    onec_id: str
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of `PICTURES`; `published` is its record. `is_recorded` ones are not listed any more, or never were."""

    variant: Owner | None
    position: int
    path: str
    is_recorded: bool
    by_name: bool
    published: PublishedFile | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its rows of `PICTURES`, which become `pictures` only where they must be looked at one by one."""

    product_id: int
    onec_id: str
    rows: list[tuple[Any, ...]]

    @property
    def pictures(self) -> list[Picture]:
        """Its pictures in the order of `PICTURES`."""
        return [_picture(*row[2:]) for row in self.rows if row[5] is not None]

    def is_settled(self, index: FileIndex, stored: FileIndex) -> bool:
        """Whether nothing is to be done: all its pictures are unchanged (see `images.plan`) and their records in place.

        This alone decides about nearly every product of nearly every import, so it builds nothing.
        """
        for _, _, _, _, _, path, _, _, is_in_place, media_path, _, size, _, _, _, mtime_ns in self.rows:
            if not (is_in_place and index.holds(path, size, mtime_ns) and stored.holds(media_path, size)):
                return False
        return True


def read_products(connection: psycopg.Connection) -> Generator[Product, None, None]:
    """The active products in the order of their keys, some at a time; use inside a transaction."""
    with connection.cursor("pictures") as cursor:
        cursor.itersize = FETCH
        cursor.execute(PICTURES)
        for (product_id, onec_id), rows in groupby(cursor, itemgetter(0, 1)):
            yield Product(product_id, onec_id, list(rows))


def _picture(  # noqa: PLR0913, PLR0917 - a row
    variant_id: int | None,
    variant_onec_id: str,
    position: int,
    path: str,
    is_recorded: bool,  # noqa: FBT001
    by_name: bool,  # noqa: FBT001
    _is_in_place: bool | None,  # noqa: FBT001
    media_path: str | None,
    *facts: object,
) -> Picture:
    variant = None if variant_id is None else Owner(variant_id, variant_onec_id)
    published = PublishedFile(media_path, *facts) if media_path else None  # type: ignore[arg-type]
    return Picture(variant, position, path, is_recorded, by_name, published)


def references_of(product: Product, index: FileIndex) -> list[Reference]:
    """What a product's pictures are: as the XML lists them, or, where it lists none of its own, by file name.

    A picture found by name earlier stays in the list when its file is not shipped this time. The keys of a
    reference are `Owner`s.
    """
    pictures = product.pictures
    listed = [picture for picture in pictures if not picture.is_recorded]
    owner = Owner(product.product_id, product.onec_id, is_listed=any(picture.variant is None for picture in listed))
    references = [
        Reference(owner, picture.variant, picture.position, picture.path, picture.published) for picture in listed
    ]
    if owner.is_listed:
        return references
    records = {picture.path: picture for picture in pictures if picture.is_recorded}
    paths = set(files_named(index, product.onec_id))
    paths |= {path for path, picture in records.items() if picture.by_name}
    named = [
        Reference(owner, None, position, path, records[path].published if path in records else None)
        for position, path in enumerate(sorted(paths))
    ]
    return [*named, *references]

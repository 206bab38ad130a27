"""A small export of an invented shop of sports and household goods, with deliberate oddities.

`write_demo` writes it in any of three layouts and three encodings, byte for byte the same each time. All of them
describe one catalogue: importing any of them gives equal tables. The export is full
(`СодержитТолькоИзменения="false"`); names, firms and numbers in it are invented.

The rooms: `records` (the words), `dictionaries`, `assortment`, `contragents` and `oddities` (the shop as plain
data), `images` (its images), `elements` and `layouts` (how it is written).

The oddities:

- units: `unit_code_with_space` (`"796 "`)
- goods: `good_without_id` (rejected), `good_id_no_guid`, `good_in_two_segments` (2 and 10: the later wins),
  `good_deleted` (`ПометкаУдаления`), `good_without_offers`, `good_in_two_groups`, `good_in_undeclared_group`,
  `description_html`, `vat_percent`, `vat_none`, `property_zero_guid`, `property_sentinel`, `property_raw_text`,
  `property_multiple`
- images: `image_empty_element` (takes no position), `image_unlisted` (files the XML does not name),
  `image_missing`, `image_truncated`, `image_html`, `image_empty_file`
- offers: `offer_empty_element` (`<Предложение/>`), `offer_deleted` (`@Статус`), `offer_without_good` (pending, and
  so are its price and its stock)
- prices: `price_without_offer` (the bare id of a good that has no offer), `price_type_twice` (the last wins),
  `price_empty` (states nothing), `price_comma_nbsp`, `price_rejected`, `price_type_undeclared` (pending)
- stock: `stock_negative`, `stock_fractional`, `stock_empty` (states nothing), `stock_warehouse_undeclared`
  (pending), `stock_in_two_segments`, `stock_cell_twice` (the last wins, nothing is summed)
- contragents: `contragent_shared_email`, `contragent_invalid_email`, `contragent_postal_address` (in a `Почта`),
  `contragent_several_contacts`, `contragent_wrong_inn`, `contragent_without_kpp`, `contragent_supplier` (no
  customer), `contragent_two_roles`, `contragent_without_role`, `contragent_role_lower_case`,
  `contragent_person_with_inn` (twelve digits and no entrepreneur), `contragent_representative` (a `Контрагент`
  inside a `Контрагент`)
"""

from dataclasses import dataclass
from pathlib import Path

from onec_pipelines.demo import assortment, oddities
from onec_pipelines.demo.contragents import build_contragents
from onec_pipelines.demo.dictionaries import PRICE_TYPES, UNITS, WAREHOUSES, build_groups, build_properties
from onec_pipelines.demo.elements import ENCODINGS
from onec_pipelines.demo.images import image_files
from onec_pipelines.demo.layouts import LAYOUTS, Files
from onec_pipelines.demo.records import Shop
from onec_pipelines.errors import OnecError

__all__ = ["MARKER", "WrittenDemo", "build_shop", "write_demo"]

MARKER = ".onec-demo"
"""The file that says a directory holds a demo: one line for each file of it."""


@dataclass(frozen=True, slots=True)
class WrittenDemo:
    """The shop that was written, how, and as how many XML files and files of images."""

    shop: Shop
    layout: str
    encoding: str
    xml_files: int
    image_files: int

    @property
    def products(self) -> int:
        """Goods with an id, one that is repeated counted once."""
        return len({good.onec_id for good in self.shop.goods if good.onec_id})


def write_demo(directory: Path, *, layout: str = "3.1", encoding: str = "utf-8") -> WrittenDemo:
    """Write the demo into a directory that is absent, empty or holds an earlier demo, which it replaces.

    Args:
        directory: Where to; made when absent.
        layout: `3.1` (directories), `2.09` (packages) or `2.07` (two files).
        encoding: `utf-8`, `utf-8-sig` (with a byte order mark) or `windows-1251`, as the XML declares.

    Raises:
        OnecError: The layout or encoding is unknown, or the directory holds something that is not the demo's.
    """
    if layout not in LAYOUTS:
        raise OnecError(f"The demo knows no layout {layout!r}: it is one of {', '.join(LAYOUTS)}.")
    if encoding not in ENCODINGS:
        raise OnecError(f"The demo knows no encoding {encoding!r}: it is one of {', '.join(ENCODINGS)}.")
    shop = build_shop()
    write_xml, image_root = LAYOUTS[layout]
    documents = write_xml(shop, encoding)
    images = {f"{image_root}{path}": content for path, content in image_files(shop).items()}
    _replace_demo(directory, documents | images)
    return WrittenDemo(shop, layout, encoding, len(documents), len(images))


def build_shop() -> Shop:
    """Build the shop that every layout describes."""
    return Shop(
        groups=build_groups(),
        units=UNITS,
        properties=build_properties(),
        price_types=PRICE_TYPES,
        warehouses=WAREHOUSES,
        goods=(*assortment.build_goods(), *oddities.build_goods()),
        offers=(*assortment.build_offers(), *oddities.build_offers()),
        contragents=build_contragents(),
    )


def _replace_demo(directory: Path, files: Files) -> None:
    """Remove the files of an earlier demo and write the new ones, the marker first so that a rest is recognized."""
    ours = _earlier_files(directory)
    foreign = [name for name in files if name not in ours and (directory / name).exists()]
    if foreign:
        raise OnecError(f"The demo would overwrite {directory / foreign[0]}, which it did not write; move it away.")
    for name in ours:
        (directory / name).unlink(missing_ok=True)
    for folder in sorted({parent for name in ours for parent in _folders(directory, name)}, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_text("".join(f"{name}\n" for name in sorted(files)), encoding="utf-8")
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _folders(directory: Path, name: str) -> list[Path]:
    inside = (directory / name).relative_to(directory)
    return [directory / parent for parent in inside.parents if parent != Path()]


def _earlier_files(directory: Path) -> set[str]:
    """Read the marker's list; a name that leads out of the directory is not the demo's."""
    marker = directory / MARKER
    if marker.is_file():
        names = marker.read_text(encoding="utf-8").splitlines()
        return {name for name in names if name and not Path(name).is_absolute() and ".." not in Path(name).parts}
    if directory.exists() and not directory.is_dir():
        raise OnecError(f"The demo cannot be written into {directory}: it is a file, not a directory.")
    if directory.exists() and any(directory.iterdir()):
        raise OnecError(
            f"The demo cannot be written into {directory}: it holds files that are not the demo's; "
            "name an empty or a new directory."
        )
    return set()

"""What a dataset is, said once: a part of an export that is imported by itself, as one asset.

Whoever asks "which directories, which table, which job, which counters, is it personal?" asks here. A sixth dataset is
one more entry below, a reader (`commerceml/<name>.py`), an importing module (`importing/<name>.py`) and its SQL
(`importing/merge/<name>.sql`, `importing/checks/<asset>.sql`).

Not here: how its elements are read, how they are staged, what they mean to the tables. No Dagster, no SQL.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

ALL = "all"
"""The import type of all datasets together."""
FULL_REFRESH = "full_refresh"
"""Its job."""
CATALOG_IS_EMPTY = "каталог товаров пуст. Сначала импортируйте полный каталог."


@dataclass(frozen=True, slots=True)
class Check:
    """A check of rows after an import: `name` is that of its query in `importing/checks/<asset>.sql`.

    `one` and `many` say, behind a number, what its rows are; `remedy` is a sentence of what to do. It warns, or with
    `is_error` it is an error.
    """

    name: str
    description: str
    one: str
    many: str
    remedy: str = ""
    is_error: bool = False

    def said_of(self, rows: int) -> str:
        """What it says of so many rows."""
        return f"{rows:,} {self.one if rows == 1 else self.many}. {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True)
class Exported:
    """A part of an export: what it is, and the subdirectories of the 3.1 layout that hold its files."""

    text: str
    directories: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What it is and where it lies."""
        lies = ", ".join(f"{name}/" for name in self.directories or ("goods/import_files",))
        return f"{self.text}: {lies}."


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset.

    Attributes:
        name: the import type: of `onec import NAME`, of run tags, of the records of an import.
        asset: its asset, and by that its pool and its tag.
        table: the table that it is read from, `schema.name`.
        beside: the other tables of `onec` whose rows are its own.
        description: what its page says, and what fits into a line of the Catalog begins with what it does.
        counters: metadata key -> field of `Counters`, in the order in which they are shown: total, processed, others.
        exports: what 1C exports for it, upstream of it in the lineage, by a name that is no asset of ours: the lineage
            shows only the last part of a key.
        required_directories: those without which it cannot be imported.
        noun: what messages call it, in the genitive.
        lists: the elements by which a file is known to hold something of it.
        required_lists: those of which one must be there in layouts other than 3.1; any of `lists` where it is empty.
        items: the elements that are counted for progress; where `items_nest`, they may stand in each other, and an item
            is one of each.
        without_catalog: why it cannot be imported without products; empty where it can.
        is_guarded: whether a full export may take rows away.
        is_personal: whether its values are nobody's business: no message, log or metadata may quote one.
        has_job: whether it is imported from an export, by a job of its own.
        checks: what a person should look at after an import.
    """

    name: str
    asset: str
    table: str
    counters: Mapping[str, str]
    description: str = ""
    beside: tuple[str, ...] = ()
    exports: Mapping[str, Exported] = field(default_factory=dict)
    required_directories: tuple[str, ...] = ()
    noun: str = ""
    lists: frozenset[str] = frozenset()
    required_lists: frozenset[str] = frozenset()
    items: tuple[str, ...] = ()
    items_nest: bool = False
    without_catalog: str = ""
    is_guarded: bool = False
    is_personal: bool = False
    has_job: bool = True
    checks: tuple[Check, ...] = ()

    @property
    def tables(self) -> frozenset[str]:
        """The tables of `onec` whose rows are its own."""
        return frozenset({self.table.removeprefix("onec."), *self.beside})

    @property
    def directories(self) -> tuple[str, ...]:
        """The subdirectories of the 3.1 layout that hold its files."""
        return tuple(name for exported in self.exports.values() for name in exported.directories)

    @property
    def job(self) -> str:
        """The job that imports it alone."""
        return f"{self.name}_import"

    @property
    def pool(self) -> str:
        """The pool by which one import of it waits for another."""
        return f"onec_{self.asset}"


def _counters(total: str, processed: str, *others: str) -> Mapping[str, str]:
    return {total: "total", processed: "processed"} | {name: "created" if name == "copied" else name for name in others}


_ITEMS = _counters("total_items", "processed_items", "created", "updated", "skipped", "errors", "removed")
_WAIT = "longer than ONEC_PENDING_DAYS"

CATALOG = Dataset(
    name="catalog",
    asset="catalog",
    table="onec.products",
    beside=(
        "product_variants",
        "product_categories",
        "image_references",
        "categories",
        "brands",
        "units",
        "properties",
        "property_values",
    ),
    description="Imports products, variants, categories, brands, units and properties from 1C: onec.products and the "
    "tables beside it. Offers whose product has not arrived wait in onec.pending_records.",
    counters=_ITEMS,
    exports={
        "goods_xml": Exported(
            "Товары, группы, свойства и единицы измерения", ("goods", "groups", "propertiesGoods", "units")
        ),
        "offers_xml": Exported("Предложения и их свойства", ("offers", "propertiesOffers")),
    },
    required_directories=("goods", "offers", "prices", "rests"),
    noun="каталога",
    lists=frozenset({"Товары", "Предложения", "Группы", "Свойства", "ЕдиницыИзмерения"}),
    required_lists=frozenset({"Товары", "Предложения"}),
    items=("Товар", "Предложение"),
    is_guarded=True,
    checks=(
        Check(
            "pending_offers",
            f"No offer waits for its product {_WAIT}.",
            f"offer waits for its product {_WAIT}",
            f"offers wait for their product {_WAIT}",
        ),
        Check(
            "products_without_category",
            "Every active product has a category.",
            "product has no category",
            "products have no category",
        ),
    ),
)
STOCKS = Dataset(
    name="stocks",
    asset="stocks",
    table="onec.stocks",
    beside=("warehouses",),
    description="Imports the stock of each variant by warehouse from 1C: onec.stocks. Stocks of unknown offers or "
    "warehouses wait in onec.pending_records.",
    counters=_ITEMS,
    exports={"rests_xml": Exported("Остатки и склады", ("rests", "storages"))},
    required_directories=("rests",),
    noun="остатков",
    lists=frozenset({"Остатки", "Количество", "Склады", "Склад", "КоличествоНаСкладах", "ОстаткиПоСкладу"}),
    items=("Остаток", "Склад", "КоличествоНаСкладе"),
    items_nest=True,
    without_catalog=f"Невозможно загрузить остатки/цены: {CATALOG_IS_EMPTY}",
    is_guarded=True,
    checks=(
        Check(
            "pending_stocks",
            f"No stock waits for its offer {_WAIT}.",
            f"offer's stocks wait {_WAIT}",
            f"offers' stocks wait {_WAIT}",
        ),
        Check(
            "negative_stocks",
            "No stock of an active offer is below zero.",
            "stock is below zero",
            "stocks are below zero",
        ),
    ),
)
PRICES = Dataset(
    name="prices",
    asset="prices",
    table="onec.prices",
    beside=("price_types", "price_tiers"),
    description="Imports the price of each variant by price type from 1C: onec.prices; those for other units or from "
    "a quantity on: onec.price_tiers. Prices of unknown offers or types wait in onec.pending_records.",
    counters=_ITEMS,
    exports={"prices_xml": Exported("Цены и типы цен", ("prices", "priceLists"))},
    required_directories=("prices",),
    noun="цен",
    lists=frozenset({"Цены", "ТипыЦен"}),
    items=("Цена",),
    without_catalog=f"Невозможно загрузить остатки/цены: {CATALOG_IS_EMPTY}",
    is_guarded=True,
    checks=(
        Check(
            "pending_prices",
            f"No price waits for its offer {_WAIT}.",
            f"offer's prices wait {_WAIT}",
            f"offers' prices wait {_WAIT}",
        ),
        Check(
            "prices_not_positive",
            "Every price of an active offer is above zero.",
            "price is zero or below",
            "prices are zero or below",
        ),
        Check(
            "products_without_price",
            "Every active product has a price.",
            "product has no price",
            "products have no price",
        ),
    ),
)
CUSTOMERS = Dataset(
    name="customers",
    asset="customers",
    table="onec.customers",
    description="Imports the buyers among 1C's contragents: onec.customers. Personal data: it is shown nowhere else.",
    counters=_counters("total_customers", "processed", "created", "updated", "skipped", "errors", "removed"),
    exports={"contragents_xml": Exported("Контрагенты", ("contragents",))},
    required_directories=("contragents",),
    noun="контрагентов",
    lists=frozenset({"Контрагенты"}),
    items=("Контрагент",),
    is_guarded=True,
    is_personal=True,
)
IMAGES = Dataset(
    name="images",
    asset="product_images",
    table="onec.product_images",
    description="Checks and publishes the images of active products in the media store: onec.product_images. The "
    "first image that the XML lists is the main one.",
    counters=_counters("total_products", "processed", "copied", "skipped", "errors", "removed"),
    exports={"import_files": Exported("Изображения товаров")},
    noun="изображений",
    without_catalog=f"Невозможно загрузить изображения: {CATALOG_IS_EMPTY}",
    checks=(
        Check(
            "products_without_image",
            "Every active product has an image.",
            "product has no image",
            "products have no image",
        ),
        Check(
            "missing_media",
            "Every image on record is in the media store.",
            "image is on record and gone from the media store",
            "images are on record and gone from the media store",
            "Import images from an export that holds them.",
            is_error=True,
        ),
        Check(
            "deactivation_guard",
            "An export names enough of what is published: no more than ONEC_MAX_DEACTIVATION would go.",
            "image is kept although the export names it no longer",
            "images are kept although the export names them no longer",
            "ONEC_MAX_DEACTIVATION does not allow that so many go. If the export is right, set it to 1 for one import.",
            is_error=True,
        ),
    ),
)
THUMBNAILS = Dataset(
    name="thumbnails",
    asset="product_thumbnails",
    table="onec.product_thumbnails",
    description="Makes thumbnails of the published images in the media store: onec.product_thumbnails. Only new and "
    "changed images are read.",
    counters=_counters("total_images", "processed", "created", "skipped", "errors"),
    has_job=False,
)
"""What is made of the imported: it needs no export."""

IMPORTED = (CATALOG, STOCKS, PRICES, CUSTOMERS, IMAGES)
"""The datasets of an export, upstream before downstream."""
BY_NAME: Mapping[str, Dataset] = {dataset.name: dataset for dataset in (*IMPORTED, THUMBNAILS)}
BY_ASSET: Mapping[str, Dataset] = {dataset.asset: dataset for dataset in (*IMPORTED, THUMBNAILS)}
IMPORT_TYPES = tuple(dataset.name for dataset in IMPORTED)
ASSETS = tuple(dataset.asset for dataset in IMPORTED)
JOBS: Mapping[str, str] = {ALL: FULL_REFRESH} | {dataset.name: dataset.job for dataset in IMPORTED}
"""Import type -> job."""
DIRECTORIES = tuple(directory for dataset in IMPORTED for directory in dataset.directories)
"""The subdirectories of the 3.1 layout."""


def imported_by(import_type: str) -> Iterator[Dataset]:
    """The datasets of an import type: all of them, or the one."""
    return (dataset for dataset in IMPORTED if import_type in {ALL, dataset.name})


def import_type_of(assets: Collection[str]) -> str:
    """The import type of a run of these assets: `all` if it imports everything, else that of the first, upstream first.

    Raises:
        LookupError: none of them is ours.
    """
    if {*assets} >= {*ASSETS}:
        return ALL
    return next((dataset.name for asset, dataset in BY_ASSET.items() if asset in assets), None) or _not_ours(assets)


def _not_ours(assets: Collection[str]) -> str:
    raise LookupError(f"None of these assets is imported from 1C: {', '.join(assets)}.")

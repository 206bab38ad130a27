"""Import of the catalogue: groups, units, properties, brands, products, variants and their image references."""

from collections.abc import Mapping

from onec_pipelines import datasets
from onec_pipelines.commerceml import catalog
from onec_pipelines.commerceml.export import ExportFile, is_beside_offers
from onec_pipelines.commerceml.facts import Reader
from onec_pipelines.commerceml.records import Category, Good, Offer, Property, PropertyValue, Unit
from onec_pipelines.importing.reading import DatasetImport, Entity


def _readers(file: ExportFile) -> Mapping[str, Reader]:
    return catalog.READERS_BESIDE_PRICES if is_beside_offers(file.name) else catalog.READERS


DATASET = DatasetImport(
    about=datasets.CATALOG,
    tables={
        Category: "categories",
        Unit: "units",
        Property: "properties",
        PropertyValue: "property_values",
        Good: "goods",
        Offer: "offers",
    },
    readers=_readers,
    items={Good: "products", Offer: "product_variants"},
    entities=(
        Entity("goods", frozenset({"Товары"}), Good, own_list="Товары"),
        Entity("offers", frozenset({"Предложения", "Товары"}), Offer, own_list="Предложения", follows="goods"),
        Entity(
            "categories", frozenset({"Группы"}), Category, own_list="Группы", marked_beside=True, is_of_classifier=True
        ),
    ),
    values={"brand_property": catalog.BRAND_PROPERTY},
)

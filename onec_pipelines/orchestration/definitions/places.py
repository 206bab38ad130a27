"""Where the rows and the code of an asset are, for the Definition panel of its page: its table, and what imports it."""

import warnings
from collections.abc import Iterable, Mapping
from types import ModuleType

import dagster as dg

from onec_pipelines.importing import catalog, customers, images, prices, stocks, thumbnails
from onec_pipelines.orchestration.definitions.tables import TABLES

CODE: Mapping[str, ModuleType] = {
    "catalog": catalog,
    "stocks": stocks,
    "prices": prices,
    "customers": customers,
    "product_images": images,
    "product_thumbnails": thumbnails,
}
"""Asset -> what imports it. The function that Dagster calls is a facade over that, and the same for four of them."""


def with_places(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets, each with its table and a reference to its code."""
    return [asset.map_asset_specs(placed) for asset in assets]


def placed(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The spec with both in its metadata."""
    asset = spec.key.to_user_string()
    return spec.merge_attributes(
        metadata={"dagster/table_name": TABLES[asset], "dagster/code_references": references(CODE[asset])}
    )


def references(module: ModuleType) -> dg.CodeReferencesMetadataValue:
    """A link to the file of a module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # a person who starts the UI can do nothing about that
        file = dg.LocalFileCodeReference(file_path=str(module.__file__), label=module.__name__)
        return dg.CodeReferencesMetadataValue(code_references=[file])

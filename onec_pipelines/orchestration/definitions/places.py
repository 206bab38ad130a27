"""Where the rows and the code of an asset are, for the Definition panel of its page: its table, and what imports it."""

import warnings
from collections.abc import Iterable
from importlib import import_module

import dagster as dg

from onec_pipelines.datasets import BY_ASSET


def with_places(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets, each with its table and a reference to its code."""
    return [asset.map_asset_specs(placed) for asset in assets]


def placed(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The spec with both in its metadata."""
    dataset = BY_ASSET[spec.key.to_user_string()]
    code = references(f"onec_pipelines.importing.{dataset.name}")
    return spec.merge_attributes(metadata={"dagster/table_name": dataset.table, "dagster/code_references": code})


def references(module: str) -> dg.CodeReferencesMetadataValue:
    """A link to the file of a module: the function that Dagster calls is a facade over it, the same for four assets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # a person who starts the UI can do nothing about that
        file = dg.LocalFileCodeReference(file_path=str(import_module(module).__file__), label=module)
        return dg.CodeReferencesMetadataValue(code_references=[file])

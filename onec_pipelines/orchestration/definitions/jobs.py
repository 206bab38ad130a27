"""The six jobs: a full refresh, and one for each import type. The tag says the type on every run."""

import dagster as dg

from onec_pipelines.datasets import ALL, ASSETS, FULL_REFRESH, IMPORTED, THUMBNAILS
from onec_pipelines.orchestration.private import UnresolvedAssetJobDefinition
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG


def build_jobs(*, thumbnails: bool = False) -> list[UnresolvedAssetJobDefinition]:
    """The jobs; with `thumbnails`, a full refresh makes them, too."""
    refreshed = [*ASSETS, *([THUMBNAILS.asset] if thumbnails else [])]
    return [
        dg.define_asset_job(
            FULL_REFRESH,
            selection=dg.AssetSelection.assets(*refreshed),
            description="Import everything that 1C exported: the catalogue first, then all that needs it.",
            tags={IMPORT_TYPE_TAG: ALL},
        ),
        *(
            dg.define_asset_job(
                dataset.job,
                selection=dg.AssetSelection.assets(dataset.asset),
                description=f"Import {dataset.asset.replace('_', ' ')} alone.",
                tags={IMPORT_TYPE_TAG: dataset.name},
            )
            for dataset in IMPORTED
        ),
    ]

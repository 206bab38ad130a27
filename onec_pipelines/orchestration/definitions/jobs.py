"""The six jobs: a full refresh, and one for each import type. The tag says the type on every run."""

import dagster as dg

from onec_pipelines.orchestration.private import UnresolvedAssetJobDefinition
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.orchestration.runs.step import ALL, IMPORT_TYPE_OF

FULL_REFRESH = "full_refresh"
JOB_OF = {ALL: FULL_REFRESH, **{import_type: f"{import_type}_import" for import_type in IMPORT_TYPE_OF.values()}}
"""Import type -> job."""


def build_jobs(*, thumbnails: bool = False) -> list[UnresolvedAssetJobDefinition]:
    """The jobs; with `thumbnails`, a full refresh makes them, too."""
    refreshed = [*IMPORT_TYPE_OF, *(["product_thumbnails"] if thumbnails else [])]
    return [
        dg.define_asset_job(
            FULL_REFRESH,
            selection=dg.AssetSelection.assets(*refreshed),
            description="Import everything that 1C exported: the catalogue first, then all that needs it.",
            tags={IMPORT_TYPE_TAG: ALL},
        ),
        *(
            dg.define_asset_job(
                JOB_OF[import_type],
                selection=dg.AssetSelection.assets(asset),
                description=f"Import {asset.replace('_', ' ')} alone.",
                tags={IMPORT_TYPE_TAG: import_type},
            )
            for asset, import_type in IMPORT_TYPE_OF.items()
        ),
    ]

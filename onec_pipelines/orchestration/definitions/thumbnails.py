"""`product_thumbnails`: smaller copies of the published images, for sites and price lists.

It needs nothing of 1C's export but what `product_images` has published, and is materialized from its page when
somebody wants it; with `ONEC_THUMBNAILS=1` every full refresh does so. What a thumbnail is, `importing.thumbnails`
and `images.thumbnails` know.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from onec_pipelines.datasets import IMAGES, THUMBNAILS
from onec_pipelines.importing import ExportSnapshot, ImportReport, Progress, make_thumbnails
from onec_pipelines.orchestration.definitions.assets import GROUP, OWNERS
from onec_pipelines.orchestration.definitions.tables import IO_MANAGER
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.progress import Watch
from onec_pipelines.orchestration.runs.step import run_session


class ThumbnailConfig(dg.Config):
    """What may be chosen in the launchpad; what is left empty stays as the last run had it."""

    sizes: list[int] = Field([], description="Pixels of the squares that thumbnails fit into; at first 200 and 800.")
    format: str = Field("", description="`webp`, as at first, or `jpeg`.")
    quality: int = Field(0, description="From 1 to 100; at first 80.")
    force: bool = Field(False, description="Make again what is there.")  # noqa: FBT003


@dg.asset(
    name=THUMBNAILS.asset,
    deps=[IMAGES.asset],
    description=THUMBNAILS.description,
    group_name=GROUP,
    kinds={"postgres", "python"},
    owners=OWNERS,
    tags={"onec/dataset": THUMBNAILS.asset},
    pool=IMAGES.pool,  # so that runs do not publish images while their thumbnails are made
    io_manager_key=IO_MANAGER,
    output_required=False,
)
def product_thumbnails(
    context: dg.AssetExecutionContext, config: ThumbnailConfig, onec: Onec, watch: dg.ResourceParam[Watch]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """See `importing.make_thumbnails`."""

    def start(_export: ExportSnapshot, progress: Progress) -> ImportReport:
        return make_thumbnails(
            onec.database_url(),
            onec.settings().media_url,
            sizes=config.sizes,
            format=config.format,
            quality=config.quality,
            force=config.force,
            run_id=context.run.run_id,
            progress=progress,
        )

    yield from run_session(context, onec, watch, start)

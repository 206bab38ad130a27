"""Import of product images: plan from references and files, publish in shards, collect what came of it.

    shards = plan_images(request, media_url)                  decide about every image
    publish_shard(request, media_url, shard)                  for each of 1..shards: in turn, or on any machine
    report = collect_images(request, media_url)               record it all in one transaction

A product whose images are all unchanged and recorded as they should be is counted and nothing else, which is most of
an import; the others are planned image by image.

`publish_images` does the three in turn. Between them the plan and its results stand in the database (stored_plan.py): a
run that is repeated or killed leaves them to the next import, which begins anew. Files are published as the run goes,
each whole or not at all; what is on record changes in one transaction at the end.

Nothing here removes an image because its file was not shipped: only a reference that is gone does.
"""

import uuid
from dataclasses import replace

from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.locks import run_lock
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.images.collecting import KEEP_DAYS, collect_images
from onec_pipelines.importing.images.planning import plan_images
from onec_pipelines.importing.images.publishing import may_show_progress, publish_shard
from onec_pipelines.importing.images.stored_plan import DURING, adopt_plan, forget_plan, run_of
from onec_pipelines.importing.report import ImportReport

__all__ = [
    "KEEP_DAYS",
    "adopt_plan",
    "collect_images",
    "may_show_progress",
    "plan_images",
    "publish_images",
    "publish_shard",
]


def publish_images(request: Request, media_url: str, *, full: bool = False, keep_days: int = KEEP_DAYS) -> ImportReport:
    """Publish the images of all active products.

    Args:
        request: what to import from where.
        media_url: the media store.
        full: decode each image that is published, to its last pixel.
        keep_days: for how many days the file of an image that is removed stays in the media store.

    Raises:
        ExportError, ImportBusyError, DatabaseError: as the other imports.
        MediaStoreError: the media store cannot be used.
    """
    request = replace(request, run_id=request.run_id or str(uuid.uuid4()))
    with losses_told(DURING), run_lock(request.database_url, run_of(request)):
        try:
            for shard in range(1, plan_images(request, media_url) + 1):
                publish_shard(request, media_url, shard, full=full)
            return collect_images(request, media_url, keep_days=keep_days)
        except BaseException:
            forget_plan(request)
            raise

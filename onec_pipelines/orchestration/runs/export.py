"""Which export a run imports, and what its steps have seen of it.

A run is told its directory by the tag `onec/data_dir`: `onec import --data` sets it, and whoever launches a run may.
One that is told nothing imports what the run does that it repeats, or else `ONEC_DATA_DIR`. What that was when it began
stands in a tag that the UI does not show: all its steps mean the same directory, in whatever process.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import dagster as dg

from onec_pipelines.commerceml.content import FileContent
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.settings import Settings, absolute_path

DATA_DIR_TAG = "onec/data_dir"
BEGUN_TAG = ".dagster/onec_data_dir"


def data_dir_of(run: dg.DagsterRun, instance: dg.DagsterInstance, settings: Settings) -> Path:
    """The directory that a run imports."""
    repeated = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    for tags in (run.tags, repeated.tags if repeated else {}):
        if told := tags.get(DATA_DIR_TAG, "").strip() or tags.get(BEGUN_TAG):
            return absolute_path(told)
    return settings.data_dir


def directory_tags(data_dir: Path, settings: Settings, told: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags that keep a run to its directory, beside those that it has: a delivery has a tag of its own to show.

    Celery's workers have none to be kept to: each machine has the export under an `ONEC_DATA_DIR` of its own.
    """
    if told and told.get(BEGUN_TAG) == str(data_dir):
        return {}
    if data_dir != settings.data_dir:
        return {DATA_DIR_TAG: str(data_dir)}
    return {} if settings.executor == "celery" else {BEGUN_TAG: str(data_dir)}


@lru_cache(maxsize=1)
def looked_at_by(run_id: str) -> dict[ExportFile, FileContent]:
    """What the steps of a run have looked at in this process; the next run begins with nothing."""
    del run_id
    return {}

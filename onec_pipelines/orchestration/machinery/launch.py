"""Running a job in this process, as `onec import` does: recorded in run history like any other run."""

import logging
import os

import dagster as dg

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import database_url
from onec_pipelines.database.locks import run_lock
from onec_pipelines.datasets import JOBS, imported_by
from onec_pipelines.orchestration.private import make_new_run_id
from onec_pipelines.orchestration.runs.export import directory_tags, looked_at_by
from onec_pipelines.orchestration.runs.history import Session, find_session, settle_tags
from onec_pipelines.orchestration.runs.step import locked_tag
from onec_pipelines.settings import Settings

ORIGIN = {".dagster/repository": "__repository__@onec_pipelines"}
"""The tag by which the UI lists a run under its job and code location."""

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""Configuration of the loggers of a run: Dagster's console log is off."""


def execute(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    import_type: str,
    *,
    force: bool = False,
    export: ExportSnapshot | None = None,
) -> Session:
    """Run the job of an import type over an export, unset over that of the settings, and return its session.

    The run's lock is held from before the run exists. What the caller has seen of the export is handed down. Dagster's
    own console log is off: the caller shows progress and the report.
    """
    settings = Settings.from_environment()
    export = export or ExportSnapshot(settings.data_dir)
    job = definitions.resolve_job_def(JOBS[import_type])
    config = {
        "ops": {dataset.asset: {"config": {"force": force}} for dataset in imported_by(import_type)},
        "loggers": QUIET,
    }
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    run_id = make_new_run_id()
    looked_at_by(run_id).update(export.looked_at)
    url = database_url(settings)
    with run_lock(url, run_id):
        job.execute_in_process(
            run_config=config,
            instance=instance,
            tags={**ORIGIN, **locked_tag(run_id), **directory_tags(export.root, settings)},
            run_id=run_id,
            raise_on_error=False,
        )
        settle_tags(instance, url, run_id)
    return find_session(instance, run_id)

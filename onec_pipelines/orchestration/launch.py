"""Running a job in this process, as `onec import` does: recorded in run history like any other run."""

import logging
import os

import dagster as dg

from onec_pipelines.orchestration.jobs import JOB_OF
from onec_pipelines.orchestration.session import ALL, IMPORT_TYPE_OF
from onec_pipelines.orchestration.sessions import Session, find_session

ORIGIN = {".dagster/repository": "__repository__@onec_pipelines"}
"""The tag by which the UI lists a run under its job and code location."""

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""Configuration of the loggers of a run: Dagster's console log is off."""


def execute(
    instance: dg.DagsterInstance, definitions: dg.Definitions, import_type: str, *, force: bool = False
) -> Session:
    """Run the job of an import type and return its session.

    Dagster's own console log is off: the caller shows progress and the report.
    """
    job = definitions.resolve_job_def(JOB_OF[import_type])
    assets = [asset for asset, kind in IMPORT_TYPE_OF.items() if import_type in {ALL, kind}]
    config = {
        "ops": {asset: {"config": {"force": force}} for asset in assets},
        "loggers": QUIET,
    }
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    result = job.execute_in_process(run_config=config, instance=instance, tags=ORIGIN, raise_on_error=False)
    return find_session(instance, result.run_id)

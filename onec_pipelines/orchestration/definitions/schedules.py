"""The nightly refresh. It skips, with the preflight's words, instead of launching a run that must fail."""

import logging
from collections.abc import Iterator

import dagster as dg

from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.datasets import ALL, FULL_REFRESH
from onec_pipelines.errors import OnecError, SettingsError
from onec_pipelines.orchestration.definitions.sensors import FED
from onec_pipelines.orchestration.private import is_valid_cron_schedule
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.observing import observe
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.settings import Settings
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)


def build_nightly_refresh(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule at the time that the settings name.

    Raises:
        SettingsError: the cron expression has five fields that name no time.
    """
    if not is_valid_cron_schedule(settings.nightly_cron):
        raise SettingsError(
            f"ONEC_NIGHTLY_CRON is not a cron expression: {settings.nightly_cron!r}; for example 0 2 * * *."
        )

    @dg.schedule(
        name="nightly_refresh",
        cron_schedule=settings.nightly_cron,
        execution_timezone=settings.timezone,
        job_name=FULL_REFRESH,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Imports everything every night, if 1C has exported something that can be imported.",
    )
    def nightly_refresh(context: dg.ScheduleEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
        try:
            problems = [FED] if onec.settings().is_fed_by_exchange else look(context, onec)
        except OnecError as error:
            problems = [str(error)]
        yield dg.SkipReason(visible(" ".join(problems))) if problems else dg.RunRequest(tags={IMPORT_TYPE_TAG: ALL})

    return nightly_refresh


def look(context: dg.ScheduleEvaluationContext, onec: Onec) -> list[str]:
    """What stands against an import of everything; what is new in the export is told on the way."""
    export = onec.export()
    with tolerated(log, "a tick that was built by hand has no history", dg.DagsterInvariantViolationError):
        observe(context.instance, export)
    return preflight(export, ALL, has_products=True)  # it brings its catalogue itself

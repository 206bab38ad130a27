"""The nightly refresh. It skips, with the preflight's words, instead of launching a run that must fail."""

from collections.abc import Iterator

import dagster as dg

from onec_pipelines.orchestration.jobs import FULL_REFRESH
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.session import ALL
from onec_pipelines.settings import Settings


def build_nightly_refresh(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule at the time that the settings name."""

    @dg.schedule(
        name="nightly_refresh",
        cron_schedule=settings.nightly_cron,
        execution_timezone=settings.timezone,
        job_name=FULL_REFRESH,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Imports everything every night, if 1C has exported something that can be imported.",
    )
    def nightly_refresh(onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
        problems = onec.problems(ALL)
        yield dg.SkipReason(" ".join(problems)) if problems else dg.RunRequest()

    return nightly_refresh

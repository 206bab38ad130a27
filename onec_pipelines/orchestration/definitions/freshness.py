"""When the nightly refresh is late: a freshness policy on each asset. The daemon evaluates it, the asset page shows it.

An asset is late when no import of it has ended for as long as the longest pause of the schedule, and two hours
more. A manual import counts. An asset that every refresh passes over becomes late, too: it is not kept up to date.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice, pairwise

import dagster as dg

from onec_pipelines.orchestration.private import schedule_execution_time_iterator

GRACE = timedelta(hours=2)
"""What a refresh may take, wait in the queue, or be shifted by a change of the clocks."""
TICKS = 1000
"""How many to look at for the longest pause: two years of nights, or a week of every five minutes by day."""


def longest_pause(schedule: dg.ScheduleDefinition, now: float) -> timedelta:
    """The longest time between two ticks of a schedule, from a moment in seconds since the epoch."""
    return longest_pause_of(schedule.cron_schedule, schedule.execution_timezone, now)


def longest_pause_of(cron: str | Sequence[str], timezone: str | None, now: float) -> timedelta:
    """The same of a cron expression."""
    ticks = schedule_execution_time_iterator(now, cron, timezone)
    return max(later - earlier for earlier, later in pairwise(islice(ticks, TICKS)))


def with_freshness(assets: Iterable[dg.AssetsDefinition], schedule: dg.ScheduleDefinition) -> list[dg.AssetsDefinition]:
    """The assets, each with the policy that the schedule keeps."""
    policy = dg.FreshnessPolicy.time_window(fail_window=longest_pause(schedule, time.time()) + GRACE)
    return [asset.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, policy)) for asset in assets]

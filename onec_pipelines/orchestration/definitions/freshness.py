"""When the nightly refresh is late: a freshness policy on each asset. The daemon evaluates it, the asset page shows it.

An asset is late when no import of it has ended for as long as the longest pause of the schedule, and two hours
more. A manual import counts. An asset that every refresh passes over becomes late, too: it is not kept up to date.
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from itertools import islice, pairwise

import dagster as dg

from onec_pipelines.orchestration.private import schedule_execution_time_iterator
from onec_pipelines.settings import Settings

GRACE = timedelta(hours=2)
"""What a refresh may take, wait in the queue, or be shifted by a change of the clocks."""
TICKS = 1000
"""How many to look at for the longest pause: two years of nights, or a week of every five minutes by day."""


@cache
def longest_pause(cron: str, timezone: str, now: float | None = None) -> timedelta:
    """The longest time between two ticks of a cron expression, from a moment on: seconds since the epoch, or now."""
    ticks = schedule_execution_time_iterator(time.time() if now is None else now, cron, timezone)
    return max(later - earlier for earlier, later in pairwise(islice(ticks, TICKS)))


def with_freshness(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets, each with the policy that the nightly schedule keeps."""
    longest = longest_pause(settings.nightly_cron, settings.timezone)
    policy = dg.FreshnessPolicy.time_window(fail_window=longest + GRACE)
    return [asset.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, policy)) for asset in assets]

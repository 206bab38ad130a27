"""When the nightly refresh counts as late."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from onec_pipelines.datasets import ASSETS
from onec_pipelines.definitions import build_definitions
from onec_pipelines.orchestration.definitions.freshness import longest_pause

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cron", "zone", "pause"),
    [
        ("0 2 * * *", "Europe/Moscow", timedelta(hours=24)),
        ("0 2 * * *", "Europe/Berlin", timedelta(hours=25)),  # the night in which the clocks go back
        ("0 2 * * 1-5", "Europe/Moscow", timedelta(days=3)),
        ("0 2 * * 1", "Europe/Moscow", timedelta(days=7)),
        ("0 2 1 * *", "Europe/Moscow", timedelta(days=31)),
        ("*/5 8-18 * * 1-5", "Europe/Moscow", timedelta(days=2, hours=13, minutes=5)),
    ],
)
def test_the_longest_pause_of_a_schedule(cron, zone, pause):
    assert longest_pause(cron, zone, MONDAY) == pause


def test_an_asset_is_late_two_hours_after_the_refresh_that_did_not_come():
    specs = {spec.key.to_user_string(): spec for spec in build_definitions().resolve_all_asset_specs()}
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))
    assert {asset: specs[asset].freshness_policy for asset in ASSETS} == dict.fromkeys(ASSETS, policy)
    assert {spec.freshness_policy for name, spec in specs.items() if name not in ASSETS} == {None}

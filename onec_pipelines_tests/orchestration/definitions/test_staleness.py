"""What stands downstream of an asset is out of date when its rows have changed, and not when it was only looked at."""

from collections.abc import Callable

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from onec_pipelines.datasets import ASSETS


@dg.asset(deps=ASSETS)
def shop_window() -> None:
    """Something that a team makes of all five assets."""


@pytest.fixture
def status(project) -> Callable[[], StaleStatus]:
    """The status of the asset downstream."""

    def status() -> StaleStatus:
        graph = dg.Definitions.merge(project.definitions(), dg.Definitions(assets=[shop_window])).resolve_asset_graph()
        resolver = CachingStaleStatusResolver(project.instance, graph, LoadingContextForTest(project.instance))
        return resolver.get_status(shop_window.key)

    return status


@pytest.fixture
def published(project):
    """The project after a full refresh, and what is downstream of it made."""
    result = project.run("full_refresh")
    assert result.success, project.session(result).error_message
    dg.materialize([shop_window], instance=project.instance)
    return project


def test_a_refresh_of_unchanged_data_leaves_what_is_downstream_as_fresh_as_it_was(published, status):
    assert status() is StaleStatus.FRESH
    assert published.run("full_refresh").success
    assert status() is StaleStatus.FRESH


def test_a_price_that_has_changed_makes_what_is_downstream_stale(published, status):
    file = min((published.settings.data_dir / "prices").glob("*.xml"))
    text = file.read_text("utf-8")
    start = text.index("<ЦенаЗаЕдиницу>") + len("<ЦенаЗаЕдиницу>")
    file.write_text(text[:start] + "1" + text[start:], "utf-8")
    assert published.run("full_refresh").success
    assert status() is StaleStatus.STALE

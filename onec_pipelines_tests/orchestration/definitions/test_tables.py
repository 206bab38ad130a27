"""Our tables in the hands of the data team: as DataFrames in a notebook and in assets of their own."""

from decimal import Decimal

import dagster as dg
import pandas as pd
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.datasets import ASSETS, BY_ASSET
from onec_pipelines.definitions import build_definitions


@pytest.fixture
def at_work(refreshed, monkeypatch):
    """A project after a full refresh, named in the environment."""
    monkeypatch.setenv("ONEC_DATABASE_URL", refreshed.project.settings.database_url)
    return refreshed.project


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_is_readable_as_a_data_frame(at_work, asset):
    frame = build_definitions().load_asset_value(asset, instance=at_work.instance)
    with connect(at_work.settings.database_url) as connection:
        (expected,) = connection.execute(f"select count(*) from {BY_ASSET[asset].table}").fetchone()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == expected > 0


def test_a_notebook_reads_prices_exactly(at_work):
    prices = build_definitions().load_asset_value("prices", instance=at_work.instance)
    assert list(prices.columns) == ["variant_id", "price_type_id", "value", "currency", "updated_at", "catalog_id"]
    assert {type(value) for value in prices["value"]} == {Decimal}
    assert Decimal("3159.50") in set(prices["value"])


def test_customers_are_readable_with_their_lists(at_work):
    customers = build_definitions().load_asset_value("customers", instance=at_work.instance)
    assert {type(value) for value in customers["roles"]} == {list}


def test_an_asset_of_the_data_team_takes_prices_as_a_parameter(project):
    @dg.asset
    def average_price(prices: pd.DataFrame) -> float:
        return float(prices["value"].mean())

    ours = build_definitions()
    result = dg.materialize(
        [*ours.assets, average_price],
        selection=["catalog", "prices", "average_price"],
        instance=project.instance,
        resources=ours.resources,
    )
    with connect(project.settings.database_url) as connection:
        (expected,) = connection.execute("select avg(value) from onec.prices").fetchone()
    assert result.output_for_node("average_price") == pytest.approx(float(expected))
    assert project.tags(result)["onec/import_type"] == "catalog"


def test_an_asset_of_the_data_team_can_run_alone_later(project):
    @dg.asset
    def warehouses_in_use(stocks: pd.DataFrame) -> int:
        return int(stocks["warehouse_id"].nunique())

    project.run("full_refresh")
    ours = build_definitions()
    result = dg.materialize(
        [*ours.assets, warehouses_in_use],
        selection=["warehouses_in_use"],
        instance=project.instance,
        resources=ours.resources,
    )
    assert result.output_for_node("warehouses_in_use") == 3

"""Our tables in the hands of the data team: as DataFrames in a notebook and in assets of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime
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


@pytest.mark.parametrize(("asset", "of"), [("price_history", "prices"), ("stock_history", "stocks")])
def test_what_was_is_readable_as_a_data_frame_that_dates_bound(at_work, asset, of):
    @dg.asset(
        ins={asset: dg.AssetIn(metadata={"where": "valid_from > now() - interval '1 day'", "columns": ["article"]})}
    )
    def recent(**frames: pd.DataFrame) -> int:
        return len(frames[asset])

    @dg.asset(ins={asset: dg.AssetIn(metadata={"where": "valid_to < '2020-01-01'"})})
    def long_ago(**frames: pd.DataFrame) -> int:
        return len(frames[asset])

    ours = build_definitions()
    result = dg.materialize(
        [*ours.assets, recent, long_ago],
        selection=["recent", "long_ago"],
        instance=at_work.instance,
        resources=ours.resources,
    )
    with connect(at_work.settings.database_url) as connection:
        (expected,) = connection.execute(f"select count(*) from onec.{of}").fetchone()
    assert (result.output_for_node("recent"), result.output_for_node("long_ago")) == (expected, 0)


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


def materialized(project, *theirs: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    """Assets of the team's after a full refresh."""
    ours = build_definitions()
    return dg.materialize(
        [*ours.assets, *theirs],
        selection=[asset.key for asset in theirs],
        instance=project.instance,
        resources=ours.resources,
    )


def test_an_asset_reads_only_the_columns_and_rows_that_it_asks_for(at_work):
    asked = {"columns": ["variant_id", "value::float8 as price"], "where": "value > 3000 and currency like 'RU%'"}

    @dg.asset(ins={"prices": dg.AssetIn(metadata=asked)})
    def dear(prices: pd.DataFrame) -> dict[str, str]:
        assert (prices["price"] > 3000).all()
        return {name: str(kind) for name, kind in prices.dtypes.items()}

    assert materialized(at_work, dear).output_for_node("dear") == {"variant_id": "int64", "price": "float64"}


def test_an_asset_reads_a_large_table_frame_by_frame(at_work):
    @dg.asset(ins={"prices": dg.AssetIn(metadata={"rows": 100})})
    def sizes(prices: Iterator) -> list[int]:
        return [len(frame) for frame in prices]

    assert materialized(at_work, sizes).output_for_node("sizes") == [100, 100, 100, 23]


def test_a_part_without_rows_has_its_columns(at_work):
    @dg.asset(ins={"prices": dg.AssetIn(metadata={"columns": ["variant_id"], "where": "false"})})
    def none(prices: pd.DataFrame) -> list[str]:
        return [*prices.columns, str(len(prices))]

    assert materialized(at_work, none).output_for_node("none") == ["variant_id", "0"]


def test_a_frame_of_the_team_is_kept_as_a_table_and_read_from_it(at_work):
    frame = pd.DataFrame(
        {
            "article": ["0017", None],
            "price": [Decimal("3159.50"), None],
            "share": [0.5, float("nan")],
            "pieces": [3, 4],
            "seen": pd.to_datetime(["2026-11-27T21:00:00Z", None]),
            "tags": [["new"], None],
        }
    )

    @dg.asset(io_manager_key="onec_tables")
    def priced() -> pd.DataFrame:
        return frame

    @dg.asset
    def read(priced: pd.DataFrame) -> list[object]:
        return priced.iloc[0].tolist()

    result = materialized(at_work, priced, read)
    with connect(at_work.settings.database_url) as connection:
        rows = connection.execute("select article, price, share, pieces, seen, tags from team.priced").fetchall()
    assert rows == [
        ("0017", Decimal("3159.50"), 0.5, 3, datetime(2026, 11, 27, 21, tzinfo=UTC), ["new"]),
        (None, None, None, 4, None, None),
    ]
    assert result.output_for_node("read")[:2] == ["0017", Decimal("3159.50")]


def test_a_table_of_the_team_is_replaced_as_a_whole(at_work):
    @dg.asset(io_manager_key="onec_tables")
    def replaced(context: dg.AssetExecutionContext) -> pd.DataFrame:
        return pd.DataFrame({context.run.tags["column"]: [1]})

    ours = build_definitions()
    for column in ("before", "after"):
        dg.materialize([replaced], instance=at_work.instance, resources=ours.resources, tags={"column": column})
    with connect(at_work.settings.database_url) as connection:
        assert [column.name for column in connection.execute("select * from team.replaced").description] == ["after"]


def test_only_a_frame_can_be_kept_as_a_table(at_work):
    @dg.asset(io_manager_key="onec_tables")
    def number() -> int:
        return 7

    with pytest.raises(TypeError, match="onec_tables keeps DataFrames; this is int"):
        materialized(at_work, number)


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

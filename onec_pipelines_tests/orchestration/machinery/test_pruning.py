"""What of the run history may go: runs of small assets in a real history, made old by the clock of their rows."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner
from dagster import DagsterRunStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from onec_pipelines import cli
from onec_pipelines.orchestration.definitions.checks import ROW_COUNT_DROP, rows_before
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.pruning import old_runs, remove

NIGHTS = dg.StaticPartitionsDefinition(["monday", "tuesday"])


@dg.asset
def catalog(context: dg.AssetExecutionContext) -> None:
    print("printed")  # noqa: T201 - what the run prints is kept beside its events
    context.log_event(dg.AssetObservation("export_1c"))


@dg.asset
def prices() -> None: ...


@dg.asset(partitions_def=NIGHTS)
def night() -> None: ...


@dg.asset
def broken() -> None:
    raise dg.Failure("it fails")


@dg.asset_check(asset=catalog, name=ROW_COUNT_DROP)
def dropped(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    passed = context.run.tags.get("passed") != "False"
    return dg.AssetCheckResult(passed=passed, metadata={"count": int(context.run.tags["count"])})


@dg.asset_check(asset=broken)
def looked_at() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dataclass
class History:
    """A run history, and runs in it that are as old as a test says."""

    instance: dg.DagsterInstance
    connection: psycopg.Connection

    def run(self, *what: dg.AssetsDefinition, days_ago: int = 100, partition: str | None = None, **tags: object) -> str:
        """Materialize some assets, evaluate some checks, and say that it was some days ago."""
        checks = [one for one in what if isinstance(one, dg.AssetChecksDefinition)]
        assets = [one for one in what if one not in checks]
        run = dg.materialize(
            [catalog, prices, night, broken, dropped, looked_at],
            instance=self.instance,
            selection=dg.AssetSelection.assets(*assets).without_checks() | dg.AssetSelection.checks(*checks),
            partition_key=partition,
            tags={key.replace("__", "/"): str(value) for key, value in tags.items()},
            raise_on_error=False,
        )
        return self.made_old(run.run_id, days_ago)

    def record(self, *, status: DagsterRunStatus = DagsterRunStatus.SUCCESS, days_ago: int = 100, **more: Any) -> str:
        """A run of which nothing is on record but that it was."""
        job = dg.define_asset_job("job", [prices])
        run = self.instance.create_run_for_job(
            dg.Definitions([prices], jobs=[job]).resolve_job_def("job"),
            status=status,
            remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("l"), "r"), "job"),
            **more,
        )
        return self.made_old(run.run_id, days_ago)

    def made_old(self, run_id: str, days_ago: int) -> str:
        moment = "now() at time zone 'utc' - %s * interval '1 day'"
        query = f"update runs set create_timestamp = {moment}, update_timestamp = {moment} where run_id = %s"
        self.connection.execute(query, [days_ago, days_ago, run_id])
        return run_id

    def due(self) -> list[str]:
        return list(old_runs(self.instance, datetime.now(UTC) - timedelta(days=90)).due)

    def prune(self) -> None:
        for run_id in self.due():
            remove(self.instance, run_id)

    def rows_of(self, run_id: str) -> dict[str, int]:
        tables = ("runs", "run_tags", "event_logs", "asset_check_executions")
        return {
            table: self.connection.execute(f"select from {table} where run_id = %s", [run_id]).rowcount
            for table in tables
        }


@pytest.fixture
def history(project, connection) -> Iterator[History]:
    with open_instance(project.settings) as instance:
        connection.execute("set search_path = dagster")
        yield History(instance, connection)


def test_an_old_run_goes_with_all_that_it_left(history, project):
    old, _, newest = (history.run(catalog, dropped, count=5, days_ago=days) for days in (300, 200, 100))
    printed = project.settings.home / "storage" / old
    assert all(history.rows_of(old).values())
    assert printed.exists()
    assert history.due() == [old]
    history.prune()
    assert not any(history.rows_of(old).values())
    assert not printed.exists()
    assert all(history.rows_of(newest).values())
    assert (project.settings.home / "storage" / newest).exists()
    assert history.due() == []


def test_a_run_goes_when_its_days_are_over_and_not_before(history):
    oldest, younger = history.run(prices, days_ago=91), history.run(prices, days_ago=89)
    history.run(prices, days_ago=1)
    assert history.due() == [oldest]
    history.made_old(younger, 91)
    assert history.due() == [oldest, younger]


def test_the_days_of_a_run_begin_when_it_ends(history):
    waited_long, _ = history.run(prices), history.run(prices, days_ago=1)
    assert history.due() == [waited_long]
    ended_now = "update runs set update_timestamp = now() at time zone 'utc' where run_id = %s"
    history.connection.execute(ended_now, [waited_long])
    assert history.due() == []


def test_a_run_that_has_not_ended_stays(history):
    for status in DagsterRunStatus:
        history.record(status=status)
    history.record(days_ago=1)
    due = {history.instance.get_run_by_id(run_id).status for run_id in history.due()}
    assert due == {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}


def test_the_newest_materialization_of_each_asset_stays(history):
    first, second, third = history.run(catalog, prices), history.run(catalog), history.run(prices)
    assert history.due() == [first]
    history.prune()
    assert history.instance.get_latest_materialization_event(catalog.key).run_id == second
    assert history.instance.get_latest_materialization_event(prices.key).run_id == third


def test_the_newest_materialization_stays_when_every_run_since_has_failed(history):
    materialized = history.run(prices)
    history.connection.execute("update asset_keys set last_run_id = null")
    history.connection.execute(
        "update event_logs set asset_key = %s where run_id = %s and asset_key is not null",
        [json.dumps(["broken"]), materialized],
    )
    failed = [history.run(broken) for _ in range(3)]
    assert history.due() == failed[:2]


def test_the_newest_materialization_of_each_partition_stays(history):
    monday, tuesday = history.run(night, partition="monday"), history.run(night, partition="tuesday")
    again = history.run(night, partition="monday")
    assert history.due() == [monday]
    history.prune()
    assert history.instance.get_materialized_partitions(night.key) == {"monday", "tuesday"}
    assert all(history.rows_of(run)["event_logs"] for run in (tuesday, again))


def test_the_newest_observation_stays_also_of_what_nobody_materializes(history):
    observed = history.run(catalog)
    history.connection.execute(
        "delete from event_logs where run_id = %s and asset_key <> %s", [observed, json.dumps(["export_1c"])]
    )
    assert history.due() == []
    history.run(catalog)
    assert history.due() == [observed]


def test_the_newest_evaluation_of_a_check_stays_when_imports_have_gone_on_without_it(history):
    evaluated = history.run(catalog, dropped, count=5)
    plain = [history.run(catalog) for _ in range(3)]
    assert history.due() == plain[:2]
    assert all(history.rows_of(evaluated).values())


def test_the_newest_evaluation_of_a_check_stays_when_imports_since_have_failed_before_it(history):
    evaluated = history.run(looked_at)
    failed = [history.run(broken, looked_at) for _ in range(3)]
    assert history.rows_of(failed[-1])["asset_check_executions"] == 1
    assert history.due() == failed[:2]
    assert history.rows_of(evaluated)["asset_check_executions"] == 1


def test_what_a_check_compares_with_is_the_same_after_pruning(history):
    history.run(dropped, count=6)  # before there is anything to look at
    for count in (7, 8, 9):
        history.run(catalog, dropped, count=count, passed=count != 8)
    for _ in range(4):
        history.run(dropped, count=9)
    assert rows_before(history.instance, "catalog", ROW_COUNT_DROP) == 8
    assert len(history.due()) == 5
    history.prune()
    assert rows_before(history.instance, "catalog", ROW_COUNT_DROP) == 8


def test_the_last_import_of_each_type_that_came_to_an_end_stays(history):
    runs = [history.run(prices, onec__import_type=import_type) for import_type in ("prices", "all", "prices")]
    history.run(prices)
    assert history.due() == [runs[0]]


def test_an_import_that_failed_came_to_an_end_and_one_that_was_canceled_did_not(history):
    ends = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
    succeeded, failed, canceled = (history.record(status=end, tags={"onec/import_type": "prices"}) for end in ends)
    history.record()
    assert history.due() == [succeeded, canceled]
    assert history.rows_of(failed)["runs"] == 1


@pytest.fixture
def repeated(history) -> list[str]:
    """Runs of a hundred days ago, of which each repeats the one before; the last one is of late."""
    runs = [history.record()]
    for days_ago in (100, 100, 10):
        tags = {"dagster/root_run_id": runs[0], "dagster/parent_run_id": runs[-1]}
        runs.append(history.record(days_ago=days_ago, root_run_id=runs[0], parent_run_id=runs[-1], tags=tags))
    history.record(days_ago=1)
    return runs


def test_a_run_stays_as_long_as_one_that_repeats_it(history, repeated):
    assert history.due() == []
    _, group = history.instance.get_run_group(repeated[-1])
    assert {run.run_id for run in group} == {*repeated}
    history.made_old(repeated[-1], 100)
    assert history.due() == repeated


def test_the_first_of_runs_that_repeat_each_other_stays_also_where_one_between_was_deleted(history, repeated):
    for between in repeated[1:-1]:
        history.instance.delete_run(between)
    assert history.due() == []


def test_a_run_that_was_broken_off_in_being_removed_is_found_again(history):
    old, _ = history.run(prices), history.run(prices)
    history.instance.event_log_storage.delete_events(old)
    assert history.due() == [old]


@pytest.fixture
def prune(history) -> Callable[..., str]:
    """The command, over that history."""
    assert history

    def prune(*arguments: str) -> str:
        result = CliRunner().invoke(cli.main, ["prune", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    return prune


def test_the_command_says_what_it_has_removed_in_one_line(history, prune):
    old, newest = history.run(prices), history.run(prices)
    day = (datetime.now(UTC) - timedelta(days=90)).strftime("%Y-%m-%d")
    kept = "; kept: 1 that hold the newest of an asset, a check or an import.\n"
    assert prune("--keep-days", "90", "--dry-run") == f"Would remove: 1 run that ended before {day}{kept}"
    events = history.rows_of(old)["event_logs"]
    assert prune("--keep-days", "90") == f"Removed: 1 run that ended before {day}, with {events} events{kept}"
    assert [run.run_id for run in history.instance.get_runs()] == [newest]
    assert prune("--keep-days", "90") == f"Removed: 0 runs that ended before {day}, with 0 events{kept}"


@pytest.mark.parametrize("arguments", [[], ["--keep-days", "0"], ["--keep-days", "-1"]])
def test_the_days_must_be_named(arguments):
    assert CliRunner().invoke(cli.main, ["prune", *arguments]).exit_code == 2

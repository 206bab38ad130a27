"""What the last release has left behind goes on with this one: run history, schedules, catalogue, configuration."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter

from onec_pipelines.cli import main
from onec_pipelines.database.migrate import applied_versions, migrate, migrations
from onec_pipelines.definitions import build_definitions
from onec_pipelines.orchestration.machinery.coordinator import PreflightRunCoordinator
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.launch import execute
from onec_pipelines.orchestration.machinery.liveness import OnecRunLauncher
from onec_pipelines.orchestration.runs.history import list_sessions

RELEASES = Path(__file__).parents[2] / "releases"
IN_PUBLIC = "select count(*) from pg_tables where schemaname = 'public'"


@pytest.fixture
def database_url(released_url: str) -> str:
    """The database that the settings name."""
    return released_url


@pytest.fixture
def instance(project) -> Iterator[DagsterInstance]:
    with open_instance(project.settings) as instance:
        yield instance


def test_every_import_session_is_listed_as_it_was(instance):
    sessions = [session.as_json("http://127.0.0.1:3000") for session in list_sessions(instance, limit=100)]
    before = json.loads((RELEASES / "v0.1.0.sessions.json").read_text())
    assert [{key: session[key] for key in before[0]} for session in sessions] == before


def test_what_0_1_0_did_not_say_of_a_session_is_read_from_its_history(instance):
    session = next(each for each in list_sessions(instance, limit=100) if each.status == "completed" and each.notices)
    shown = session.as_json("http://127.0.0.1:3000")
    assert (shown["job"], shown["link"]) == ("full_refresh", f"http://127.0.0.1:3000/runs/{session.run_id}")


def test_schedules_and_sensors_are_on_and_off_as_they_were(instance):
    assert {state.instigator_name: state.status.value for state in instance.all_instigator_state()} == {
        "nightly_refresh": "STOPPED",
        "export_sensor": "RUNNING",
        "import_files_sensor": "DECLARED_IN_CODE",
        "alert_sensor": "DECLARED_IN_CODE",
    }


def test_a_sensor_goes_on_from_its_cursor(instance):
    (state,) = (each for each in instance.all_instigator_state() if each.instigator_name == "import_files_sensor")
    assert json.loads(state.instigator_data.cursor)["seen"] == "95-c3b87e1288438b9b"
    assert len(instance.get_ticks(state.instigator_origin_id, state.selector_id)) > 10


@pytest.mark.parametrize("asset", ["catalog", "stocks", "prices", "customers", "product_images"])
def test_the_last_materialization_of_each_asset_is_known(asset, instance):
    event = instance.get_latest_materialization_event(AssetKey(asset))
    assert event.run_id.startswith("c640a26f")


def test_a_run_that_waited_in_the_queue_waits_there(instance):
    (run,) = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED]))
    assert run.job_name == "stocks_import"


def test_the_next_import_is_listed_above_the_last(instance, project):
    session = execute(instance, build_definitions({}, project.settings), "all")
    assert session.status == "completed"
    assert [each.run_id[:8] for each in list_sessions(instance, limit=3)] == [
        session.run_id[:8],
        "a513098c",
        "c640a26f",
    ]


def test_the_history_is_one_that_needs_no_migration_of_dagsters(instance):
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        current, newest = storage.alembic_version()
        assert current == newest


@pytest.mark.usefixtures("project")
def test_onec_migrate_says_what_it_has_moved():
    (first, _), (second,) = (CliRunner().invoke(main, ["migrate"]).output.splitlines() for _ in range(2))
    assert first == "Dagster's tables were moved from the schema public to dagster."
    assert second == "The schema is up to date."


def test_the_catalogue_migrates_and_keeps_its_rows(released, released_url):
    kept = "select (select count(*) from onec.products), (select sum(value) from onec.prices)"
    before = released.execute(kept).fetchone()
    migrate(released_url)
    assert applied_versions(released) == {migration.version: migration.sha256 for migration in migrations()}
    assert released.execute(kept).fetchone() == before


# --- a DAGSTER_HOME with a copy of the dagster.yaml of 0.1.0


@pytest.fixture(params=["", "\nretention: {sensor: {purge_after_days: 7}}\n"], ids=["unchanged", "changed"])
def copied(request, project) -> Path:
    """The copied file, as 0.1.0 has written it, or changed by its user."""
    project.settings.home.mkdir()
    copy = project.settings.home / "dagster.yaml"
    shutil.copyfile(RELEASES / "v0.1.0.dagster.yaml", copy)
    copy.write_text(copy.read_text() + request.param)
    return copy


def test_a_copy_of_the_configuration_of_0_1_0_works(copied, project):
    before = copied.read_text()
    with open_instance(project.settings) as instance:
        assert isinstance(instance.run_coordinator, PreflightRunCoordinator)
        assert isinstance(instance.run_launcher, OnecRunLauncher)
        assert len(list_sessions(instance)) == 7
    assert copied.read_text() == before


@pytest.mark.slow  # each starts Dagster
@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize(
    ("command", "said"), [(["run", "list"], "51f0a60b-3363-45cb-87dd-83efe0f85a62"), (["instance", "migrate"], "")]
)
def test_the_commands_of_dagster_move_the_history_and_find_it(command, said, released):
    ended = subprocess.run(
        [sys.executable, "-m", "dagster", *command], env=os.environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert said in ended.stdout
    assert released.execute(IN_PUBLIC).fetchone() == (0,)

"""One instance for commands, UI and daemon: the real dagster.yaml, run history in PostgreSQL."""

import os
import tomllib
from pathlib import Path

import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler.instigation import TickStatus

from onec_pipelines.database.connection import connect
from onec_pipelines.definitions import build_definitions
from onec_pipelines.errors import DatabaseError, SettingsError
from onec_pipelines.orchestration.definitions.team import DIRECTORY
from onec_pipelines.orchestration.machinery.instance import WORKSPACE, open_instance, prepare_home
from onec_pipelines.orchestration.machinery.launch import ORIGIN, execute
from onec_pipelines.orchestration.machinery.storage import OnecStorage
from onec_pipelines.orchestration.runs.history import list_sessions
from onec_pipelines.settings import PROJECT_ROOT


@pytest.fixture
def home(project, monkeypatch) -> Path:
    """ONEC_HOME, with DAGSTER_HOME unset."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    return project.settings.home


def test_a_relative_dagster_home_begins_at_the_project_and_not_where_the_person_stands(project, monkeypatch, tmp_path):
    monkeypatch.setenv("DAGSTER_HOME", os.path.relpath(project.settings.home, PROJECT_ROOT))
    monkeypatch.chdir(tmp_path)
    assert prepare_home(project.settings).resolve() == project.settings.home.resolve()


def test_run_history_is_in_the_database_of_the_catalogue(project):
    with open_instance(project.settings) as instance:
        session = execute(instance, build_definitions({}, project.settings), "all")
    assert session.status == "completed"
    with connect(project.settings.database_url) as connection:
        assert connection.execute("select count(*) from dagster.runs").fetchone() == (1,)
    with open_instance(project.settings) as instance:
        assert list_sessions(instance) == [session]


def test_the_result_is_found_in_the_stored_tags_and_progress_has_gone_with_the_run(project):
    with open_instance(project.settings) as instance:
        session = execute(instance, build_definitions({}, project.settings), "catalog")
    with connect(project.settings.database_url) as connection:
        query = "select key, value from dagster.run_tags where key like 'onec/%%' order by key"
        tags = dict(connection.execute(query, []).fetchall())
    assert tags == {
        "onec/import_type": "catalog",
        "onec/result": session.result,
    }


def test_the_configuration_queues_runs_with_pools_and_sends_nothing_home(project):
    with open_instance(project.settings) as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.managed_python_loggers == ["onec_pipelines"]
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_ticks_are_removed_by_dagster_the_skipped_ones_of_sensors_first(project):
    with open_instance(project.settings) as instance:
        sensors, schedules = map(instance.get_tick_retention_settings, (InstigatorType.SENSOR, InstigatorType.SCHEDULE))
    assert [sensors[status] for status in (TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE)] == [3, 90, 90]
    assert set(schedules.values()) == {365}


def test_the_home_of_dagster_is_ours_unless_one_is_set(home, project, monkeypatch, tmp_path):
    assert prepare_home(project.settings) == home
    assert (home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "other"))
    assert prepare_home(project.settings) == tmp_path / "other"


def test_an_upgrade_reaches_the_configuration_in_onec_home(home, project, monkeypatch):
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("# of an earlier version\n")
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_home(project.settings)
    assert (home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()


def test_an_empty_configuration_is_one_that_could_not_be_written(project):
    prepare_home(project.settings)
    (project.settings.home / "dagster.yaml").write_text("")
    prepare_home(project.settings)
    assert (project.settings.home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()
    assert [path.name for path in project.settings.home.glob("dagster.yaml*")] == ["dagster.yaml"]


def test_the_configuration_of_a_dagster_home_that_is_set_is_kept(project):
    project.settings.home.mkdir(parents=True)
    (project.settings.home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home(project.settings)
    assert (project.settings.home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_a_link_that_leads_nowhere_is_replaced(home, project, tmp_path):
    home.mkdir(parents=True)
    (home / "dagster.yaml").symlink_to(tmp_path / "gone.yaml")
    prepare_home(project.settings)
    assert not (home / "dagster.yaml").is_symlink()


def test_a_relative_home_of_dagster_starts_at_the_project_root(project, monkeypatch):
    relative = Path(*[".."] * (len(PROJECT_ROOT.parts) - 1), *project.settings.home.parts[1:])
    monkeypatch.setenv("DAGSTER_HOME", str(relative))
    assert prepare_home(project.settings).is_absolute()


def test_a_home_that_is_a_file_is_one_sentence(project):
    project.settings.home.write_text("")
    with pytest.raises(SettingsError, match=f"^DAGSTER_HOME is {project.settings.home}, which cannot be used: "):
        prepare_home(project.settings)


@pytest.mark.parametrize(
    "damage", ["alter table dagster.runs rename column run_body to body", "drop table dagster.runs cascade"]
)
def test_a_run_history_that_cannot_be_used_is_one_sentence(project, damage):
    def list_damaged() -> None:
        with open_instance(project.settings) as instance:
            connection.execute(damage)
            list_sessions(instance)

    said = r"^Dagster's run history in PostgreSQL cannot be used: .*(run_body|runs).*; correct that, and start again\.$"
    with connect(project.settings.database_url) as connection, pytest.raises(DatabaseError, match=said):
        list_damaged()


def test_a_run_of_this_process_comes_from_our_code_location(project):
    with open_instance(project.settings) as instance:
        session = execute(instance, build_definitions({}, project.settings), "catalog")
        origin = instance.get_run_by_id(session.run_id).remote_job_origin
    assert (origin.location_name, origin.repository_origin.repository_name, origin.job_name) == (
        "onec_pipelines",
        "__repository__",
        "catalog_import",
    )


def test_a_database_that_is_down_is_one_sentence_before_dagster_tries(monkeypatch):
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/db")
    with pytest.raises(DatabaseError, match=r"^PostgreSQL cannot be reached") as caught:
        OnecStorage.from_config_value(None, {})
    assert "secret" not in str(caught.value)


def test_run_history_that_began_before_the_catalogue_goes_on_after_it(project):
    with connect(project.settings.database_url) as connection:
        connection.execute("drop schema onec cascade")
        user = connection.info.user
    definitions = build_definitions({}, project.settings)
    sessions = []
    for _ in range(2):  # the first of them makes the schema `onec`, which has the name of the embedded server's user
        with open_instance(project.settings) as instance:
            sessions.insert(0, execute(instance, definitions, "catalog"))
    with open_instance(project.settings) as instance:
        assert list_sessions(instance) == sessions, user


def test_the_workspace_is_the_code_location_that_dagster_and_dg_find_by_themselves():
    (location,) = yaml.safe_load(WORKSPACE.read_text())["load_from"]
    tool = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]
    project = tool["dg"]["project"]
    assert location["python_module"] == {
        "module_name": tool["dagster"]["module_name"],
        "location_name": tool["dagster"]["code_location_name"],
    }
    assert project["code_location_target_module"] == tool["dagster"]["module_name"]
    assert project["code_location_name"] == tool["dagster"]["code_location_name"]
    assert project["defs_module"] == DIRECTORY
    assert {".dagster/repository": f"__repository__@{project['code_location_name']}"} == ORIGIN


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_what_dagster_looks_for_in_the_root_is_that_of_the_package(name):
    assert (PROJECT_ROOT / name).resolve() == WORKSPACE.with_name(name)

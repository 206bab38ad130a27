"""Which export a run imports: the directory that it was told, in all its steps; and what it reads of it."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.definitions import build_definitions
from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.definitions.sensors import export_sensor, import_files_sensor
from onec_pipelines.orchestration.machinery.coordinator import current_problems
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.launch import execute
from onec_pipelines.orchestration.private import make_new_run_id
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.export import data_dir_of, directory_tags, looked_at_by
from onec_pipelines.settings import PROJECT_ROOT, Settings

BROKER = "redis://127.0.0.1:6379/0"


def settings_of(**environ: str) -> Settings:
    return Settings.from_environment({"ONEC_DATA_DIR": "/srv/1c", **environ})


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


# --- the directory


@pytest.mark.parametrize(
    ("tags", "directory"),
    [
        ({}, "/srv/1c"),
        ({"onec/data_dir": "/srv/other"}, "/srv/other"),
        ({"onec/data_dir": " /srv/other "}, "/srv/other"),
        ({"onec/data_dir": "data/other"}, f"{PROJECT_ROOT}/data/other"),
        ({"onec/data_dir": " "}, "/srv/1c"),
        ({".dagster/onec_data_dir": "/srv/before"}, "/srv/before"),
        ({"onec/data_dir": "/srv/other", ".dagster/onec_data_dir": "/srv/before"}, "/srv/other"),
    ],
)
def test_a_run_imports_what_it_was_told_or_what_it_began_with_or_what_the_settings_name(tags, directory, instance):
    assert data_dir_of(dg.DagsterRun("job", tags=tags), instance, settings_of()) == Path(directory)


@pytest.mark.parametrize(
    ("repeated", "own", "directory"),
    [
        ({".dagster/onec_data_dir": "/srv/before"}, {}, "/srv/before"),
        ({"onec/data_dir": "/srv/other"}, {}, "/srv/other"),
        ({"onec/data_dir": "/srv/other"}, {"onec/data_dir": "/srv/new"}, "/srv/new"),
        ({}, {}, "/srv/1c"),
    ],
)
def test_a_run_that_repeats_another_imports_its_directory_unless_it_is_told_one(repeated, own, directory, instance):
    parent = instance.add_run(dg.DagsterRun("job", tags=repeated))
    child = dg.DagsterRun("job", tags=own, parent_run_id=parent.run_id, root_run_id=parent.run_id)
    assert data_dir_of(child, instance, settings_of()) == Path(directory)


def test_a_run_that_repeats_one_that_was_deleted_imports_what_the_settings_name(instance):
    gone = make_new_run_id()
    orphan = dg.DagsterRun("job", parent_run_id=gone, root_run_id=gone)
    assert data_dir_of(orphan, instance, settings_of()) == Path("/srv/1c")


@pytest.mark.parametrize("directory", ["/srv/1c", "/srv/other"])
@pytest.mark.parametrize("executor", [{}, {"ONEC_EXECUTOR": "celery", "ONEC_CELERY_BROKER": BROKER}])
def test_the_tags_of_a_run_keep_it_to_its_directory(directory, executor, instance):
    settings = settings_of(**executor)
    run = dg.DagsterRun("job", tags=directory_tags(Path(directory), settings))
    assert data_dir_of(run, instance, settings) == Path(directory)


def test_only_another_directory_than_that_of_the_settings_is_shown_in_the_list_of_runs():
    assert directory_tags(Path("/srv/1c"), settings_of()) == {".dagster/onec_data_dir": "/srv/1c"}
    assert directory_tags(Path("/srv/other"), settings_of()) == {"onec/data_dir": "/srv/other"}


def test_the_directory_of_a_delivery_is_not_shown_beside_its_number():
    told = {".dagster/onec_data_dir": "/srv/exchange/packages/7"}
    assert directory_tags(Path("/srv/exchange/packages/7"), settings_of(), told) == {}
    assert directory_tags(Path("/srv/other"), settings_of(), told) == {"onec/data_dir": "/srv/other"}


def test_celerys_machines_have_the_export_each_in_a_place_of_its_own():
    assert directory_tags(Path("/srv/1c"), settings_of(ONEC_EXECUTOR="celery", ONEC_CELERY_BROKER=BROKER)) == {}


def test_a_run_that_is_told_a_directory_imports_all_of_that(project, tmp_path):
    elsewhere = project.settings.data_dir.rename(tmp_path / "elsewhere")
    result = project.run("full_refresh", tags={"onec/data_dir": str(elsewhere)})
    materialized = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert materialized == {"catalog", "stocks", "prices", "customers", "product_images"}
    assert project.session(result).counters["product_images"]["copied"] == 91


def test_a_run_that_is_told_a_directory_passes_over_what_that_does_not_hold(project, tmp_path):
    elsewhere = shutil.copytree(project.settings.data_dir, tmp_path / "elsewhere")
    shutil.rmtree(elsewhere / "contragents")
    session = project.session(project.run("full_refresh", tags={"onec/data_dir": str(elsewhere)}))
    _, why = session.notices
    assert why.startswith(f"customers: Директория контрагентов не найдена: {elsewhere}/contragents.")


def test_two_directories_in_turn_are_each_imported(project, tmp_path):
    elsewhere = shutil.copytree(project.settings.data_dir, tmp_path / "elsewhere")
    path = min((elsewhere / "prices").iterdir())
    text = path.read_text("utf-8")
    path.write_text(text.replace("<ЦенаЗаЕдиницу>", "<ЦенаЗаЕдиницу>1"), "utf-8")
    for job in ("catalog_import", "prices_import"):
        project.run(job)

    def updated(**tags) -> int:
        return project.session(project.run("prices_import", tags=tags)).counters["prices"]["updated"]

    told = {"onec/data_dir": str(elsewhere)}
    changed = updated(**told)
    assert changed > 0
    assert [updated(**told), updated(), updated(), updated(**told)] == [0, changed, 0, changed]


def customers_import() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("customers_import")


def test_a_run_that_is_repeated_from_its_failure_imports_the_directory_with_which_it_began(
    project, monkeypatch, tmp_path
):
    monkeypatch.delenv("DAGSTER_HOME")
    (file,) = (project.settings.data_dir / "contragents").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    with open_instance(project.settings) as instance:
        failed = execute(instance, project.definitions(), "customers")
        assert failed.status == "failed"
        file.write_bytes(whole)
        monkeypatch.setenv("ONEC_DATA_DIR", str(tmp_path / "absent"))
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        with dg.execute_job(
            dg.reconstructable(customers_import), instance=instance, reexecution_options=options
        ) as repeated:
            assert repeated.success
    with connect(project.settings.database_url) as connection:
        assert connection.execute("select count(*) from onec.customers").fetchone() == (11,)


# --- what is read of it


def test_a_run_begins_with_nothing_that_another_one_has_seen():
    looked_at_by("one")["file"] = "content"
    assert looked_at_by("one") == {"file": "content"}
    assert looked_at_by("two") == {}
    assert looked_at_by("one") == {}


@pytest.fixture
def flat(project) -> Path:
    """An export of 2.07, in which the preflight must look into files."""
    shutil.rmtree(project.settings.data_dir)
    write_demo(project.settings.data_dir, layout="2.07")
    return project.settings.data_dir


def look_everywhere(project) -> None:
    """What the schedule, the sensors and the button Materialize ask of the export."""
    nightly = project.definitions().resolve_schedule_def("nightly_refresh")
    with dg.build_schedule_context(instance=project.instance, resources={"onec": Onec()}) as context:
        assert nightly.evaluate_tick(context).run_requests
    for sensor in (import_files_sensor, export_sensor):
        with dg.build_sensor_context(
            instance=project.instance, resources={"onec": Onec()}, definitions=project.definitions()
        ) as context:
            sensor.evaluate_tick(context)
    for import_type in ("catalog", "stocks", "prices", "customers", "images"):
        assert current_problems(Onec(), project.instance, dg.DagsterRun("job"), [import_type]) == []


@pytest.mark.usefixtures("settled", "flat")
def test_of_an_unchanged_export_no_file_is_opened_by_anybody(project, reads):
    project.run("full_refresh")
    reads.forget()
    assert project.run("full_refresh").success
    look_everywhere(project)
    assert (reads.opens, reads.bytes) == ({}, {})


@pytest.mark.usefixtures("settled", "flat")
def test_force_looks_at_each_file_anew_and_once(project, reads):
    project.run("full_refresh")
    with connect(project.settings.database_url) as connection:
        connection.execute("update onec.known_files set sha256 = 'wrong'")
        reads.forget()
        execute(project.instance, project.definitions(), "all", force=True)
        assert connection.execute("select count(*) from onec.known_files where sha256 = 'wrong'").fetchone() == (0,)
    assert reads.opens == {"import0_1.xml": 2, "offers0_1.xml": 4, "contragents.xml": 2}


@pytest.mark.usefixtures("flat")
def test_the_steps_of_a_run_look_at_each_file_once_though_it_is_of_a_moment_ago(project, reads):
    project.run("full_refresh")
    assert reads.opens == {"import0_1.xml": 2, "offers0_1.xml": 4, "contragents.xml": 2}


@pytest.mark.usefixtures("flat")
def test_a_database_that_takes_no_connection_for_a_moment_makes_the_schedule_look_into_files(
    project, reads, monkeypatch
):
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/db")
    nightly = project.definitions().resolve_schedule_def("nightly_refresh")
    with dg.build_schedule_context(instance=project.instance, resources={"onec": Onec()}) as context:
        assert nightly.evaluate_tick(context).run_requests
    assert reads.opens == {"contragents.xml": 1, "import0_1.xml": 1}


@pytest.mark.usefixtures("flat")
def test_an_unknown_export_is_looked_into_as_far_as_the_first_good(project, reads):
    assert current_problems(Onec(), project.instance, dg.DagsterRun("job"), ["catalog"]) == []
    assert reads.opens == {"contragents.xml": 1, "import0_1.xml": 1}

"""Refused before it exists: what the run coordinator lets through, what it refuses, and what it leaves behind."""

from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator.base import SubmitRunContext

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import ASSETS, IMPORT_TYPES
from onec_pipelines.orchestration.machinery.coordinator import (
    PreflightRunCoordinator,
    assets_of,
    launch_problems,
    type_tag,
)
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.refusal import ImportRefused

ALL_TYPES = list(IMPORT_TYPES)
EMPTY_CATALOG = "Невозможно загрузить изображения: каталог товаров пуст. Сначала импортируйте полный каталог."


def run_of(job: str = "__ASSET_JOB", *assets: str, checks: tuple[str, ...] = (), **fields) -> DagsterRun:
    """A run as it is submitted: of a whole job, of some assets, or of some checks."""
    return DagsterRun(
        job_name=job,
        asset_selection=frozenset(map(dg.AssetKey, assets)) if assets or checks else None,
        asset_check_selection=frozenset(dg.AssetCheckKey(dg.AssetKey(asset), "check") for asset in checks) or None,
        **fields,
    )


# --- which assets a run imports


@pytest.mark.parametrize(
    ("job", "assets"),
    [
        ("catalog_import", ["catalog"]),
        ("stocks_import", ["stocks"]),
        ("prices_import", ["prices"]),
        ("customers_import", ["customers"]),
        ("images_import", ["product_images"]),
        ("full_refresh", list(ASSETS)),
        ("__ASSET_JOB", list(ASSETS)),
    ],
)
def test_a_run_of_a_whole_job_imports_the_assets_of_the_job(job, assets):
    assert assets_of(run_of(job)) == assets


def test_a_run_of_some_assets_imports_those_upstream_first():
    assert assets_of(run_of("__ASSET_JOB", "product_images", "catalog")) == ["catalog", "product_images"]


def test_a_part_of_a_job_imports_no_more_than_that_part():
    assert assets_of(run_of("full_refresh", "stocks")) == ["stocks"]


def test_assets_of_other_people_are_not_ours():
    assert assets_of(run_of("__ASSET_JOB", "report", "prices")) == ["prices"]
    assert assets_of(run_of("__ASSET_JOB", "report")) == []


def test_a_job_of_somebody_else_imports_nothing():
    assert assets_of(run_of("their_job")) == []


@pytest.mark.parametrize("job", ["__ASSET_JOB", "catalog_import"])
def test_a_run_that_only_checks_imports_nothing(job):
    assert assets_of(run_of(job, checks=("catalog",))) == []
    only_checks = DagsterRun(job, asset_check_selection=run_of(checks=("catalog",)).asset_check_selection)
    assert assets_of(only_checks) == []


def test_an_import_with_its_checks_is_an_import():
    assert assets_of(run_of("__ASSET_JOB", "catalog", checks=("catalog",))) == ["catalog"]


# --- the type by which it is listed


def test_the_type_of_a_run_is_that_of_its_only_asset_or_all_or_of_the_first():
    assert type_tag(run_of(), ["product_images"]) == "images"
    assert type_tag(run_of(), list(ASSETS)) == "all"
    assert type_tag(run_of(), ["stocks", "prices"]) == "stocks"


def test_a_run_that_has_its_type_keeps_it():
    assert type_tag(run_of(tags={"onec/import_type": "all"}), ["stocks"]) == "all"


# --- what stands against it


def test_a_run_of_everything_asks_for_no_more_than_its_catalogue_does(project, remove):
    remove("contragents")
    remove("goods/import_files")
    assert launch_problems(ExportSnapshot(project.settings.data_dir), ALL_TYPES, has_products=False) == []


def test_a_run_of_everything_is_refused_as_its_catalogue_is(project, remove):
    remove("offers")
    data_dir = project.settings.data_dir
    (problem,) = launch_problems(ExportSnapshot(data_dir), ALL_TYPES, has_products=True)
    assert problem.startswith(f"Отсутствуют обязательные поддиректории в {data_dir}: offers.")


def test_who_asks_for_some_assets_gets_all_that_stands_against_each(project, remove):
    remove("contragents")
    (problem,) = launch_problems(ExportSnapshot(project.settings.data_dir), ["catalog", "customers"], has_products=True)
    assert problem.startswith("Директория контрагентов не найдена")


def test_a_catalogue_in_the_same_run_counts_as_products(project):
    data_dir = project.settings.data_dir
    assert launch_problems(ExportSnapshot(data_dir), ["catalog", "images"], has_products=False) == []
    assert launch_problems(ExportSnapshot(data_dir), ["images"], has_products=False) == [EMPTY_CATALOG]


def test_the_same_sentence_is_said_once(tmp_path: Path):
    absent = tmp_path / "absent"
    (problem,) = launch_problems(ExportSnapshot(absent), ["stocks", "prices", "customers"], has_products=True)
    assert problem == f"Директория данных 1С не найдена: {absent}. Убедитесь, что данные выгружены из 1С."


# --- what it does with a run


def origin(job: str) -> RemoteJobOrigin:
    return RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("location"), "__repository__"), job)


@pytest.fixture
def submit(project):
    """Create a run of a job, or of some of its assets, and submit it as whoever launches a run does."""

    def submit(
        job: str,
        *assets: str,
        status: DagsterRunStatus = DagsterRunStatus.NOT_STARTED,
        tags: dict[str, str] | None = None,
        **config: object,
    ) -> DagsterRun:
        coordinator = PreflightRunCoordinator.from_config_value(None, config)
        coordinator.register_instance(project.instance)
        selection = {dg.AssetKey(asset) for asset in assets} or None
        run = project.instance.create_run_for_job(
            project.definitions().resolve_job_def(job).get_subset(asset_selection=selection),
            status=status,
            asset_selection=selection,
            remote_job_origin=origin(job),
            tags=tags,
        )
        return coordinator.submit_run(SubmitRunContext(run, workspace=None))

    return submit


def test_a_run_that_may_start_is_queued_under_its_import_type(submit):
    run = submit("catalog_import")
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags["onec/import_type"] == "catalog"


def test_a_run_of_an_asset_without_a_job_has_its_type_while_it_is_still_queued(submit):
    run = submit("__ASSET_JOB", "customers")
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags["onec/import_type"] == "customers"


def test_a_run_carries_the_directory_that_was_looked_at(submit, project):
    assert submit("catalog_import").tags[".dagster/onec_data_dir"] == str(project.settings.data_dir)


def test_a_run_that_names_a_directory_is_let_through_if_that_can_be_imported(submit, project, tmp_path):
    elsewhere = project.settings.data_dir.rename(tmp_path / "elsewhere")
    run = submit("catalog_import", tags={"onec/data_dir": f"{elsewhere}/"})
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags["onec/data_dir"] == str(elsewhere)


def test_a_run_that_names_a_directory_is_refused_in_words_about_that(submit, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(ImportRefused, match=f"^Директория данных 1С не найдена: {elsewhere}\\."):
        submit("catalog_import", tags={"onec/data_dir": str(elsewhere)})


def test_without_the_preflight_the_process_of_the_run_says_which_directory_it_is(submit):
    assert ".dagster/onec_data_dir" not in submit("catalog_import", preflight=False).tags


def test_a_refused_run_leaves_nothing_in_the_history(submit, project):
    with pytest.raises(ImportRefused, match=f"^{EMPTY_CATALOG}$"):
        submit("images_import")
    assert project.instance.get_runs() == []


def test_a_name_of_a_directory_that_acts_is_shown_in_a_refusal_and_in_that_of_the_ui(submit, monkeypatch, tmp_path):
    monkeypatch.setenv("ONEC_DATA_DIR", str(tmp_path / "\x1b[2J"))
    with pytest.raises(ImportRefused) as stopped:
        submit("catalog_import")
    for sentence in (str(stopped.value), stopped.value.error.resolve_message(None)):
        assert sentence.startswith(rf"Директория данных 1С не найдена: {tmp_path}/\x1b[2J.")


def test_a_wrong_setting_refuses_a_run_in_its_own_sentence(submit, project, monkeypatch):
    monkeypatch.setenv("ONEC_TIMEZONE", "Europe/Moskau")
    with pytest.raises(ImportRefused, match=r"^ONEC_TIMEZONE names no time zone: 'Europe/Moskau'"):
        submit("catalog_import")
    assert project.instance.get_runs() == []


def test_a_run_that_may_not_write_is_refused_before_it_exists(submit, project, connection):
    connection.execute(f"alter database {connection.info.dbname} set default_transaction_read_only to on")
    with pytest.raises(ImportRefused, match=r'^The database "\w+" is read-only for the user'):
        submit("catalog_import")
    assert project.instance.get_runs() == []


def test_a_database_that_takes_no_connection_for_a_moment_refuses_a_person_and_not_the_schedule(submit, monkeypatch):
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/onec")
    with pytest.raises(ImportRefused, match=r"^PostgreSQL cannot be reached: "):
        submit("catalog_import")
    run = submit("full_refresh", tags={"dagster/schedule_name": "nightly_refresh"})
    assert run.status is DagsterRunStatus.QUEUED


def test_a_run_of_somebody_elses_job_passes_untouched(project, remove):
    remove("goods")
    coordinator = PreflightRunCoordinator()
    coordinator.register_instance(project.instance)
    run = project.instance.create_run_for_job(
        dg.GraphDefinition("their_job", node_defs=[]).to_job(), remote_job_origin=origin("their_job"), tags={"a": "b"}
    )
    queued = coordinator.submit_run(SubmitRunContext(run, workspace=None))
    assert (queued.status, queued.tags) == (DagsterRunStatus.QUEUED, run.tags)


@pytest.mark.parametrize("status", [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS])
def test_a_run_that_was_submitted_before_is_left_as_it_is(submit, remove, status):
    remove("goods")
    assert submit("catalog_import", status=status).status is status


def test_a_cluster_can_switch_the_preflight_off_and_the_asset_refuses(submit, project, remove):
    remove("goods")
    run = submit("catalog_import", preflight=False)
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags["onec/import_type"] == "catalog"
    assert not project.run("catalog_import").success


def test_dagster_yaml_names_the_coordinator_with_its_preflight_on(project):
    with open_instance(project.settings) as instance:
        assert isinstance(instance.run_coordinator, PreflightRunCoordinator)
        assert instance.run_coordinator._preflight


def test_the_settings_of_dagsters_own_queue_can_be_given_beside_the_preflight(project):
    configuration = project.settings.home / "dagster.yaml"
    configuration.parent.mkdir(exist_ok=True)
    configuration.write_text(
        "run_coordinator:\n  module: onec_pipelines.orchestration.machinery.coordinator\n"
        "  class: PreflightRunCoordinator\n"
        "  config:\n    max_concurrent_runs: 3\n    preflight: false\n"
    )
    with dg.DagsterInstance.get() as instance:
        assert instance.run_coordinator.get_run_queue_config().max_concurrent_runs == 3
        assert not instance.run_coordinator._preflight

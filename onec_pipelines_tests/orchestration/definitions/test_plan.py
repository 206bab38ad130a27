"""The job `plan`: what an import would do, for people without a shell."""

from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import migrate
from onec_pipelines.datasets import ASSETS
from onec_pipelines.orchestration.machinery.launch import QUIET

PLOTTED = {
    "total_items",
    "processed_items",
    "created",
    "updated",
    "skipped",
    "errors",
    "removed",
    "processed",
    "copied",
}


def planned(project, **config) -> dg.ExecuteInProcessResult:
    job = project.definitions().resolve_job_def("plan")
    options = {"ops": {"plan_import": {"config": config}}, "loggers": QUIET}
    return job.execute_in_process(instance=project.instance, raise_on_error=False, run_config=options)


def observed(project, result) -> dict[str, dict[str, dg.MetadataValue]]:
    """The metadata of the observations of a run, by asset."""
    entries = (entry.dagster_event for entry in project.instance.all_logs(result.run_id) if entry.dagster_event)
    found = [event.asset_observation_data.asset_observation for event in entries if event.is_asset_observation]
    return {observation.asset_key.to_user_string(): dict(observation.metadata) for observation in found}


@pytest.fixture
def migrated(project):
    migrate(project.settings.database_url)
    return project


def test_a_plan_tells_what_each_asset_would_become(migrated):
    result = planned(migrated)
    assert result.success
    found = observed(migrated, result)
    assert found.keys() == {*ASSETS}
    counted = {record.data["would be"]: record.data["rows"] for record in found["stocks"]["plan"].records}
    assert (counted["created"] > 100, counted["updated"]) == (True, 0)
    assert migrated.tags(result)["onec/result"] == "would change 5 of 5"


def test_a_plan_writes_nothing_and_materializes_nothing(migrated):
    result = planned(migrated)
    assert not result.get_asset_materialization_events()
    with connect(migrated.settings.database_url) as connection:
        assert connection.execute("select count(*) from onec.products").fetchone() == (0,)


def test_a_plan_counts_the_images_and_writes_none(migrated):
    found = observed(migrated, planned(migrated))["product_images"]
    counted = {record.data["would be"]: record.data["rows"] for record in found["plan"].records}
    assert (counted["created"], counted["rejected"]) == (91, 4)
    assert [path for path in Path(migrated.settings.media_url).rglob("*") if path.is_file()] == []


def test_a_plan_observes_under_no_key_that_is_plotted(migrated):
    keys = {key for metadata in observed(migrated, planned(migrated)).values() for key in metadata}
    assert keys.isdisjoint(PLOTTED)


def test_a_plan_of_one_type_says_nothing_of_the_others(migrated):
    assert observed(migrated, planned(migrated, import_type="customers")).keys() == {"customers"}


def test_a_plan_after_the_import_would_change_nothing(migrated):
    migrated.run("full_refresh")
    assert migrated.tags(planned(migrated))["onec/result"] == "would change nothing"


def test_a_part_that_is_absent_is_said_to_be_passed_over(migrated, remove):
    remove("contragents")
    found = observed(migrated, planned(migrated))
    assert found["customers"]["would_be_passed_over"].value.startswith("Директория контрагентов не найдена")


def test_a_plan_of_what_cannot_be_imported_fails_with_its_words(migrated, remove):
    remove("goods")
    result = planned(migrated)
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "Отсутствуют обязательные поддиректории" in failed.step_failure_data.user_failure_data.description


def test_a_plan_is_no_import_session(migrated):
    assert "onec/import_type" not in migrated.tags(planned(migrated))

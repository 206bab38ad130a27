"""When 1C last exported what: told once of each export, by whoever looks at it first."""

import os
import shutil
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.tree import images_of, state_of
from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.definitions.schedules import build_nightly_refresh
from onec_pipelines.orchestration.definitions.sensors import import_files_sensor
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.observing import PARTS, exported, observe

AN_HOUR_AGO = time.time() - 3600


def told(instance: dg.DagsterInstance, part: str) -> list[dg.AssetObservation]:
    """What is on record of a part of the export, the newest first."""
    records = instance.fetch_observations(exported(part), limit=20).records
    return [record.asset_observation for record in records]


def settle(directory: Path) -> None:
    """1C has written nothing for an hour."""
    for path in directory.rglob("*"):
        os.utime(path, (AN_HOUR_AGO, AN_HOUR_AGO))


def test_a_refresh_tells_of_every_part_what_lies_where(refreshed):
    instance, root = refreshed.project.instance, refreshed.project.settings.data_dir
    files = [*(root / "prices").glob("*.xml"), *(root / "priceLists").glob("*.xml")]
    (prices,) = told(instance, "prices_xml")
    assert {key: value.value for key, value in prices.metadata.items()} == {
        "directory": str(root),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "fingerprint": prices.metadata["fingerprint"].value,
        "newest_change": pytest.approx(max(file.stat().st_mtime for file in files)),
        "exported_at": "2026-01-15T03:00:00",
    }
    assert {part: len(told(instance, part)) for part in PARTS} == dict.fromkeys(PARTS, 1)


def test_images_are_counted_with_what_is_in_the_directories_below(refreshed):
    (images,) = told(refreshed.project.instance, "import_files")
    root = refreshed.project.settings.data_dir / "goods" / "import_files"
    assert images.metadata["files"].value == sum(path.is_file() for path in root.rglob("*"))
    assert "exported_at" not in images.metadata


def test_a_second_run_over_the_same_files_tells_nothing(project):
    assert project.run("customers_import").success
    assert project.run("customers_import").success
    assert len(told(project.instance, "contragents_xml")) == 1


def test_only_the_part_that_1c_wrote_anew_is_told_again(project):
    settle(project.settings.data_dir)
    images = state_of(images_of(project.settings.data_dir))
    observe(project.instance, ExportSnapshot(project.settings.data_dir), images)
    (file,) = (project.settings.data_dir / "contragents").glob("*.xml")
    os.utime(file, (AN_HOUR_AGO + 60, AN_HOUR_AGO + 60))
    observe(project.instance, ExportSnapshot(project.settings.data_dir), images)
    assert {part: len(told(project.instance, part)) for part in PARTS} == dict.fromkeys(PARTS, 1) | {
        "contragents_xml": 2
    }


def test_of_images_nothing_is_told_by_who_has_not_gone_through_them(project):
    settle(project.settings.data_dir)
    observe(project.instance, ExportSnapshot(project.settings.data_dir))
    assert told(project.instance, "import_files") == []
    assert len(told(project.instance, "goods_xml")) == 1


def test_what_1c_is_writing_is_not_told_before_it_has_stopped(project):
    for path in project.settings.data_dir.rglob("*"):
        os.utime(path)
    observe(project.instance, ExportSnapshot(project.settings.data_dir))
    assert told(project.instance, "goods_xml") == []


def test_a_part_that_is_not_exported_is_not_told(project, remove):
    remove("contragents")
    settle(project.settings.data_dir)
    observe(project.instance, ExportSnapshot(project.settings.data_dir))
    assert told(project.instance, "contragents_xml") == []


def test_an_export_that_is_not_there_says_nothing(project, tmp_path):
    observe(project.instance, ExportSnapshot(tmp_path / "absent"))
    assert told(project.instance, "goods_xml") == []


def test_files_that_lie_together_are_all_of_each_part(project):
    shutil.rmtree(project.settings.data_dir)
    write_demo(project.settings.data_dir, layout="2.07")
    settle(project.settings.data_dir)
    observe(project.instance, ExportSnapshot(project.settings.data_dir))
    assert [told(project.instance, part)[0].metadata["files"].value for part in ("goods_xml", "prices_xml")] == [3, 3]


def test_the_night_tells_what_it_has_looked_at_before_there_is_a_run(project, tmp_path):
    settle(project.settings.data_dir)
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        dg.build_schedule_context(instance, resources={"onec": Onec()}) as context,
    ):
        build_nightly_refresh(project.settings).evaluate_tick(context)
        assert len(told(instance, "goods_xml")) == 1


def test_the_sensor_tells_what_it_has_looked_at_before_there_is_a_run(project):
    settle(project.settings.data_dir)
    with dg.build_sensor_context(project.instance, resources={"onec": Onec()}) as context:
        list(import_files_sensor(context))
    assert len(told(project.instance, "import_files")) == 1


@pytest.mark.parametrize("asset", ["prices", "product_images"])
def test_what_has_just_been_imported_is_no_older_than_the_export(project, asset):
    assert project.run("full_refresh").success
    settle(project.settings.data_dir)  # exported again
    assert project.run("full_refresh").success
    graph = project.definitions().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(project.instance, graph, LoadingContextForTest(project.instance))
    assert resolver.get_status(dg.AssetKey(asset)) is StaleStatus.FRESH

"""Runs launched over GraphQL, as programs and the UI launch them, in a real webserver, daemon and code server.

The tests follow one another over one UI: an empty catalogue, an export that is not whole, imports, a killed one.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.machinery.liveness import DEAD

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_starts_by_itself")]

LOCATION = {"repositoryLocationName": "onec_pipelines", "repositoryName": "__repository__"}
RUN = "fragment Run on Run { runId status startTime endTime tags { key value } }"
ANSWER = "__typename ... on LaunchRunSuccess { run { ...Run } } ... on PythonError { message stack }"
LAUNCH = f"""{RUN}
mutation Launch($params: ExecutionParams!) {{ launchRun(executionParams: $params) {{ {ANSWER} }} }}"""
REEXECUTE = f"""{RUN}
mutation Again($parent: ReexecutionParams!) {{ launchRunReexecution(reexecutionParams: $parent) {{ {ANSWER} }} }}"""
LOOK = f"""{RUN}
query Look($id: ID!) {{ runOrError(runId: $id) {{ ... on Run {{
  ...Run
  assetMaterializations {{
    assetKey {{ path }}
    metadataEntries {{ label ... on IntMetadataEntry {{ intValue }} }}
  }}
  eventConnection(limit: 1000) {{ events {{ ... on MessageEvent {{ message }} }} }}
}} }} }}"""
RUNS = "{ runsOrError { ... on Runs { results { runId } } } }"
CHECKS = """query Checks($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } } } } }"""
TICK = """mutation Tick($schedule: ScheduleSelector!, $at: Float!) {
  scheduleDryRun(selectorData: $schedule, timestamp: $at) {
  ... on DryRunInstigationTick { evaluationResult { skipReason runRequests { runKey } error { message } } } } }"""


@pytest.fixture(scope="module", autouse=True)
def export(data_dir: Path) -> Path:
    """The whole demo export, there before the UI starts."""
    write_demo(data_dir)
    return data_dir


@contextmanager
def without(part: Path) -> Iterator[None]:
    """A part of the export is not there."""
    aside = part.with_name(f".{part.name}")
    part.rename(aside)
    try:
        yield
    finally:
        aside.rename(part)


def launch(
    ui, job: str, *assets: str, checks: tuple[tuple[str, str], ...] = (), force: str | None = None
) -> dict[str, Any]:
    """Launch a job, or of Dagster's own job some assets or some checks; the answer of launchRun."""
    config = {"ops": {force: {"config": {"force": True}}}} if force else {}
    selector: dict[str, Any] = {**LOCATION, "pipelineName": job}
    if assets:
        selector["assetSelection"] = [{"path": [asset]} for asset in assets]
    if checks:
        selector["assetSelection"] = []
        selector["assetCheckSelection"] = [{"assetKey": {"path": [asset]}, "name": name} for asset, name in checks]
    return ui.ask(LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": json.dumps(config)})[
        "launchRun"
    ]


def again(ui, parent: str) -> dict[str, Any]:
    """Execute a run again; the answer of launchRunReexecution."""
    params = {"parentRunId": parent, "strategy": "ALL_STEPS", "useParentRunTags": True}
    return ui.ask(REEXECUTE, parent=params)["launchRunReexecution"]


def launched(answer: dict[str, Any]) -> str:
    """The id of a run that was let through."""
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def refused(answer: dict[str, Any]) -> str:
    """The sentence with which a run was refused: it comes without a traceback."""
    assert (answer["__typename"], answer["stack"]) == ("PythonError", []), answer
    return answer["message"]


def look(ui, run_id: str) -> dict[str, Any]:
    return ui.ask(LOOK, id=run_id)["runOrError"]


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["tags"] if tag["key"].startswith("onec/")}


def run_ids(ui) -> list[str]:
    return [run["runId"] for run in ui.ask(RUNS)["runsOrError"]["results"]]


@pytest.fixture
def finished(ui, wait_until):
    """Wait until a run has ended and return it."""

    def wait(run_id: str, status: str = "SUCCESS", seconds: float = 60) -> dict[str, Any]:
        wait_until(lambda: look(ui, run_id)["status"] in {"SUCCESS", "FAILURE", "CANCELED"}, seconds, run_id)
        run = look(ui, run_id)
        assert run["status"] == status, messages(run)
        return run

    return wait


@pytest.fixture
def has_started(ui, wait_until):
    def wait(run_id: str) -> None:
        wait_until(lambda: look(ui, run_id)["status"] == "STARTED", 60, f"{run_id} never started")

    return wait


# --- refused


def test_with_an_empty_catalogue_a_run_is_refused_in_one_sentence_and_leaves_none(ui):
    assert refused(launch(ui, "images_import")) == (
        "Невозможно загрузить изображения: каталог товаров пуст. Сначала импортируйте полный каталог."
    )
    assert refused(launch(ui, "__ASSET_JOB", "stocks", "prices")) == (
        "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный каталог."
    )
    assert run_ids(ui) == []


@pytest.mark.parametrize(
    ("job", "assets"), [("catalog_import", []), ("full_refresh", []), ("__ASSET_JOB", ["catalog"])]
)
def test_an_export_that_is_not_whole_is_refused_and_leaves_no_run(ui, export, job, assets):
    with without(export / "offers"):
        assert refused(launch(ui, job, *assets)) == (
            f"Отсутствуют обязательные поддиректории в {export}: offers. "
            "Убедитесь, что данные выгружены из 1С в правильной структуре."
        )
    assert run_ids(ui) == []


def test_the_schedule_over_an_export_that_is_not_whole_skips_in_the_same_words_and_leaves_no_run(ui, export):
    with without(export / "offers"):
        tick = ui.ask(TICK, schedule={**LOCATION, "scheduleName": "nightly_refresh"}, at=time.time())["scheduleDryRun"]
    result = tick["evaluationResult"]
    assert result["skipReason"].startswith(f"Отсутствуют обязательные поддиректории в {export}: offers.")
    assert (result["runRequests"], result["error"]) == ([], None)
    assert run_ids(ui) == []


# --- let through


def test_a_run_without_a_job_has_its_import_type_while_it_is_still_queued(ui):
    answer = launch(ui, "__ASSET_JOB", "customers")
    assert launched(answer)
    assert answer["run"]["status"] == "QUEUED"
    assert tags(answer["run"]) == {"onec/import_type": "customers"}


def test_a_job_is_launched_and_succeeds_with_the_counters_of_the_contract(ui, finished):
    finished(launched(launch(ui, "catalog_import")))
    run = finished(launched(launch(ui, "images_import")))
    (materialization,) = run["assetMaterializations"]
    assert materialization["assetKey"]["path"] == ["product_images"]
    values = {entry["label"]: entry.get("intValue") for entry in materialization["metadataEntries"]}
    assert values.keys() >= {
        *BY_ASSET["product_images"].counters,
        "last_updated",
        "duration_seconds",
        "export_fingerprint",
        "export_kind",
        "dagster/row_count",
        "dagster/table_name",
    }
    assert all(type(values[key]) is int for key in BY_ASSET["product_images"].counters)
    assert (values["total_products"], values["processed"]) == (56, 56)
    counted = ", ".join(f"{values[key]} {key}" for key in ("errors", "copied"))
    assert tags(run) == {"onec/import_type": "images", "onec/result": counted}


def test_a_refused_run_leaves_the_results_of_the_last_checks_on_the_page_of_the_asset(ui, export):
    before = check_results(ui, "product_images")
    assert before
    assert set(before.values()) <= {"SUCCEEDED", "FAILED"}
    with without(export / "goods/import_files"):
        refused(launch(ui, "images_import"))
    assert check_results(ui, "product_images") == before


def check_results(ui, asset: str) -> dict[str, str]:
    """Check -> the status that the page of the asset shows."""
    found = ui.ask(CHECKS, asset={"path": [asset]})["assetNodeOrError"]["assetChecksOrError"]["checks"]
    return {check["name"]: (check["executionForLatestMaterialization"] or {}).get("status") for check in found}


def test_checks_alone_need_no_export(ui, export, finished):
    with without(export):
        answer = launch(ui, "__ASSET_JOB", checks=(("prices", "prices_not_positive"),))
        finished(launched(answer))
    assert "onec/import_type" not in tags(answer["run"])


def test_a_run_is_executed_again_under_the_same_type_or_refused_like_the_first(ui, export, finished):
    (parent,) = (run_id for run_id in run_ids(ui) if tags(look(ui, run_id)).get("onec/import_type") == "images")
    before = run_ids(ui)
    with without(export / "goods/import_files"):
        sentence = refused(again(ui, parent))
        assert sentence.startswith("Директория изображений не найдена")
        assert run_ids(ui) == before
    run = finished(launched(again(ui, parent)))
    assert tags(run)["onec/import_type"] == "images"


SCHEDULES = """query Schedules($where: RepositorySelector!) {
  schedulesOrError(repositorySelector: $where) { ... on Schedules { results { id } } } }"""
STOP_SCHEDULE = "mutation Stop($id: String) { stopRunningSchedule(id: $id) { __typename } }"
ORIGIN = "query Origin($id: ID!) { runOrError(runId: $id) { ... on Run { repositoryOrigin { repositoryName } } } }"


def test_an_import_from_the_shell_comes_from_our_code_location_and_is_executed_again(ui, finished):
    before = run_ids(ui)
    with ui.start_onec("import", "customers") as shell:
        assert shell.wait(60) == 0
    (parent,) = set(run_ids(ui)) - set(before)
    assert ui.ask(ORIGIN, id=parent)["runOrError"]["repositoryOrigin"] == {"repositoryName": "__repository__"}
    run = finished(launched(again(ui, parent)))
    assert tags(run)["onec/import_type"] == "customers"


def test_the_status_sees_the_daemon_and_a_schedule_that_is_stopped(ui):
    def status() -> dict[str, Any]:
        command = [*ui.onec, "status", "--json"]
        done = subprocess.run(command, cwd=ui.cwd, env=ui.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    found = status()
    assert found["daemon_is_alive"]
    assert found["next_refresh"] is not None
    (schedule,) = ui.ask(SCHEDULES, where=LOCATION)["schedulesOrError"]["results"]
    ui.ask(STOP_SCHEDULE, id=schedule["id"])
    assert status()["next_refresh"] is None


# --- one of a kind at a time


def test_two_imports_of_a_kind_run_one_after_the_other(ui, merging_waits, has_started, finished, keeps):
    first, second = (launched(launch(ui, "images_import", force="product_images")) for _ in range(2))
    has_started(first)
    keeps(lambda: look(ui, second)["status"] == "QUEUED", 4)
    merging_waits()
    assert finished(first)["endTime"] <= finished(second)["startTime"]


def test_an_import_from_the_shell_is_waited_for_in_the_queue(ui, merging_waits, finished, wait_until, keeps):
    with ui.start_onec("import", "catalog", "--force") as shell:
        wait_until(lambda: "STARTED" in {look(ui, run_id)["status"] for run_id in run_ids(ui)}, 60, "onec import")
        waiting = launched(launch(ui, "catalog_import"))
        keeps(lambda: look(ui, waiting)["status"] == "QUEUED", 4)
        merging_waits()
        assert shell.wait(60) == 0
    finished(waiting)


def test_what_is_refused_in_the_shell_is_the_run_of_the_ui_by_its_id(ui, merging_waits, has_started, finished):
    run_id = launched(launch(ui, "full_refresh", force="catalog"))
    has_started(run_id)
    with ui.start_onec("import", "prices") as shell:
        assert shell.wait(60) == 1
        assert f"An import of prices is already running: run {run_id} (full_refresh)" in " ".join(
            shell.stderr.read().split()
        )
    merging_waits()
    finished(run_id)


# --- dead runs


def test_a_run_whose_process_is_killed_is_failed_and_the_queue_moves(
    ui, merging_waits, has_started, finished, wait_until
):
    killed, waiting = (launched(launch(ui, "catalog_import", force="catalog")) for _ in range(2))
    has_started(killed)
    wait_until(lambda: worker_of(ui, killed) is not None, 20, "the run never named its process")
    os.kill(worker_of(ui, killed), signal.SIGKILL)
    merging_waits()
    assert finished(killed, "FAILURE")["endTime"] <= finished(waiting)["startTime"]


@pytest.mark.slow
def test_after_a_power_cut_the_daemon_fails_the_dead_run_within_a_minute_and_the_queue_moves(
    ui, merging_waits, has_started, finished
):
    dead, waiting = (launched(launch(ui, "catalog_import", force="catalog")) for _ in range(2))
    has_started(dead)
    ui.kill()
    merging_waits()
    ui.start()
    run = finished(dead, "FAILURE", seconds=60)
    assert DEAD in messages(run)
    assert finished(waiting)["startTime"] >= run["endTime"]


def messages(run: dict[str, Any]) -> list[str]:
    return [event.get("message", "") for event in run["eventConnection"]["events"]]


def worker_of(ui, run_id: str) -> int | None:
    """The process of a run, once it has said so."""
    found = re.search(r"Executing steps in process \(pid: (\d+)\)", " ".join(messages(look(ui, run_id))))
    return int(found[1]) if found else None

"""The processes behind `onec ui`: one daemon beside any number of UIs, one for those who only look, and their ends."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.machinery.one_daemon import FRESH_SECONDS

pytestmark = pytest.mark.slow

UI = ("onec_pipelines.cli", "ui")
LOCATION = {"repositoryLocationName": "onec_pipelines", "repositoryName": "__repository__"}
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
CUSTOMERS = {"selector": {**LOCATION, "pipelineName": "customers_import"}, "mode": "default", "runConfigData": "{}"}
RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
STARTS = """query Starts($id: ID!) { runOrError(runId: $id) { ... on Run { eventConnection(limit: 1000) {
  events { __typename } } } } }"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime healthy required } } } }"
BESIDE = "Another daemon works on this run history (process "


@pytest.fixture(scope="module", autouse=True)
def export(data_dir) -> None:
    write_demo(data_dir)


@pytest.fixture(scope="module")
def beside(ui, further_ui):
    """A second UI over the same state."""
    assert health(ui)
    return further_ui(*UI)


def health(ui) -> bool:
    """Whether every daemon that is needed lives."""
    statuses = ui.ask(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
    return all(status["healthy"] for status in statuses if status["required"])


def post(address: str, body: object) -> dict[str, Any]:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own server
        return json.load(response)


# --- beside each other


def test_a_ui_beside_another_one_says_that_it_has_no_daemon_and_who_has(ui, beside):
    said = beside.log.read_text()
    assert BESIDE in said
    assert "This UI has no daemon now: the other one starts its runs." in said
    assert BESIDE not in ui.log.read_text()


def test_a_run_that_either_launches_is_started_once(ui, beside, wait_until):
    for one in (beside, ui):
        launched = one.ask(LAUNCH, params=CUSTOMERS)["launchRun"]["run"]["runId"]
        wait_until(lambda: set(statuses(ui)) == {"SUCCESS"}, 90, "a run never succeeded")
        kinds = [
            event["__typename"] for event in ui.ask(STARTS, id=launched)["runOrError"]["eventConnection"]["events"]
        ]
        assert (kinds.count("RunStartingEvent"), kinds.count("RunStartEvent")) == (1, 1)


def statuses(ui) -> list[str]:
    return [run["status"] for run in ui.ask(RUNS)["runsOrError"]["results"]]


# --- for those who look


def test_a_ui_for_those_who_look_starts_and_changes_nothing(ui, further_ui, wait_until):
    wait_until(lambda: health(ui), 60, "the daemon never lived")
    looking = further_ui(*UI, "--read-only")
    before = statuses(looking)
    assert looking.ask(LAUNCH, params=CUSTOMERS)["launchRun"]["__typename"] == "UnauthorizedError"
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{looking.url}/report_asset_materialization/by_report", {})
    refused.value.close()
    assert refused.value.code == 401
    assert statuses(looking) == before
    assert looking.forged() == set()
    assert BESIDE not in looking.log.read_text()  # it does not even try


# --- a path of its own


def test_below_the_path_of_its_public_address_the_ui_is_whole(further_ui, chromium, window_at):
    deeper = further_ui(*UI, "--no-daemon", ONEC_UI_URL="https://shop.example.com/dagster")
    with window_at(chromium.new_page(), f"http://127.0.0.1:{deeper.port}/") as window:
        assert window.page.url.startswith(f"{deeper.url}/")


# --- their ends; the last tests of this module, because they end its UI


def test_a_ui_whose_daemon_is_gone_ends_with_a_sentence(ui, wait_until):
    first, *family = ui.family()
    behind = next(one for one in family if one.ppid() == first.pid)
    behind.kill()
    wait_until(ui.is_gone, 60, "the UI never ended")
    assert ui.process.returncode == 1
    assert "The process of the code server and the daemon has ended with exit code -9, and the UI with it" in (
        ui.log.read_text()
    )
    ui.has_ended(family)


def test_a_ui_that_is_killed_leaves_nothing_behind(ui):
    ui.start()
    first, *family = ui.family()
    assert len(family) >= 3
    first.kill()
    ui.process.wait()
    ui.has_ended(family)


def test_after_a_daemon_that_was_killed_the_next_one_works_within_a_minute(ui, wait_until):
    ui.start()
    wait_until(lambda: health(ui), 60, "the daemon never lived")
    ui.kill()
    ui.start()
    assert not any(BESIDE in line for line in ui.log.read_text().splitlines())
    launched = ui.ask(LAUNCH, params=CUSTOMERS)["launchRun"]["run"]["runId"]
    wait_until(lambda: "SUCCESS" in statuses(ui)[:1], FRESH_SECONDS + 60, f"{launched} never ran")

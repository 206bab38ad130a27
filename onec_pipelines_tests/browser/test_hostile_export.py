"""An export whose every name is hostile is text in Chromium, which asks nobody but the UI, and the UI for no change.

The pages that show what an export says are opened as people open them: assets with all of their metadata, checks, runs,
the ticks of the sensors, an import that is refused. Every request is noted.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from onec_pipelines.datasets import ASSETS
from onec_pipelines.shown import visible
from onec_pipelines_tests.hostile import C1, MARKDOWN, OF_BROKEN, OF_FILES, TITLE, acts, break_off, write_hostile

pytestmark = pytest.mark.slow

expect.set_options(timeout=45_000)

OF_DIRECTORY = f"{TITLE}{MARKDOWN}{C1}"
COLOURS = re.compile(r"\x1b\[(?!38;5;199m)[0-9;]*m")
HISTORY = """query History($asset: AssetKeyInput!) { assetOrError(assetKey: $asset) {
  ... on Asset { assetMaterializations { runId } } } }"""
LOCATION = {"repositoryLocationName": "onec_pipelines", "repositoryName": "__repository__"}
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on PythonError { message } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId status jobName } } } }"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """The directory itself has a hostile name: sensors say where they looked."""
    return tmp_path_factory.mktemp("ui") / OF_DIRECTORY


@pytest.fixture(scope="module", autouse=True)
def export(data_dir) -> Path:
    write_hostile(data_dir)
    return data_dir


@pytest.fixture(scope="module", autouse=True)
def imported(ui, export, wait_until) -> None:
    """An import of everything from the shell, and one of a broken file that the daemon starts."""
    onec(ui, "import", "all", code=0)
    break_off(export)
    params = {"selector": {**LOCATION, "pipelineName": "catalog_import"}, "mode": "default", "runConfigData": "{}"}
    ui.ask(LAUNCH, params=params)
    wait_until(lambda: "FAILURE" in str(ui.ask(RUNS)), 300, "the import of a broken file never failed")


def onec(ui, *arguments: str, code: int) -> None:
    process = ui.start_onec(*arguments)
    _, said = process.communicate()
    assert process.returncode == code, said


@dataclass
class Requests:
    """What the browser has asked for."""

    seen: list[Request] = field(default_factory=list)

    def note(self, request: Request) -> None:
        self.seen.append(request)

    def foreign(self, ui) -> list[str]:
        """Those that do not go to the UI."""
        return [one.url for one in self.seen if not one.url.startswith((f"{ui.url}/", "data:image/webp;base64,"))]

    def changing(self) -> list[str]:
        """Those that ask the UI for a change, or could, as an image asks."""
        asked = [one for one in self.seen if "/graphql" in one.url]
        return [f"{one.method} {one.url} {one.post_data}" for one in asked if not is_query(one)]


def is_query(request: Request) -> bool:
    """Whether it asks as the pages of the UI do, and for no change."""
    if request.method != "POST" or not re.search(r"/graphql(\?op=\w+)?$", request.url):
        return False
    operations = re.findall(r"^(query|mutation|subscription)\b", json.loads(request.post_data)["query"], re.MULTILINE)
    return set(operations) <= {"query", "subscription"}


@pytest.fixture
def requests(window) -> Iterator[Requests]:
    """Note every request of the window."""
    requests = Requests()
    window.page.on("request", requests.note)
    yield requests
    window.page.remove_listener("request", requests.note)


def settled(page: Page, text: str) -> str:
    """What a page shows once it shows this and has nothing more to ask for."""
    expect(page.get_by_text(text).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    return page.locator("body").inner_text()


def opened(page: Page) -> str:
    """What the metadata hold that a page only names, opened one after the other."""
    read = []
    for button in page.get_by_text(re.compile(r"^\[Show .+\]$")).all():
        button.click()
        dialog = page.get_by_role("dialog").last
        expect(dialog).to_be_visible()
        page.wait_for_timeout(500)
        read.append(dialog.inner_text())
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    return "\n".join(read)


def assert_nothing_but_text(page: Page, requests: Requests, ui) -> None:
    """Whatever was opened, names were text: the browser asked nobody else and for no change, and there is no link."""
    assert len(requests.seen) > 1
    assert requests.foreign(ui) == []
    assert requests.changing() == []
    for element in ("img[src*=graphql]", "img[src*=pixel]", "a[href*='127.0.0.1:9']", "a[href*='example.com']"):
        assert page.locator(element).count() == 0
    assert "owned" not in page.title()


@pytest.mark.parametrize("asset", ASSETS)
def test_the_page_of_an_asset_shows_names_as_text(window, ui, requests, asset):
    page = window.page
    for view in ("overview", "events"):
        page.goto(f"{ui.url}/assets/{asset}?view={view}")
        read = settled(page, "processed" if view == "events" else "Latest materialization") + opened(page)
        window.picture(f"hostile_{asset}_{view}")
    assert_nothing_but_text(page, requests, ui)
    if asset == "catalog":
        assert [name for name in OF_FILES if visible(name) not in read] == []


@pytest.mark.parametrize(
    ("asset", "check"),
    [
        ("catalog", "products_without_category"),
        ("prices", "prices_not_positive"),
        ("stocks", "negative_stocks"),
        ("product_images", "products_without_image"),
    ],
)
def test_the_page_of_a_check_shows_names_as_text(window, ui, requests, asset, check):
    page = window.page
    page.goto(f"{ui.url}/assets/{asset}?view=checks&checkDetail={check}")
    read = settled(page, "Latest execution") + opened(page)
    page.get_by_text("Execution history").first.click()
    settled(page, "Target materialization")
    page.get_by_role("row").last.get_by_role("button").last.click()
    read += settled(page, "count") + opened(page)
    window.picture(f"hostile_check_{check}")
    assert_nothing_but_text(page, requests, ui)
    assert MARKDOWN.replace("&#47;", "/") in read


def run_with(ui, status: str, job: str) -> str:
    runs = ui.ask(RUNS)["runsOrError"]["results"]
    return next(run["runId"] for run in runs if (run["status"], run["jobName"]) == (status, job))


def test_the_page_of_a_run_shows_names_as_text(window, ui, requests):
    page = window.page
    page.goto(f"{ui.url}/runs")
    settled(page, "full_refresh")
    page.goto(f"{ui.url}/runs/{run_with(ui, 'SUCCESS', 'full_refresh')}")
    settled(page, "RUN_SUCCESS")
    page.get_by_placeholder("Filter…").fill("wipeAssets")
    expect(page.get_by_text(f"В файле offers/empty{MARKDOWN}.xml есть раздел каталога").first).to_be_visible()
    window.picture("hostile_run")
    assert_nothing_but_text(page, requests, ui)


def test_the_page_of_a_failed_run_shows_names_as_text(window, ui, requests):
    page = window.page
    page.goto(f"{ui.url}/runs/{run_with(ui, 'FAILURE', 'catalog_import')}")
    settled(page, "RUN_FAILURE")
    expect(page.get_by_text(visible(OF_BROKEN)).first).to_be_visible()
    window.picture("hostile_failed_run")
    assert_nothing_but_text(page, requests, ui)


def test_the_tick_of_a_sensor_shows_names_as_text(window, ui, requests):
    page = window.page
    page.goto(f"{ui.url}/locations/onec_pipelines/sensors/import_files_sensor")
    page.get_by_role("button", name="0 runs requested").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(visible(OF_DIRECTORY))
    window.picture("hostile_tick")
    assert_nothing_but_text(page, requests, ui)


def test_an_import_that_is_refused_shows_names_as_text(window, ui, requests, export):
    (export / "offers").rename(export.parent / "aside")
    page = window.page
    page.goto(f"{ui.url}/assets/catalog")
    settled(page, "Latest materialization")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog").filter(has_text="Error")
    expect(dialog).to_contain_text(visible(OF_DIRECTORY))
    window.picture("hostile_refused")
    assert requests.foreign(ui) == []
    (change,) = requests.changing()
    assert "mutation LaunchPipelineExecution" in change
    (export.parent / "aside").rename(export / "offers")


def test_when_all_has_been_looked_at_the_history_is_as_it_was(ui):
    for asset in ASSETS:
        (record,) = ui.ask(HISTORY, asset={"path": [asset]})["assetOrError"]["assetMaterializations"][-1:]
        assert record["runId"]


def test_nothing_acts_on_the_terminal_of_whoever_has_started_the_ui(ui):
    log = ui.log.read_text("utf-8", "surrogateescape")
    assert visible(OF_BROKEN) in log
    assert acts(COLOURS.sub("", log).replace("\n", "")) == ""

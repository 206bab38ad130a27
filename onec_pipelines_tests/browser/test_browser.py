"""What people see who press the buttons: one story over one UI, told by real clicks in Chromium.

The tests follow one another: nothing but goods at first, then the pictures arrive, then a broken file.
"""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.runs.observing import PARTS
from onec_pipelines_tests.demo_summary import DemoSummary, summarize

pytestmark = pytest.mark.slow

expect.set_options(timeout=45_000)

IS_SEEN_WHOLE = """element => {
    let edge = Infinity
    for (let around = element.parentElement; around; around = around.parentElement)
        if (getComputedStyle(around).overflowX !== "visible")
            edge = Math.min(edge, around.getBoundingClientRect().right)
    return element.getBoundingClientRect().right <= edge && element.scrollWidth <= element.clientWidth + 1
}"""
"""Whether nothing around an element cuts it at its right side."""


@pytest.fixture(scope="module", autouse=True)
def summary(data_dir: Path) -> DemoSummary:
    """The demo export without its pictures, there before the UI starts; what the whole of it holds."""
    summary = summarize(write_demo(data_dir))
    shutil.rmtree(data_dir / "goods/import_files")
    return summary


def missing_pictures(data_dir: Path) -> str:
    return (
        f"Директория изображений не найдена: {data_dir / 'goods/import_files'}. "
        "Убедитесь, что данные выгружены из 1С с изображениями товаров."
    )


def materialize(page: Page) -> None:
    """Press the button, and Confirm where Dagster asks because nothing upstream was materialized."""
    page.get_by_role("button", name="Materialize").first.click()
    confirm = page.get_by_role("button", name="Confirm")
    started = page.get_by_text("Launched run").or_(page.get_by_role("dialog"))
    expect(confirm.or_(started).first).to_be_visible()
    if confirm.is_visible():
        confirm.click()


def test_the_tick_of_the_sensor_says_why_nothing_ran(window, data_dir):
    page = window.page
    window.follow("Automation", "import_files_sensor")
    page.get_by_role("button", name="0 runs requested").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(missing_pictures(data_dir))
    window.picture("sensor_tick")
    page.get_by_role("button", name="Close").first.click()
    switch = page.get_by_role("row", name="Running").locator("label")
    switch.click()
    expect(switch.get_by_role("checkbox")).not_to_be_checked()  # from here on nothing starts by itself


def test_the_page_of_an_asset_says_its_table_and_leads_to_its_code_before_any_import(window):
    page = window.page
    window.follow("Catalog", "catalog")
    expect(page.locator("div").filter(has_text=re.compile(r"^Storage\s*onec\.products")).first).to_be_visible()
    code = page.locator("a[href^='vscode:']")
    expect(code).to_have_attribute("href", re.compile(r"/onec_pipelines/importing/catalog\.py"))
    window.picture("definition")


def test_the_lineage_shows_every_asset_with_a_name_of_its_own(window):
    page = window.page
    window.visit("Lineage")
    for name in (*BY_ASSET, *PARTS):
        expect(page.locator("foreignObject").get_by_text(name, exact=True)).to_have_count(1)
    window.picture("lineage")


def test_materialize_without_pictures_is_refused_at_once_with_the_sentence_and_leaves_no_run(window, data_dir):
    page = window.page
    window.follow("Catalog", "product_images")
    materialize(page)
    dialog = page.get_by_role("dialog").filter(has_text="Error")
    expect(dialog).to_contain_text(missing_pictures(data_dir))
    assert "Traceback" not in dialog.inner_text()
    assert ".py" not in dialog.inner_text()
    window.picture("refused")
    page.get_by_role("button", name="OK").click()
    window.visit("Runs")
    expect(page.get_by_text("You have not launched any runs yet.")).to_be_visible()
    window.picture("no_run")


def test_the_progress_of_a_running_import_is_watched_on_the_runs_page(window, data_dir, merging_waits):
    write_demo(data_dir)
    page = window.page
    window.follow("Jobs", "full_refresh")
    page.get_by_role("button", name="Materialize all").click()
    window.visit("Runs")
    row = run_with(page, "full_refresh")
    window.refreshed_until(row, re.compile(r"onec/import_type: all\s*onec/progress: \d+/\d+.*Started", re.DOTALL))
    processed, total = re.search(r"onec/progress: (\d+)/(\d+)", row.inner_text()).groups()
    assert int(processed) <= int(total)
    window.picture("runs_in_progress")
    merging_waits()
    window.refreshed_until(row, "Success")
    expect(row).not_to_contain_text("onec/progress")
    expect(row).to_contain_text(re.compile(r"onec/result: \d+ errors \(images \d+\)"))
    page.set_viewport_size({"width": 1440, "height": 900})
    assert row.get_by_text("onec/result").first.evaluate(IS_SEEN_WHOLE)
    window.picture("runs")


def test_nothing_is_printed_that_looks_like_the_fault_of_whoever_started_it(ui):
    assert not re.search("warn|error|traceback|no cursor", ui.log.read_text(), re.IGNORECASE)


def run_with(page: Page, text: str) -> Locator:
    """The innermost part of the Runs page that holds the link of a run and this text: its row."""
    link = page.get_by_role("link", name=re.compile("^run [0-9a-f]{8}$"))
    return page.locator("div").filter(has=link).filter(has_text=text).last


def test_the_counters_and_their_plots_are_on_the_page_of_the_asset(window, summary):
    page = window.page
    window.follow("Catalog", "product_images")
    for key, value in {
        "total_products": 56,
        "processed": 56,
        "copied": summary.publishable_images,
        "errors": summary.missing_images + summary.corrupt_images,
    }.items():
        row = page.get_by_role("row").filter(has=page.get_by_text(key, exact=True))
        expect(row.first).to_contain_text(str(value))
    window.picture("product_images")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Plots").click()
    expect(page.get_by_text("copied", exact=True)).to_be_visible()
    drawn = page.locator("canvas").first
    expect(drawn).to_be_visible()
    assert drawn.evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value)"
    )
    window.picture("product_images_plots")


def test_an_import_from_the_shell_is_on_the_first_page_and_is_executed_again_by_a_click(window, ui):
    with ui.start_onec("import", "customers") as shell:
        assert shell.wait(60) == 0
    page = window.page
    window.visit("Overview")
    expect(page.get_by_text("customers_import").first).to_be_visible()
    window.picture("timeline")
    window.visit("Runs")
    run_with(page, "customers_import").get_by_role("link", name=re.compile("^run ")).click()
    first = page.url
    page.get_by_text("Re-execute all").click()
    expect(page).not_to_have_url(first)
    window.picture("executed_again")
    window.visit("Runs")
    window.refreshed_until(page.locator("body"), re.compile(r"(customers_import.*Success.*){2}", re.DOTALL))


def test_the_page_of_a_failed_run_says_what_is_wrong_with_the_export(window, data_dir):
    goods = next(data_dir.glob("goods/*.xml"))
    goods.write_bytes(goods.read_bytes()[:2000])
    page = window.page
    window.follow("Catalog", "catalog")
    materialize(page)
    window.visit("Runs")
    row = run_with(page, "Failure")
    window.refreshed_until(row, "onec/result: не читается как XML")
    expect(row).to_contain_text("onec/import_type: catalog")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert row.get_by_text("onec/result").first.evaluate(IS_SEEN_WHOLE)
    window.picture("runs_failed")
    row.get_by_role("link").first.click()
    expect(
        page.get_by_text(re.compile(rf"Файл goods/{goods.name} не читается как XML \(строка \d+\)")).first
    ).to_be_visible()
    assert "dagster._core" not in page.locator("body").inner_text()
    window.picture("failed_run")

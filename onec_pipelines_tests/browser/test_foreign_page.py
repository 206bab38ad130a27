"""A page of another site, open in the same browser: it can do nothing to the UI, and to Dagster's own it can do all."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def person(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of somebody who uses the UI, and has that page open, too."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.mark.parametrize("site", ["evil.example", "localhost", "127.0.0.1"])
def test_it_forges_nothing_hears_nothing_and_shows_nothing_of_the_ui(ui, attack, seen, person, foreign_port, site):
    nothing, _ = seen
    assert attack(person, f"http://{site}:{foreign_port}", ui.url) == nothing
    assert ui.forged() == set()


def test_nor_does_it_where_the_ui_is_opened_by_the_other_name_of_this_machine(ui, attack, seen, person, foreign_port):
    nothing, _ = seen
    address = ui.url.replace("127.0.0.1", "localhost")
    assert attack(person, f"http://127.0.0.1:{foreign_port}", address) == nothing
    assert ui.forged() == set()


def test_nor_does_it_from_a_name_that_leads_to_this_machine(ui, person):
    page = person.new_page()
    answer = page.goto(ui.url.replace("127.0.0.1", "evil.example"))
    assert answer.status == 403
    assert page.inner_text("body").startswith("The request names the host 'evil.example:")
    page.close()


def test_whoever_runs_the_ui_reads_what_was_refused(ui):
    said = ui.log.read_text()
    assert re.search(r"^POST '/report_asset_materialization/by_report': The request comes from", said, re.MULTILINE)
    assert re.search(r"^WebSocket '/graphql': The request comes from a page of 'http://evil", said, re.MULTILINE)


def test_a_link_on_it_leads_to_the_ui(ui, person, foreign_port):
    page = person.new_page()
    page.goto(f"http://evil.example:{foreign_port}/#http://127.0.0.1:9")
    page.evaluate("address => { location.href = address }", f"{ui.url}/runs")
    page.wait_for_url(f"{ui.url}/runs")
    page.get_by_role("navigation").first.wait_for(timeout=60_000)
    page.close()


def test_dagsters_own_webserver_lets_it_do_all_that(further_ui, attack, seen, person, foreign_port, forgeries):
    _, everything = seen
    plain = further_ui("dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1")
    assert attack(person, f"http://evil.example:{foreign_port}", plain.url) == everything
    assert plain.forged() == forgeries

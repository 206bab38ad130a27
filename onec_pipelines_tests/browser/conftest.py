"""The real UI, started as a user starts it over an empty instance, and Debian's Chromium to look at it with.

Without Chromium the browser tests are skipped; ONEC_REQUIRE_BROWSER=1, as CI sets it, makes that a failure.
ONEC_SCREENSHOTS names a directory where the pictures of the pages are kept for people to look at.
"""

import json
import logging
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotShown

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
STOP_SECONDS = 60
LOADED = "{ repositoriesOrError { ... on RepositoryConnection { nodes { sensors { sensorState { status } } } } } }"
SENSORS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { sensors { id } } } } }"
STOP_SENSOR = "mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"
SETTLED_SECONDS = 3
"""For how long the UI answers before the tests begin: in its first seconds it may refuse a query."""
QUEUE = "    preflight: true\n"
HASTY_QUEUE = f"{QUEUE}    dequeue_interval_seconds: 1\n"
"""The project's configuration, but for a queue that is looked at every second, not every five."""
SIZE = {"width": 1500, "height": 1100}
PATIENCE = 45_000
"""Milliseconds until what should be on a page is missed."""
QUIET_CHROMIUM = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP *.example.com 127.0.0.1",
]
ASSETS = "{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"


@dataclass
class UI:
    """`onec ui` on a port of its own: its address, where it looks for an export, and its processes."""

    port: int
    data_dir: Path
    environment: dict[str, str]
    onec: tuple[str, ...]
    cwd: Path
    program: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address on this machine, with the path of the public one."""
        return f"http://127.0.0.1:{self.port}{urlsplit(self.environment.get('ONEC_UI_URL', '')).path}"

    @property
    def log(self) -> Path:
        """What it has printed."""
        return self.data_dir.with_name(f"ui-{self.port}.log")

    @property
    def database_url(self) -> str:
        return self.environment["ONEC_DATABASE_URL"]

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data that GraphQL answers with."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            log.warning("%s: %s", error, error.read().decode())
            raise
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def forged(self) -> set[str]:
        """The assets that exist by nothing but a forged materialization."""
        names = [node["key"]["path"][0] for node in self.ask(ASSETS)["assetsOrError"]["nodes"]]
        return {name for name in names if name.startswith("by_")}

    def start_onec(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command `onec` over the same state."""
        command = [*self.onec, *arguments]
        return subprocess.Popen(
            command, cwd=self.cwd, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def start(self) -> None:
        """Start it as `make ui` does, and wait until it serves and has loaded our definitions."""
        assert is_free(self.port)
        command = [*(self.program or (*self.onec, "ui")), "--port", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.cwd, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        wait(lambda: self.is_gone() or self.is_settled(), START_SECONDS, "the UI never served")
        assert not self.is_gone(), self.log.read_text()

    def stop(self) -> None:
        """End it as Ctrl-C does, with all that it started; what is left then is a failure."""
        family = self.family()
        if family:
            os.killpg(family[0].pid, signal.SIGINT)
        self.has_ended(family)

    def has_ended(self, family: list[psutil.Process]) -> None:
        """See that none of these processes is left."""
        _, orphans = psutil.wait_procs(family, timeout=STOP_SECONDS)
        names = [" ".join(orphan.cmdline()) for orphan in orphans]
        self.kill(orphans)
        assert not names, names
        assert is_free(self.port)

    def kill(self, family: list[psutil.Process] | None = None) -> None:
        """End every process of it at once, as a power cut does."""
        family = self.family() if family is None else family
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=STOP_SECONDS)
        if self.process:
            self.process.wait()

    def family(self) -> list[psutil.Process]:
        """Its processes, the first one first."""
        if self.process is None or self.is_gone():
            return []
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def is_gone(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def is_settled(self) -> bool:
        """Whether it answers, and goes on to."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while self.is_ready():
            if time.monotonic() > deadline:
                return True
            time.sleep(0.5)
        return False

    def is_ready(self) -> bool:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return bool(self.ask(LOADED)["repositoriesOrError"]["nodes"])
        return False


def wait(happened: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something has happened; after so many seconds it is missed."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long the tests of this directory took."""
    here = Path(__file__).parent.relative_to(ROOT).as_posix()
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    seconds = sum(one.duration for one in reports if isinstance(one, pytest.TestReport) and one.nodeid.startswith(here))
    terminalreporter.write_line(f"The UI and the browser: {seconds:.0f} s.")


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool], float, str], None]:
    return wait


@pytest.fixture(scope="session")
def keeps() -> Callable[[Callable[[], bool], float], None]:
    """See that something holds, and goes on to hold for so many seconds."""

    def keep(holds: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert holds()
            time.sleep(0.5)

    return keep


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether nobody listens there: an old server that answers would look healthy."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def database_of_ui(new_database) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the UI looks for an export: a directory that is not there yet, unless a module makes it."""
    return tmp_path_factory.mktemp("ui") / "import_1c"


@pytest.fixture(scope="module")
def onec() -> tuple[str, ...]:
    """The command `onec`: that of the checkout, unless a module says another."""
    return (sys.executable, "-m", "onec_pipelines.cli")


@pytest.fixture(scope="module")
def stands() -> Path:
    """Where a person stands who gives it."""
    return ROOT


@pytest.fixture(scope="module")
def further_settings() -> dict[str, str]:
    """What the environment of the UI holds besides, where a module needs it."""
    return {}


@pytest.fixture(scope="module")
def ui(
    database_of_ui: str, data_dir: Path, onec: tuple[str, ...], stands: Path, further_settings: dict[str, str]
) -> Iterator[UI]:
    """`onec ui` over an empty database, for the tests of one module, which follow one another."""
    environment = {
        **{key: value for key, value in os.environ.items() if key not in {"DAGSTER_HOME", "PYTHONDONTWRITEBYTECODE"}},
        "ONEC_DATA_DIR": str(data_dir),
        "ONEC_DATABASE_URL": database_of_ui,
        "ONEC_HOME": str(data_dir.with_name("home")),
        "ONEC_MEDIA_URL": str(data_dir.with_name("media")),
        "ONEC_NIGHTLY_CRON": "0 0 29 2 *",  # not while the tests run
        **further_settings,
    }
    home = Path(environment["ONEC_HOME"])
    home.mkdir()
    configuration = (ROOT / "dagster.yaml").read_text()
    assert QUEUE in configuration
    (home / "dagster.yaml").write_text(configuration.replace(QUEUE, HASTY_QUEUE))
    with running(UI(free_port(), data_dir, environment, onec, stands)) as ui:
        yield ui


@pytest.fixture(scope="module")
def nothing_starts_by_itself(ui: UI) -> None:
    """No sensor requests a run beside those of the tests."""
    for node in ui.ask(SENSORS)["repositoriesOrError"]["nodes"]:
        for sensor in node["sensors"]:
            ui.ask(STOP_SENSOR, id=sensor["id"])


@contextmanager
def running(ui: UI) -> Iterator[UI]:
    try:
        ui.start()
        yield ui
    finally:
        ui.stop()


@pytest.fixture(scope="module")
def further_ui(ui: UI) -> Iterator[Callable[..., UI]]:
    """Start another program that serves the same state: `further_ui("onec_pipelines.cli", "ui", "--read-only")`."""
    environment = ui.environment | {"DAGSTER_HOME": ui.environment["ONEC_HOME"]}
    with ExitStack() as stack:

        def start(*program: str, **settings: str) -> UI:
            command = (sys.executable, "-m", *program)
            other = UI(free_port(), ui.data_dir, environment | settings, ui.onec, ui.cwd, command)
            return stack.enter_context(running(other))

        yield start


@pytest.fixture
def merging_waits(ui: UI) -> Iterator[Callable[[], None]]:
    """Imports wait before they merge, until this is called: so that there is time to look at a running one."""
    with connect(ui.database_url) as connection:
        connection.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        yield lambda: connection.execute("select pg_advisory_unlock_all()")


# --- the browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        (pytest.fail if os.environ.get("ONEC_REQUIRE_BROWSER") else pytest.skip)(
            "No Chromium is installed; on Debian: apt-get install chromium"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET_CHROMIUM)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Window:
    """A page of the UI in the browser."""

    page: Page

    def load(self) -> None:
        """Wait for the definitions, of which the section of the jobs is a part.

        Dagster's page asks for them once: where that request is lost, it waits for ever, and people reload it.
        """
        try:
            self.section("Jobs").wait_for(timeout=PATIENCE / 2)
        except NotShown:
            self.page.reload()
            self.section("Jobs").wait_for()

    def section(self, name: str) -> Locator:
        """The link of a section in the navigation: Runs, Catalog, Jobs, Automation."""
        return self.page.get_by_role("navigation").get_by_role("link").filter(has_text=name)

    def visit(self, section: str) -> None:
        self.section(section).click()

    def follow(self, section: str, name: str) -> None:
        """Click what a section lists: an asset of the Catalog, a job, a sensor."""
        self.visit(section)
        icons_and_name = re.compile(rf"^(\w+ )?{name}( \w+)?$")
        self.page.get_by_role("link", name=icons_and_name).first.click()

    def refreshed_until(self, locator: Locator, text: str | re.Pattern[str]) -> None:
        """Press the refresh button of the Runs page until something says this."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not locator.filter(has_text=text).count():
            assert time.monotonic() < deadline, f"{text} was never shown"
            self.page.get_by_role("button", name="refresh").first.click()
            self.page.wait_for_timeout(1000)

    def picture(self, name: str) -> None:
        """Keep a picture of what is shown, where ONEC_SCREENSHOTS says."""
        if directory := os.environ.get("ONEC_SCREENSHOTS"):
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=Path(directory) / f"{name}.png")


@pytest.fixture
def window(chromium: Browser, ui: UI) -> Iterator[Window]:
    """A new window with the first page of the UI."""
    with opened(chromium.new_page(viewport=SIZE), ui.url) as window:
        yield window


@pytest.fixture(scope="session")
def window_at() -> Callable[[Page, str], AbstractContextManager[Window]]:
    """The first page of the UI, in a window and at an address of one's own."""
    return opened


@contextmanager
def opened(page: Page, address: str) -> Iterator[Window]:
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: message.type == "error" and log.warning(message.text))
    page.goto(address)
    window = Window(page)
    window.load()
    yield window
    log.warning("%s shows:\n%s", page.url, page.locator("body").inner_text())  # printed where the test failed
    page.close()


# --- a page of another site


class ForeignPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(Path(__file__).with_name("foreign_page.html").read_bytes())

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """Where another server shows its page, under whatever name."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage)) as port:
        yield port


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with onec.pem and onec.key, of a certificate that the browsers of the tests accept."""
    directory = tmp_path_factory.mktemp("certificate")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=onec.example.com",
    ]
    files = ["-keyout", directory / "onec.key", "-out", directory / "onec.pem"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def secure_foreign_port(certificate: Path) -> Iterator[int]:
    """The same by https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "onec.pem", certificate / "onec.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield port


@pytest.fixture(scope="session")
def forgeries() -> set[str]:
    """What it forges where nothing stops it: JSON needs a permission, and a GET for a page executes nothing."""
    ways = ["image", "script", "get", "text", "json_in_text", "form", "text_form", "beacon", "report", "navigation"]
    return {f"by_{way}" for way in ways}


@dataclass(frozen=True)
class Seen:
    """What the page of another site has got of the UI: an open websocket, and the UI in a frame of its own."""

    websocket: bool
    frame: bool


NOTHING, EVERYTHING = Seen(websocket=False, frame=False), Seen(websocket=True, frame=True)


@pytest.fixture(scope="session")
def seen() -> tuple[Seen, Seen]:
    """Nothing, and everything."""
    return NOTHING, EVERYTHING


@pytest.fixture(scope="session")
def attack() -> Callable[[BrowserContext, str, str], Seen]:
    """Open the page of a site in somebody's browser; it does its worst to the UI at an address."""

    def open_page(person: BrowserContext, site: str, address: str) -> Seen:
        page = person.new_page()
        page.goto(f"{site}/#{address}")
        page.wait_for_function("document.title === 'done'", timeout=60_000)
        framed = page.query_selector("#framed").content_frame().query_selector("#root")
        seen = Seen(websocket=page.evaluate("window.websocket") == "open", frame=framed is not None)
        page.evaluate("navigate()")
        page.wait_for_url(f"{address}/graphql?*")
        page.close()
        return seen

    return open_page

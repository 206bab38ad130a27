"""The operator's page as it is written: a real nginx with TLS and a login before the real UI, and Chromium before that.

Without nginx the tests are skipped; ONEC_REQUIRE_NGINX=1, as CI sets it, makes that a failure.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from onec_pipelines.demo import write_demo

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAME = "onec.example.com"
LOGIN = {"username": "anna", "password": "correct horse"}
WHOLE = """
{user}
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {server}
}}
"""
"""What Debian's nginx has around a file in conf.d, without its directories."""


def configuration_of_the_page() -> str:
    page = (ROOT / "docs/operating.md").read_text("utf-8")
    blocks = re.findall(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "auth_basic_user_file" in block)
    return block


def with_addresses(block: str, directory: Path, port: int, upstream: str) -> str:
    """The block of the page with ports and paths that a test may have."""
    for stated, ours in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/onec.pem": f"{directory}/onec.pem",
        "/etc/ssl/onec.key": f"{directory}/onec.key",
        "/etc/nginx/onec.htpasswd": f"{directory}/onec.htpasswd",
        "http://127.0.0.1:3000": upstream,
    }.items():
        assert block.count(stated) == 1, stated
        block = block.replace(stated, ours)
    return block


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Callable[[int, str], None]]:
    """Put nginx, as the page has it, before what listens at an address."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("ONEC_REQUIRE_NGINX") else pytest.skip)(
            "No nginx is installed; on Debian: apt-get install nginx"
        )
    with ExitStack() as stack:

        def start(port: int, upstream: str) -> None:
            directory = tmp_path_factory.mktemp("nginx")
            shutil.copytree(certificate, directory, dirs_exist_ok=True)
            hashed = subprocess.check_output(["openssl", "passwd", "-apr1", LOGIN["password"]], text=True)
            (directory / "onec.htpasswd").write_text(f"{LOGIN['username']}:{hashed}")
            stack.enter_context(running(program, directory, port, upstream))

        yield start


@contextmanager
def running(program: str, directory: Path, port: int, upstream: str) -> Iterator[None]:
    server = with_addresses(configuration_of_the_page(), directory, port, upstream)
    user = "user root;" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(WHOLE.format(user=user, directory=directory, server=server))
    command = [program, "-p", directory, "-e", directory / "error.log", "-c", directory / "nginx.conf"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 30
    while not answers(port):
        assert process.poll() is None, (directory / "error.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def public_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def address(public_port: int) -> str:
    """Where people open the UI."""
    return f"https://{NAME}:{public_port}"


@pytest.fixture(scope="module")
def further_settings(address: str) -> dict[str, str]:
    return {"ONEC_UI_URL": address}


@pytest.fixture(scope="module", autouse=True)
def export(data_dir: Path) -> None:
    write_demo(data_dir)


@pytest.fixture(scope="module", autouse=True)
def in_front(nginx, ui, public_port) -> None:
    nginx(public_port, ui.url)


@pytest.fixture(scope="module")
def person(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of somebody who has the password."""
    context = chromium.new_context(
        ignore_https_errors=True, http_credentials=LOGIN, viewport={"width": 1500, "height": 1100}
    )
    yield context
    context.close()


def test_nobody_gets_in_without_the_password(chromium, public_port):
    context = chromium.new_context(ignore_https_errors=True)
    for way in ("runs", "graphql", "report_asset_materialization/catalog"):
        assert context.request.post(f"https://127.0.0.1:{public_port}/{way}").status == 401
    context.close()


def test_who_has_it_launches_a_run_and_follows_it_while_it_goes(person, address, window_at, merging_waits, wait_until):
    page = person.new_page()
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(f"{socket.url} {frame}")))

    def hears(event: str) -> bool:
        page.wait_for_timeout(500)
        by = f"wss{address.removeprefix('https')}/graphql "
        return any(frame.startswith(by) and f'"__typename":"{event}"' in frame for frame in heard)

    with window_at(page, address) as window:
        window.follow("Jobs", "full_refresh")
        page.get_by_role("button", name="Materialize all").click()
        window.visit("Runs")
        page.get_by_role("link", name=re.compile("^run [0-9a-f]{8}$")).first.click()
        wait_until(lambda: hears("ExecutionStepStartEvent"), 60, "the run never started")
        assert not hears("RunSuccessEvent")
        merging_waits()
        wait_until(lambda: hears("RunSuccessEvent"), 60, "the run never succeeded")


def test_a_page_of_another_site_can_do_nothing_with_the_password_of_that_browser(
    person, address, ui, attack, seen, foreign_port, secure_foreign_port
):
    nothing, _ = seen
    assert attack(person, f"http://evil.example:{foreign_port}", address) == nothing
    assert attack(person, f"https://shop.example.com:{secure_foreign_port}", address) == nothing
    assert ui.forged() == set()


def test_before_dagsters_own_webserver_the_password_alone_keeps_it_from_nothing(
    person, nginx, further_ui, attack, seen, forgeries, secure_foreign_port
):
    """Chromium sends it by itself to all that a page of the same domain asks for, of another one with a form."""
    _, everything = seen
    plain, port = further_ui("dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1"), free_port()
    nginx(port, plain.url)
    address = f"https://{NAME}:{port}"
    person.new_page().goto(address)
    assert attack(person, f"https://shop.example.com:{secure_foreign_port}", address) == everything
    assert plain.forged() == forgeries


def test_under_another_name_it_says_what_to_set(person, public_port):
    answer = person.new_page().goto(f"https://other.example.com:{public_port}/")
    assert (answer.status, answer.text()[:55]) == (403, "The request names the host 'other.example.com', and thi")

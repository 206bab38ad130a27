"""The operator's page as it is written: a real nginx with TLS before a running exchange.

Without nginx the tests are skipped; ONEC_REQUIRE_NGINX=1, as CI sets it, makes that a failure.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from onec_pipelines.exchange.client import Client, files_of
from onec_pipelines.settings import PROJECT_ROOT
from onec_pipelines_tests.exchange.conftest import PASSWORD, USER, goods

pytestmark = pytest.mark.slow

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


def server_of_the_page(directory: Path, port: int, upstream: int) -> str:
    """The server block of the page with ports and paths that a test may have."""
    page = (PROJECT_ROOT / "docs/operating.md").read_text("utf-8")
    blocks = re.findall(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "1c_exchange" in block)
    for stated, ours in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/exchange": f"{directory}/exchange",
        "http://127.0.0.1:3001": f"http://127.0.0.1:{upstream}",
    }.items():
        assert stated in block
        block = block.replace(stated, ours)
    return block


def make_certificate(directory: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    paths = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "exchange.key", "-out", "exchange.pem"]
    subprocess.run([*command, *paths], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def address(start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a site behind nginx; its certificate is trusted."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("ONEC_REQUIRE_NGINX") else pytest.skip)("No nginx: apt-get install nginx")
    server = start(chunk=10 * 2**20, is_zip=False)
    make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "exchange.pem"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    whole = WHOLE.format(user=user, directory=tmp_path, server=server_of_the_page(tmp_path, port, server.port))
    (tmp_path / "nginx.conf").write_text(whole)
    command = [program, "-p", tmp_path, "-e", tmp_path / "error.log", "-c", tmp_path / "nginx.conf"]
    with subprocess.Popen(command) as process:
        for _ in range(300):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.1)
        yield f"https://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.parametrize("path", ["", "/1c_exchange"])
def test_an_export_in_pieces_of_10_mb_comes_through(address, path, export, connection):
    root = export({"import0_1.xml": goods("1"), "import_files/ab/large.jpg": os.urandom(25 * 2**20)})
    client = Client(address + path, USER, PASSWORD)
    assert client.session(root, files_of(root))
    client.close()
    size = sum(path.stat().st_size for path in files_of(root))
    assert connection.execute("select bytes from onec.exchange_packages where kind = 'portion'").fetchone() == (size,)

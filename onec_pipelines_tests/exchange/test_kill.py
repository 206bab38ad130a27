"""A server that is killed with -9, at any point: what was answered with `success` is there, and nothing half."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from onec_pipelines.exchange.client import Client, ExchangeError
from onec_pipelines.exchange.inbox import Inbox
from onec_pipelines_tests.exchange.conftest import HASH, PASSWORD, USER, goods

PORT = 38222


class Killed:
    """`onec exchange` as a process."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "onec_pipelines.cli", "exchange", "--port", str(PORT)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def environment(settings) -> dict[str, str]:
    return {
        **os.environ,
        "ONEC_DATABASE_URL": str(settings.database_url),
        "ONEC_HOME": str(settings.home),
        "ONEC_EXCHANGE_USER": USER,
        "ONEC_EXCHANGE_PASSWORD_HASH": HASH,
        "ONEC_EXCHANGE_CHUNK": "65536",
        "ONEC_EXCHANGE_ZIP": "0",
    }


def listening() -> Client:
    """1C, as soon as the server listens."""
    client = Client(f"http://127.0.0.1:{PORT}", USER, PASSWORD)
    for _ in range(600):
        try:
            client.check()
        except ExchangeError:
            time.sleep(0.1)
        else:
            return client
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_with_success_survives_and_nothing_half_does(environment, settings, seed):
    server = Killed(environment)
    client = listening()
    client.init()
    pieces = [random.Random(number).randbytes(65536) for number in range(3000)]  # noqa: S311 - no secret
    answered = 0
    began, until = time.monotonic(), random.Random(seed).uniform(0.2, 1.5)  # noqa: S311
    try:
        for piece in pieces:
            if time.monotonic() - began > until and answered:
                server.process.send_signal(signal.SIGKILL)
            assert client.ask("type=catalog&mode=file&filename=import_files/a.jpg", piece).text == "success"
            answered += 1
    except ExchangeError:
        pass
    server.kill()
    (inbox,) = (settings.home / "exchange" / "incoming").iterdir()
    found = Inbox(inbox, 65536).refresh()
    kept = found.files["import_files/a.jpg"].size // 65536
    assert answered <= kept <= answered + 1
    content = found.path("import_files/a.jpg").read_bytes()[: kept * 65536]
    assert content == b"".join(pieces[:kept])
    server = Killed(environment)
    cookie = client._cookie
    again = listening()
    again._cookie = cookie
    for piece in [*pieces[kept : kept + 2], b"end"]:
        assert again.ask("type=catalog&mode=file&filename=import_files/a.jpg", piece).text == "success"
    xml = goods("1").encode()
    assert again.ask("type=catalog&mode=file&filename=import.xml", xml).text == "success"
    assert again.ask("type=catalog&mode=import&filename=import.xml").text == "success"
    packed = settings.home / "exchange" / "packages" / "2" / "import_files" / "a.jpg"
    assert packed.read_bytes() == b"".join(pieces[: kept + 2]) + b"end"
    again.close()
    client.close()
    server.kill()

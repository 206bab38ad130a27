"""The commands: what a person asks and reads."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from onec_pipelines import cli
from onec_pipelines.exchange.client import files_of
from onec_pipelines.exchange.passwords import is_right
from onec_pipelines_tests.exchange.conftest import HASH, PASSWORD, USER, goods


@pytest.fixture
def onec(settings, monkeypatch):
    """Run a command in the environment of the test: `onec("exchanges")`."""
    monkeypatch.setenv("ONEC_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONEC_HOME", str(settings.home))
    for name in [name for name in os.environ if name.startswith("ONEC_EXCHANGE_")]:
        monkeypatch.delenv(name)

    def run(*words: str, said: str = "") -> Result:
        return CliRunner().invoke(cli.main, words, input=said)

    return run


def test_it_does_not_start_without_a_user_and_a_password(onec):
    said = onec("exchange")
    assert said.exit_code == 1
    assert "ONEC_EXCHANGE_USER and ONEC_EXCHANGE_PASSWORD_HASH are not set" in said.output


def test_it_does_not_start_with_a_password_in_place_of_its_hash(onec, monkeypatch):
    monkeypatch.setenv("ONEC_EXCHANGE_USER", USER)
    monkeypatch.setenv("ONEC_EXCHANGE_PASSWORD_HASH", "secret")
    said = onec("exchange")
    assert (said.exit_code, "secret" in said.output) == (1, False)
    assert "is no hash of a password" in said.output


def test_a_password_becomes_the_hash_that_the_settings_take(onec):
    known = onec("exchange-password", said="секрет\n").output.strip()
    assert is_right("1c", "секрет", known_user="1c", known_hash=known)


def test_an_export_is_sent_as_1c_would_and_its_log_is_shown(server, onec, export):
    root = export({"import0_1.xml": goods("1"), "import0_2.xml": goods("2", changes=True)})
    said = onec("exchange-try", server.url, "--data", str(root), "--user", USER, "--portions", said=PASSWORD + "\n")
    assert said.output.splitlines() == [
        "checkauth: success",
        "init: zip=yes, file_limit=1000",
        "file v8_3B8F_3e.zip: success",
        "import import0_1.xml: success",
        "checkauth: success",
        "init: zip=yes, file_limit=1000",
        "file v8_3B8F_3e.zip: success",
        "import import0_2.xml: success",
    ]


def test_a_wrong_password_is_one_sentence(server, onec):
    said = onec("exchange-try", server.url, "--user", USER, "--check", said="wrong\n")
    assert (said.exit_code, said.output) == (1, "✗ Неверное имя пользователя или пароль.\n")


def test_deliveries_are_listed_in_80_columns_and_as_json(server, onec, export, connection):
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    connection.execute("update onec.exchange_packages set state = 'failed', message = 'Каталог пуст.' where id = 2")
    lines = onec("exchanges").output.splitlines()
    assert max(map(len, lines)) <= 80
    row = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", lines[1]).split()
    assert (row[:5], row[-1]) == (["2", "WHEN", USER, "portion", "1"], "failed")
    assert lines[2] == "        Каталог пуст."
    found = json.loads(onec("exchanges", "--json").output)
    assert [(package["id"], package["kind"], package["state"]) for package in found] == [
        (2, "portion", "failed"),
        (1, "full", "open"),
    ]


def test_before_the_first_delivery_the_list_says_so(onec):
    assert onec("exchanges").output == "Nothing has been delivered yet: 1C pushes to onec exchange.\n"


def test_a_delivery_that_failed_is_tried_again_unless_a_later_one_has_landed(server, onec, export, connection):
    for day in ("20", "21"):
        root = export({"import0_1.xml": goods("1", date=f"2026-11-{day}T10:00:00", changes=True)}, day)
        client = server.client(asks_import=False)
        client.session(root, files_of(root))
        server.service.seal(server.records.quiet_sessions(-1)[0])
    connection.execute("update onec.exchange_packages set state = 'failed' where id = 1")
    assert onec("exchange-retry", "2").exit_code == 1
    assert onec("exchange-retry", "1").output == "Delivery 1 waits for its run: onec exchanges shows it.\n"
    connection.execute("update onec.exchange_packages set state = 'failed', place = 1 where id = 1")
    connection.execute("update onec.exchange_packages set state = 'landed' where id = 2")
    said = onec("exchange-retry", "1")
    assert said.exit_code == 1
    assert "Delivery 1 is older than 2, which has landed" in said.output


def test_the_command_serves_until_it_is_ended(settings, wait_until):
    environment = {
        **os.environ,
        "ONEC_DATABASE_URL": str(settings.database_url),
        "ONEC_HOME": str(settings.home),
        "ONEC_EXCHANGE_USER": USER,
        "ONEC_EXCHANGE_PASSWORD_HASH": HASH,
    }
    command = [sys.executable, "-m", "onec_pipelines.cli", "exchange", "--port", "38211"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "The exchange: http://127.0.0.1:38211/1c_exchange (Ctrl-C ends it)\n"
        wait_until(lambda: not cli.is_free("127.0.0.1", 38211))
        process.terminate()
        assert process.wait(20) in {0, -15}

"""The passwords of the database, the media store and the receivers of alerts are said nowhere, whatever goes wrong.

One database is imported into by commands that succeed, are refused, fail, crash and are killed; then everything
they printed, logged, recorded and left on disk is searched for the secrets, as they are and as URLs hold them.
"""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE
from onec_pipelines.demo import write_demo

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PASSWORD = "Schatz!7/Kiste@Nord"
WRONG = "Falsch!8/Kiste@Nord"
MEDIA_PASSWORD = "Bilder!9:Kammer"
ALERT_PASSWORD = "Melder!5/Wache"
ALERT_TOKEN = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
SECRETS = [
    word
    for secret in (PASSWORD, WRONG, MEDIA_PASSWORD, ALERT_PASSWORD, ALERT_TOKEN)
    for word in {secret, quote(secret, safe=""), quote(secret), secret[:9]}
]
ALERT_URLS = f"json://bote:{quote(ALERT_PASSWORD, safe='')}@127.0.0.1:9/haken?verify=no tgram://123456789:{ALERT_TOKEN}/42@127.0.0.1"
TICK = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
import dagster as dg
from onec_pipelines.orchestration.definitions import alerts
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.settings import Settings
settings = Settings.from_environment()
print(repr(settings), settings)
with open_instance(settings) as instance:
    context = dg.build_sensor_context(instance=instance, cursor=alerts.Cursor(0).dump(), resources={"onec": Onec()})
    print(alerts.alert_sensor(context).skip_message)
    print(context.cursor)
"""


@pytest.fixture(scope="module")
def guarded(server):
    """The URL, without its password, of a database whose owner must give one."""
    administration = server.start()
    with connect(administration) as connection:
        connection.execute(f"create role keeper login password '{PASSWORD}'")
        connection.execute("create database treasury owner keeper")
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"local all keeper scram-sha-256\n{rules.read_text()}")
        connection.execute("select pg_reload_conf()")
    return urlsplit(administration)._replace(netloc="keeper@", path="/treasury").geturl()


@pytest.fixture(scope="module")
def told(guarded, server, tmp_path_factory):
    """What each command printed, the home they shared, and the database they wrote into."""
    directory = tmp_path_factory.mktemp("secrets")
    write_demo(directory / "import_1c")
    url = guarded.replace("keeper@", f"keeper:{quote(PASSWORD, safe='')}@")
    settings = {
        "ONEC_HOME": directory / "home",
        "ONEC_DATA_DIR": directory / "import_1c",
        "ONEC_MEDIA_URL": directory / "media",
        "ONEC_DATABASE_URL": url,
        "ONEC_ALERT_URLS": ALERT_URLS,
    }
    known = {name: value for name, value in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_"))}
    said = {}

    def run(name, arguments, *, code, **more):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=known | {"DAGSTER_DISABLE_TELEMETRY": "yes"} | {k: str(v) for k, v in (settings | more).items()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said[name] = done.stdout + done.stderr
        assert done.returncode == code, said[name]

    def onec(name, *arguments, code, **more):
        run(name, ["-m", "onec_pipelines.cli", *arguments], code=code, **more)

    wrong = url.replace(quote(PASSWORD, safe=""), quote(WRONG, safe=""))
    onec("a run that succeeds", "import", "all", code=0)
    onec("a wrong password", "import", "all", code=1, ONEC_DATABASE_URL=wrong)
    media = f"ftp://bote:{quote(MEDIA_PASSWORD, safe='')}@127.0.0.1:9/bilder"
    onec("a media store out of reach", "import", "images", code=1, ONEC_MEDIA_URL=media)
    with connect(url) as connection:
        connection.execute("alter table onec.products rename column article to artikel")
        onec("a crash", "import", "catalog", "--force", code=1)
        connection.execute("alter table onec.products rename column artikel to article")
        connection.execute("alter table onec.customers rename column inn to steuernummer")
        onec("a crash over personal data", "import", "customers", "--force", code=1)
        connection.execute("alter table onec.customers rename column steuernummer to inn")
    run("a tick of the alerts", ["-c", TICK], code=0)
    server.stop()
    onec("a server that is down", "import", "all", code=1)
    server.start()
    return said, directory / "home", url


def places(text: str) -> list[str]:
    """The secrets in a text, each with what stands around it."""
    return [match[0] for word in SECRETS for match in re.finditer(f".{{0,60}}{re.escape(word)}.{{0,20}}", text)]


def test_no_command_prints_a_secret(told):
    said, _, _ = told
    assert {name: places(text) for name, text in said.items() if places(text)} == {}
    assert "correct the user and the password in ONEC_DATABASE_URL" in said["a wrong password"]
    assert "The media store ftp://127.0.0.1:9/bilder cannot be used" in said["a media store out of reach"]
    assert "UndefinedColumn" in said["a crash"]
    assert "Receiver 1 of ONEC_ALERT_URLS (json) did not take its messages" in said["a tick of the alerts"]


@pytest.mark.parametrize("name", ["a wrong password", "a server that is down"])
def test_what_is_refused_is_one_sentence(name, told):
    said, _, _ = told
    assert said[name].startswith("✗ ")
    assert said[name].count("\n") == 1


def test_no_command_but_a_crash_shows_a_traceback(told):
    said, _, _ = told
    assert [name for name, text in said.items() if "Traceback" in text] == []


def test_no_table_holds_a_secret_neither_events_nor_tags_nor_metadata(told):
    _, _, url = told
    found = {}
    with connect(url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('onec', 'dagster')"
        ).fetchall()
        assert len(tables) > 30
        for (table,) in tables:
            text = "\n".join(row for (row,) in connection.execute(f"select t::text from {table} t"))
            if places(text):
                found[table] = places(text)
        events = connection.execute(
            "select count(*) from dagster.event_logs where event like '%UndefinedColumn%'"
        ).fetchone()
    assert found == {}
    assert events[0] > 0


def test_no_file_of_the_home_and_no_log_of_the_server_holds_a_secret(told, server):
    _, home, _ = told
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any("compute_logs" in path.parts for path in files)
    assert {path.name: places(path.read_text(errors="replace")) for path in [*files, server.data / "server.log"]} == {
        path.name: [] for path in [*files, server.data / "server.log"]
    }


def test_no_process_shows_a_secret_in_its_command_line_or_its_connection(told, onec, wait_until):
    _, home, url = told
    settings = {"ONEC_HOME": home, "ONEC_DATA_DIR": home.parent / "import_1c", "ONEC_DATABASE_URL": url}
    with ExitStack() as stack:
        other = stack.enter_context(connect(url))
        other.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        process = onec("import", "catalog", "--force", **settings, ONEC_ALERT_URLS=ALERT_URLS)
        waiting = "select from pg_locks where locktype = 'advisory' and classid = %s and not granted"
        wait_until(lambda: other.execute(waiting, [NAMESPACE]).rowcount == 1)
        lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "onec_pipelines.cli import catalog" in lines
        assert places(lines) == []
        activity = other.execute("select string_agg(application_name || query, ' ') from pg_stat_activity").fetchone()
        assert places(activity[0]) == []
        process.send_signal(signal.SIGKILL)
        assert places("".join(process.communicate(timeout=60))) == []


# --- files


def test_what_is_below_the_home_is_for_its_owner_alone(home, tmp_path, onec):
    """But for the images, which are for everybody: whoever serves them needs ONEC_MEDIA_URL outside of the home."""
    home.mkdir(mode=0o755)  # as who mounts a volume does
    write_demo(tmp_path / "import_1c")
    process = onec("import", "all", ONEC_HOME=home, ONEC_DATA_DIR=tmp_path / "import_1c")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in home.iterdir()}
    assert modes == {
        "dagster.yaml": "0o600",
        "media": "0o755",
        "postgres": "0o700",
        "postgres.lock": "0o600",
        "storage": "0o700",
    }
    assert {path.stat().st_mode & 0o777 for path in (home / "media").rglob("*.jpg")} == {0o644}
    assert {path.stat().st_mode & 0o077 for path in (home / "postgres").rglob("*")} == {0}


def test_a_home_that_is_made_lets_nobody_else_in(home, tmp_path, onec):
    process = onec("migrate", ONEC_HOME=home, ONEC_DATA_DIR=tmp_path)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    assert home.stat().st_mode & 0o067 == 0

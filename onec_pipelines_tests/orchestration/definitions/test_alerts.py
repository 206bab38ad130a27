"""One message for each thing that people must know: the text as a table, and real runs, ticks and receivers."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest
from dagster import DagsterRun
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from onec_pipelines.orchestration.definitions.alerts import (
    UNSET,
    Cursor,
    Debt,
    FailedCheck,
    Message,
    alert_sensor,
    compose,
    is_ours,
    secrets_of,
    without_secrets,
)
from onec_pipelines.orchestration.definitions.checks import not_looked_at
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.history import Session
from onec_pipelines.settings import Settings

PASSWORD = "Pa55-of-the-database"
QUIET = "No import has failed or recovered since the last look."

# --- the text


def session(status: str, error: str | None = None, **counters: dict[str, int]) -> Session:
    return Session("9f2c", "prices", status, 3, 5, None, None, counters, error)


REACHED = {"prices": {"total_items": 5, "processed_items": 3}}
GUARD = FailedCheck("prices", "deactivation_guard", "9 of 10 prices are not named.")
MORE = FailedCheck("prices", "rejected_rows", "Rejected rows: 4; after the import before: 3.", is_error=False)
LINK = "http://dagster:3000/runs/9f2c"


@pytest.mark.parametrize(
    ("ended", "failed", "was_sound", "message"),
    [
        pytest.param(
            session("failed", "Директория цен не найдена: /data.", **REACHED), [], True,
            Message("failure", "1C import failed: prices",
                    f"Директория цен не найдена: /data.\nprices: total_items 5, processed_items 3\n{LINK}"),
            id="failed: the sentence, the counters it reached, the link",
        ),
        pytest.param(
            session("failed"), [], False,
            Message("failure", "1C import failed: prices", f"The run failed without saying why.\n{LINK}"),
            id="failed again, and nobody knows why",
        ),
        pytest.param(
            session("failed", "It broke."), [GUARD], True,
            Message("failure", "1C import failed: prices",
                    f"It broke.\nprices, deactivation_guard: 9 of 10 prices are not named.\n{LINK}"),
            id="failed, and a check had failed before: one message of both",
        ),
        pytest.param(
            session("completed", **REACHED), [GUARD], True,
            Message("warning", "1C import needs attention: prices",
                    "prices, deactivation_guard: 9 of 10 prices are not named.\n"
                    f"prices: total_items 5, processed_items 3\n{LINK}"),
            id="went through, and a check failed",
        ),
        pytest.param(
            session("completed", **REACHED), [GUARD], False,
            Message("warning", "1C import needs attention: prices",
                    "prices, deactivation_guard: 9 of 10 prices are not named.\n"
                    f"prices: total_items 5, processed_items 3\n{LINK}"),
            id="went through after a failure, and a check failed: not well yet",
        ),
        pytest.param(
            session("completed", **REACHED), [MORE], True,
            Message("warning", "1C import needs attention: prices",
                    "prices, rejected_rows: Rejected rows: 4; after the import before: 3.\n"
                    f"prices: total_items 5, processed_items 3\n{LINK}"),
            id="went through, and more rows are rejected",
        ),
        pytest.param(
            session("completed", **REACHED), [MORE], False,
            Message("success", "1C import recovered: prices",
                    "The import went through again.\n"
                    "prices, rejected_rows: Rejected rows: 4; after the import before: 3.\n"
                    f"prices: total_items 5, processed_items 3\n{LINK}"),
            id="well again, with more rejected rows",
        ),
        pytest.param(
            session("completed", **REACHED), [], False,
            Message("success", "1C import recovered: prices",
                    f"The import went through again.\nprices: total_items 5, processed_items 3\n{LINK}"),
            id="well again",
        ),
        pytest.param(session("completed", **REACHED), [], True, None, id="went through as the one before"),
        pytest.param(
            session("failed", "Файл \x1b[2J![x](http://x).xml"), [FailedCheck("prices", "c", "\n![x](y)")], True,
            Message("failure", "1C import failed: prices",
                    rf"Файл \x1b[2J![x] (http://x).xml" "\n" rf"prices, c: \n![x] (y)" f"\n{LINK}"),
            id="names that act are shown, and none is an image in a messenger that knows Markdown",
        ),
    ],
)  # fmt: skip
def test_what_a_run_is_worth_telling(ended, failed, was_sound, message):
    assert compose(ended, failed, was_sound=was_sound, ui_url="http://dagster:3000") == message


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"ONEC_DATABASE_URL": "postgresql://u:s3cr%2Ft@h/db"}, "password s3cr/t or s3cr%2Ft is wrong"),
        ({"ONEC_DATABASE_URL": "postgresql://h/db?user=u&password=s3cr3t"}, "password s3cr3t or s3cr3t is wrong"),
        ({"ONEC_MEDIA_URL": "sftp://u:s3cr3t@h/media"}, "password s3cr3t or s3cr3t is wrong"),
        ({"ONEC_ALERT_URLS": "tgram://bot:token/1, json://h"}, "password tgram://bot:token/1 or json://h is wrong"),
    ],
)
def test_what_the_settings_know_to_be_secret_is_struck_out(settings, text):
    message = without_secrets(Message("failure", text, text), secrets_of(Settings.from_environment(settings)))
    assert (message.title, message.body) == ("password *** or *** is wrong",) * 2


def test_without_secrets_in_the_settings_a_message_is_as_it_was():
    assert secrets_of(Settings.from_environment({})) == set()


@pytest.mark.parametrize("text", [None, "", "{}", "null", "[]", "5", '{"seen": "x", "owed": []}', '{"seen": 1}'])
def test_a_cursor_that_is_no_cursor_of_ours_is_none(text):
    assert Cursor.parse(text) is None


def test_a_cursor_can_be_read_back():
    cursor = Cursor(7, (Debt("9f2c", 2, 1.5),))
    assert Cursor.parse(cursor.dump()) == cursor


def run_of(location: str | None, **tags: str) -> DagsterRun:
    origin = location and RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), "catalog_import"
    )
    return DagsterRun(
        job_name="catalog_import",
        tags={f"onec/{key}": text for key, text in tags.items()},
        remote_job_origin=origin or None,
    )


@pytest.mark.parametrize(
    ("run", "ours"),
    [
        (run_of("onec_pipelines", import_type="catalog"), True),
        (run_of(None, import_type="catalog"), True),
        (run_of("another", import_type="catalog"), False),
        (run_of("onec_pipelines"), False),
        (run_of(None), False),
    ],
)
def test_only_imports_of_this_location_are_told_of_and_those_of_the_command(run, ours):
    assert is_ours(run, "onec_pipelines") is ours


# --- real receivers, ticks and runs


@dataclass
class Receiver:
    """A receiver of messages on this machine; `status` is what it answers."""

    url: str = ""
    status: int = 200
    got: list[dict[str, str]] = field(default_factory=list)

    def titles(self) -> list[str]:
        """The titles that came since this was last asked."""
        titles = [message["title"] for message in self.got]
        self.got.clear()
        return titles


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status == 200:
                receiver.got.append(json.loads(body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *args): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"json://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver(monkeypatch) -> Iterator[Receiver]:
    with listening() as receiver:
        monkeypatch.setenv("ONEC_ALERT_URLS", receiver.url)
        yield receiver


@pytest.fixture
def deployed(project, monkeypatch, connection) -> Iterator:
    """The project with the instance that dagster.yaml describes, its history in PostgreSQL, and a password."""
    role = f"onec_{uuid.uuid4().hex}"
    connection.execute(f"create role {role} superuser login password '{PASSWORD}'")
    parts = urlsplit(project.settings.database_url)
    url = parts._replace(netloc=f"{role}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()
    monkeypatch.setenv("ONEC_DATABASE_URL", url)
    with open_instance(Settings.from_environment()) as instance:
        yield type(project)(project.settings, instance)
    connection.execute(f"reassign owned by {role} to current_user")
    connection.execute(f"drop role {role}")


class Ticks:
    """The sensor in a project, one tick after the other; Dagster keeps the cursor in between."""

    def __init__(self, project) -> None:
        self.project = project
        self.cursor: str | None = None

    def __call__(self) -> str:
        """What the tick says."""
        with dg.build_sensor_context(
            instance=self.project.instance,
            cursor=self.cursor,
            resources={"onec": Onec()},
            definitions=self.project.definitions(),
        ) as context:
            data = alert_sensor.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        assert not data.run_requests
        return data.skip_message


@pytest.fixture
def ticks(deployed) -> Ticks:
    """A sensor that has had its first tick."""
    ticks = Ticks(deployed)
    ticks()
    return ticks


BROKEN = "goods/goods_9_1.xml"


@contextmanager
def broken(project) -> Iterator[None]:
    """A file in the export that breaks off, for a while."""
    path = project.settings.data_dir / BROKEN
    path.write_text("<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>g", encoding="utf-8")
    yield
    path.unlink()


def fail(project) -> str:
    with broken(project):
        result = project.run("catalog_import")
    assert not result.success
    return result.run_id


def succeed(project) -> str:
    result = project.run("catalog_import")
    assert result.success
    return result.run_id


def test_a_failed_run_is_one_message_with_type_sentence_counters_and_link(deployed, ticks, receiver, monkeypatch):
    monkeypatch.setenv("ONEC_UI_URL", "https://dagster.example.com/")
    run_id = fail(deployed)
    assert ticks() == "Messages sent: 1."
    assert ticks() == QUIET
    (message,) = receiver.got
    assert message["title"] == "1C import failed: catalog"
    assert message["type"] == "failure"
    sentence, counters, link = message["message"].splitlines()
    assert sentence.startswith(f"Файл {BROKEN} не читается как XML")
    assert counters.startswith("catalog: total_items ")
    assert link == f"https://dagster.example.com/runs/{run_id}"


def test_the_first_success_after_a_failure_is_one_message_and_the_next_one_is_none(deployed, ticks, receiver):
    fail(deployed)
    fail(deployed)
    succeed(deployed)
    run_id = succeed(deployed)
    assert ticks() == "Messages sent: 3."
    assert run_id not in str(receiver.got)
    assert receiver.titles() == ["1C import failed: catalog"] * 2 + ["1C import recovered: catalog"]
    assert (ticks(), receiver.got) == (QUIET, [])


def test_a_success_of_another_type_recovers_nothing(deployed, ticks, receiver):
    succeed(deployed)
    fail(deployed)
    deployed.run("prices_import")
    ticks()
    assert receiver.titles() == ["1C import failed: catalog"]


def lose_a_picture(project) -> None:
    """A file vanishes from the media store, and 1C does not ship it any more."""
    (gone, *_) = sorted(path for path in Path(project.settings.media_url).rglob("*") if path.is_file())
    (same,) = [p for p in (project.settings.data_dir / "goods/import_files").rglob(gone.name) if p.is_file()]
    gone.unlink()
    same.rename(project.settings.data_dir / gone.name)


def test_a_failed_check_of_severity_error_is_one_message_and_its_recovery_another(deployed, ticks, receiver):
    deployed.run("catalog_import")
    deployed.run("images_import")
    pictures = {path: path.read_bytes() for path in Path(deployed.settings.media_url).rglob("*") if path.is_file()}
    assert ticks() == QUIET  # warnings there are, and they are nobody's alarm
    lose_a_picture(deployed)
    assert deployed.run("images_import").success
    assert ticks() == "Messages sent: 1."
    (message,) = receiver.got
    assert (message["title"], message["type"]) == ("1C import needs attention: images", "warning")
    assert message["message"].startswith("product_images, missing_media: 1 image is on record and gone from")
    for path, data in pictures.items():
        path.write_bytes(data)
    receiver.got.clear()
    deployed.run("images_import")
    ticks()
    assert receiver.titles() == ["1C import recovered: images"]


NAMELESS = (
    "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>g</Ид></Товар></Товары></Каталог></КоммерческаяИнформация>"
)


def test_more_rejected_rows_are_one_message_and_nobody_hears_that_they_have_stayed(deployed, ticks, receiver):
    succeed(deployed)
    assert ticks() == QUIET
    (deployed.settings.data_dir / BROKEN).write_text(NAMELESS, encoding="utf-8")
    succeed(deployed)
    succeed(deployed)
    assert ticks() == "Messages sent: 1."
    (message,) = receiver.got
    assert message["title"] == "1C import needs attention: catalog"
    assert message["message"].startswith("catalog, rejected_rows: Rejected rows: 2; after the import before: 1.")


def test_rejected_rows_that_could_not_be_counted_are_not_told_of(deployed, ticks, receiver):
    @dg.asset_check(asset="catalog", name="rejected_rows")
    def rejected_rows():
        return not_looked_at("catalog", "rejected_rows", "it is gone")

    dg.materialize(
        [dg.asset(lambda: None, name="catalog"), rejected_rows],
        instance=deployed.instance,
        tags={"onec/import_type": "catalog"},
    )
    assert (ticks(), receiver.got) == (QUIET, [])


def test_a_canceled_run_is_not_told_of_and_its_next_success_is_no_recovery(deployed, ticks, receiver):
    job = deployed.definitions().resolve_job_def("catalog_import")
    run = deployed.instance.create_run_for_job(job, tags={"onec/import_type": "catalog"})
    deployed.instance.report_run_canceled(run)
    succeed(deployed)
    assert (ticks(), receiver.got) == (QUIET, [])


def test_a_run_that_is_no_import_is_not_told_of(deployed, ticks, receiver):
    @dg.asset
    def somebody_elses():
        raise RuntimeError

    assert not dg.materialize([somebody_elses], instance=deployed.instance, raise_on_error=False).success
    assert (ticks(), receiver.got) == (QUIET, [])


def test_no_secret_is_in_a_message(deployed, ticks, receiver, monkeypatch):
    deployed.run("catalog_import")
    fail(deployed)
    ticks()
    monkeypatch.setenv("ONEC_DATABASE_URL", f"postgresql://u:{PASSWORD}@127.0.0.1:1/db")
    assert not deployed.run("catalog_import").success
    ticks()
    said = json.dumps(receiver.got, ensure_ascii=False)
    assert len(receiver.got) == 2
    assert "PostgreSQL cannot be reached" in said
    assert PASSWORD not in said
    assert receiver.url not in said


# --- what the sensor remembers


def test_what_ended_before_the_first_tick_is_history(deployed, receiver):
    fail(deployed)
    ticks = Ticks(deployed)
    assert ticks() == "From now on the imports that end are told of."
    assert (ticks(), receiver.got) == (QUIET, [])


def test_without_receivers_nothing_is_sent_and_the_tick_says_so(deployed, receiver, monkeypatch):
    monkeypatch.delenv("ONEC_ALERT_URLS")
    ticks = Ticks(deployed)
    fail(deployed)
    assert [ticks(), ticks()] == [UNSET, UNSET]
    monkeypatch.setenv("ONEC_ALERT_URLS", receiver.url)
    assert (ticks(), receiver.got) == (QUIET, [])


def test_a_wrong_setting_is_a_skip_in_its_sentence(deployed, monkeypatch):
    monkeypatch.setenv("ONEC_ALERT_URLS", "token-without-scheme")
    said = Ticks(deployed)()
    assert said.startswith("ONEC_ALERT_URLS: number 1 is no URL of apprise")
    assert "token-without-scheme" not in said


def test_a_receiver_that_is_down_gets_its_message_when_it_is_back_and_once(deployed, ticks, receiver):
    receiver.status = 500
    fail(deployed)
    said = (
        "Receiver 1 of ONEC_ALERT_URLS (json) did not take its messages: check the URL and the network. "
        "Tried again at the next tick: 1."
    )
    assert [ticks(), ticks()] == [said, said]
    receiver.status = 200
    assert ticks() == "Messages sent: 1."
    assert (ticks(), receiver.titles()) == (QUIET, ["1C import failed: catalog"])


def test_the_receivers_that_are_up_get_each_message_once_while_another_one_is_down(
    deployed, ticks, receiver, monkeypatch
):
    with listening() as other:
        monkeypatch.setenv("ONEC_ALERT_URLS", f"{other.url} {receiver.url}")
        other.status = 500
        fail(deployed)
        assert ticks().startswith("Messages sent: 1. Receiver 1 of ONEC_ALERT_URLS (json) did not take")
        succeed(deployed)
        assert ticks().startswith("Messages sent: 1. Receiver 1 of ONEC_ALERT_URLS (json) did not take")
        other.status = 200
        assert ticks() == "Messages sent: 2."
    expected = ["1C import failed: catalog", "1C import recovered: catalog"]
    assert (other.titles(), receiver.titles()) == (expected, expected)


def test_a_receiver_that_stays_down_is_given_up_and_told_of_what_comes_later(deployed, ticks, receiver):
    receiver.status = 500
    run_id = fail(deployed)
    ticks()
    kept = Cursor.parse(ticks.cursor)
    assert kept.owed[0].until - time.time() == pytest.approx(3600, abs=60)
    ticks.cursor = Cursor(kept.seen, (Debt(run_id, 1, time.time() - 1),)).dump()
    assert ticks().endswith("check the URL and the network. Given up: 1.")
    receiver.status = 200
    assert ticks() == QUIET
    succeed(deployed)
    ticks()
    assert receiver.titles() == ["1C import recovered: catalog"]


@pytest.mark.parametrize("url", ["json://127.0.0.1:1/", "nonsense://127.0.0.1/", "tgram://nothing"])
def test_a_receiver_that_is_not_there_or_of_no_known_kind_fails_no_tick(deployed, ticks, monkeypatch, url):
    monkeypatch.setenv("ONEC_ALERT_URLS", url)
    fail(deployed)
    assert ticks().startswith(f"Receiver 1 of ONEC_ALERT_URLS ({url.partition(':')[0]}) did not take its messages")


def test_a_run_that_was_deleted_is_owed_to_nobody(deployed, ticks, receiver):
    receiver.status = 500
    run_id = fail(deployed)
    ticks()
    deployed.instance.delete_run(run_id)
    receiver.status = 200
    assert (ticks(), receiver.got) == (QUIET, [])


def test_what_the_cursor_keeps_holds_no_secret(deployed, ticks, receiver):
    receiver.status = 500
    fail(deployed)
    ticks()
    assert receiver.url not in ticks.cursor
    assert PASSWORD not in ticks.cursor


def test_the_sensor_runs_by_default_and_starts_nothing():
    assert alert_sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert not alert_sensor.targets

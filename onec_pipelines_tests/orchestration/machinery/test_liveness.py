"""Dead runs are told from living ones by a lock in PostgreSQL; real processes, really killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus
from psycopg import sql

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE, is_run_locked, run_lock
from onec_pipelines.errors import ImportBusyError
from onec_pipelines.orchestration.machinery import liveness
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.liveness import (
    DEAD,
    OnecRunLauncher,
    fail_dead_runs,
    make_way,
    shared_types,
)
from onec_pipelines.orchestration.runs.history import find_session
from onec_pipelines.orchestration.runs.progress import ASSETS_TAG, LANDED
from onec_pipelines.orchestration.runs.step import locked_tag

ROOT = Path(__file__).parents[2]

# --- the lock


def test_the_lock_of_a_run_is_seen_while_it_is_held_and_no_longer(database_url, connection):
    assert not is_run_locked(connection, "run-1")
    with run_lock(database_url, "run-1"), run_lock(database_url, "run-1"):
        assert is_run_locked(connection, "run-1")
        assert not is_run_locked(connection, "run-2")
    wait_until(lambda: not is_run_locked(connection, "run-1"), seconds=5)


def test_the_connection_that_holds_the_lock_names_the_run_and_is_not_closed_for_its_silence(database_url, connection):
    connection.execute(
        sql.SQL("alter database {} set idle_session_timeout = '200ms'").format(sql.Identifier(connection.info.dbname))
    )
    with run_lock(database_url, "6f1c2b9a-0d3e-4f5a-8b7c-9d0e1f2a3b4c"):
        time.sleep(0.5)
        (name,) = connection.execute(
            "select application_name from pg_stat_activity where query ~ 'lock_shared' and pid <> pg_backend_pid()"
        )
    assert name == ("onec_pipelines run 6f1c2b9a-0d3e-4f5a-8b7c-9d0e1f2a3b4c",)


# --- runs in the history


@pytest.fixture
def hasty(monkeypatch) -> None:
    """A run that looks dead is believed to be after half a second."""
    monkeypatch.setattr(liveness, "CONFIRM_SECONDS", 0.5)


@pytest.fixture
def recorded(project) -> Callable[..., DagsterRun]:
    """A run in the history that says it holds its lock, and whose process never was."""

    def record(job: str, status=DagsterRunStatus.STARTED, *, marked: bool = True) -> DagsterRun:
        run = project.instance.create_run_for_job(project.definitions().resolve_job_def(job), status=status)
        if marked:
            project.instance.add_run_tags(run.run_id, locked_tag(run.run_id))
        return project.instance.get_run_by_id(run.run_id)

    return record


def status_of(project, run: DagsterRun) -> DagsterRunStatus:
    return project.instance.get_run_by_id(run.run_id).status


@pytest.mark.usefixtures("hasty")
def test_a_run_whose_lock_nobody_holds_is_failed_with_a_sentence(project, recorded):
    run = recorded("catalog_import")
    assert fail_dead_runs(project.instance, project.settings.database_url) == [run.run_id]
    assert status_of(project, run) is DagsterRunStatus.FAILURE
    assert find_session(project.instance, run.run_id).error_message == DEAD


@pytest.mark.usefixtures("hasty")
def test_a_run_whose_lock_is_held_is_alive(project, recorded):
    run = recorded("catalog_import")
    with run_lock(project.settings.database_url, run.run_id):
        assert fail_dead_runs(project.instance, project.settings.database_url) == []
    assert status_of(project, run) is DagsterRunStatus.STARTED


def test_a_run_that_takes_the_lock_while_it_is_watched_is_alive(project, recorded, monkeypatch):
    run = recorded("catalog_import")
    lock = run_lock(project.settings.database_url, run.run_id)
    monkeypatch.setattr(liveness.time, "sleep", lambda _seconds: lock.__enter__())
    assert fail_dead_runs(project.instance, project.settings.database_url) == []
    lock.__exit__(None, None, None)


def test_a_run_that_ends_while_it_is_watched_has_ended_by_itself(project, recorded, monkeypatch):
    run = recorded("catalog_import")
    succeed = dg.DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "catalog_import")
    monkeypatch.setattr(
        liveness.time, "sleep", lambda _seconds: project.instance.report_dagster_event(succeed, run.run_id)
    )
    assert fail_dead_runs(project.instance, project.settings.database_url) == []
    assert status_of(project, run) is DagsterRunStatus.SUCCESS


@pytest.mark.usefixtures("hasty")
def test_a_dead_run_that_was_to_be_canceled_is_canceled(project, recorded):
    run = recorded("catalog_import", status=DagsterRunStatus.CANCELING)
    assert fail_dead_runs(project.instance, project.settings.database_url) == [run.run_id]
    assert status_of(project, run) is DagsterRunStatus.CANCELED


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING])
def test_a_run_that_was_made_under_its_lock_is_failed_before_it_has_begun(project, recorded, status):
    run = recorded("catalog_import", status=status)
    assert fail_dead_runs(project.instance, project.settings.database_url) == [run.run_id]


@pytest.mark.usefixtures("hasty")
def test_a_run_that_has_ended_is_not_judged(project, recorded):
    run = recorded("catalog_import", status=DagsterRunStatus.SUCCESS)
    assert fail_dead_runs(project.instance, project.settings.database_url) == []
    assert not liveness.fail_if_dead(project.instance, project.settings.database_url, run)


@pytest.mark.usefixtures("hasty")
def test_a_run_that_does_not_say_it_holds_its_lock_is_not_judged(project, recorded):
    run = recorded("catalog_import", marked=False)
    assert fail_dead_runs(project.instance, project.settings.database_url) == []
    assert not liveness.fail_if_dead(project.instance, project.settings.database_url, run)


@pytest.mark.usefixtures("hasty")
def test_a_run_that_repeats_another_one_inherits_its_tag_and_is_not_judged_by_it(project, recorded):
    dead, repeated = recorded("catalog_import"), recorded("catalog_import", marked=False)
    project.instance.add_run_tags(repeated.run_id, locked_tag(dead.run_id))
    assert fail_dead_runs(project.instance, project.settings.database_url) == [dead.run_id]


@pytest.mark.usefixtures("hasty")
def test_the_run_launcher_tells_the_daemon_how_a_run_is(project, recorded):
    launcher = OnecRunLauncher()
    launcher.register_instance(project.instance)
    assert launcher.supports_check_run_worker_health
    alive, dead = (recorded("catalog_import") for _ in range(2))
    with run_lock(project.settings.database_url, alive.run_id):
        assert launcher.check_run_worker_health(alive).status is WorkerStatus.RUNNING
        assert launcher.check_run_worker_health(dead).status is WorkerStatus.NOT_FOUND
    assert status_of(project, dead) is DagsterRunStatus.FAILURE


# --- who is in the way


@pytest.mark.parametrize(
    ("import_type", "assets", "shared"),
    [
        ("catalog", ["catalog"], ["catalog"]),
        ("catalog", ["stocks", "prices"], []),
        ("images", ["catalog", "product_images"], ["images"]),
        ("all", ["stocks", "prices"], ["stocks", "prices"]),
        ("all", [], []),
    ],
)
def test_imports_are_in_each_others_way_where_they_have_a_type_in_common(import_type, assets, shared):
    assert shared_types(import_type, assets) == shared


def test_a_living_import_is_named_to_whoever_wants_to_import_the_same(project, recorded):
    run = recorded("full_refresh")
    with run_lock(project.settings.database_url, run.run_id), pytest.raises(ImportBusyError) as refused:
        make_way(project.instance, project.settings.database_url, "stocks")
    assert str(refused.value) == (
        f"An import of stocks is already running: run {run.run_id} (full_refresh); "
        "wait until it has ended (onec sessions shows it)."
    )


# --- a run whose process was killed, and that the code server ends


@pytest.fixture
def ended(project, history) -> Callable[..., tuple[str | None, str | None]]:
    """End a run in the history as failed, and tell its sentence and result."""

    def end(message: str | None, tags: Callable[[str], dict[str, str]]) -> tuple[str | None, str | None]:
        job = project.definitions().resolve_job_def("catalog_import")
        run = history.create_run_for_job(job, status=DagsterRunStatus.STARTED)
        history.add_run_tags(run.run_id, tags(run.run_id))
        history.report_run_failed(history.get_run_by_id(run.run_id), message)
        session = find_session(history, run.run_id)
        return session.error_message, session.result

    return end


def test_a_run_that_held_its_lock_and_ends_without_a_word_was_killed(ended):
    assert ended(None, locked_tag) == (DEAD, "killed, nothing landed")


def test_what_had_landed_before_a_run_was_killed_stays_in_its_result(ended):
    def landed(run_id: str) -> dict[str, str]:
        assets = {"catalog": {"result": LANDED, "total": 9}, "prices": {"result": "", "total": 0}}
        known = {"run_id": run_id, "assets": assets}
        return {**locked_tag(run_id), ASSETS_TAG: json.dumps(known)}

    assert ended(None, landed) == (DEAD, "killed, catalog landed")


def test_a_reason_that_is_given_stands(ended):
    assert ended("Run timed out.", locked_tag) == ("Run timed out.", "")


@pytest.mark.parametrize("tags", [lambda _run_id: {}, lambda _run_id: locked_tag("another run")])
def test_a_run_that_never_held_its_lock_ends_in_dagsters_words(ended, tags):
    said, result = ended(None, tags)
    assert said.startswith("This run has been marked as failed from outside")
    assert result == ""


# --- real processes


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def no_merge(project) -> Iterator[Callable[[], None]]:
    """Imports of this project wait before they merge, alive and silent, until this is called."""
    with connect(project.settings.database_url) as connection:
        connection.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        yield lambda: connection.execute("select pg_advisory_unlock_all()")


@pytest.fixture
def onec(project) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start the command `onec` in a process of its own."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "onec_pipelines.cli", *arguments]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "ONEC_HOME": str(project.settings.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def history(project) -> Iterator[dg.DagsterInstance]:
    """The run history that `onec` writes."""
    with open_instance(project.settings) as instance:
        yield instance


def test_an_import_that_is_killed_before_its_first_asset_is_failed_by_the_next_one(history, onec, no_merge):
    no_merge()
    process = onec("import", "catalog")
    wait_until(lambda: process.poll() is not None or bool(history.get_runs()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    (killed,) = history.get_runs()
    assert killed.status in {DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED}
    output, errors = (following := onec("import", "catalog")).communicate(timeout=60)
    assert following.returncode == 0, output + errors
    assert history.get_run_by_id(killed.run_id).status is DagsterRunStatus.FAILURE


@pytest.fixture
def importing(no_merge, history, onec, connection) -> tuple[subprocess.Popen, str]:
    """An `onec import catalog` that has read the export and is about to merge, and the id of its run."""
    assert no_merge
    process = onec("import", "catalog")
    waiting = (
        "select from pg_locks join pg_database d on d.oid = database where datname = current_database() "
        "and locktype = 'advisory' and classid = %s and not granted"
    )
    wait_until(lambda: process.poll() is not None or connection.execute(waiting, [NAMESPACE]).rowcount == 1)
    assert process.poll() is None, process.communicate()
    (run,) = history.get_runs()
    assert run.status is DagsterRunStatus.STARTED
    return process, run.run_id


@pytest.mark.usefixtures("hasty")
def test_an_import_holds_the_lock_of_its_run_and_is_alive_however_long_it_is_silent(
    project, history, importing, no_merge, connection
):
    process, run_id = importing
    assert is_run_locked(connection, run_id)
    for _ in range(8):
        assert fail_dead_runs(history, project.settings.database_url) == []
        time.sleep(0.25)
    no_merge()
    assert process.wait(60) == 0
    assert history.get_run_by_id(run_id).status is DagsterRunStatus.SUCCESS


def test_an_import_that_is_killed_is_failed_with_a_sentence_and_has_changed_nothing(
    project, history, importing, connection
):
    process, run_id = importing
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_run_locked(connection, run_id), seconds=5)
    assert fail_dead_runs(history, project.settings.database_url) == [run_id]
    session = find_session(history, run_id)
    assert (session.status, session.error_message) == ("failed", DEAD)
    assert session.counters["catalog"]["total_items"] > 0
    assert connection.execute("select count(*) from onec.products").fetchone() == (0,)


def test_the_next_import_fails_the_run_of_a_killed_one_and_goes_through(history, importing, no_merge, onec):
    process, run_id = importing
    process.send_signal(signal.SIGKILL)
    no_merge()
    output, errors = (following := onec("import", "catalog")).communicate(timeout=60)
    assert following.returncode == 0, output + errors
    newest, killed = history.get_runs()
    assert (newest.status, killed.status) == (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE)
    assert killed.run_id == run_id


@pytest.mark.parametrize("import_type", ["catalog", "all"])
def test_a_second_import_is_refused_with_the_run_that_is_in_its_way_and_leaves_none(
    history, importing, onec, import_type
):
    _, run_id = importing
    second = onec("import", import_type)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert re.sub(r"\s+", " ", errors).strip() == (
        f"✗ An import of catalog is already running: run {run_id} (catalog_import); "
        "wait until it has ended (onec sessions shows it)."
    )
    assert [run.run_id for run in history.get_runs()] == [run_id]


def test_an_import_that_is_interrupted_has_ended_by_itself(project, history, importing, no_merge):
    process, run_id = importing
    os.killpg(process.pid, signal.SIGINT)
    no_merge()
    process.wait(60)
    assert history.get_run_by_id(run_id).is_finished
    assert fail_dead_runs(history, project.settings.database_url) == []

"""One daemon for one run history: who holds the lock, who writes heartbeats, and what the second one is told."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from onec_pipelines.database.locks import daemon_lock
from onec_pipelines.errors import DaemonBusyError
from onec_pipelines.orchestration.machinery import one_daemon
from onec_pipelines.orchestration.machinery.coordinator import PreflightRunCoordinator
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.one_daemon import last_heartbeat, refuse_beside_a_heartbeat
from onec_pipelines.settings import PROJECT_ROOT, Settings

BUSY = (
    r"Another daemon works on this run history \({holder}, since \d{{4}}-\d\d-\d\d \d\d:\d\d \w+\), and two would "
    r"start each run twice: end that one first\."
)


@pytest.fixture
def deployed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's own dagster.yaml."""
    monkeypatch.setenv("ONEC_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ONEC_HOME", str(settings.home))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(settings) as instance:
        yield instance
    monkeypatch.delenv("DAGSTER_HOME")


def holder_of(process: int) -> str:
    return re.escape(f"process {process} of {socket.gethostname()[:20]}")


# --- the lock


def test_a_daemon_that_starts_is_the_only_one_until_its_end(deployed, database_url):
    coordinator = deployed.run_coordinator
    assert isinstance(coordinator, PreflightRunCoordinator)
    assert coordinator.dequeue_interval_seconds == 1
    with (
        pytest.raises(DaemonBusyError, match=BUSY.format(holder=holder_of(os.getpid()))),
        daemon_lock(database_url, "me"),
    ):
        pass
    assert coordinator.dequeue_interval_seconds == 1  # it is the one already
    coordinator.dispose()
    with daemon_lock(database_url, "me"):
        pass


def test_a_daemon_beside_another_one_is_refused_with_who_that_is(deployed, database_url):
    with (
        daemon_lock(database_url, "process 4711 of shop"),
        pytest.raises(DaemonBusyError, match=BUSY.format(holder="process 4711 of shop")),
    ):
        _ = deployed.run_coordinator.dequeue_interval_seconds


def test_a_daemon_of_another_database_is_no_hindrance(deployed, server_url):
    with daemon_lock(server_url, "process 4711 of shop"):
        assert deployed.run_coordinator.dequeue_interval_seconds == 1


def test_nobody_but_a_daemon_takes_the_lock(deployed, database_url):
    deployed.run_coordinator.get_run_queue_config()
    deployed.get_daemon_heartbeats()
    with daemon_lock(database_url, "me"):
        pass


HOLD = """
import sys, time
from onec_pipelines.database.locks import daemon_lock
with daemon_lock(sys.argv[1], "process 4711 of shop"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_daemon_that_was_killed_holds_nothing_back(database_url):
    with subprocess.Popen([sys.executable, "-c", HOLD, database_url], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        other.kill()
    with daemon_lock(database_url, "me"):
        pass


# --- heartbeats


@pytest.fixture
def beat(deployed) -> Callable[..., None]:
    """A daemon that takes no lock shows that it lives."""

    def write(seconds_ago: float = 0.0, daemon_type: str = "SENSOR") -> None:
        deployed.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, daemon_type, "theirs", []))

    return write


def test_without_a_heartbeat_and_with_an_old_one_nothing_is_waited_for(deployed, beat, monkeypatch):
    monkeypatch.setattr(one_daemon.time, "sleep", lambda _seconds: pytest.fail("it waits"))
    assert last_heartbeat(deployed) == 0
    refuse_beside_a_heartbeat(deployed)
    beat(seconds_ago=61)
    refuse_beside_a_heartbeat(deployed)


def test_the_newest_heartbeat_counts_whichever_daemon_has_written_it(deployed, beat):
    beat(seconds_ago=10, daemon_type="SCHEDULER")
    beat(seconds_ago=70)
    assert 9 < time.time() - last_heartbeat(deployed) < 20


def test_where_heartbeats_go_on_another_daemon_lives(deployed, beat, database_url, monkeypatch):
    beat(seconds_ago=25)
    monkeypatch.setattr(one_daemon.time, "sleep", lambda _seconds: beat())
    with pytest.raises(DaemonBusyError, match=r"it writes heartbeats, and holds no lock .* end that one first\.$"):
        _ = deployed.run_coordinator.dequeue_interval_seconds
    with daemon_lock(database_url, "me"):  # who is refused holds nothing
        pass


def test_where_heartbeats_have_ended_a_minute_is_waited_and_no_longer(deployed, beat, monkeypatch):
    monkeypatch.setattr(one_daemon, "FRESH_SECONDS", 1.5)
    monkeypatch.setattr(one_daemon, "LOOK_EVERY_SECONDS", 0.1)
    beat()
    began = time.monotonic()
    refuse_beside_a_heartbeat(deployed)
    assert 1 < time.monotonic() - began < 5


def test_a_heartbeat_by_a_clock_that_is_ahead_is_waited_for_no_longer(deployed, beat, monkeypatch):
    monkeypatch.setattr(one_daemon, "FRESH_SECONDS", 0.5)
    monkeypatch.setattr(one_daemon, "LOOK_EVERY_SECONDS", 0.1)
    beat(seconds_ago=-3600)
    refuse_beside_a_heartbeat(deployed)


# --- real daemons


@pytest.fixture
def daemon(deployed) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program that is a daemon over this run history."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT_ROOT,
                env=os.environ | {"ONEC_NIGHTLY_CRON": "0 0 29 2 *", "DAGSTER_HOME": deployed.root_directory},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)


PLAIN = ("dagster._daemon", "run", "-w", "workspace.yaml")
OURS = ("onec_pipelines.cli", "daemon")


def wait_for_life(deployed: dg.DagsterInstance, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not last_heartbeat(deployed):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_daemon_that_is_ended_leaves_nothing_that_would_hold_the_next_one_back(deployed, daemon, number, monkeypatch):
    process = daemon(*OURS)
    wait_for_life(deployed, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "Traceback" not in said
    monkeypatch.setattr(one_daemon.time, "sleep", lambda _seconds: pytest.fail("it waits"))
    assert deployed.run_coordinator.dequeue_interval_seconds == 1


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [(OURS, OURS), (OURS, PLAIN), (PLAIN, OURS)])
def test_of_two_daemons_the_second_one_is_refused_whoever_started_it_how(deployed, daemon, first, second):
    living = daemon(*first)
    wait_for_life(deployed, living)
    refused = daemon(*second)
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert re.search(BUSY.format(holder=holder_of(living.pid)), said)
    assert ("Traceback" in said) is (second is PLAIN)
    assert living.poll() is None

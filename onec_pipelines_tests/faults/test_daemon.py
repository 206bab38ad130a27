"""A run process is killed under the daemon: a real daemon with its code server, `dagster job launch`, kill -9."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE
from onec_pipelines.orchestration.machinery.liveness import DEAD

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAITING_TO_MERGE = (
    "select from pg_locks join pg_database d on d.oid = database where datname = current_database() "
    "and locktype = 'advisory' and classid = %s and not granted"
)


@pytest.fixture
def settings(tmp_path, versions, database_url) -> dict[str, str]:
    return {
        "ONEC_DATA_DIR": str(versions["a"]),
        "ONEC_DATABASE_URL": database_url,
        "ONEC_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def dagster(settings, onec, tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program of Dagster's over our workspace, in a home that `onec` has prepared."""
    assert onec("sessions", **settings).wait(60) == 0
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str) -> subprocess.Popen[str]:
        with (tmp_path / f"{program}.log").open("w") as log:
            started.append(
                subprocess.Popen(
                    [Path(sys.executable).with_name(program), *arguments, "-w", "workspace.yaml"],
                    cwd=ROOT,
                    env=os.environ | settings,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        family = [process_ for process_ in psutil.process_iter() if _session(process_) == process.pid]
        for member in family:
            member.kill()
        psutil.wait_procs(family, timeout=10)
        process.wait()


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return 0


def test_a_run_whose_process_is_killed_under_the_daemon_ends_with_our_sentence(
    dagster, settings, onec, wait_until, connection
):
    dagster("dagster-daemon", "run")
    with connect(settings["ONEC_DATABASE_URL"]) as no_merge:
        no_merge.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        assert dagster("dagster", "job", "launch", "-j", "catalog_import").wait(180) == 0
        wait_until(lambda: connection.execute(WAITING_TO_MERGE, [NAMESPACE]).rowcount == 1, seconds=120)
        events = "select event from dagster.event_logs where event like %s"
        ((said,),) = connection.execute(events, ["%Executing steps in process%"])
        os.kill(int(re.search(r"pid: (\d+)", said)[1]), signal.SIGKILL)
        wait_until(
            lambda: connection.execute("select from dagster.runs where status = 'FAILURE'").rowcount == 1, seconds=30
        )
    output, _ = onec("sessions", "--json", **settings).communicate(timeout=60)
    (session,) = json.loads(output)
    assert (session["status"], session["error_message"]) == ("failed", DEAD)
    failures = (
        "select event::json ->> 'dagster_event' from dagster.event_logs where dagster_event_type = 'PIPELINE_FAILURE'"
    )
    ((shown_in_the_ui,),) = connection.execute(failures)
    assert json.loads(shown_in_the_ui)["message"] == DEAD
    result = "select value from dagster.run_tags where key = 'onec/result'"
    assert connection.execute(result).fetchall() == [("killed, nothing landed",)]

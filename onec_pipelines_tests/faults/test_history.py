"""The making or the move of Dagster's tables is broken off: nothing is half done, and the next command does it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.orchestration.machinery.history_tables import COLUMNS
from onec_pipelines.orchestration.machinery.schema import Place, settle

pytestmark = pytest.mark.slow

SETTLE = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from onec_pipelines.orchestration.machinery.schema import settle
stop, seen = int(sys.argv[1]), []

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    if statement.split()[0] not in {"SELECT", "select"}:
        seen.append(statement)
        if len(seen) == stop:
            os.kill(os.getpid(), signal.SIGKILL)

settle(os.environ["ONEC_DATABASE_URL"])
"""


def start(url: str, stop: int = 0) -> subprocess.Popen[str]:
    """Make or move the tables in a process, which dies before the statement of this number that writes."""
    return subprocess.Popen(
        [sys.executable, "-c", SETTLE, str(stop)],
        env=os.environ | {"ONEC_DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(connection, schema: str) -> set[str]:
    rows = connection.execute("select tablename from pg_tables where schemaname = %s", [schema])
    return {name for (name,) in rows}


@pytest.mark.parametrize("stop", [4, 40, 56])
def test_tables_are_made_all_or_none(stop, database_url, connection):
    process = start(database_url, stop)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert tables(connection, "dagster") == set()
    assert settle(database_url) == Place("dagster")
    assert tables(connection, "dagster") == COLUMNS.keys()


def test_a_move_that_is_broken_off_has_moved_nothing(released, released_url):
    with connect(released_url) as other, other.transaction():
        other.execute("select from public.snapshots")  # whoever moves the tables waits for this one
        process = start(released_url)
        waiting = "select from pg_locks where not granted and relation = 'public.snapshots'::regclass"
        deadline = time.monotonic() + 60
        while released.execute(waiting).fetchone() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
    assert tables(released, "public") == COLUMNS.keys()
    assert tables(released, "dagster") == set()
    assert settle(released_url) == Place("dagster", moved_from="public")

"""The making of Dagster's tables is broken off: the next command begins it anew, and never drops a history."""

import os
import signal
import subprocess
import sys

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.orchestration.machinery.storage import TABLES

pytestmark = pytest.mark.slow

MAKE = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from onec_pipelines.orchestration.machinery.storage import OnecStorage
stop, seen = int(sys.argv[1]), []

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *_):
    if statement.split()[0] not in {"SELECT", "select"}:
        seen.append(statement)
        if len(seen) == stop:
            os.kill(os.getpid(), signal.SIGKILL)

OnecStorage.from_config_value(None, {})
print(len(seen))
"""


def make(url: str, stop: int, tmp_path) -> subprocess.CompletedProcess[str]:
    """Make the tables of the run history, and die before the statement of this number that writes."""
    return subprocess.run(
        [sys.executable, "-c", MAKE, str(stop)],
        env=os.environ | {"ONEC_DATABASE_URL": url, "ONEC_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("stop", [4, 40, 60])
def test_tables_of_the_run_history_that_were_half_made_are_made_anew(stop, database_url, connection, tmp_path):
    there = "select tablename from pg_tables where schemaname = 'public'"
    assert make(database_url, stop, tmp_path).returncode == -signal.SIGKILL
    again = make(database_url, 0, tmp_path)
    assert again.returncode == 0, again.stderr
    assert {table for (table,) in connection.execute(there)} == {*(table.name for table in TABLES), "alembic_version"}
    assert make(database_url, 0, tmp_path).stdout == "0\n"


def test_a_history_without_its_last_table_is_left_alone(database_url, tmp_path):
    make(database_url, 0, tmp_path)
    with connect(database_url) as connection:
        connection.execute("insert into event_logs (run_id, event) values ('r', '{}'); truncate secondary_indexes")
        connection.execute("drop table runs cascade")
        make(database_url, 0, tmp_path)
        assert connection.execute("select run_id from event_logs").fetchall() == [("r",)]


def test_a_table_of_somebody_else_is_never_taken_for_a_half_made_one(database_url, connection, tmp_path):
    connection.execute("create table jobs (id integer)")
    make(database_url, 0, tmp_path)
    assert connection.execute("select count(*) from jobs").fetchone() == (0,)

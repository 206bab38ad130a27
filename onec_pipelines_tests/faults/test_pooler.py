"""The commands with a PgBouncer between them and PostgreSQL: in session mode all works, in transaction mode nothing."""

import json
import time

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE, is_run_locked

pytestmark = pytest.mark.slow

WAITING_TO_MERGE = (
    "select from pg_locks join pg_database d on d.oid = database where datname = current_database() "
    "and locktype = 'advisory' and classid = %s and not granted"
)


@pytest.fixture
def settings(tmp_path, versions) -> dict[str, str]:
    home = str(tmp_path / "home")
    return {"ONEC_DATA_DIR": str(versions["a"]), "ONEC_HOME": home, "DAGSTER_HOME": home}


def test_a_silent_import_behind_a_pooler_in_session_mode_is_alive_and_lands(
    pgbouncer, settings, onec, database_url, connection, wait_until
):
    pooler = pgbouncer(pool_mode="session", server_idle_timeout=1, client_idle_timeout=1, server_lifetime=1)
    settings["ONEC_DATABASE_URL"] = pooler.url
    with connect(database_url) as no_merge:
        no_merge.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        importing = onec("import", "catalog", **settings)
        wait_until(
            lambda: importing.poll() is not None or connection.execute(WAITING_TO_MERGE, [NAMESPACE]).rowcount == 1
        )
        ((run_id,),) = connection.execute("select run_id from dagster.runs")
        for _ in range(10):
            assert is_run_locked(connection, run_id)
            time.sleep(0.5)
        _, errors = onec("import", "catalog", **settings).communicate(timeout=60)
        assert f"An import of catalog is already running: run {run_id}" in " ".join(errors.split())
    output, errors = importing.communicate(timeout=60)
    assert importing.returncode == 0, output + errors
    for import_type in ("prices", "customers", "images"):
        output, errors = (process := onec("import", import_type, **settings)).communicate(timeout=60)
        assert process.returncode == 0, output + errors
    sessions = json.loads(onec("sessions", "--json", **settings).communicate(timeout=60)[0])
    assert [session["status"] for session in sessions] == ["completed"] * 4
    wait_until(lambda: connection.execute("select from pg_locks where locktype = 'advisory'").rowcount == 0, 10)


@pytest.mark.parametrize("command", ["check", "import all", "sessions", "migrate", "prune --keep-days 1"])
def test_behind_a_pooler_in_transaction_mode_each_command_says_so_and_leaves_nothing(
    command, pgbouncer, settings, onec, connection
):
    settings["ONEC_DATABASE_URL"] = pgbouncer(pool_mode="transaction").url
    output, errors = (process := onec(*command.split(), **settings)).communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("✗ PostgreSQL cannot be used through a pooler of this kind: ")
    assert "Traceback" not in errors
    assert connection.execute("select to_regnamespace('dagster')").fetchone() == (None,)
    assert connection.execute("select from pg_locks where locktype = 'advisory'").rowcount == 0

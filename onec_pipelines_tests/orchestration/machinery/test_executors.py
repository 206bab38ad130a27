"""Where steps are executed: the settings choose, and the process of the run holds its lock from first to last."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.errors import SettingsError
from onec_pipelines.orchestration.machinery.executors import build_executor
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.runs.history import list_sessions
from onec_pipelines.orchestration.runs.step import locked_tag
from onec_pipelines.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["in_process", "multiprocess", "celery"])
def test_the_executor_is_the_one_of_the_settings(name):
    settings = Settings.from_environment({"ONEC_EXECUTOR": name, "ONEC_CELERY_BROKER": "redis://127.0.0.1:6379/0"})
    assert build_executor(settings).name == name


def test_celery_that_is_not_installed_is_said_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dagster_celery", None)
    settings = Settings.from_environment({"ONEC_EXECUTOR": "celery", "ONEC_CELERY_BROKER": "redis://127.0.0.1/0"})
    with pytest.raises(SettingsError, match=r"pip install dagster-celery==0\.29\.27 redis\.$"):
        build_executor(settings)


@pytest.mark.parametrize("executor", ["in_process", pytest.param("multiprocess", marks=pytest.mark.slow)])
def test_a_run_says_that_its_process_holds_the_lock_and_imports_everything(executor, project, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("ONEC_EXECUTOR", executor)
    with open_instance(project.settings) as instance:
        config = project.settings.home / "run.yaml"
        config.write_text(json.dumps({"ops": {"product_images": {"config": {"shard_mb": 1, "validate": "full"}}}}))
        command = ["dagster", "job", "execute", "-m", "onec_pipelines.definitions", "-j", "full_refresh", "-c", config]
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)], cwd=ROOT, env=os.environ, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        (session,) = list_sessions(instance)
        run = instance.get_run_by_id(session.run_id)
    assert run.tags.items() >= locked_tag(run.run_id).items()
    assert run.tags[".dagster/onec_data_dir"] == str(project.settings.data_dir)
    assert (session.status, session.import_type, session.error_message) == ("completed", "all", None)
    assert set(session.counters) == {"catalog", "stocks", "prices", "customers", "product_images"}
    assert session.result == "6 errors (images 4)"
    assert session.processed == session.total == sum(list(found.values())[1] for found in session.counters.values())
    with connect(project.settings.database_url) as connection:
        images = connection.execute("select count(*) from onec.product_images").fetchone()[0]
    assert session.counters["product_images"]["copied"] == images


MARKED_AS_FAILED = """
create function mark_as_failed() returns trigger language plpgsql as $$ begin
    update dagster.runs set status = 'FAILURE' where run_id = new.run_id;
    return new;
end $$;
create trigger mark_as_failed after insert on dagster.run_tags for each row when (new.key = 'onec/progress')
execute function mark_as_failed()
"""


def test_a_run_that_somebody_marked_as_failed_and_that_landed_shows_no_unfinished_progress(project, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME")
    with open_instance(project.settings) as instance:
        instance.get_runs_count()  # makes the tables
        with connect(project.settings.database_url) as connection:
            connection.execute(MARKED_AS_FAILED)
        command = ["dagster", "job", "execute", "-m", "onec_pipelines.definitions", "-j", "catalog_import"]
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=os.environ, capture_output=True, check=True)
        (run,) = instance.get_runs()
    assert run.status.value == "SUCCESS"
    assert run.tags["onec/result"] == "1 error, 182 created"

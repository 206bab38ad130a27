"""Images published by Celery workers: a real Redis, a server that speaks S3, two workers, one of them killed.

The workers share PostgreSQL and the media store, and nothing else but the export. Redis is Debian's redis-server.
Celery looks for what a lost worker left behind every 100 seconds, and so long does the test take.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from onec_pipelines.database.connection import connect

pytest.importorskip("dagster_celery", reason="dagster-celery is not installed")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")

# moto's own
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

ROOT = Path(__file__).parents[2]
REDIS = shutil.which("redis-server")
IMAGES = 300
LOST_AFTER = 5
"""Seconds after which a step of a lost worker is handed out again."""
RUN_CONFIG = {"ops": {"product_images": {"config": {"shard_mb": 1}}}}
IN_A_SHARD = """
select step_key
from dagster.event_logs taken
join dagster.event_logs later using (run_id, step_key)
where taken.step_key like 'product_images.publish%%' and taken.event like '%%doomed@%%'
group by step_key
having bool_or(later.dagster_event_type = 'STEP_START') and not bool_or(later.dagster_event_type = 'STEP_SUCCESS')
"""
"""The shard that the doomed worker has begun and not ended."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[str]:
    """The address of a Redis of our own."""
    if not REDIS:
        assert not os.environ.get("ONEC_REQUIRE_REDIS"), "redis-server is not installed, and ONEC_REQUIRE_REDIS is set"
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        REDIS,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        tmp_path_factory.mktemp("redis"),
    ]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def object_store() -> Iterator[dict[str, str]]:
    """The environment in which s3:// leads to a server of our own."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@dataclass
class Cluster:
    """The processes of a run and of its workers."""

    environment: dict[str, str]
    directory: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, name: str, *command: str) -> subprocess.Popen[str]:
        """Start a process; what it says goes into a file of its name."""
        with (self.directory / name).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def worker(self, name: str) -> subprocess.Popen[str]:
        options = ("--queues", "dagster", "--concurrency", "1", "--hostname", f"{name}@%h", "--loglevel", "INFO")
        return self.start(
            name, "celery", "--app", "onec_pipelines.orchestration.machinery.celery_app", "worker", *options
        )

    def run(self, job: str, config: dict[str, Any]) -> subprocess.Popen[str]:
        """Start a run; YAML is JSON, too."""
        (self.directory / "run.yaml").write_text(json.dumps(config))
        options = ("-m", "onec_pipelines.definitions", "-j", job, "-c", str(self.directory / "run.yaml"))
        return self.start("run", "dagster", "job", "execute", *options)

    def said(self, name: str) -> str:
        return (self.directory / name).read_text()

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def media_url(object_store: dict[str, str], monkeypatch) -> str:
    for name, value in object_store.items():
        monkeypatch.setenv(name, value)
    bucket = f"media-{uuid.uuid4().hex}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(bucket)
    return f"s3://{bucket}/media"


@pytest.fixture
def settings(tmp_path, write_shop, database_url, broker, media_url) -> dict[str, str]:
    export = write_shop(tmp_path / "export", "a", goods=IMAGES, images=IMAGES)
    return {
        "ONEC_DATA_DIR": str(export),
        "ONEC_DATABASE_URL": database_url,
        "ONEC_MEDIA_URL": media_url,
        "ONEC_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home"),
        "ONEC_EXECUTOR": "celery",
        "ONEC_CELERY_BROKER": broker,
        "ONEC_CELERY_LOST_AFTER": str(LOST_AFTER),
    }


@pytest.fixture
def cluster(settings, tmp_path, onec) -> Iterator[Cluster]:
    """A catalogue, imported, and nobody who publishes its images yet."""
    output, errors = (process := onec("import", "catalog", **settings)).communicate(timeout=120)
    assert process.returncode == 0, output + errors
    cluster = Cluster({**os.environ, **settings}, tmp_path)
    yield cluster
    cluster.end()


def sessions(onec: Callable[..., subprocess.Popen[str]], settings: dict[str, str]) -> list[dict[str, Any]]:
    output, _ = onec("sessions", "--json", **settings).communicate(timeout=60)
    return json.loads(output)


def kill_all(worker: subprocess.Popen[str]) -> None:
    os.killpg(worker.pid, signal.SIGKILL)


def kill_the_process_in_the_step(worker: subprocess.Popen[str]) -> None:
    """As the kernel does it when memory is short; the worker itself lives on."""
    for child in psutil.Process(worker.pid).children():
        child.kill()


@pytest.mark.parametrize("kill", [kill_all, kill_the_process_in_the_step])
def test_a_worker_that_is_killed_on_the_way_loses_no_image_and_publishes_none_twice(
    kill, cluster, settings, onec, wait_until
):
    doomed, _ = cluster.worker("doomed"), cluster.worker("other")
    wait_until(lambda: "ready." in cluster.said("doomed") and "ready." in cluster.said("other"))
    run = cluster.run("images_import", RUN_CONFIG)
    with connect(settings["ONEC_DATABASE_URL"]) as connection:
        wait_until(lambda: run.poll() is not None or connection.execute(IN_A_SHARD).rowcount)
        kill(doomed)
        assert run.poll() is None, cluster.said("run")
        assert run.wait(180) == 0, cluster.said("run")

        starts = connection.execute(
            "select step_key, count(*) from dagster.event_logs where dagster_event_type = 'STEP_START' "
            "and step_key like 'product_images.publish%%' group by 1"
        ).fetchall()
        assert len(starts) >= 4
        assert {count for _, count in starts} == {1, 2}
        rows = connection.execute("select media_path, sha256, is_main, position from onec.product_images").fetchall()
        assert len({row[0] for row in rows}) == len(rows) == IMAGES
        assert {row[2:] for row in rows} == {(True, 0)}
        assert connection.execute("select from onec.rejected_records").rowcount == 0
        staged = "select from pg_class where relnamespace = 'onec_staging'::regnamespace"
        assert connection.execute(staged).rowcount == 0
    stored = s3fs.S3FileSystem(skip_instance_cache=True).find(settings["ONEC_MEDIA_URL"])
    assert len(stored) == IMAGES
    newest = sessions(onec, settings)[0]
    assert (newest["import_type"], newest["status"], newest["processed"]) == ("images", "completed", IMAGES)
    assert newest["counters"]["product_images"] == {
        "total_products": IMAGES,
        "processed": IMAGES,
        "copied": IMAGES,
        "skipped": 0,
        "errors": 0,
        "removed": 0,
    }


def test_the_workers_show_how_far_the_whole_import_is(cluster, settings, wait_until):
    cluster.worker("one")
    cluster.worker("other")
    run = cluster.run("images_import", RUN_CONFIG)
    seen = set()
    with connect(settings["ONEC_DATABASE_URL"]) as connection:

        def look() -> bool:
            seen.update(connection.execute("select value from dagster.run_tags where key = 'onec/progress'").fetchall())
            return run.poll() is not None

        wait_until(look, seconds=180)
        assert run.returncode == 0, cluster.said("run")
        lines = connection.execute(
            "select timestamp from dagster.event_logs "
            "where dagster_event_type is null and event like '%%product_images [%%' order by 1"
        ).fetchall()
    shown = sorted(int(tag.partition("/")[0]) for (tag,) in seen if tag.endswith(f"/{IMAGES}"))
    assert len(shown) > 2
    assert shown[-1] == IMAGES
    gaps = [(later - earlier).total_seconds() for (earlier,), (later,) in pairwise(lines)]
    assert all(gap > 1.8 for gap in gaps), gaps

"""A soak: refreshes in a row over one home, every second of which reads every file again. What grows, and what not?

    python -m benchmarks.soak [refreshes, 100]

Prints the figures after each tenth of them: CPU and wall seconds of a refresh (median of the tenth), size of the tables
of the catalogue and of the run history, rows that were written, connections and locks that were left. Run history grows
by design (docs/operating.md, `onec prune`); everything else must stay as it is.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from onec_pipelines.demo import write_demo
from onec_pipelines.postgres import embedded

STATE = """
select
    (select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relnamespace = 'onec'::regnamespace),
    (select sum(pg_total_relation_size(oid)) from pg_class
        where relkind = 'r' and relnamespace = 'dagster'::regnamespace),
    (select count(*) from pg_class where relnamespace = 'onec_staging'::regnamespace),
    (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where schemaname = 'onec'),
    (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
    (select count(*) from pg_locks where locktype = 'advisory')
"""
HEADER = "refreshes  CPU s  wall s  catalogue MB  history MB  staging  rows written  connections  locks"


def refresh(home: Path, data: Path, *options: str) -> tuple[float, float]:
    """CPU and wall seconds of one `onec import all`."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = {**os.environ, "ONEC_HOME": str(home), "ONEC_DATA_DIR": str(data)}
    command = [sys.executable, "-m", "onec_pipelines.cli", "import", "all", *options]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - started


def soak(refreshes: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home, data = Path(directory) / "home", Path(directory) / "import_1c"
        write_demo(data)
        refresh(home, data)
        print(HEADER)
        try:
            with psycopg.connect(embedded.start(home), autocommit=True) as connection:
                taken: list[tuple[float, float]] = []
                for number in range(1, refreshes + 1):
                    taken.append(refresh(home, data, *(["--force"] if number % 2 else [])))
                    if number % max(1, refreshes // 10) == 0:
                        print(line(number, taken, connection), flush=True)
                        taken.clear()
        finally:
            embedded.stop(home)


def line(number: int, taken: list[tuple[float, float]], connection: psycopg.Connection) -> str:
    cpu, wall = (statistics.median(values) for values in zip(*taken, strict=True))
    catalogue, history, staging, rows, connections, locks = connection.execute(STATE).fetchone() or [0] * 6
    return (
        f"{number:>9}  {cpu:>5.2f}  {wall:>6.2f}  {catalogue / 2**20:>12.2f}  {history / 2**20:>10.2f}  {staging:>7}  "
        f"{rows:>12}  {connections:>11}  {locks:>5}"
    )


if __name__ == "__main__":
    soak(int(sys.argv[1]) if len(sys.argv) > 1 else 100)

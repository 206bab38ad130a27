"""What a run costs around its import: `onec import all` over an export that has not changed, a click, an idle daemon.

    python -m benchmarks.runs

The export is S lean of the other benchmark, imported once before. An import is a process of its own, as people run it.
Its floor is a process that imports Dagster and its storage, and does nothing: measured in turns with it. Connections,
transactions and CPU seconds of PostgreSQL are those of an embedded server that nobody else uses. A click launches the
job of prices through the API that the UI uses, and lasts until the run has ended. The tables go into `benchmarks/out/`,
too.
"""

import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from dagster import DagsterRunStatus
from dagster_graphql import DagsterGraphQLClient
from rich.console import Console
from rich.table import Table

from benchmarks.generate import write_export
from benchmarks.machine import cpu_of, postmaster
from benchmarks.targets import against_targets
from onec_pipelines.postgres import embedded

PRODUCTS = 2_000
ROUNDS = 5
JOB = "prices_import"
ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
SETTLING_SECONDS, IDLE_SECONDS = 30, 60
OUT = Path(__file__).parent / "out"
FLOOR = [sys.executable, "-c", "import dagster, dagster_postgres"]
ONEC = [sys.executable, "-m", "onec_pipelines.cli"]
STATISTICS = """
select sessions, xact_commit + xact_rollback from pg_stat_force_next_flush(), pg_stat_database
where datname = current_database()
"""


@dataclass(frozen=True)
class Cost:
    """What something cost: `cpu` of its own process, `server` of PostgreSQL, and `seconds` of the clock."""

    seconds: float
    cpu: float
    server: float
    connections: int
    transactions: int


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="onec-bench-") as directory:
        work = Path(directory)
        write_export(work / "export", PRODUCTS)
        environment = {**os.environ, "ONEC_HOME": str(work / "home"), "ONEC_DATA_DIR": str(work / "export")}
        url = embedded.start(work / "home")
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                server = Server(connection)
                run([*ONEC, "import", "all"], environment)
                rounds = [
                    (server.cost(lambda: run(FLOOR, environment)), server.cost(lambda: run(unchanged(), environment)))
                    for _ in range(ROUNDS)
                ]
                clicks = clicking(environment)
                idle = idling(server, environment)
        finally:
            embedded.stop(work / "home")
    report(rounds, clicks, idle)


def unchanged() -> list[str]:
    return [*ONEC, "import", "all"]


def run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


class Server:
    """The embedded server, and the connection that asks it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.postmaster = postmaster(connection)

    def cost(self, action: Callable[[], object]) -> Cost:
        """What an action costs; a process that it starts has ended when it returns."""
        time.sleep(1.5)  # PostgreSQL counts what has ended a second later
        before, asked, began = cpu_of(self.postmaster), self.counted(), time.monotonic()
        children = children_cpu()
        action()
        seconds, cpu = time.monotonic() - began, children_cpu() - children
        time.sleep(1.5)
        connections, transactions = (now - then for now, then in zip(self.counted(), asked, strict=True))
        return Cost(seconds, cpu, cpu_of(self.postmaster) - before, connections, transactions)

    def counted(self) -> tuple[int, int]:
        return self.connection.execute(STATISTICS).fetchone() or (0, 0)


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def clicking(environment: dict[str, str]) -> list[float]:
    """Seconds from each click on Launch to the end of the run, as the UI shows it; the first is passed over."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with started([*ONEC, "ui", "--port", str(port)], environment):
        time.sleep(SETTLING_SECONDS)
        client = DagsterGraphQLClient("127.0.0.1", port_number=port)
        return [click(client) for _ in range(1 + ROUNDS)][1:]


def click(client: DagsterGraphQLClient) -> float:
    began = time.monotonic()
    run_id = client.submit_job_execution(JOB)
    while (status := client.get_run_status(run_id)) not in ENDED:
        time.sleep(0.05)
    if status is not DagsterRunStatus.SUCCESS:
        sys.exit(f"{JOB} has ended with {status.value}")
    return time.monotonic() - began


def idling(server: Server, environment: dict[str, str]) -> Cost:
    """A minute of a daemon that has nothing to do; `cpu` is that of its process and those that it has started."""
    with started([*ONEC, "daemon"], environment) as daemon:
        time.sleep(SETTLING_SECONDS)
        before = cpu_of(daemon)
        cost = server.cost(lambda: time.sleep(IDLE_SECONDS))
        return Cost(cost.seconds, cpu_of(daemon) - before, cost.server, cost.connections, cost.transactions)


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[psutil.Process]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def report(rounds: list[tuple[Cost, Cost]], clicks: list[float], idle: Cost) -> None:
    table = Table(title=f"onec import all over {PRODUCTS:,} products that have not changed: {ROUNDS} rounds, medians")
    for column in ("", "seconds", "CPU s", "of PostgreSQL", "connections", "transactions"):
        table.add_column(column, justify="right" if column else "left")
    floors, imports = zip(*rounds, strict=True)
    for name, costs in (("import dagster, dagster_postgres", floors), ("onec import all", imports)):
        table.add_row(name, *cells(costs))
    table.add_row("a minute of the daemon", *cells((idle,)))
    measured = (
        ("seconds above the import of Dagster", 2.0, median(i.seconds - f.seconds for f, i in rounds)),
        ("connections", 20, median(cost.connections for cost in imports)),
        ("CPU seconds of both sides", 3.0, median(cost.cpu + cost.server for cost in imports)),
        ("CPU seconds of both sides, above the import of Dagster", None, median(above(*pair) for pair in rounds)),
        ("CPU seconds of both sides, in imports of Dagster", None, median(within(*pair) for pair in rounds)),
        (f"seconds from a click to the end of {JOB}", 5, median(clicks)),
        ("CPU seconds of PostgreSQL in a minute of the daemon", 0.5, idle.server),
    )
    console = Console(record=True, width=110)
    console.print(table, against_targets(measured))
    OUT.mkdir(exist_ok=True)
    (OUT / "runs.txt").write_text(console.export_text(), "utf-8")


def above(floor: Cost, cost: Cost) -> float:
    return cost.cpu + cost.server - floor.cpu


def within(floor: Cost, cost: Cost) -> float:
    return (cost.cpu + cost.server) / floor.cpu


def cells(costs: tuple[Cost, ...]) -> list[str]:
    return [
        f"{median(cost.seconds for cost in costs):.2f}",
        f"{median(cost.cpu for cost in costs):.2f}",
        f"{median(cost.server for cost in costs):.2f}",
        f"{median(cost.connections for cost in costs):.0f}",
        f"{median(cost.transactions for cost in costs):,.0f}",
    ]


median = statistics.median

if __name__ == "__main__":
    main()

"""One measurement in a process of its own: `python -m benchmarks.measure KIND DIRECTORY WORKERS`; prints JSON."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from lxml import etree

from benchmarks.generate import write_changes
from benchmarks.machine import cpu_of, postmaster
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing import import_catalog, import_prices, import_stocks
from onec_pipelines.importing.catalog import DATASET as CATALOG
from onec_pipelines.importing.prices import DATASET as PRICES
from onec_pipelines.importing.reading import DatasetImport
from onec_pipelines.importing.stocks import DATASET as STOCKS
from onec_pipelines.postgres import embedded

DATABASE = "bench"
BATCH = 1000
CHANGED_OFFERS, CHANGES = 60, 5


def main() -> None:
    kind, work, workers = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    server = embedded.start(work / "home")
    if kind == "stop":
        embedded.stop(work / "home")
        print("{}")
        return
    if kind in {"floor", "first"}:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"drop database if exists {DATABASE} with (force)")
            connection.execute(f"create database {DATABASE}")
    url = server.replace("/onec?", f"/{DATABASE}?")
    before = peak()
    measured = measure(kind, work / "export", url, workers)
    # A reader imports what this process had imported before the measurement, and nothing else.
    readers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 - before
    print(json.dumps({**measured, "memory": max(peak() - before, readers)}))


def measure(kind: str, export: Path, url: str, workers: int) -> dict[str, float]:
    if kind == "floor":
        return floor(export, url)
    if kind == "changes":
        return changes(export.parent / "changes", url)
    wal, start = wal_position(url), time.perf_counter()
    imports = (import_catalog, import_prices, import_stocks)
    reports = [run(export, url, force=kind == "again", workers=workers) for run in imports]
    seconds = time.perf_counter() - start
    rows = sum(report.counters.total for report in reports)
    return {"seconds": seconds, "rows": rows, "wal": wal_position(url) - wal}


def changes(directory: Path, url: str) -> dict[str, float]:
    """A file of changes is imported again and again, each time with other prices: CPU seconds of both sides."""
    used = []
    with psycopg.connect(url, autocommit=True) as connection:
        server = postmaster(connection)
        (products,) = connection.execute("select count(*) from onec.products").fetchone() or (0,)
        for number in range(CHANGES):
            write_changes(directory, CHANGED_OFFERS, products, 1 + number)
            before = time.process_time() + cpu_of(server)
            report = import_prices(directory, url)
            used.append(time.process_time() + cpu_of(server) - before)
    if report.counters.updated == 0:
        sys.exit(f"expected other prices, found {report.counters}")
    return {"cpu": statistics.median(used)}


def floor(export: Path, url: str) -> dict[str, float]:
    """Parse every file and do nothing; load the rows that the import would stage, as bytes made beforehand."""
    parsing = timed(lambda: parse(export))
    wal, loading, rows = wal_position(url), 0.0, 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema if not exists onec_staging")
        for dataset in (CATALOG, PRICES, STOCKS):
            seconds, loaded = load(connection, export, dataset)
            loading, rows = loading + seconds, rows + loaded
    return {"seconds": parsing + loading, "rows": rows, "wal": wal_position(url) - wal}


def parse(export: Path) -> None:
    for path in sorted(export.rglob("*.xml")):
        for _, element in etree.iterparse(str(path), events=("end",), tag=("{*}Товар", "{*}Предложение")):
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def load(connection: psycopg.Connection, export: Path, dataset: DatasetImport) -> tuple[float, int]:
    """Seconds that COPY alone takes for the rows of a dataset, and their number.

    The bytes are what PostgreSQL itself writes for those rows; they are loaded into a table that is empty.
    """
    staging = Staging(connection)
    seconds, rows = 0.0, 0
    with connection.transaction(force_rollback=True):
        staging.create(dataset.staged)
        for file in ExportSnapshot(export).files_of(dataset.name):
            for fact in read_file(file.path, file.name, dataset.readers(file)):
                if type(fact) in staging.tables:
                    rows += 1
                    staging.add(fact, file.name)
        staging.flush()
        for name in dataset.staged.values():
            blocks = dumped(connection, name)
            connection.execute(f"truncate onec_staging.{name}")
            seconds += timed(lambda name=name, blocks=blocks: load_blocks(connection, name, blocks))
    return seconds, rows


def dumped(connection: psycopg.Connection, table: str) -> list[bytes]:
    with connection.cursor() as cursor, cursor.copy(f"copy onec_staging.{table} to stdout (format binary)") as copy:
        return [bytes(block) for block in copy]


def load_blocks(connection: psycopg.Connection, table: str, blocks: list[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy onec_staging.{table} from stdin (format binary)") as copy:
        for start in range(0, len(blocks), BATCH):
            copy.write(b"".join(blocks[start : start + BATCH]))


def timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def wal_position(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return int(row[0]) if row else 0


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""One measurement in a process of its own: `python -m benchmarks.measure KIND DIRECTORY`; prints JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from lxml import etree

from onec_pipelines.commerceml.export import list_export
from onec_pipelines.commerceml.reading import read_file
from onec_pipelines.database import embedded
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing import import_catalog, import_prices, import_stocks
from onec_pipelines.importing.catalog import CATALOG
from onec_pipelines.importing.dataset import Dataset
from onec_pipelines.importing.files import find_files
from onec_pipelines.importing.prices import PRICES
from onec_pipelines.importing.stocks import STOCKS

DATABASE = "bench"


def main() -> None:
    kind, work = sys.argv[1], Path(sys.argv[2])
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
    print(json.dumps({**measure(kind, work / "export", url), "memory": peak() - before}))


def measure(kind: str, export: Path, url: str) -> dict[str, float]:
    if kind == "floor":
        return floor(export, url)
    wal, start = wal_position(url), time.perf_counter()
    reports = [run(export, url, force=kind == "again") for run in (import_catalog, import_prices, import_stocks)]
    seconds = time.perf_counter() - start
    rows = sum(report.counters.total for report in reports)
    return {"seconds": seconds, "rows": rows, "wal": wal_position(url) - wal}


def floor(export: Path, url: str) -> dict[str, float]:
    """Parse every file and do nothing; load the rows that the import would stage, made beforehand."""
    start = time.perf_counter()
    for path in sorted(export.rglob("*.xml")):
        for _, element in etree.iterparse(str(path), events=("end",), tag=("{*}Товар", "{*}Предложение")):
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    parsing = time.perf_counter() - start
    wal, loading, rows = wal_position(url), 0.0, 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema if not exists onec_staging")
        for dataset in (CATALOG, PRICES, STOCKS):
            seconds, loaded = load(connection, export, dataset)
            loading, rows = loading + seconds, rows + loaded
    return {"seconds": parsing + loading, "rows": rows, "wal": wal_position(url) - wal}


def load(connection: psycopg.Connection, export: Path, dataset: Dataset) -> tuple[float, int]:
    """Seconds that COPY alone takes for the rows of a dataset, and their number."""
    staging = Staging(connection)
    seconds, rows = 0.0, 0
    with connection.transaction(force_rollback=True):
        staging.create(dataset.tables)
        for file in find_files(list_export(export), dataset.name, {}):
            for fact in read_file(file.path, file.name, dataset.readers(file)):
                if type(fact) in dataset.tables:
                    rows += 1
                    table = staging.tables[type(fact)]
                    table.rows.append((rows, file.name, *table.row(fact)))
                    if len(table.rows) >= 1000:
                        seconds += timed(staging.flush)
        seconds += timed(staging.flush)
    return seconds, rows


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

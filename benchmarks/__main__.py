"""The benchmark: an import against the floor of what reading and loading the same export costs.

    python -m benchmarks [S | M | L]... [lean | real]...          make bench; S lean unless named

F, the floor, is lxml's iterparse over the same files doing nothing, and COPY of as many rows, as bytes made
beforehand, into unlogged tables. Each round measures the floor, then with one process and with two a first import,
one that reads everything again, and one over an unchanged export, each in a process of its own; the ratios of a
round are within it, so that they hold on a busy machine. The tables show medians, and go into `benchmarks/out/`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.generate import PROFILES, write_export
from benchmarks.machine import have_memory_at_hand
from benchmarks.targets import Measured, against_targets
from onec_pipelines.commerceml.export import SETTLED_NS

SIZES = {"S": 2_000, "M": 20_000, "L": 100_000}
ROUNDS = {"S": 3, "M": 3, "L": 1}
IMPORTS = ("first", "again", "unchanged")
WORKERS = (1, 2)
OUT = Path(__file__).parent / "out"

Measurement = dict[str, float]
Round = dict[str, Measurement]


def main() -> None:
    asked = sys.argv[1:]
    if unknown := {*asked} - {*SIZES, *PROFILES}:
        sys.exit(f"{', '.join(sorted(unknown))}: neither a size ({', '.join(SIZES)}) nor a profile")
    for size in [name for name in SIZES if name in asked] or ["S"]:
        for profile in [name for name in PROFILES if name in asked] or ["lean"]:
            measure(size, profile)


def measure(size: str, profile: str) -> None:
    with tempfile.TemporaryDirectory(prefix="onec-bench-") as directory:
        work = Path(directory)
        write_export(work / "export", SIZES[size], profile)
        megabytes = sum(file.stat().st_size for file in (work / "export").rglob("*.xml")) / 1e6
        time.sleep(SETTLED_NS / 1e9)  # what has just been written is read again, as 1C may still be writing
        try:
            rounds = [measure_round(work) for _ in range(ROUNDS[size])]
        finally:
            run(work, "stop")
    report(f"{size}-{profile}", f"{SIZES[size]} products, {megabytes:.0f} MB, {len(rounds)} rounds", rounds)


def measure_round(work: Path) -> Round:
    """One round: `floor`, `first 1`, `again 1`, ... -> seconds, rows, WAL bytes, peak memory in MB above the imports.

    The memory is that of the process that took most.
    """
    found = {"floor": run(work, "floor")}
    for workers in WORKERS:
        for kind in IMPORTS:
            found[f"{kind} {workers}"] = run(work, kind, workers)
    found["changes"] = run(work, "changes")
    return found


def run(work: Path, kind: str, workers: int = 1) -> Measurement:
    have_memory_at_hand()
    command = [sys.executable, "-m", "benchmarks.measure", kind, str(work), str(workers)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def report(name: str, title: str, rounds: list[Round]) -> None:
    table = Table(title=f"{name}: {title}")
    for column in ("", "workers", "seconds", "of the floor", "of the first", "rows/s", "WAL MB", "of the first", "MB"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("floor", "", f"{median(r['floor']['seconds'] for r in rounds):.2f}")
    for workers in WORKERS:
        for kind in IMPORTS:
            table.add_row(kind, str(workers), *cells(rounds, f"{kind} {workers}", f"first {workers}"))
    console = Console(record=True, width=110)
    console.print(table, against_targets(measured(rounds)))
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.txt").write_text(console.export_text(), "utf-8")


def measured(rounds: list[Round]) -> Iterator[Measured]:
    """Against the targets, which are of M lean."""
    for workers, target in zip(WORKERS, (5.0, 4.2), strict=True):
        yield f"first, of the floor, {workers} at once", target, ratio(rounds, f"first {workers}", "floor", "seconds")
    for workers in WORKERS:
        again, first = f"again {workers}", f"first {workers}"
        yield f"again, of the first, {workers} at once", 0.75, ratio(rounds, again, first, "seconds")
        yield f"WAL of it, of the first, {workers} at once", 0.01, ratio(rounds, again, first, "wal")
    yield "changes of 60 offers, CPU seconds", 0.25, median(found["changes"]["cpu"] for found in rounds)


def ratio(rounds: list[Round], kind: str, of: str, what: str) -> float:
    return median(found[kind][what] / found[of][what] for found in rounds)


def cells(rounds: list[Round], kind: str, first: str) -> list[str]:
    return [
        f"{median(r[kind]['seconds'] for r in rounds):.2f}",
        f"{ratio(rounds, kind, 'floor', 'seconds'):.2f}",
        f"{ratio(rounds, kind, first, 'seconds'):.3f}",
        f"{median(r[kind]['rows'] / r[kind]['seconds'] for r in rounds):,.0f}",
        f"{median(r[kind]['wal'] for r in rounds) / 1e6:.2f}",
        f"{ratio(rounds, kind, first, 'wal'):.4f}",
        f"{median(r[kind]['memory'] for r in rounds):.0f}",
    ]


median = statistics.median

if __name__ == "__main__":
    main()

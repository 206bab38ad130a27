"""The benchmark: an import against the floor of what reading and loading the same export costs.

    python -m benchmarks [S | M | L] [lean | real]          make bench

F, the floor, is lxml's iterparse over the same files doing nothing, and COPY of as many rows, made beforehand,
into unlogged tables. Each round measures the floor, a first import, one that reads everything again, and one
over an unchanged export, in this order, each in a process of its own; the ratios of a round are within it, so
that they hold on a busy machine. The table shows medians, and goes into `benchmarks/out/`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.generate import write_export

SIZES = {"S": 2_000, "M": 20_000, "L": 100_000}
ROUNDS = 3
KINDS = ("floor", "first", "again", "unchanged")
OUT = Path(__file__).parent / "out"


def main() -> None:
    size = sys.argv[1] if len(sys.argv) > 1 else "S"
    profile = sys.argv[2] if len(sys.argv) > 2 else "lean"
    with tempfile.TemporaryDirectory(prefix="onec-bench-") as directory:
        work = Path(directory)
        write_export(work / "export", SIZES[size], profile)
        megabytes = sum(file.stat().st_size for file in (work / "export").rglob("*.xml")) / 1e6
        rounds = [measure_round(work) for _ in range(ROUNDS)]
        run(work, "stop")
    report(f"{size} {profile}: {SIZES[size]} products, {megabytes:.0f} MB", rounds)


def measure_round(work: Path) -> dict[str, dict[str, float]]:
    """One round: kind of measurement -> seconds, rows, WAL bytes and peak memory in MB above the imports."""
    return {kind: run(work, kind) for kind in KINDS}


def run(work: Path, kind: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.measure", kind, str(work)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def report(title: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    table = Table(title=title)
    for column in ("", "seconds", "of the floor", "of the first", "rows/s", "WAL MB", "memory MB"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in KINDS:
        table.add_row(
            kind,
            f"{median(rounds, kind, 'seconds'):.2f}",
            f"{statistics.median(r[kind]['seconds'] / r['floor']['seconds'] for r in rounds):.2f}",
            f"{statistics.median(r[kind]['seconds'] / r['first']['seconds'] for r in rounds):.3f}",
            f"{statistics.median(r[kind]['rows'] / r[kind]['seconds'] for r in rounds):,.0f}",
            f"{median(rounds, kind, 'wal') / 1e6:.1f}",
            f"{median(rounds, kind, 'memory'):.0f}",
        )
    console = Console(record=True, width=100)
    console.print(table)
    OUT.mkdir(exist_ok=True)
    (OUT / f"{title.split(':', maxsplit=1)[0].replace(' ', '-')}.txt").write_text(console.export_text(), "utf-8")


def median(rounds: list[dict[str, dict[str, float]]], kind: str, what: str) -> float:
    return statistics.median(r[kind][what] for r in rounds)


if __name__ == "__main__":
    main()

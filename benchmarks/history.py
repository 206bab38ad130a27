"""What history costs, and how fast it answers: `python -m benchmarks.history [PRODUCTS]`; 2,000 unless named.

Each round imports the same export with and without history, one after the other, into databases of its own: first, with
every price changed, and unchanged; then it plans what it imports. The ratios are within a round.
"""

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks.generate import write_export
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import connect
from onec_pipelines.importing import import_catalog, import_prices
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.explaining import explain
from onec_pipelines.importing.past import find_goods
from onec_pipelines.importing.planning import plan_import
from onec_pipelines.postgres import embedded

ROUNDS = 3
PAST = 2_000_000
PRICE = re.compile(
    rb"<\xd0\xa6\xd0\xb5\xd0\xbd\xd0\xb0\xd0\x97\xd0\xb0\xd0\x95\xd0\xb4\xd0\xb8\xd0\xbd\xd0\xb8\xd1\x86\xd1\x83>"
)
"""`<ЦенаЗаЕдиницу>`"""


def main() -> None:
    products = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory(prefix="onec-bench-") as directory:
        work = Path(directory)
        export = work / "export"
        write_export(export, products, "lean")
        server = embedded.start(work / "home")
        try:
            rounds = [measure_round(export, server, number) for number in range(ROUNDS)]
            report(rounds)
            ask(export, server)
        finally:
            embedded.stop(work / "home")


def measure_round(export: Path, server: str, number: int) -> dict[str, float]:
    """Seconds and bytes of WAL by what was done: `first with`, `first without`, ..."""
    found: dict[str, float] = {}
    urls = {days: created(server, f"round_{number}_{days}") for days in (730, 0)}
    for url in urls.values():
        import_catalog(export, url)
    change_prices(export)
    for kind in ("first", "changed", "unchanged"):
        if kind == "changed":
            change_prices(export)
            found["planned"] = timed(lambda: plan_prices(export, urls[730]))
        for days, url in sorted(urls.items(), reverse=bool(number % 2)):
            word = f"{kind} {'with' if days else 'without'}"
            before = wal(url)
            found[word] = timed(lambda url=url, days=days: import_prices(export, url, history_days=days, force=True))
            found[f"{word}, MB of WAL"] = (wal(url) - before) / 1e6
    return found


def report(rounds: list[dict[str, float]]) -> None:
    for kind in ("first", "changed", "unchanged"):
        ratio = statistics.median(one[f"{kind} with"] / one[f"{kind} without"] for one in rounds)
        seconds, megabytes, bare = (
            statistics.median(one[f"{kind} {what}"] for one in rounds)
            for what in ("with", "with, MB of WAL", "without, MB of WAL")
        )
        print(f"{kind:<10} {seconds:6.2f} s, {ratio:.2f} of it without; WAL {megabytes:.1f} MB, without {bare:.1f} MB")
    planned = statistics.median(one["planned"] / one["changed with"] for one in rounds)
    print(f"a plan of changed prices: {planned:.2f} of the import")


def ask(export: Path, server: str) -> None:
    """How long the questions take over two million past rows."""
    with connect(server.replace("/onec?", "/round_0_730?")) as connection:
        connection.execute(
            "insert into onec.past_prices select p.variant_id, p.price_type_id, n, 'RUB', null, "
            "now() - make_interval(days => 400 - n), now() - make_interval(days => 399 - n) "
            "from onec.prices p, generate_series(1, 300) n limit %s",
            [PAST],
        )
        connection.execute("analyze onec.past_prices")
        at = "select count(*) from onec.prices_at(now() - interval '200 days')"
        print(f"prices_at over {PAST:,} past rows: {timed(lambda: connection.execute(at).fetchall()):.2f} s")
        (article,) = connection.execute("select article from onec.products order by id desc limit 1").fetchone() or (
            "",
        )
        seen = ExportSnapshot(export)
        (good,) = find_goods(connection, article)
        print(f"explain: {timed(lambda: explain(connection, seen, good)):.2f} s")


def change_prices(export: Path) -> None:
    """Another digit in front of each price."""
    for file in (export / "prices").glob("*.xml"):
        file.write_bytes(PRICE.sub(lambda found: found[0] + b"1", file.read_bytes()))


def plan_prices(export: Path, url: str) -> None:
    plan_import("prices", Request(ExportSnapshot(export), url), str(export.parent / "media"), phone_region="RU")


def created(server: str, name: str) -> str:
    with connect(server) as connection:
        connection.execute(f"create database {name}")
    return server.replace("/onec?", f"/{name}?")


def timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def wal(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_current_wal_lsn() - '0/0'").fetchone()
        return int(row[0]) if row else 0


if __name__ == "__main__":
    main()

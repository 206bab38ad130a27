"""Importing 5,000 JPEGs of 45-210 KB, against what cannot be spared, and the sensor's tick over half a million files.

    python -m benchmarks.images [directory for the files]

The floor is `cp -r` of the tree, a sync of the copy, and SHA-256 of each file: an import ends with all of that. What is
measured is `import_images` as people run it, with an embedded PostgreSQL of its own, the files read from the disk, as
those of an export that was sent before. Ratios are within a round, so that they hold on a busy machine too.

Every copy goes into a new directory, and nothing is deleted before the end; before each measurement there is memory at
hand (`machine`).

A tick is that of `import_files_sensor`, evaluated by Dagster in a process of its own. Its memory is the peak of that
process above what it had before. All of it goes into `benchmarks/out/`, too.
"""

import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psycopg
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.machine import have_memory_at_hand
from benchmarks.targets import Measured, against_targets
from onec_pipelines.images.store import open_store
from onec_pipelines.importing import Counters, import_catalog, import_images
from onec_pipelines.orchestration.definitions.sensors import import_files_sensor
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.postgres import embedded

IMAGES = 5_000
ROUNDS = 5
FILES = (50_000, 500_000)
TICKS = 3
TICK = "tick"
AN_HOUR = 3600
OUT = Path(__file__).parent / "out"
DOCUMENT = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация>{}</КоммерческаяИнформация>\n'
GOODS = '<Каталог СодержитТолькоИзменения="false"><Товары>\n{}</Товары></Каталог>'
GOOD = "<Товар><Ид>{0}</Ид><Наименование>{0}</Наименование><Картинка>{1}</Картинка></Товар>\n"
OFFERS = "<ПакетПредложений><Предложения/></ПакетПредложений>"

Round = dict[str, float]


def main() -> None:
    if sys.argv[1:2] == [TICK]:
        print(json.dumps(measure_ticks()))
        return
    place = Path(sys.argv[1] if sys.argv[1:] else tempfile.gettempdir())
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="onec-bench-", dir=place) as directory:
        work = Path(directory)
        url = embedded.start(work / "home")
        try:
            report(work, url)
        finally:
            embedded.stop(work / "home")


def report(work: Path, url: str) -> None:
    export = work / "export"
    write_export(export, write_images(export / "goods"))
    size = sum(path.stat().st_size for path in work.rglob("*.jpg")) / 1e6
    import_catalog(export, url)
    rounds = [measure_round(work, url, number) for number in range(ROUNDS)]
    ticks = {files: ticks_over(work, url, files) for files in FILES}
    console = Console(record=True, width=110)
    console.print(times(f"{IMAGES:,} JPEGs, {size:.0f} MB, {os.cpu_count()} CPUs, {ROUNDS} rounds", rounds))
    console.print(ticking(ticks), against_targets(measured(rounds, ticks)))
    OUT.mkdir(exist_ok=True)
    (OUT / "images.txt").write_text(console.export_text(), "utf-8")


def measure_round(work: Path, url: str, number: int) -> Round:
    export, copy, media = work / "export", work / f"copy {number}", work / f"media {number}"
    tree = export / "goods/import_files"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate onec.product_images")
    prepare(tree)
    found = {"cp -r": timed(lambda: subprocess.run(["cp", "-r", tree, copy], check=True))}
    found["sync"] = timed(open_store(str(copy)).flush)
    found["SHA-256"] = timed(lambda: [hashlib.sha256(path.read_bytes()).digest() for path in tree.rglob("*.jpg")])
    found["the floor"] = sum(found.values())
    prepare(tree)
    found["first"] = timed(lambda: expect(import_images(export, url, str(media)).counters, created=IMAGES))
    found["unchanged"] = timed(lambda: expect(import_images(export, url, str(media)).counters, skipped=IMAGES))
    return found


def prepare(tree: Path) -> None:
    """Have all that was written on the disk, none of the tree in memory, and memory at hand."""
    os.sync()
    have_memory_at_hand()
    for path in tree.rglob("*.jpg"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def expect(counters: Counters, **counted: int) -> None:
    if counters != Counters(IMAGES, IMAGES, **counted):
        sys.exit(f"expected {counted}, found {counters}")


def times(title: str, rounds: list[Round]) -> Table:
    table = Table(title=title)
    for column in ("", "seconds", "of the floor", "of the first", "images/s"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in rounds[0]:
        seconds = statistics.median(found[kind] for found in rounds)
        of = [f"{ratio(rounds, kind, other):.3f}" for other in ("the floor", "first")]
        table.add_row(kind, f"{seconds:.2f}", *of, f"{IMAGES / seconds:,.0f}")
    return table


def ratio(rounds: list[Round], kind: str, other: str) -> float:
    return statistics.median(found[kind] / found[other] for found in rounds)


def ticking(ticks: dict[int, Round]) -> Table:
    table = Table(title=f"a tick of the sensor, the best of {TICKS}")
    for column in ("files", "seconds", "CPU seconds", "memory, MB"):
        table.add_column(column, justify="right")
    for files, found in ticks.items():
        table.add_row(f"{files:,}", f"{found['seconds']:.2f}", f"{found['cpu']:.2f}", f"{found['memory']:.1f}")
    return table


def measured(rounds: list[Round], ticks: dict[int, Round]) -> Iterator[Measured]:
    few, many = FILES
    yield "first, of the floor", 1.2, ratio(rounds, "first", "the floor")
    yield "unchanged, of the first", 0.05, ratio(rounds, "unchanged", "first")
    yield f"a tick over {many:,} files, CPU seconds", 5, ticks[many]["cpu"]
    yield f"its memory, MB above that of {few:,}", 1, ticks[many]["memory"] - ticks[few]["memory"]


def ticks_over(work: Path, url: str, files: int) -> Round:
    """Ticks over a tree of so many empty files, in a process of their own."""
    export = work / f"of {files}"
    settled = time.time() - AN_HOUR
    for number in range(files):
        path = (
            export / "goods" / write_file(export / "goods", f"import_files/{number % 256:02x}/{number:064x}.jpg", b"")
        )
        os.utime(path, (settled, settled))
    told = {"ONEC_DATA_DIR": export, "ONEC_DATABASE_URL": url, "ONEC_HOME": work / "home"}
    command = [sys.executable, "-m", "benchmarks.images", TICK]
    environment = os.environ | {name: str(value) for name, value in told.items()}
    found: Round = json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)
    return found


def measure_ticks() -> Round:
    found: list[tuple[float, float]] = []
    with dg.DagsterInstance.ephemeral() as instance:
        before = peak()
        for _ in range(TICKS):
            start, cpu = time.perf_counter(), time.process_time()
            with dg.build_sensor_context(instance, resources={"onec": Onec()}) as context:
                if not import_files_sensor.evaluate_tick(context).run_requests:
                    sys.exit("expected a request for a run")
            found.append((time.perf_counter() - start, time.process_time() - cpu))
        seconds, cpu = (min(column) for column in zip(*found, strict=True))
        return {"seconds": seconds, "cpu": cpu, "memory": peak() - before}


def peak() -> float:
    """MB that this process has held at once; `getrusage` would count the one that started it, too."""
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text("ascii"))
    return int(found[1]) / 1024 if found else 0


def write_export(root: Path, pictures: Iterator[str]) -> None:
    """Write the XML of so many products with a picture each, and nothing else of a catalogue."""
    goods = "".join(GOOD.format(f"g{number}", path) for number, path in enumerate(pictures))
    parts = {"goods": GOODS.format(goods)} | dict.fromkeys(("offers", "prices", "rests"), OFFERS)
    for name, content in parts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / f"{name}_1.xml").write_text(DOCUMENT.format(content), "utf-8")


def write_images(goods: Path) -> Iterator[str]:
    """Write photographs' worth of noise, each file different by a comment behind its start; yield the paths."""
    random.seed(1)
    models = [encoded(side) for side in range(230, 500, 12)]
    for number in range(IMAGES):
        model = models[number % len(models)]
        comment = b"\xff\xfe\x00\x0a" + f"{number:08d}".encode()
        yield write_file(goods, f"import_files/{number % 64:02x}/{number:08x}.jpg", model[:2] + comment + model[2:])


def write_file(goods: Path, path: str, data: bytes) -> str:
    target = goods / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return path


def encoded(side: int) -> bytes:
    pixels = Image.frombytes("RGB", (side, side), random.randbytes(side * side * 3))
    with tempfile.TemporaryFile() as file:
        pixels.save(file, "JPEG", quality=88)
        file.seek(0)
        return file.read()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

"""Importing 5,000 JPEGs of 45-210 KB against `cp -r` of the same tree, and the memory of 5,000 and 50,000 references.

    python -m benchmarks.images [directory for the files]

What is measured is `import_images` as people run it, with an embedded PostgreSQL of its own. Each round copies the
tree by `cp -r` and publishes it, one after the other; the ratios are within a round, so that they hold on a busy
machine too, and the tables show medians. Once the files are read from the disk, as those of an export that was sent
before, and once from memory, as those of one that has just been written. `cp -r` leaves its bytes in memory, while an
import ends with all of them on the disk: `cp -r + sync` says what that costs a copy.

Every copy goes into a new directory, and nothing is deleted before the end: on a virtual machine copies that followed
a deletion took up to eight times as long, by chance, presumably because freed memory goes back to the host.

Memory is measured in a process of its own for each number of references: half of their files are empty, the others
missing, and the peak is that of the process above what it had imported. The table goes into `benchmarks/out/`.
"""

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

import psycopg
from PIL import Image
from rich.console import Console
from rich.table import Table

from onec_pipelines.images.store import open_store
from onec_pipelines.importing import Counters, import_catalog, import_images
from onec_pipelines.postgres import embedded

IMAGES = 5_000
REFERENCES = (5_000, 50_000)
ROUNDS = 5
DISK = "from the disk"
IN_MEMORY = "from memory"
MEMORY = "memory"
OUT = Path(__file__).parent / "out"
DOCUMENT = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация>{}</КоммерческаяИнформация>\n'
GOODS = '<Каталог СодержитТолькоИзменения="false"><Товары>\n{}</Товары></Каталог>'
GOOD = "<Товар><Ид>{0}</Ид><Наименование>{0}</Наименование><Картинка>{1}</Картинка></Товар>\n"
OFFERS = "<ПакетПредложений><Предложения/></ПакетПредложений>"

Round = dict[str, float]


def main() -> None:
    if sys.argv[1:2] == [MEMORY]:
        print(json.dumps(measure_memory(Path(sys.argv[2]), sys.argv[3])))
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
    write_export(work / "export", write_images(work / "export/goods"))
    size = sum(path.stat().st_size for path in work.rglob("*.jpg")) / 1e6
    import_catalog(work / "export", url)
    console = Console(record=True, width=110)
    for place in (DISK, IN_MEMORY):
        rounds = [measure_round(work, url, place, number) for number in range(ROUNDS)]
        title = f"{IMAGES:,} JPEGs, {size:.0f} MB, read {place}, {os.cpu_count()} CPUs, {ROUNDS} rounds"
        console.print(times(title, rounds))
    console.print(memory(work, url))
    OUT.mkdir(exist_ok=True)
    (OUT / "images.txt").write_text(console.export_text(), "utf-8")


def measure_round(work: Path, url: str, place: str, number: int) -> Round:
    export, copy, media = work / "export", work / f"copy {place} {number}", work / f"media {place} {number}"
    tree = export / "goods/import_files"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate onec.product_images")
    prepare(tree, place)
    copied = timed(lambda: subprocess.run(["cp", "-r", tree, copy], check=True))
    synced = timed(open_store(str(copy)).flush)
    prepare(tree, place)
    first = timed(lambda: expect(import_images(export, url, str(media)).counters, created=IMAGES))
    unchanged = timed(lambda: expect(import_images(export, url, str(media)).counters, skipped=IMAGES))
    return {"cp -r": copied, "cp -r + sync": copied + synced, "first": first, "unchanged": unchanged}


def prepare(tree: Path, place: str) -> None:
    """Have all that was written on the disk, and, where files are to be read from there, none of the tree in memory."""
    os.sync()
    for path in tree.rglob("*.jpg") if place == DISK else ():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def expect(counters: Counters, **counted: int) -> None:
    if counters != Counters(IMAGES, IMAGES, **counted):
        sys.exit(f"expected {counted}, found {counters}")


def times(title: str, rounds: list[Round]) -> Table:
    table = Table(title=title)
    for column in ("", "seconds", "of cp -r", "of cp -r + sync", "of the first", "images/s"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in rounds[0]:
        seconds = statistics.median(found[kind] for found in rounds)
        of = [f"{statistics.median(found[kind] / found[other] for found in rounds):.3f}" for other in rounds[0]]
        table.add_row(kind, f"{seconds:.2f}", *of[:3], f"{IMAGES / seconds:,.0f}")
    return table


def memory(work: Path, url: str) -> Table:
    table = Table(title="references to files that are empty or missing, a process each")
    for column in ("references", "seconds", "references/s", "peak above the imports, MB"):
        table.add_column(column, justify="right")
    for references in REFERENCES:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop database if exists empty with (force)")
            connection.execute("create database empty")
        export = work / f"empty-{references}"
        write_export(export, write_empty(export / "goods", references))
        command = [sys.executable, "-m", "benchmarks.images", MEMORY, export, url.replace("/onec?", "/empty?")]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        if found["errors"] != references:
            sys.exit(f"expected {references} errors, found {found['errors']}")
        seconds = found["seconds"]
        table.add_row(f"{references:,}", f"{seconds:.2f}", f"{references / seconds:,.0f}", f"{found['memory']:.0f}")
    return table


def measure_memory(export: Path, url: str) -> dict[str, float]:
    """Import the catalogue in a process of its own, then the pictures in this one."""
    subprocess.run([sys.executable, "-c", CATALOG, export, url], check=True)
    before, start = peak(), time.perf_counter()
    counters = import_images(export, url, str(export / "media")).counters
    return {"errors": counters.errors, "seconds": time.perf_counter() - start, "memory": peak() - before}


CATALOG = """
import sys
from pathlib import Path
from onec_pipelines.importing import import_catalog
import_catalog(Path(sys.argv[1]), sys.argv[2])
"""


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


def write_empty(goods: Path, references: int) -> Iterator[str]:
    """Write an empty file for every second reference, and none for the others; yield the paths."""
    for number in range(references):
        path = f"import_files/{number % 64:02x}/{number:08x}.jpg"
        yield write_file(goods, path, b"") if number % 2 else path


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

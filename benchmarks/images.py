"""Publishing 5,000 JPEGs of 45-210 KB against `cp -r` of the same tree, and planning 500,000 references.

    python -m benchmarks.images [directory for the files]

Everything is measured in one process, in turns, so that the ratios hold on a busy machine too; the times of
each kind are medians. `cp -r` leaves its bytes in memory, and so does publishing; the two lines with `sync`
say what it costs to have them on the disk.
"""

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from onec_pipelines.images.plan import PublishedFile, Reference, plan
from onec_pipelines.images.publish import Outcome, publish_all
from onec_pipelines.images.reading import FileStat
from onec_pipelines.images.scan import index_listing, scan
from onec_pipelines.images.store import open_store

IMAGES = 5_000
REFERENCES = 500_000
ROUNDS = 5


def main() -> None:
    base = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=base) as directory:
        work = Path(directory)
        references = write_images(work / "goods" / "import_files")
        size = sum(path.stat().st_size for path in (work / "goods").rglob("*.jpg"))
        print(f"{IMAGES} JPEGs, {size / 1e6:.0f} MB, on {os.cpu_count()} CPUs; {ROUNDS} rounds, medians")
        compare_with_cp(work, references)
    plan_many()


def compare_with_cp(work: Path, references: list[Reference]) -> None:
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, seconds in one_round(work, references):
            times.setdefault(name, []).append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:24} {seconds:7.3f} s   {seconds / medians['cp -r']:6.2f} x cp -r")
    print(f"first run / cp -r                {medians['first run'] / medians['cp -r']:6.2f}")
    print(f"first run + sync / cp -r + sync  {medians['first run + sync'] / medians['cp -r + sync']:6.2f}")
    print(f"unchanged run / first run        {medians['unchanged run'] / medians['first run']:6.3f}")


def one_round(work: Path, references: list[Reference]) -> Iterator[tuple[str, float]]:
    source, copy, media = work / "goods" / "import_files", work / "copy", work / "media"
    for path in (copy, media):
        shutil.rmtree(path, ignore_errors=True)
    os.sync()
    copied = timed(lambda: subprocess.run(["cp", "-r", source, copy], check=True))
    yield "cp -r", copied
    yield "cp -r + sync", copied + timed(open_store(str(copy)).flush)
    shutil.rmtree(copy)
    os.sync()
    outcomes: list[Outcome] = []
    published = timed(lambda: outcomes.extend(run(source, media, references)))
    expect(outcomes, {"published": IMAGES})
    yield "first run", published
    yield "first run + sync", published + timed(open_store(str(media)).flush)
    recorded = [recorded_as(outcome) for outcome in outcomes]
    outcomes.clear()
    yield "unchanged run", timed(lambda: outcomes.extend(run(source, media, recorded)))
    expect(outcomes, {"unchanged": IMAGES})


def run(source: Path, media: Path, references: list[Reference]) -> Iterator[Outcome]:
    """Do all that a run does with the disk: sweep, both scans, plan, publish."""
    store = open_store(str(media))
    store.sweep()
    planned = plan(references, scan(source), stored=store.listing())
    return publish_all(planned, source.parent, store)


def recorded_as(outcome: Outcome) -> Reference:
    known = outcome.reference
    return Reference(known.product, known.variant, known.position, known.path, outcome.published)


def expect(outcomes: list[Outcome], counts: dict[str, int]) -> None:
    found = Counter(outcome.status.value for outcome in outcomes)
    if found != counts:
        sys.exit(f"expected {counts}, found {dict(found)}")


def plan_many() -> None:
    """Plan half a million known files and as many references without one, in flat memory."""
    start = memory()
    paths = [
        f"{number % 256:02x}/{number:08d}-747e-11ea-81c1-00155d3cae02_8c767ff0.jpg" for number in range(REFERENCES)
    ]
    index = index_listing((f"import_files/{path}", FileStat(100_000, 1)) for path in paths)
    stored = index_listing((path, FileStat(100_000, 1)) for path in paths)
    del paths
    indexed = memory()
    counts: Counter[str] = Counter()
    seconds = timed(lambda: counts.update(image.action.value for image in plan(known_and_bare(), index, stored=stored)))
    print(f"plan of {2 * REFERENCES:,} references: {seconds:.1f} s, {dict(counts)}")
    print(
        f"peak memory: {indexed - start} MB for two indexes of {REFERENCES:,} files, "
        f"{memory() - indexed} MB for the plan"
    )


def known_and_bare() -> Iterator[Reference]:
    for number in range(REFERENCES):
        path = f"{number % 256:02x}/{number:08d}-747e-11ea-81c1-00155d3cae02_8c767ff0.jpg"
        record = PublishedFile(path, "", 100_000, 1, 1, "JPEG", 1)
        yield Reference(number, None, 0, f"import_files/{path}", record)
        yield Reference(number, None, 1, f"import_files/no/{path}")


def write_images(root: Path) -> list[Reference]:
    """Write photographs' worth of noise, each file different by a comment behind its start."""
    random.seed(1)
    models = [encoded(side) for side in range(230, 500, 12)]
    references = []
    for number in range(IMAGES):
        path = f"{number % 64:02x}/{number:08x}.jpg"
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        model = models[number % len(models)]
        target.write_bytes(model[:2] + b"\xff\xfe\x00\x0a" + f"{number:08d}".encode() + model[2:])
        references.append(Reference(number, None, 0, f"import_files/{path}"))
    return references


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


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()

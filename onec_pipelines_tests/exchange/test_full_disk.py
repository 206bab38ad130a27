"""A disk that is really full: a small one of its own, that the kernel says has no room."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from onec_pipelines.exchange.client import files_of
from onec_pipelines.exchange.inbox import Inbox
from onec_pipelines_tests.exchange.conftest import goods
from onec_pipelines_tests.exchange.test_sealing import zipped

MEGABYTE = 2**20
NOISE = random.Random(16).randbytes(MEGABYTE)  # noqa: S311 - no secret


def disk_full(name: str) -> str:
    return f"failure\nНа сервере не хватает места на диске. Файл {name} не принят, обмен нужно повторить."


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, mounted where no other process looks; here it is seen through that one's eyes."""
    place = tmp_path / "disk"
    place.mkdir()
    as_anybody = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'mount -t tmpfs -o size=4m tmpfs "$0" && echo mounted && read _'
    command = ["unshare", "--mount", *as_anybody, "sh", "-c", script, str(place)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        if process.stdout.readline() != "mounted\n":
            pytest.skip(f"Nobody may mount a disk here: {process.stderr.read().strip()}")
        yield Path(f"/proc/{process.pid}/root{place}")
        process.stdin.close()


@pytest.fixture
def tiny(start, small_disk):
    """A server over it, that keeps no reserve."""
    return start(directory=small_disk / "exchange", chunk=MEGABYTE, is_zip=False)


def room(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(disk: Path, left: int) -> Path:
    """Something else that takes all of the disk but so many bytes."""
    other = disk / "other"
    with other.open("wb") as target:
        os.posix_fallocate(target.fileno(), 0, room(disk) - left)
    return other


def test_a_body_for_which_there_is_no_room_is_told_and_nothing_of_its_session_is_kept(tiny, small_disk, export):
    session = tiny.log_in()
    answers = [tiny.ask(session, "mode=file&filename=import_files/a.jpg", NOISE[n:] + NOISE[:n]) for n in range(5)]
    assert answers[:2] == ["success"] * 2
    assert answers[-1] == disk_full("import_files/a.jpg")
    assert tiny.ask(session, "mode=import&filename=import0_1.xml") == disk_full("import_files/a.jpg")
    assert tiny.kept() == []
    assert room(small_disk) > 3.9 * MEGABYTE
    root = export({"import0_1.xml": goods("1"), "import_files/ab/p.jpg": NOISE})
    assert tiny.client().session(root, files_of(root))


def test_the_disk_fills_up_while_a_body_comes(tiny, small_disk):
    """What is asked before a body comes is no promise: others write, too."""
    session = tiny.log_in()
    assert tiny.ask(session, "mode=file&filename=import_files/a.jpg", NOISE) == "success"
    (part,) = tiny.service.incoming.iterdir()
    other = None

    def body():
        nonlocal other
        yield NOISE[: MEGABYTE // 2]
        other = fill(small_disk, 4096)
        yield NOISE[MEGABYTE // 2 :]

    assert tiny.ask(session, "mode=file&filename=import_files/a.jpg", body()) == disk_full("import_files/a.jpg")
    assert not part.exists()
    other.unlink()
    assert room(small_disk) > 3.9 * MEGABYTE


def test_an_archive_that_does_not_fit_when_it_is_unpacked_is_told_and_takes_no_room(tiny, small_disk):
    session = tiny.log_in()
    packed = zipped(("import0_1.xml", goods("1")), ("import_files/a.jpg", b"\0" * 8 * MEGABYTE))
    assert tiny.ask(session, "mode=file&filename=v8.zip", packed) == "success"
    assert tiny.ask(session, "mode=import&filename=import0_1.xml") == disk_full("import0_1.xml")
    assert tiny.kept() == []
    assert room(small_disk) > 3.9 * MEGABYTE


def test_what_was_answered_with_success_waits_for_room_where_1c_asks_for_no_import(start, small_disk, wait_until):
    server = start(directory=small_disk / "exchange", chunk=MEGABYTE, is_zip=False, quiet=1)
    session = server.log_in()
    packed = zipped(("import0_1.xml", goods("1", changes=True)), ("import_files/a.jpg", b"\0" * 2 * MEGABYTE))
    other = fill(small_disk, MEGABYTE)
    assert server.ask(session, "mode=file&filename=v8.zip", packed) == "success"
    with pytest.raises(OSError, match="No space left"):
        server.service.seal(server.records.quiet_sessions(-1)[0])
    (part,) = server.service.incoming.iterdir()
    assert list(Inbox(part, MEGABYTE).refresh().files) == ["v8.zip"]
    other.unlink()
    wait_until(lambda: server.records.packages("state = 'sealed'", {}), 20)

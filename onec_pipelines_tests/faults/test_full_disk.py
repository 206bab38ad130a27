"""A disk that is full: under the tables, under the media store, under Dagster's history. Real, small file systems."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import migrate
from onec_pipelines.demo import write_demo

KB = 1024


@dataclass
class SmallDisk:
    """A file system in memory; `leave` fills it up but for some KB."""

    path: Path

    def leave(self, kilobytes: int) -> None:
        ballast = self.path / "ballast"
        ballast.unlink(missing_ok=True)
        status = os.statvfs(self.path)
        wanted = status.f_bavail * status.f_frsize - kilobytes * KB
        if wanted > 0:
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, wanted)

    def free(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)


@contextmanager
def mounted(megabytes: int) -> Iterator[SmallDisk]:
    with tempfile.TemporaryDirectory(prefix="onec-disk-") as directory:
        Path(directory).chmod(0o711)
        place = Path(directory) / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "tmpfs", str(place)]
        said = subprocess.run(mount, capture_output=True, text=True, check=False)
        if said.returncode != 0:
            pytest.skip(f"no small disk can be mounted here: {said.stderr.strip()}")
        try:
            yield SmallDisk(place)
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    with mounted(64) as disk:
        yield disk


@pytest.fixture
def small_database(small_disk, server) -> Iterator[str]:
    """A database whose tables are on the small disk; what else the server writes is elsewhere."""
    url = server.start()
    place = small_disk.path / "tables"
    place.mkdir(mode=0o700)
    owner = server.data.stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    name = f"small_{os.getpid()}_{place.parent.parent.name[-8:]}"
    with connect(url) as connection:
        connection.execute(f"create tablespace \"{name}\" location '{place}'")
        connection.execute(f'create database "{name}" tablespace "{name}"')
    small = urlsplit(url)._replace(path=f"/{name}").geturl()
    migrate(small)
    yield small
    small_disk.free()
    with connect(url) as connection:
        connection.execute(f'drop database "{name}" with (force)')
        connection.execute(f'drop tablespace "{name}"')


def test_a_disk_that_is_full_under_the_tables_is_one_sentence_and_changes_nothing(
    small_disk, small_database, shop_at, driver
):
    shop = shop_at(small_database)
    for import_type in ("catalog", "stocks", "prices", "customers"):
        driver.order(shop.order(import_type, "a"))
    before = shop.contents()
    failures = 0
    for import_type in ("catalog", "stocks", "prices", "customers"):
        for kilobytes in (0, 100, 200, 400, 700, 1100):
            small_disk.leave(kilobytes)
            answer = driver.order(shop.order(import_type, "b"))
            if "report" in answer:
                before = shop.contents()
                break
            kind, sentence = answer["error"]
            assert kind == "DatabaseError"
            assert sentence.startswith(f"PostgreSQL gave up during the import of {import_type}: could not ")
            assert "No space left on device" in sentence or ": wrote only " in sentence
            assert sentence.endswith("; nothing on record was changed: repeat it when the server works.")
            assert shop.contents() == before
            shop.settle()
            failures += 1
        small_disk.free()
        assert "report" in driver.order(shop.order(import_type, "b"))
        before = shop.contents()
        shop.settle()
    assert failures >= 8
    assert set(shop.rows("select distinct value from onec.prices p")) == {99}


def test_a_disk_that_is_full_under_the_media_store_leaves_whole_files_and_the_record(small_disk, shop, driver):
    shop.media = small_disk.path / "media"
    driver.order(shop.order("catalog", "a"))
    published = {}
    for version, kilobytes in (("a", 100), ("b", 0)):
        before = shop.contents()
        small_disk.leave(kilobytes)
        kind, sentence = driver.order(shop.order("images", version))["error"]
        assert kind == "MediaStoreError"
        assert "the disk is full: free space there" in sentence
        assert shop.contents() == before
        assert not any(path.endswith(".part") for path in shop.files())
        assert published.items() <= shop.files().items()
        shop.settle()
        small_disk.free()
        counters = driver.order(shop.order("images", version))["report"]["counters"]
        assert (counters["processed"], counters["errors"]) == (260, 0)
        assert not shop.files().items() & published.items()
        published = shop.files()
        assert len(shop.rows("select id from onec.product_images")) == len(published) == 48


def test_a_disk_that_is_full_when_thumbnails_are_made_leaves_the_record_and_what_was_made(small_disk, shop, driver):
    shop.media = small_disk.path / "media"
    for import_type in ("catalog", "images"):
        driver.order(shop.order(import_type, "a"))
    before = shop.contents()
    order = shop.order("thumbnails", "a", sizes=[60]) | {"checkpoint_seconds": 0}
    small_disk.leave(60)
    kind, sentence = driver.order(order)["error"]
    assert kind == "MediaStoreError"
    assert "the disk is full: free space there" in sentence
    assert shop.contents() == before
    assert not any(path.endswith(".part") for path in shop.files())
    small_disk.free()
    counters = driver.order(order)["report"]["counters"]
    assert (counters["created"] + counters["skipped"], counters["errors"]) == (48, 0)
    assert counters["skipped"] > 0
    assert len(shop.rows("select from onec.product_thumbnails")) == 48
    shop.settle()


# --- Dagster's history


def ends_with_a_sentence(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 1, output + errors
    assert "Traceback" not in output + errors
    return output + errors


@pytest.mark.slow
def test_a_disk_that_is_full_under_the_run_history_is_a_sentence(small_disk, small_database, tmp_path, onec):
    write_demo(tmp_path / "import_1c")
    settings = {
        "ONEC_HOME": tmp_path / "home",
        "ONEC_DATA_DIR": tmp_path / "import_1c",
        "ONEC_DATABASE_URL": small_database,
    }
    small_disk.leave(400)
    assert "No space left on device" in ends_with_a_sentence(onec("import", "all", **settings))
    small_disk.free()
    process = onec("import", "all", **settings)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    for kilobytes in (0, 40):
        small_disk.leave(kilobytes)
        ends_with_a_sentence(onec("import", "all", "--force", **settings))
    small_disk.free()
    process = onec("import", "all", "--force", **settings)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors


@pytest.mark.slow
def test_a_home_on_a_full_disk_is_a_sentence_and_works_again_when_there_is_space(tmp_path, onec):
    write_demo(tmp_path / "import_1c")
    with mounted(160) as disk:
        settings = {"ONEC_HOME": disk.path / "home", "ONEC_DATA_DIR": tmp_path / "import_1c"}
        disk.leave(10 * KB)
        ends_with_a_sentence(onec("import", "all", **settings))
        disk.free()
        process = onec("import", "all", **settings)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
        for kilobytes in (0, 40):
            disk.leave(kilobytes)
            ends_with_a_sentence(onec("import", "all", "--force", **settings))
        disk.free()
        process = onec("import", "all", "--force", **settings)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
        assert onec("stop", **settings).wait(60) == 0

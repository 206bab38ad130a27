import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter

import pytest

from onec_pipelines.images.plan import PublishedFile
from onec_pipelines.images.publish import ToPublish, publish, publish_all
from onec_pipelines.images.source import ImageMissing, ImageRejected
from onec_pipelines.images.store import LocalStore, open_store


def free(_name: str, _path: str) -> bool:
    """Every name may be claimed."""
    return True


def to_publish(path, known_sha256=None) -> ToPublish:
    below = path.removeprefix("import_files/")
    return ToPublish(path, below, known_sha256, known_as=below if known_sha256 else None)


def files(paths, known_sha256=None) -> list[ToPublish]:
    return [to_publish(path, known_sha256) for path in paths]


def run(goods, store, paths, known_sha256=None):
    return list(publish_all(files(paths, known_sha256), goods, store, free))


def statuses(outcomes) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def test_a_published_file_is_there_byte_for_byte_with_its_facts(goods, ship, store, draw):
    data = draw("PNG", (50, 20))
    path = ship("import_files/03/a.png", data)
    publication = publish(to_publish("import_files/03/a.png"), goods, store, free)
    assert (store.root / "03" / "a.png").read_bytes() == data
    assert publication.written
    assert publication.file == PublishedFile(
        "03/a.png", hashlib.sha256(data).hexdigest(), len(data), 50, 20, "PNG", path.stat().st_mtime_ns
    )


def test_content_that_is_published_already_is_not_written_again(goods, ship, store, draw):
    ship("import_files/a.jpg", draw())
    sha256 = hashlib.sha256(draw()).hexdigest()
    assert not publish(to_publish("import_files/a.jpg", sha256), goods, store, free).written
    assert list(store.listing()) == []


def test_a_rejected_file_leaves_what_was_published_under_its_name(goods, ship, store, draw):
    ship("import_files/a.jpg", draw())
    publish(to_publish("import_files/a.jpg"), goods, store, free)
    ship("import_files/a.jpg", draw()[:-40])
    with pytest.raises(ImageRejected):
        publish(to_publish("import_files/a.jpg"), goods, store, free)
    assert (store.root / "a.jpg").read_bytes() == draw()
    assert list(store.listing()) == ["a.jpg"]


def test_a_damaged_image_is_rejected_when_all_is_decoded(goods, ship, store, draw):
    data = bytearray(draw("PNG", (200, 200)))
    data[len(data) // 2] ^= 0xFF
    ship("import_files/a.png", bytes(data))
    with pytest.raises(ImageRejected, match="не раскодируется"):
        publish(to_publish("import_files/a.png"), goods, store, free, full=True)
    assert publish(to_publish("import_files/a.png"), goods, store, free).written


def test_a_link_or_fifo_put_there_at_the_last_moment_is_not_followed(goods, store, draw, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(draw())
    paths = ["import_files/a.jpg", "import_files/b.jpg", "import_files/c.jpg"]
    (goods / "import_files/a.jpg").symlink_to(tmp_path / "secret.jpg")
    os.mkfifo(goods / "import_files/b.jpg")
    assert [(outcome.status.value, outcome.reason) for outcome in run(goods, store, paths)] == [
        ("refused", "это ссылка, а не файл"),
        ("refused", "это не файл, а канал, сокет или устройство"),
        ("missing", "файла нет"),
    ]
    assert list(store.listing()) == []


@pytest.mark.parametrize(("writers", "at_once"), [(2, {2}), (16, {*range(9, 17)})])
def test_as_many_files_are_written_at_once_as_the_store_takes(goods, ship, draw, tmp_path, writers, at_once):
    class SlowStore(LocalStore):
        def put(self, *file) -> None:
            writing.append(1)
            seen.append(len(writing))
            time.sleep(0.005)
            super().put(*file)
            writing.pop()

    writing, seen = [], []
    store = SlowStore(tmp_path / "slow")
    store.writers = writers
    paths = [f"import_files/{number}.png" for number in range(300)]
    for path in paths:
        ship(path, draw("PNG", (2, 2)))
    assert statuses(run(goods, store, paths)) == ["published"] * 300
    assert max(seen) in at_once


def test_a_file_that_changes_while_it_is_read_is_rejected(goods, ship, store, draw):
    path = ship("import_files/a.jpg", draw())
    stop = threading.Event()

    def keep_writing() -> None:
        moment = 0
        while not stop.is_set():
            moment += 1
            os.utime(path, ns=(moment, moment))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        reasons = set()
        deadline = time.monotonic() + 10
        while not reasons and time.monotonic() < deadline:
            try:
                publish(to_publish("import_files/a.jpg"), goods, store, free)
            except ImageRejected as rejected:
                reasons.add(rejected.reason)
    finally:
        stop.set()
        writer.join()
    assert reasons == {"файл ещё записывается: он изменился во время чтения"}


def test_outcomes_come_in_the_order_of_the_files_and_one_bad_file_costs_itself(goods, ship, store, draw):
    for number in range(40):
        ship(f"import_files/{number}.jpg", draw(seed=number) if number % 4 else draw()[:-9])
    paths = [f"import_files/{number}.jpg" for number in range(41)]
    outcomes = run(goods, store, paths)
    assert [outcome.file.source for outcome in outcomes] == paths
    assert Counter(statuses(outcomes)) == {"published": 30, "refused": 10, "missing": 1}
    assert all(outcome.reason for outcome in outcomes if outcome.status in {"refused", "missing"})
    assert len(store.listing()) == 30


def test_a_new_time_over_the_same_content_is_recorded_without_a_write(goods, ship, store, draw):
    path = ship("import_files/a.jpg", draw())
    (before,) = run(goods, store, ["import_files/a.jpg"])
    published = (store.root / "a.jpg").stat()
    os.utime(path, ns=(1, 1))
    (after,) = run(goods, store, ["import_files/a.jpg"], before.published.sha256)
    assert (after.status.value, after.published.mtime_ns) == ("unchanged", 1)
    assert (store.root / "a.jpg").stat().st_ino == published.st_ino


def test_new_content_under_an_old_name_is_published(goods, ship, store, draw):
    ship("import_files/a.jpg", draw())
    (before,) = run(goods, store, ["import_files/a.jpg"])
    ship("import_files/a.jpg", draw(seed=1))
    assert statuses(run(goods, store, ["import_files/a.jpg"], before.published.sha256)) == ["published"]
    assert (store.root / "a.jpg").read_bytes() == draw(seed=1)


def test_every_kind_of_store_is_published_to(goods, ship, draw):
    remote = open_store(f"memory://{uuid.uuid4()}/media")
    ship("import_files/03/a.webp", draw("WEBP"))
    (outcome,) = run(goods, remote, ["import_files/03/a.webp"])
    assert (outcome.status.value, outcome.published.format) == ("published", "WebP")
    assert remote.listing().get("03/a.webp").size == len(draw("WEBP"))


FILL_AND_REPEAT = """
import subprocess, sys
from pathlib import Path
from onec_pipelines.errors import OnecError
from onec_pipelines.images.publish import ToPublish, publish_all
from onec_pipelines.images.store import LocalStore, open_store
goods, media = Path(sys.argv[1]), sys.argv[2]
known = {}
def run():
    names = [f"{n}.jpg" for n in range(100)]
    files = [ToPublish(f"import_files/{name}", name, known.get(name), name) for name in names]
    for outcome in publish_all(files, goods, open_store(media), lambda name, path: True):
        known[outcome.file.path] = outcome.published.sha256
        yield outcome.status.value
try:
    for _ in run(): pass
except OnecError as error:
    print(error)
store = open_store(media)
there = store.listing()
sizes = {there.get(path).size for path in there}
print(all(path in there for path in known), 20 < len(there) < 100, store.sweep(), sizes)
subprocess.run(["mount", "-o", "remount,size=10m", media], check=True)
left = len(known)
statuses = list(run())
print(statuses == ["unchanged"] * left + ["published"] * (100 - left), len(store.listing()))
"""


def test_a_full_disk_ends_the_run_and_the_repeat_completes_it(goods, ship, draw, store):
    data = draw("JPEG", (120, 90))
    for number in range(100):
        ship(f"import_files/{number}.jpg", data)
    if subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    mount = 'mount -t tmpfs -o size=600k none "$3" && exec "$0" -c "$1" "$2" "$3"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, sys.executable, FILL_AND_REPEAT]
    done = subprocess.run([*command, goods, store.root], capture_output=True, text=True, check=True)
    message, left, repeated = done.stdout.splitlines()
    assert "the disk is full: free space there" in message
    assert left == f"True True 0 {{{len(data)}}}"
    assert repeated == "True 100"


def test_files_are_taken_in_no_faster_than_they_are_published(goods, store):
    taken = 0

    def many():
        nonlocal taken
        for taken in range(100_000):
            yield ToPublish(f"import_files/{taken}.jpg", f"{taken}.jpg")

    outcomes = publish_all(many(), goods, store, free)
    for _ in range(10):
        next(outcomes)
    assert taken < 1000
    outcomes.close()


def test_a_run_that_is_closed_half_way_leaves_whole_files_and_no_thread(goods, ship, store, draw):
    paths = [f"import_files/{number}.jpg" for number in range(200)]
    for path in paths:
        ship(path, draw())
    outcomes = publish_all(files(paths), goods, store, free)
    next(outcomes)
    outcomes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("publish")]
    assert {found.size for found in map(store.listing().get, store.listing())} == {len(draw())}
    assert store.sweep() == 0


PUBLISH = """
import sys
from pathlib import Path
from onec_pipelines.images.publish import ToPublish, publish_all
from onec_pipelines.images.store import LocalStore, open_store
goods, store = Path(sys.argv[1]), open_store(sys.argv[2])
files = [ToPublish(f"import_files/{n}.jpg", f"{n}.jpg") for n in range(3000)]
for outcome in publish_all(files, goods, store, lambda name, path: True):
    print(outcome.status, flush=True)
"""


def test_a_run_killed_half_way_leaves_only_whole_files_and_its_repeat_completes(goods, ship, store, draw):
    data = draw("JPEG", (120, 90))
    for number in range(3000):
        ship(f"import_files/{number}.jpg", data)
    command = [sys.executable, "-c", PUBLISH, goods, store.root]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for _ in range(100):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    there = store.listing()
    whole = [path for path in there if path.endswith(".jpg")]
    assert 100 <= len(whole) < 3000
    assert {there.get(path).size for path in whole} == {len(data)}
    store.sweep()
    outcomes = run(goods, store, [f"import_files/{number}.jpg" for number in range(3000)])
    assert Counter(statuses(outcomes)) == {"published": 3000}
    assert len(store.listing()) == 3000


def test_a_missing_file_is_told_from_a_rejected_one(goods, store):
    with pytest.raises(ImageMissing):
        publish(to_publish("import_files/no.jpg"), goods, store, free)

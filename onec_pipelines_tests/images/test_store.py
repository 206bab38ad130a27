import importlib.util
import os
import resource
import signal
import stat
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from onec_pipelines.errors import OnecError
from onec_pipelines.images.source import FileStat, ImageMissing, ImageRejected
from onec_pipelines.images.store import LocalStore, RemoteStore, open_store

ROOT_USER = os.geteuid() == 0


@pytest.fixture(params=["directory", "file URL", "memory"])
def any_store(request, tmp_path):
    urls = {
        "directory": str(tmp_path / "m"),
        "file URL": f"file://{tmp_path}/m",
        "memory": f"memory://{uuid.uuid4()}/m",
    }
    return open_store(urls[request.param])


def test_a_store_holds_what_was_put(any_store):
    assert list(any_store.listing()) == []
    any_store.put("03/a.jpg", b"12345", "JPEG")
    any_store.put("b.jpg", b"1")
    any_store.put("03/a.jpg", b"new content", "JPEG")
    any_store.flush()
    listing = any_store.listing()
    assert sorted(listing) == ["03/a.jpg", "b.jpg"]
    assert listing.get("03/a.jpg").size == 11
    any_store.delete(["b.jpg"])
    any_store.delete(["b.jpg"])
    assert list(any_store.listing()) == ["03/a.jpg"]
    assert any_store.sweep() == 0


def test_a_store_deletes_the_files_that_are_named_and_no_others(any_store):
    for path in ("a*.jpg", "ab.jpg", "[c].jpg", "c.jpg", "d?.jpg", "de.jpg", "f.jpg"):
        any_store.put(path, b"1")
    any_store.delete(["a*.jpg", "[c].jpg", "gone.jpg", "d?.jpg", "f.jpg"])
    assert sorted(any_store.listing()) == ["ab.jpg", "c.jpg", "de.jpg"]


def test_a_store_returns_what_a_file_holds(any_store):
    any_store.put("03/a.jpg", b"12345", "JPEG")
    assert any_store.read("03/a.jpg") == b"12345"


@pytest.mark.parametrize("path", ["a.jpg", "03/a.jpg"])
def test_to_read_what_is_not_there_is_a_missing_file(any_store, path):
    with pytest.raises(ImageMissing):
        any_store.read(path)


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "", "a\0.jpg", "x" * 256])
def test_no_store_takes_a_path_that_leaves_it(any_store, path):
    with pytest.raises(ImageRejected):
        any_store.put(path, b"1")
    with pytest.raises(ImageRejected):
        any_store.delete([path])
    with pytest.raises(ImageRejected):
        any_store.read(path)


def test_a_sweep_takes_no_file_from_a_run_that_writes_meanwhile(store):
    written = []

    def write():
        for number in range(2000):
            store.put(f"{number}.jpg", b"1" * 10_000)
            written.append(number)

    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(write)
        while not writing.done():
            store.sweep()
            before = len(written)
            while len(written) == before and not writing.done():  # an import sweeps once: no file is hit twice
                time.sleep(0.001)
        writing.result()
    assert len(store.listing()) == 2000


def test_a_published_file_is_readable_for_everybody(store):
    store.put("03/a.jpg", b"1")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((store.root / "03" / "a.jpg").stat().st_mode) == 0o644 & ~mask
    assert stat.S_IMODE((store.root / "03").stat().st_mode) == 0o777 & ~mask


def test_a_name_that_is_taken_by_a_directory_costs_that_file_alone(store):
    (store.root / "a.jpg").mkdir()
    store.put("b", b"1")
    for path in ("a.jpg", "b/c.jpg"):
        with pytest.raises(ImageRejected, match="в хранилище"):
            store.put(path, b"1")
    assert list(store.listing()) == ["b"]


def test_what_a_killed_run_left_is_swept_and_nothing_else(store):
    store.put("03/a.jpg", b"1")
    (store.root / "03" / f".onec-{uuid.uuid4().hex}.part").write_bytes(b"half")
    (store.root / "03" / ".onec-mine.part").write_bytes(b"somebody's")
    assert store.sweep() == 1
    assert sorted(store.listing()) == ["03/.onec-mine.part", "03/a.jpg"]


def test_a_file_in_place_of_the_directory_is_said(tmp_path):
    (tmp_path / "media").write_bytes(b"")
    with pytest.raises(OnecError, match=r"media store .*media cannot be used"):
        open_store(str(tmp_path / "media"))


@pytest.mark.skipif(ROOT_USER, reason="root may write anywhere")
def test_a_directory_without_permission_is_said(tmp_path):
    (tmp_path / "media").mkdir(mode=0o500)
    with pytest.raises(OnecError, match="permission denied"):
        open_store(str(tmp_path / "media")).put("a.jpg", b"1")


PUT_UNTIL_FULL = """
import sys
from onec_pipelines.images.store import LocalStore
from onec_pipelines.errors import OnecError
store = LocalStore(__import__("pathlib").Path(sys.argv[1]))
try:
    for number in range(100):
        store.put(f"{number % 3}/{number}.jpg", bytes(20_000))
except OnecError as error:
    print(error)
print(sorted({found.size for found in map(store.listing().get, store.listing())}), store.sweep(), len(store.listing()))
"""


def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(tmp_path):
    mount = 'mount -t tmpfs -o size=300k none "$2" && exec "$0" -c "$1" "$2"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, sys.executable, PUT_UNTIL_FULL, tmp_path]
    if subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    message, rest = done.stdout.splitlines()
    assert "the disk is full: free space there; then run the import again" in message
    assert rest.startswith("[20000] 0 ")


def test_a_file_size_limit_is_a_sentence_and_leaves_no_half_file(tmp_path):
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-c", PUT_UNTIL_FULL, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=limit)
    message, rest = done.stdout.splitlines()
    assert "a file is larger than allowed there" in message
    assert rest == "[] 0 0"


def test_an_address_of_no_known_kind_is_said_and_no_password_with_it():
    with pytest.raises(OnecError, match=r"ONEC_MEDIA_URL is nonsense://host/x, .*name a directory") as caught:
        open_store("nonsense://user:secret@host/x")
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(bool(importlib.util.find_spec("s3fs")), reason="s3fs is installed here")
def test_a_missing_package_is_said_with_the_command_that_installs_it():
    with pytest.raises(OnecError, match=r"pip install s3fs\.$"):
        open_store("s3://bucket/prefix")


def test_the_store_of_a_url_names_no_secrets():
    assert isinstance(open_store("memory://x"), RemoteStore)
    assert isinstance(open_store("/tmp/../tmp"), LocalStore)
    assert open_store("memory://u:p@host/x").url == "memory://host/x"


def test_times_of_a_remote_listing_mean_nothing():
    remote = open_store(f"memory://{uuid.uuid4()}")
    remote.put("a/b/c.jpg", b"123")
    assert remote.listing().get("a/b/c.jpg") == FileStat(3, 0)

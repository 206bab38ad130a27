"""Which thumbnails are made, recorded, kept and removed: images on record, real files, a real store."""

import hashlib
import io
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from onec_pipelines.database.locks import import_lock
from onec_pipelines.demo import write_demo
from onec_pipelines.errors import ImportBusyError, OnecError
from onec_pipelines.images.scan import FileIndex, index_listing
from onec_pipelines.images.source import FileStat
from onec_pipelines.images.store import MediaStoreError, open_store
from onec_pipelines.importing import Counters, ImportReport, import_catalog, import_images, make_thumbnails
from onec_pipelines.importing.thumbnails import checkpoints, published
from onec_pipelines.importing.thumbnails.published import PublishedImage, ThumbnailRow
from onec_pipelines.importing.thumbnails.style import Style

VERSIONS = "select xmin::text, ctid::text from onec.product_thumbnails order by sha256, size"


def image(seed: int = 0, size: tuple[int, int] = (400, 300), kind: str = "JPEG") -> bytes:
    noise = random.Random(seed).randbytes(size[0] * size[1] * 3)  # noqa: S311
    file = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(file, kind)
    return file.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Gallery:
    """Images as an import of images leaves them: `gallery.publish("a.jpg", data)`, `gallery.make(sizes=[100])`."""

    media: Path
    database_url: str
    connection: psycopg.Connection

    def publish(self, path: str, data: bytes, *, product: str = "g") -> str:
        """Put an image into the store and on record, in place of what was there; return its digest."""
        file = self.media / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.forget(path)
        self.connection.execute(
            "insert into onec.products (onec_id, name) values (%s, 'Стул') on conflict do nothing", [product]
        )
        self.connection.execute(
            """
            insert into onec.product_images (product_id, position, is_main, source_path, media_path, sha256, size_bytes,
                source_mtime_ns, width, height, format)
            select p.id, (select count(*) from onec.product_images i where i.product_id = p.id), false, %s, %s, %s, %s,
                0, 400, 300, 'JPEG'
            from onec.products p
            where onec_id = %s
            """,
            [path, path, sha(data), len(data), product],
        )
        return sha(data)

    def forget(self, path: str) -> None:
        self.connection.execute("delete from onec.product_images where media_path = %s", [path])

    def make(self, **options) -> ImportReport:
        """Make thumbnails, and check what holds for every report."""
        report = make_thumbnails(self.database_url, str(self.media), **options)
        counters = report.counters
        assert (
            counters.total == counters.processed == self.one("select count(distinct sha256) from onec.product_images")
        )
        assert counters.created + counters.skipped + counters.errors == counters.processed
        assert counters.errors == self.one(
            "select count(*) from onec.rejected_records where import_type = 'thumbnails'"
        )
        assert report.row_count == self.one("select count(*) from onec.product_thumbnails")
        assert self.files() == sorted(self.column("select media_path from onec.product_thumbnails"))
        assert self.rows("select relname from pg_class where relnamespace = 'onec_staging'::regnamespace") == []
        return report

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query.encode()).fetchall()

    def column(self, query: str) -> list:
        return [value for (value,) in self.rows(query)]

    def one(self, query: str) -> object:
        return self.rows(query)[0][0]

    def files(self) -> list[str]:
        """The thumbnails in the media store."""
        paths = (self.media / "thumbnails").rglob("*")
        return sorted(path.relative_to(self.media).as_posix() for path in paths if path.is_file())

    def size_of(self, path: str) -> tuple[int, int]:
        with Image.open(self.media / path) as image:
            return image.size

    def rejected(self) -> list[tuple]:
        return self.rows("select onec_id, cell, reason from onec.rejected_records where import_type = 'thumbnails'")


@pytest.fixture
def gallery(tmp_path: Path, database_url: str, connection: psycopg.Connection) -> Gallery:
    (tmp_path / "media").mkdir()
    return Gallery(tmp_path / "media", database_url, connection)


def counts(report: ImportReport) -> tuple[int, int, int]:
    """Images with new thumbnails, skipped, errors."""
    return report.counters.created, report.counters.skipped, report.counters.errors


# --- what is made


def test_an_image_gets_a_thumbnail_of_each_size_named_by_its_content(gallery):
    digest = gallery.publish("03/a.jpg", image())
    report = gallery.make(sizes=[200, 100])
    assert gallery.files() == [f"thumbnails/{size}/{digest[:2]}/{digest}.webp" for size in (100, 200)]
    assert [gallery.size_of(path) for path in gallery.files()] == [(100, 75), (200, 150)]
    assert counts(report) == (1, 0, 0)
    assert report.details == {"thumbnails_made": 2, "files_removed": 0}


def test_the_record_says_what_the_file_is(gallery):
    digest = gallery.publish("a.jpg", image())
    gallery.make(sizes=[100], format="jpeg", quality=70)
    (path,) = gallery.files()
    columns = "sha256, size, format, quality, media_path, size_bytes, width, height"
    assert gallery.rows(f"select {columns} from onec.product_thumbnails") == [
        (digest, 100, "jpeg", 70, path, (gallery.media / path).stat().st_size, 100, 75)
    ]
    with Image.open(gallery.media / path) as opened:
        assert opened.format == "JPEG"


def test_at_first_there_are_two_sizes_in_webp(gallery):
    gallery.publish("a.jpg", image(size=(1000, 1000)))
    gallery.make()
    assert gallery.rows("select size, format from onec.product_thumbnails order by 1") == [(200, "webp"), (800, "webp")]


def test_an_image_that_two_products_show_has_its_thumbnails_once(gallery):
    gallery.publish("a.jpg", image(), product="g")
    gallery.publish("b.jpg", image(), product="h")
    assert counts(gallery.make(sizes=[100])) == (1, 0, 0)
    assert len(gallery.files()) == 1


def test_without_images_nothing_is_made_and_that_is_said(gallery):
    report = gallery.make()
    assert report.counters == Counters()
    assert report.notices == ("No image is published yet: import images first.",)


def test_progress_grows_over_the_images(gallery):
    for seed in range(5):
        gallery.publish(f"{seed}.jpg", image(seed))
    seen: list[Counters] = []
    gallery.make(sizes=[50], progress=seen.append)
    assert {counters.total for counters in seen} == {5}
    assert [counters.processed for counters in seen] == [0, 1, 2, 3, 4, 5, 5]


# --- the second time


def test_a_second_run_makes_nothing_and_writes_no_row(gallery):
    gallery.publish("a.jpg", image())
    first = gallery.make(sizes=[100])
    before = gallery.rows(VERSIONS)
    again = gallery.make(sizes=[100])
    assert counts(again) == (0, 1, 0)
    assert gallery.rows(VERSIONS) == before
    assert again.fingerprint == first.fingerprint


def test_force_makes_what_is_there_again(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100])
    (path,) = gallery.files()
    written = (gallery.media / path).stat().st_mtime_ns
    assert counts(gallery.make(force=True)) == (1, 0, 0)
    assert (gallery.media / path).stat().st_mtime_ns > written


def test_only_new_and_changed_images_are_read(gallery):
    gallery.publish("old.jpg", image(1))
    gallery.publish("changing.jpg", image(2))
    gallery.make(sizes=[100])
    (gallery.media / "old.jpg").unlink()
    gallery.publish("changing.jpg", image(3))
    gallery.publish("new.jpg", image(4))
    assert counts(gallery.make()) == (2, 1, 0)


def test_what_is_not_asked_for_stays_as_the_last_run_had_it(gallery):
    gallery.publish("a.jpg", image(1))
    gallery.make(sizes=[50, 100], format="jpeg", quality=60)
    gallery.publish("b.jpg", image(2))
    gallery.make()
    made = "select distinct size, format, quality from onec.product_thumbnails order by 1"
    assert gallery.rows(made) == [(50, "jpeg", 60), (100, "jpeg", 60)]


def test_a_thumbnail_that_is_gone_from_the_store_is_made_again(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100, 200])
    (gallery.media / gallery.files()[0]).unlink()
    report = gallery.make()
    assert report.details["thumbnails_made"] == 1
    assert len(gallery.files()) == 2


def test_a_thumbnail_that_was_cut_off_is_made_again(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100])
    path = gallery.media / gallery.files()[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    gallery.make()
    assert path.read_bytes() == whole


def test_another_quality_makes_all_of_them_again(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100], quality=90)
    assert counts(gallery.make(quality=20)) == (1, 0, 0)
    assert gallery.column("select quality from onec.product_thumbnails") == [20]


# --- what goes


def test_thumbnails_of_an_image_that_is_gone_are_removed(gallery):
    gallery.publish("a.jpg", image(1))
    kept = gallery.publish("b.jpg", image(2))
    gallery.make(sizes=[100])
    gallery.forget("a.jpg")
    report = gallery.make()
    assert report.details["files_removed"] == 1
    assert gallery.column("select sha256 from onec.product_thumbnails") == [kept]


def test_thumbnails_of_a_size_that_is_no_longer_asked_for_are_removed(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100, 200])
    report = gallery.make(sizes=[200, 300])
    assert report.details == {"thumbnails_made": 1, "files_removed": 1}
    assert gallery.column("select size from onec.product_thumbnails order by 1") == [200, 300]


def test_thumbnails_of_the_format_before_are_removed(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100])
    gallery.make(format="jpeg")
    assert [path.rpartition(".")[2] for path in gallery.files()] == ["jpg"]


def test_what_a_killed_run_left_is_removed(gallery):
    left = gallery.media / Style().media_path("f" * 64, 100)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"made, and never recorded")
    gallery.publish("a.jpg", image())
    assert gallery.make(sizes=[100]).details["files_removed"] == 1


def test_an_image_of_1c_among_the_thumbnails_is_left_alone(gallery):
    paths = ["thumbnails/a.jpg", "thumbnails/200/aa/a.webp", Style().media_path("a" * 64, 200)]
    for seed, path in enumerate(paths):
        gallery.publish(path, image(seed))
    make_thumbnails(gallery.database_url, str(gallery.media), sizes=[100])
    assert set(paths) <= set(gallery.files())


def test_published_images_are_never_removed(gallery):
    gallery.publish("03/a.jpg", image())
    (gallery.media / "03/unknown.jpg").write_bytes(b"not on record")
    gallery.make(sizes=[100])
    assert sorted(path.name for path in (gallery.media / "03").iterdir()) == ["a.jpg", "unknown.jpg"]


# --- what goes wrong


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "файла нет в хранилище: импортируйте изображения ещё раз"),
        (
            lambda path: path.write_bytes(image(9)),
            "файл в хранилище не тот, что записан: импортируйте изображения ещё раз",
        ),
    ],
    ids=["missing", "replaced"],
)
def test_an_image_that_cannot_be_read_is_an_error_and_the_others_go_on(gallery, damage, reason):
    gallery.publish("a.jpg", image(1), product="g")
    gallery.publish("b.jpg", image(2), product="h")
    damage(gallery.media / "a.jpg")
    report = gallery.make(sizes=[100])
    assert counts(report) == (1, 0, 1)
    assert gallery.rejected() == [("g", "a.jpg", reason)]
    assert [(row.file, row.reason) for row in report.rejected] == [("a.jpg", reason)]


def test_a_damaged_image_is_an_error_with_its_reason(gallery):
    damaged = bytearray(image(kind="PNG"))
    damaged[1000:1400] = bytes(400)
    gallery.publish("a.png", bytes(damaged))
    assert counts(gallery.make(sizes=[100])) == (0, 0, 1)
    assert gallery.rejected() == [("g", "a.png", "изображение повреждено: не раскодируется полностью")]


def test_an_error_is_forgotten_when_the_image_is_there_again(gallery):
    gallery.publish("a.jpg", image())
    (gallery.media / "a.jpg").unlink()
    gallery.make(sizes=[100])
    (gallery.media / "a.jpg").write_bytes(image())
    assert counts(gallery.make(sizes=[100])) == (1, 0, 0)
    assert gallery.rejected() == []


def test_of_an_image_that_cannot_be_read_the_thumbnails_stay_that_are_there(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100])
    (gallery.media / "a.jpg").unlink()
    assert counts(gallery.make(sizes=[100, 200])) == (0, 0, 1)
    assert gallery.column("select size from onec.product_thumbnails") == [100]


def test_an_image_is_read_from_a_file_that_still_holds_it(gallery):
    gallery.publish("a.jpg", image())
    gallery.publish("b.jpg", image())
    (gallery.media / "a.jpg").write_bytes(image(9))
    assert counts(gallery.make(sizes=[100])) == (1, 0, 0)


def test_an_image_is_read_where_it_still_is(gallery):
    gallery.publish("a.jpg", image())
    gallery.publish("b.jpg", image())
    (gallery.media / "a.jpg").unlink()
    assert counts(gallery.make(sizes=[100])) == (1, 0, 0)


def test_what_the_media_store_does_not_keep_is_not_recorded(gallery, files):
    gallery.publish("a.jpg", image(1))
    gallery.make()
    gallery.publish("a.jpg", image(2))
    before = gallery.rows(VERSIONS)

    def deny_in_the_end(counters: Counters) -> None:
        if counters.processed:
            files.deny()

    with pytest.raises(MediaStoreError, match=f"The media store {gallery.media} cannot be used"):
        gallery.make(progress=deny_in_the_end)
    files.allow()
    assert gallery.rows(VERSIONS) == before
    assert gallery.rows("select * from onec_staging.thumbnails_made") == []


def test_a_store_that_cannot_be_used_is_one_sentence_and_the_record_stays(gallery):
    gallery.publish("a.jpg", image())
    gallery.make(sizes=[100])
    before = gallery.rows(VERSIONS)
    with pytest.raises(MediaStoreError, match=r"^The media store .* cannot be used"):
        make_thumbnails(gallery.database_url, str(gallery.media / "a.jpg"), force=True)
    assert gallery.rows(VERSIONS) == before


def test_thumbnails_that_cannot_be_removed_are_told_and_what_was_made_is_on_record(gallery):
    gallery.publish("a.jpg", image(1))
    gallery.publish("b.jpg", image(2))
    gallery.make(sizes=[100])
    gallery.forget("a.jpg")
    (gone,) = gallery.column(
        "select media_path from onec.product_thumbnails where sha256 not in (select sha256 from onec.product_images)"
    )

    def get_in_the_way(_counters: Counters) -> None:
        if (gallery.media / gone).is_file():
            (gallery.media / gone).unlink()
            (gallery.media / gone).mkdir()

    report = make_thumbnails(gallery.database_url, str(gallery.media), sizes=[100, 200], progress=get_in_the_way)
    assert report.row_count == 2
    (notice,) = report.notices
    assert notice.startswith("Some thumbnails that no record names are still in the media store: The media store ")
    (gallery.media / gone).rmdir()
    assert gallery.make().notices == ()


def test_one_process_makes_thumbnails_at_a_time(gallery):
    with import_lock(gallery.database_url, "thumbnails"), pytest.raises(ImportBusyError):
        make_thumbnails(gallery.database_url, str(gallery.media))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sizes": [0]}, "A thumbnail has 1 to 4096 pixels, not 0."),
        ({"sizes": [5000, 10]}, "A thumbnail has 1 to 4096 pixels, not 10, 5000."),
        ({"format": "png"}, "Thumbnails can be webp or jpeg, not 'png'."),
        ({"quality": 101}, "The quality of thumbnails is a number from 1 to 100, not 101."),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_sentence(gallery, options, sentence):
    with pytest.raises(OnecError) as error:
        make_thumbnails(gallery.database_url, str(gallery.media), **options)
    assert str(error.value) == sentence


def test_thumbnails_go_into_any_media_store(gallery):
    url = "memory://thumbnails-of-a-test"
    data = image()
    digest = gallery.publish("a.jpg", data)
    open_store(url).put("a.jpg", data)
    make_thumbnails(gallery.database_url, url, sizes=[100])
    assert sorted(open_store(url).listing()) == ["a.jpg", Style().media_path(digest, 100)]


def test_an_import_of_images_and_the_thumbnails_leave_each_other_alone(gallery, tmp_path):
    export, media = tmp_path / "import_1c", str(gallery.media)
    write_demo(export)
    import_catalog(export, gallery.database_url)
    import_images(export, gallery.database_url, media)
    published = {path for path in gallery.media.rglob("*") if path.is_file()}
    gallery.make(sizes=[50])
    made = gallery.files()
    import_images(export, gallery.database_url, media, force=True)
    assert gallery.files() == made
    assert counts(gallery.make()) == (0, len(made), 0)
    assert {path for path in published if not path.exists()} == set()


# --- a run that does not come to its end

KILLED = """
import os, signal, sys
from onec_pipelines.importing import make_thumbnails

def die(counters):
    if counters.processed == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

make_thumbnails(sys.argv[1], sys.argv[2], sizes=[4, 8], progress=die)
"""


def kill(gallery: Gallery, after: int) -> None:
    """Make thumbnails of 4 and 8 pixels in a process that is killed after so many images."""
    command = [sys.executable, "-c", KILLED, gallery.database_url, gallery.media, str(after)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def fail(gallery: Gallery, after: int, **options) -> None:
    """Make thumbnails in a run that fails after so many images."""

    def stop(counters: Counters) -> None:
        if counters.processed == after:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_thumbnails(gallery.database_url, str(gallery.media), progress=stop, **options)


@pytest.fixture
def save_each(monkeypatch) -> None:
    """A checkpoint after each image."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)


def test_a_killed_run_that_is_repeated_makes_only_what_is_missing(gallery):
    for seed in range(1200):
        gallery.publish(f"{seed}.png", image(seed, (8, 6), "PNG"), product=f"g{seed}")
    kill(gallery, after=700)
    assert gallery.column("select media_path from onec.product_thumbnails") == []
    kept = checkpoints.IMAGES
    open_store(str(gallery.media)).sweep()  # as the next import of images does
    first = {path: (gallery.media / path).stat().st_mtime_ns for path in gallery.files()}
    kill(gallery, after=kept + 600)
    open_store(str(gallery.media)).sweep()
    report = gallery.make(sizes=[4, 8])
    assert counts(report) == (1200 - 2 * kept, 2 * kept, 0)
    assert report.details == {"thumbnails_made": 2 * (1200 - 2 * kept), "files_removed": 0}
    unchanged = [path for path, written in first.items() if (gallery.media / path).stat().st_mtime_ns == written]
    assert len(unchanged) >= 2 * kept
    assert gallery.one("select count(*) from onec.product_thumbnails") == 2400
    again = gallery.make()
    assert (counts(again), again.fingerprint) == ((0, 1200, 0), report.fingerprint)


@pytest.mark.usefixtures("save_each")
def test_a_failed_run_that_is_repeated_makes_only_what_is_missing(gallery):
    for seed in range(5):
        gallery.publish(f"{seed}.jpg", image(seed))
    fail(gallery, after=3, sizes=[50])
    assert counts(gallery.make(sizes=[50])) == (2, 3, 0)


@pytest.mark.usefixtures("save_each")
def test_a_checkpoint_survives_a_crash_of_postgresql_even_if_the_run_before_died_while_it_began(gallery):
    columns = "sha256 text, size int8, format text, quality int8, media_path text, size_bytes int8, width int8"
    gallery.connection.execute(
        f"create unlogged table onec_staging.thumbnails_made (seq int8, file text, {columns}, height int8)"
    )
    gallery.publish("a.jpg", image())
    fail(gallery, after=1, sizes=[50])
    assert gallery.column("select relpersistence from pg_class where relname = 'thumbnails_made'") == ["p"]


@pytest.mark.usefixtures("save_each")
def test_a_checkpoint_whose_file_is_gone_is_made_again(gallery):
    for seed in range(3):
        gallery.publish(f"{seed}.jpg", image(seed))
    fail(gallery, after=3, sizes=[50])
    (gallery.media / gallery.files()[0]).unlink()
    assert counts(gallery.make(sizes=[50])) == (1, 2, 0)


@pytest.mark.usefixtures("save_each")
def test_a_run_that_fails_changes_no_record_and_no_rejected_row(gallery):
    gallery.publish("a.jpg", image(1))
    gallery.publish("b.jpg", image(2))
    (gallery.media / "a.jpg").unlink()
    gallery.make(sizes=[50])
    before = gallery.rows(VERSIONS), gallery.rejected()
    (gallery.media / "a.jpg").write_bytes(image(1))
    (gallery.media / "b.jpg").unlink()
    fail(gallery, after=2, sizes=[60])
    assert (gallery.rows(VERSIONS), gallery.rejected()) == before
    gallery.make(sizes=[60])
    assert [cell for _, cell, _ in gallery.rejected()] == ["b.jpg"]


@pytest.mark.usefixtures("save_each")
@pytest.mark.parametrize(
    "style", [{"sizes": [60]}, {"format": "jpeg"}, {"quality": 20}], ids=["sizes", "format", "quality"]
)
def test_after_a_failed_change_of_style_the_style_before_is_kept(gallery, style):
    for seed in range(3):
        gallery.publish(f"{seed}.jpg", image(seed))
    gallery.make(sizes=[50], quality=80)
    fail(gallery, after=2, **style)
    gallery.make()
    made = "select distinct size, format, quality from onec.product_thumbnails"
    assert gallery.rows(made) == [(50, "webp", 80)]


@pytest.mark.usefixtures("save_each")
def test_a_change_of_style_that_failed_goes_on_when_it_is_asked_for_again(gallery):
    for seed in range(3):
        gallery.publish(f"{seed}.jpg", image(seed))
    gallery.make(sizes=[50], quality=80)
    fail(gallery, after=2, quality=20)
    assert counts(gallery.make(quality=20)) == (1, 2, 0)
    assert gallery.column("select distinct quality from onec.product_thumbnails") == [20]


@pytest.mark.usefixtures("save_each")
def test_no_transaction_is_open_while_thumbnails_are_made(gallery):
    for seed in range(3):
        gallery.publish(f"{seed}.jpg", image(seed))
    holding = (
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
        "and (backend_xid is not null or backend_xmin is not null or state like 'idle in transaction%')"
    )
    seen = []
    gallery.make(sizes=[50], progress=lambda _: seen.append(gallery.one(holding)))
    assert set(seen) == {0}


def test_images_are_read_page_by_page(gallery, monkeypatch):
    monkeypatch.setattr(published, "FETCH", 2)
    for seed in range(5):
        gallery.publish(f"{seed}.jpg", image(seed))
        gallery.publish(f"{seed} again.jpg", image(seed), product="h")
    assert counts(gallery.make(sizes=[50])) == (5, 0, 0)
    assert counts(gallery.make()) == (0, 5, 0)


# --- the decision


def stored(*files: tuple[str, int]) -> FileIndex:
    return index_listing((path, FileStat(size, 0)) for path, size in files)


@pytest.mark.parametrize(
    ("style", "files", "force", "due"),
    [
        (Style((100,)), [("t/100", 7)], False, []),
        (Style((100, 200)), [("t/100", 7)], False, [200]),
        (Style((100,)), [], False, [100]),
        (Style((100,)), [("t/100", 6)], False, [100]),
        (Style((100,), quality=50), [("t/100", 7)], False, [100]),
        (Style((100,)), [("t/100", 7)], True, [100]),
    ],
    ids=["there", "another size", "gone", "cut off", "another quality", "forced"],
)
def test_a_size_is_due_unless_it_is_there_as_it_should_be(style, files, force, due):
    row = ThumbnailRow("s", 100, "webp", 80, "t/100", 7, 100, 100)
    assert PublishedImage("s", "g", ["a.jpg"], [row]).sizes_due(stored(*files), style, force=force) == due

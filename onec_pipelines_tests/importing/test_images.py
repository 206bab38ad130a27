"""Which images are published, recorded, counted, kept and removed: the XML in view, real files, a real store."""

import hashlib
import io
import os
import random
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock, run_lock
from onec_pipelines.datasets import BY_NAME
from onec_pipelines.demo import write_demo
from onec_pipelines.errors import DatabaseError, ExportError, ImportBusyError
from onec_pipelines.images.store import MediaStoreError, open_store
from onec_pipelines.importing import (
    Counters,
    ExportSnapshot,
    ImportReport,
    import_catalog,
    import_images,
    make_thumbnails,
)
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.images import adopt_plan, collect_images, plan_images, publish_shard
from onec_pipelines.settings import PROJECT_ROOT
from onec_pipelines_tests.demo_summary import summarize

OPERATING = PROJECT_ROOT / "docs" / "operating.md"
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
PUBLISHED = "select source_path, position, is_main from onec.product_images order by product_id, variant_id, position"
VERSIONS = "select xmin::text, ctid::text from onec.product_images order by id"


def image(seed: int = 0) -> bytes:
    noise = random.Random(seed).randbytes(30 * 20 * 3)  # noqa: S311
    file = io.BytesIO()
    Image.frombytes("RGB", (30, 20), noise).save(file, "JPEG")
    return file.getvalue()


def images(*paths: str) -> str:
    """The elements of these images, or the one that says that there is none."""
    return "".join(f"<Картинка>{path}</Картинка>" for path in paths) or "<Картинка/>"


@dataclass
class Shop:
    """An export with images, imported: `shop.ship("import_files/a.jpg")`, `shop.goods({"g": [...]})`, `shop()`."""

    root: Path
    media: Path
    database_url: str
    connection: psycopg.Connection
    write_goods: Callable[..., Path]
    write_offers: Callable[..., Path]

    def __post_init__(self):
        (self.root / "goods/import_files").mkdir(parents=True, exist_ok=True)
        (self.root / "goods/import_files/.keep").touch()

    def ship(self, path: str, content: bytes | None = None) -> Path:
        file = self.root / "goods" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image() if content is None else content)
        return file

    def goods(self, listed: dict[str, list[str]], *, delta: bool = False, more: str = "") -> None:
        """Import goods with the images that the XML lists of each."""
        self.write_goods(
            "".join(
                f"<Товар><Ид>{onec_id}</Ид><Наименование>Стул</Наименование>{images(*paths)}{more}</Товар>"
                for onec_id, paths in listed.items()
            ),
            delta=delta,
        )
        import_catalog(self.root, self.database_url, max_deactivation=1)

    def offers(self, listed: dict[str, list[str]], *, more: str = "") -> None:
        self.write_offers(
            "".join(
                f"<Предложение><Ид>{onec_id}</Ид><Наименование>Стул, синий</Наименование>{images(*paths)}{more}"
                "</Предложение>"
                for onec_id, paths in listed.items()
            )
        )
        import_catalog(self.root, self.database_url, max_deactivation=1)

    def __call__(self, **options) -> ImportReport:
        """Import the images, and check what holds for every report; unless a test is about it, all may go at once."""
        options = {"max_deactivation": 1, "keep_days": 0, **options}
        report = import_images(self.root, self.database_url, str(self.media), **options)
        counters = report.counters
        assert counters.total == self.one("select count(*) from onec.products where is_active")
        assert counters.processed == counters.total
        assert counters.errors == self.one("select count(*) from onec.rejected_records where import_type = 'images'")
        assert report.row_count == self.one("select count(*) from onec.product_images")
        return report

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> object:
        return self.rows(query)[0][0]

    def rejected(self) -> list[tuple]:
        return self.rows("select onec_id, cell, reason from onec.rejected_records order by cell")

    def files(self) -> list[str]:
        """The files of the media store."""
        return sorted(path.relative_to(self.media).as_posix() for path in self.media.rglob("*") if path.is_file())


@pytest.fixture
def shop(export, tmp_path: Path, database_url: str, connection: psycopg.Connection) -> Shop:
    return Shop(export.root, tmp_path / "media", database_url, connection, export.goods, export.offers)


def counts(report: ImportReport) -> tuple[int, int, int]:
    """Copied, skipped, errors."""
    return report.counters.created, report.counters.skipped, report.counters.errors


# --- what is published and what it counts as


def test_an_image_of_the_xml_is_published_under_its_path_without_import_files(shop):
    content = image(1)
    shop.ship("import_files/03/g_a.jpg", content)
    shop.goods({"g": ["import_files/03/g_a.jpg"]})

    report = shop()

    assert counts(report) == (1, 0, 0)
    assert (shop.media / "03/g_a.jpg").read_bytes() == content
    columns = "source_path, media_path, size_bytes, width, height, format, variant_id, position, is_main"
    assert shop.rows(f"select {columns} from onec.product_images") == [
        ("import_files/03/g_a.jpg", "03/g_a.jpg", len(content), 30, 20, "JPEG", None, 0, True)
    ]


def test_positions_are_those_of_the_xml_and_the_first_is_the_main_one(shop):
    for name in "abc":
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/c.jpg", "import_files/a.jpg", "import_files/b.jpg"]})
    shop()
    assert shop.rows(PUBLISHED) == [
        ("import_files/c.jpg", 0, True),
        ("import_files/a.jpg", 1, False),
        ("import_files/b.jpg", 2, False),
    ]


def test_the_main_image_is_the_first_that_is_published(shop):
    shop.ship("import_files/b.jpg")
    shop.goods({"g": ["import_files/absent.jpg", "import_files/b.jpg"]})
    shop()
    assert shop.rows(PUBLISHED) == [("import_files/b.jpg", 1, True)]


def test_products_without_images_are_gone_through_and_skipped(shop):
    shop.goods({"g": [], "h": []})
    report = shop()
    assert report.counters == Counters(total=2, processed=2, skipped=2)
    assert report.details == {"without_images": 2}


def test_progress_grows_over_products_with_and_without_images(shop):
    shop.ship("import_files/g.jpg")
    shop.goods({"f": [], "g": ["import_files/g.jpg"], "h": []})
    seen: list[Counters] = []
    shop(progress=seen.append)
    assert {counters.total for counters in seen} == {3}
    assert [counters.processed for counters in seen] == sorted(counters.processed for counters in seen)
    assert {counters.processed for counters in seen} == {0, 1, 2, 3}


def test_an_image_of_an_offer_goes_to_the_variant_and_is_its_main_one(shop):
    for name in ("own", "blue"):
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/own.jpg"]})
    shop.offers({"g#blue": ["import_files/blue.jpg"]})
    shop()
    assert shop.rows(
        "select p.onec_id, v.onec_id, i.source_path, i.is_main from onec.product_images i "
        "join onec.products p on p.id = i.product_id left join onec.product_variants v on v.id = i.variant_id "
        "order by i.source_path"
    ) == [("g", "g#blue", "import_files/blue.jpg", True), ("g", None, "import_files/own.jpg", True)]


def test_a_default_variant_with_the_ids_of_its_product_has_a_main_image_of_its_own(shop):
    for name in ("own", "offered"):
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/own.jpg"]})
    shop.offers({"g": ["import_files/offered.jpg"]})
    assert shop.rows("select p.id = v.id from onec.products p, onec.product_variants v") == [(True,)]
    shop()
    assert shop.one("select bool_and(is_main) and count(*) = 2 from onec.product_images")


def test_a_product_with_images_of_variants_alone_also_gets_the_files_that_bear_its_name(shop):
    shop.ship("import_files/gg/gg_1.jpg")
    shop.ship("import_files/blue.jpg")
    shop.goods({"gg": []})
    shop.offers({"gg#blue": ["import_files/blue.jpg"]})
    shop()
    query = "select source_path, variant_id is null, is_listed from onec.product_images order by source_path"
    assert shop.rows(query) == [("import_files/blue.jpg", False, True), ("import_files/gg/gg_1.jpg", True, False)]


def test_files_are_found_by_name_in_name_order_where_the_xml_lists_none(shop):
    for name in ("137_2.jpg", "137_1.jpg", "1371.jpg"):
        shop.ship(f"import_files/13/{name}")
    shop.goods({"137": []})
    assert counts(shop()) == (2, 0, 0)
    assert shop.rows(PUBLISHED) == [("import_files/13/137_1.jpg", 0, True), ("import_files/13/137_2.jpg", 1, False)]


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_file_bears_the_name_of_a_guid_in_any_case(shop, case):
    onec_id = "a1111111-0000-11e5-8000-00155d000001"
    shop.ship(f"import_files/{case(onec_id[:2])}/{case(onec_id)}_1.jpg")
    shop.goods({onec_id.upper(): []})
    assert counts(shop()) == (1, 0, 0)


def test_a_file_that_bears_the_name_is_not_taken_where_the_xml_lists_images(shop):
    shop.ship("import_files/13/137_1.jpg")
    shop.ship("import_files/listed.jpg")
    shop.goods({"137": ["import_files/listed.jpg"]})
    shop()
    assert shop.rows(PUBLISHED) == [("import_files/listed.jpg", 0, True)]


def test_an_image_that_two_products_share_is_copied_once(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"], "h": ["import_files/a.jpg"]})
    assert counts(shop()) == (1, 1, 0)
    assert shop.one("select count(distinct product_id) from onec.product_images") == 2


def test_a_path_listed_twice_for_one_product_is_one_image_at_the_first_position(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg", "import_files/a.jpg"]})
    report = shop()
    assert shop.rows(PUBLISHED) == [("import_files/a.jpg", 0, True)]
    assert report.details == {"published": 1, "duplicate": 1}


def test_the_demo_counts_are_those_of_its_records(tmp_path, database_url):
    summary = summarize(write_demo(tmp_path / "demo"))
    import_catalog(tmp_path / "demo", database_url)
    report = import_images(tmp_path / "demo", database_url, str(tmp_path / "media"))
    assert report.counters.total == report.counters.processed == summary.products - summary.inactive_products
    assert report.counters.created == report.row_count == summary.publishable_images
    assert report.counters.errors == summary.missing_images + summary.corrupt_images
    assert report.export_kind == "full"
    assert len(report.rejected) == report.counters.errors
    assert {row.onec_id for row in report.rejected} == {*summary.oddities["image_missing"]}


# --- the second time


def test_a_second_import_copies_nothing_and_writes_no_row(shop):
    for name in "abc":
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/a.jpg", "import_files/b.jpg"], "h": ["import_files/c.jpg"], "i": []})
    first, versions = shop(), shop.rows(VERSIONS)
    times = [file.stat().st_mtime_ns for file in sorted(shop.media.rglob("*.jpg"))]

    second = shop()

    assert (counts(first), counts(second)) == ((3, 1, 0), (0, 4, 0))
    assert second.fingerprint == first.fingerprint
    assert shop.rows(VERSIONS) == versions
    assert [file.stat().st_mtime_ns for file in sorted(shop.media.rglob("*.jpg"))] == times


def test_of_an_unchanged_catalogue_only_the_products_with_something_to_do_are_planned(shop):
    for name in "abcd":
        shop.ship(f"import_files/{name}.jpg")
    listed = {"g": ["import_files/a.jpg"], "h": ["import_files/b.jpg", "import_files/c.jpg"]}
    shop.goods(listed | {"i": ["import_files/d.jpg"]})
    shop()

    def planned() -> list[tuple]:
        plan_images(request(shop, str(uuid.uuid4())), str(shop.media))
        return shop.rows("select onec_id, fate from onec_staging.images_references order by seq")

    assert planned() == []
    os.utime(shop.root / "goods/import_files/c.jpg", (1, 1))
    assert planned() == [("h", "unchanged"), ("h", "publish")]
    (shop.media / "a.jpg").unlink()
    assert planned() == [("g", "publish"), ("h", "unchanged"), ("h", "publish")]
    shop.goods(listed | {"i": []})
    assert counts(shop()) == (1, 3, 0)
    assert shop.files() == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    "damage",
    ["is_main = false", "position = 7", "is_listed = false", "source_mtime_ns = 1", "media_path = 'b.jpg'"],
)
def test_a_record_that_is_not_as_it_should_be_is_put_right(shop, damage):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    query = "select position, is_main, is_listed, media_path, source_mtime_ns from onec.product_images"
    recorded = shop.rows(query)
    shop.connection.execute(f"update onec.product_images set {damage}")
    shop()
    assert shop.rows(query) == recorded


def test_a_record_that_names_the_file_of_another_image_is_put_right(shop):
    shop.ship("import_files/a.jpg")
    shop.ship("import_files/b.jpg")
    shop.goods({"g": ["import_files/a.jpg"], "h": ["import_files/b.jpg"]})
    shop()
    shop.connection.execute("update onec.product_images set media_path = 'b.jpg'")
    shop()
    assert sorted(shop.rows("select media_path from onec.product_images")) == [("a.jpg",), ("b.jpg",)]


def test_an_unchanged_image_is_not_read(shop):
    file = shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    stat = file.stat()
    file.write_bytes(HTML.ljust(stat.st_size))  # whoever reads it now rejects it
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert counts(shop()) == (0, 1, 0)


def test_force_reads_and_publishes_everything_again(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    (shop.media / "a.jpg").write_bytes(image(5))
    assert counts(shop(force=True)) == (1, 0, 0)
    assert (shop.media / "a.jpg").read_bytes() == image()


def test_new_content_under_the_old_name_is_published(shop):
    shop.ship("import_files/a.jpg", image(1))
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    before = shop.one("select sha256 from onec.product_images")
    shop.ship("import_files/a.jpg", image(2))
    assert counts(shop()) == (1, 0, 0)
    assert (shop.media / "a.jpg").read_bytes() == image(2)
    assert shop.one("select sha256 from onec.product_images") != before


def test_a_file_with_a_new_time_and_the_old_content_is_recorded_and_not_copied(shop):
    file = shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert counts(shop()) == (0, 1, 0)
    assert shop.one("select source_mtime_ns from onec.product_images") == 1_000_000_000 * 10**9


def test_a_changed_order_moves_positions_and_the_main_image_and_copies_nothing(shop):
    for name in "ab":
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/a.jpg", "import_files/b.jpg"]})
    shop()
    shop.goods({"g": ["import_files/b.jpg", "import_files/a.jpg"]})
    assert counts(shop()) == (0, 2, 0)
    assert shop.rows(PUBLISHED) == [("import_files/b.jpg", 0, True), ("import_files/a.jpg", 1, False)]


def test_a_published_file_that_was_deleted_by_hand_is_published_again(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    (shop.media / "a.jpg").unlink()
    versions = shop.rows(VERSIONS)
    assert counts(shop()) == (1, 0, 0)
    assert shop.files() == ["a.jpg"]
    assert shop.rows(VERSIONS) == versions


# --- what goes and what stays


def test_a_reference_that_is_gone_takes_its_row_and_its_file_along(shop):
    for name in "ab":
        shop.ship(f"import_files/{name}.jpg")
    shop.goods({"g": ["import_files/a.jpg", "import_files/b.jpg"]})
    shop()
    shop.goods({"g": ["import_files/b.jpg"]})
    report = shop()
    assert shop.rows(PUBLISHED) == [("import_files/b.jpg", 0, True)]
    assert shop.files() == ["b.jpg"]
    assert report.counters.removed == 1


def test_the_last_image_of_all_takes_its_file_along(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    shop.goods({"g": []})
    assert shop().row_count == 0
    assert shop.files() == []


def test_a_file_that_another_product_still_shows_stays_in_the_store(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"], "h": ["import_files/a.jpg"]})
    shop()
    shop.goods({"g": [], "h": ["import_files/a.jpg"]})
    assert shop().row_count == 1
    assert shop.files() == ["a.jpg"]


def test_an_image_that_a_delta_names_and_does_not_ship_stays_published_and_is_no_error(shop):
    file = shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    versions = shop.rows(VERSIONS)
    file.unlink()
    shop.goods({"g": ["import_files/a.jpg"]}, delta=True, more="<Артикул>1</Артикул>")
    report = shop()
    assert counts(report) == (0, 1, 0)
    assert report.details == {"not_shipped": 1}
    assert shop.rows(VERSIONS) == versions
    assert shop.files() == ["a.jpg"]


def test_an_image_found_by_name_stays_when_it_is_not_shipped_the_next_time(shop):
    shop.ship("import_files/13/137_1.jpg")
    shop.goods({"137": []})
    shop.offers({"137#blue": ["import_files/blue.jpg"]})  # a listed image of a variant makes no difference
    shop.ship("import_files/blue.jpg")
    shop()
    shutil.rmtree(shop.root / "goods/import_files/13")
    report = shop()
    assert report.details == {"not_shipped": 1, "unchanged": 1}
    assert shop.files() == ["13/137_1.jpg", "blue.jpg"]


def test_an_image_found_by_name_gives_way_to_those_that_the_xml_lists(shop):
    shop.ship("import_files/13/137_1.jpg")
    shop.goods({"137": []})
    shop()
    shop.ship("import_files/listed.jpg")
    shop.goods({"137": ["import_files/listed.jpg"]})
    shop()
    assert shop.rows(PUBLISHED) == [("import_files/listed.jpg", 0, True)]
    assert shop.files() == ["listed.jpg"]


def test_an_image_that_never_came_is_an_error_with_its_product_and_path(shop):
    shop.goods({"g": ["import_files/never.jpg"]})
    report = shop(run_id="run-1")
    assert counts(report) == (0, 0, 1)
    assert report.details == {"missing": 1}
    assert shop.rejected() == [("g", "import_files/never.jpg", "файла нет")]
    assert shop.rows("select run_id, import_type, entity, source_file from onec.rejected_records") == [
        ("run-1", "images", "image", "import_files/never.jpg")
    ]


def test_an_image_that_is_neither_shipped_nor_in_the_store_any_more_is_an_error_and_keeps_its_row(shop):
    file = shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    file.unlink()
    (shop.media / "a.jpg").unlink()
    report = shop()
    assert counts(report) == (0, 0, 1)
    assert shop.rejected() == [("g", "import_files/a.jpg", "файла нет ни в выгрузке, ни в хранилище")]
    assert report.row_count == 1


def test_an_error_is_gone_once_the_file_comes(shop):
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    shop.ship("import_files/a.jpg")
    assert counts(shop()) == (1, 0, 0)
    assert shop.rejected() == []


def test_an_error_that_stands_is_recorded_once_and_keeps_its_run(shop):
    shop.goods({"g": ["import_files/never.jpg"]})
    for run in ("run-1", "run-2"):
        shop(run_id=run)
    assert shop.rows("select run_id from onec.rejected_records") == [("run-1",)]


@pytest.mark.parametrize("broken", [b"", HTML, image()[:300]], ids=["empty", "html", "truncated"])
def test_a_broken_file_is_rejected_with_a_reason_and_what_was_published_stays(shop, broken):
    shop.ship("import_files/a.jpg", image(1))
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    versions = shop.rows(VERSIONS)
    shop.ship("import_files/a.jpg", broken)
    report = shop()
    assert counts(report) == (0, 0, 1)
    assert report.details == {"corrupt": 1}
    assert (shop.media / "a.jpg").read_bytes() == image(1)
    assert shop.rows(VERSIONS) == versions
    assert report.rejected[0].reason


@pytest.mark.parametrize("path", ["../../secret.jpg", "/etc/passwd", "import_files/../../secret.jpg"])
def test_a_path_that_leads_out_of_the_export_is_rejected(shop, path):
    (shop.root / "secret.jpg").write_bytes(image())
    shop.goods({"g": [path]})
    assert counts(shop()) == (0, 0, 1)
    assert shop.files() == []


def test_a_missing_image_of_an_offer_is_an_error_under_the_offers_identifier(shop):
    shop.goods({"g": ["import_files/never.jpg"]})
    shop.offers({"g#blue": ["import_files/never.jpg"]})
    assert counts(shop()) == (0, 0, 2)
    assert [row[0] for row in shop.rejected()] == ["g", "g#blue"]


# --- what is not active


def test_inactive_products_are_left_alone(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"], "h": []})
    shop()
    versions = shop.rows(VERSIONS)
    shop.goods({"g": []}, more="<ПометкаУдаления>true</ПометкаУдаления>")
    report = shop()
    assert report.counters.total == 0
    assert shop.rows(VERSIONS) == versions
    assert shop.files() == ["a.jpg"]


def test_images_of_an_inactive_variant_are_left_alone_as_long_as_they_are_listed(shop):
    shop.ship("import_files/blue.jpg")
    shop.goods({"g": []})
    shop.offers({"g#blue": ["import_files/blue.jpg"], "g#red": []})
    shop()
    deleted = "<ПометкаУдаления>true</ПометкаУдаления>"
    shop.offers({"g#blue": ["import_files/blue.jpg"]}, more=deleted)
    assert shop().row_count == 1
    shop.offers({"g#blue": []}, more=deleted)
    assert shop().row_count == 0
    assert shop.files() == []


def test_a_product_that_is_activated_while_images_are_published_keeps_its_own(shop):
    shop.ship("import_files/a.jpg")
    shop.ship("import_files/b.jpg")
    shop.goods({"g": ["import_files/a.jpg"], "h": ["import_files/b.jpg"]})
    shop()
    shop.connection.execute("update onec.products set is_active = false where onec_id = 'g'")

    def activate(counters: Counters) -> None:
        if counters.processed:
            shop.connection.execute("update onec.products set is_active = true where onec_id = 'g' and not is_active")

    import_images(shop.root, shop.database_url, str(shop.media), progress=activate)
    assert shop.one("select count(*) from onec.product_images") == 2
    assert shop.files() == ["a.jpg", "b.jpg"]


# --- when it cannot be


def test_without_products_nothing_is_published_and_the_catalogue_is_asked_for(shop):
    shop.ship("import_files/a.jpg")
    with pytest.raises(ExportError, match=BY_NAME["images"].without_catalog):
        shop()
    assert not shop.media.exists()


def test_without_the_directory_the_message_names_it(shop):
    shop.goods({"g": []})
    shutil.rmtree(shop.root / "goods/import_files")
    path = shop.root / "goods/import_files"
    with pytest.raises(ExportError) as caught:
        shop()
    assert str(caught.value) == (
        f"Директория изображений не найдена: {path}. Убедитесь, что данные выгружены из 1С с изображениями товаров."
    )


def test_what_the_media_store_does_not_keep_is_not_recorded(shop, files):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop()
    before = shop.rows(VERSIONS)
    shop.ship("import_files/a.jpg", image(2))
    request = Request(ExportSnapshot(shop.root), shop.database_url, run_id="r")
    for shard in range(1, plan_images(request, str(shop.media)) + 1):
        publish_shard(request, str(shop.media), shard)
    # Its directory cannot be opened to be flushed; nothing else of this step needs a file.
    with pytest.raises(MediaStoreError, match=f"The media store {shop.media} cannot be used"):
        collect_images(replace(request, progress=files.deny), str(shop.media))
    files.allow()
    assert shop.rows(VERSIONS) == before
    collect_images(request, str(shop.media))
    assert shop.one("select sha256 from onec.product_images") == hashlib.sha256(image(2)).hexdigest()


def test_a_file_in_the_place_of_the_media_directory_ends_the_import_and_leaves_the_record(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    shop.media.write_text("in the way")
    with pytest.raises(MediaStoreError, match=f"The media store {shop.media} cannot be used"):
        shop()
    assert shop.one("select count(*) from onec.product_images") == 0


def test_a_second_import_of_images_at_the_same_time_is_refused(shop):
    shop.goods({"g": []})
    with import_lock(shop.database_url, "images"), pytest.raises(ImportBusyError):
        shop()


@contextmanager
def terminated_backends(url: str) -> Iterator[Callable[[Counters], None]]:
    """A progress function that ends the connections of the import."""
    with connect(url) as other:

        def terminate(counters: Counters) -> None:
            if counters.processed:
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
                time.sleep(0.2)

        yield terminate


def test_a_database_that_goes_away_is_one_sentence_and_the_next_import_completes_the_work(shop):
    shop.ship("import_files/a.jpg")
    shop.goods({"g": ["import_files/a.jpg"]})
    with terminated_backends(shop.database_url) as terminate, pytest.raises(DatabaseError) as caught:
        import_images(shop.root, shop.database_url, str(shop.media), progress=terminate)
    assert "PostgreSQL gave up during the import of images" in str(caught.value)
    with connect(shop.database_url) as connection:
        shop.connection = connection
        assert shop().row_count == 1


# --- in shards


def request(shop, run_id: str = "run-1", **options) -> Request:
    return Request(ExportSnapshot(shop.root), shop.database_url, run_id=run_id, **options)


def shipped(shop, number: int) -> None:
    """So many products with an image each; a shard of 30,000 bytes has two of them."""
    for place in range(number):
        shop.ship(f"import_files/{place}.jpg", image(place))
    shop.goods({f"g{place}": [f"import_files/{place}.jpg"] for place in range(number)})


def test_a_plan_is_cut_into_shards_by_the_size_of_what_is_to_be_published(shop):
    shipped(shop, 5)
    with run_lock(shop.database_url, "run-1"):
        assert plan_images(request(shop), str(shop.media), shard_bytes=30_000) == 3
    assert shop.rows("select shard, count(*) from onec_staging.images_files group by 1 order by 1") == [
        (1, 2),
        (2, 2),
        (3, 1),
    ]


def test_an_unchanged_tree_has_nothing_to_publish_and_no_shards(shop):
    shipped(shop, 3)
    shop()
    assert plan_images(request(shop), str(shop.media)) == 0
    assert counts(collect_images(request(shop), str(shop.media))) == (0, 3, 0)


def test_shards_may_be_published_in_any_order_and_twice_and_each_image_is_copied_once(shop):
    shipped(shop, 5)
    shards = plan_images(request(shop), str(shop.media), shard_bytes=30_000)
    seen = [publish_shard(request(shop), str(shop.media), shard).processed for shard in (shards, 1, 1, 2)]
    assert seen == [1, 3, 3, 5]
    assert counts(collect_images(request(shop), str(shop.media))) == (5, 0, 0)
    assert shop.one("select count(*) from onec.product_images where is_main") == 5


def test_a_plan_that_its_run_makes_once_more_while_it_is_worked_on_stays(shop):
    shipped(shop, 5)
    shards = plan_images(request(shop), str(shop.media), shard_bytes=30_000)
    publish_shard(request(shop), str(shop.media), 1)
    assert plan_images(request(shop), str(shop.media), shard_bytes=30_000) == shards
    for shard in range(2, shards + 1):
        publish_shard(request(shop), str(shop.media), shard)
    assert counts(collect_images(request(shop), str(shop.media))) == (5, 0, 0)


def test_a_shard_that_was_not_published_is_no_small_matter(shop):
    shipped(shop, 5)
    plan_images(request(shop), str(shop.media), shard_bytes=30_000)
    publish_shard(request(shop), str(shop.media), 2)
    with pytest.raises(DatabaseError, match="3 files of this import of images have not been published"):
        collect_images(request(shop), str(shop.media))
    assert shop.one("select count(*) from onec.product_images") == 0


def test_a_living_run_keeps_its_plan_and_a_dead_one_loses_it_to_the_next(shop):
    shipped(shop, 2)
    with run_lock(shop.database_url, "run-1"):
        plan_images(request(shop), str(shop.media))
        with pytest.raises(ImportBusyError, match="An import of images is already running: run run-1"):
            plan_images(request(shop, "run-2"), str(shop.media))
    plan_images(request(shop, "run-2"), str(shop.media))
    with pytest.raises(DatabaseError, match="The plan of this import of images is not in the database any more"):
        publish_shard(request(shop), str(shop.media), 1)
    with pytest.raises(DatabaseError, match="The plan of this import of images is not in the database any more"):
        collect_images(request(shop), str(shop.media))


def test_the_last_step_may_be_done_twice_and_says_the_same(shop):
    shipped(shop, 5)
    plan_images(request(shop), str(shop.media))
    publish_shard(request(shop), str(shop.media), 1)
    landed, again = (collect_images(request(shop), str(shop.media)) for _ in range(2))
    assert counts(landed) == counts(again) == (5, 0, 0)
    assert (landed.details, landed.fingerprint) == (again.details, again.fingerprint)
    assert shop.one("select count(*) from onec.product_images") == 5


def test_a_run_that_repeats_one_which_failed_when_all_had_landed_reports_that(shop):
    shipped(shop, 5)
    plan_images(request(shop), str(shop.media))
    publish_shard(request(shop), str(shop.media), 1)
    collect_images(request(shop), str(shop.media))
    adopt_plan(shop.database_url, "run-2", ["run-1"])
    assert counts(collect_images(request(shop, "run-2"), str(shop.media))) == (5, 0, 0)
    with pytest.raises(DatabaseError, match="The plan of this import of images is not in the database any more"):
        collect_images(request(shop, "run-3"), str(shop.media))


def test_the_last_step_waits_until_another_import_has_been_refused(shop):
    shipped(shop, 2)
    plan_images(request(shop), str(shop.media))
    publish_shard(request(shop), str(shop.media), 1)
    with ThreadPoolExecutor(1) as thread:
        with import_lock(shop.database_url, "images"):
            landing = thread.submit(collect_images, request(shop), str(shop.media))
            time.sleep(1)
        assert counts(landing.result(timeout=30)) == (2, 0, 0)


def test_a_run_goes_on_with_the_plan_of_whichever_run_it_repeats_left_it(shop):
    shipped(shop, 2)
    plan_images(request(shop), str(shop.media))
    adopt_plan(shop.database_url, "run-3", ["run-2", "run-1"])  # run-2 failed before it could take the plan over
    publish_shard(request(shop, "run-3"), str(shop.media), 1)
    assert counts(collect_images(request(shop, "run-3"), str(shop.media))) == (2, 0, 0)


def test_an_import_under_the_id_of_the_one_before_is_another_import(shop):
    shipped(shop, 2)
    assert counts(shop(run_id="nightly")) == (2, 0, 0)
    assert counts(shop(run_id="nightly")) == (0, 2, 0)


def test_a_file_that_a_dead_run_published_is_removed_when_1c_does_not_name_it_any_more(shop):
    shipped(shop, 2)
    plan_images(request(shop), str(shop.media))
    publish_shard(request(shop), str(shop.media), 1)
    shop.goods({"g0": ["import_files/0.jpg"]})
    assert counts(shop()) == (1, 0, 0)
    assert sorted(path.name for path in shop.media.rglob("*.jpg")) == ["0.jpg"]
    assert shop.rows("select * from onec.media_deletions") == []


def test_the_file_of_a_removed_image_stays_for_the_days_that_are_set(shop):
    shipped(shop, 2)
    shop.goods({"g0": ["import_files/0.jpg", "import_files/1.jpg"]})
    shop()
    shop.goods({"g0": ["import_files/0.jpg"]})
    assert shop(keep_days=7).counters.removed == 1
    age = "update onec.media_deletions set since = now() - interval '{}' returning media_path"
    for days, left in (("6 days", ["0.jpg", "1.jpg"]), ("7 days", ["0.jpg"])):
        assert shop.rows(age.format(days)) == [("1.jpg",)]
        assert shop(keep_days=7).counters.removed == 0
        assert shop.files() == left


def test_the_file_of_an_image_that_is_named_again_stays(shop):
    shipped(shop, 2)
    both = {"g0": ["import_files/0.jpg", "import_files/1.jpg"]}
    shop.goods(both)
    shop()
    shop.goods({"g0": ["import_files/0.jpg"]})
    shop(keep_days=7)
    shop.goods(both)
    shop(keep_days=7)
    assert shop.rows("select * from onec.media_deletions") == []
    assert counts(shop()) == (0, 2, 0)
    assert shop.files() == ["0.jpg", "1.jpg"]


def test_files_are_deleted_however_many_they_are_and_some_lines_tell_how_many(shop, caplog):
    shipped(shop, 1)
    shop()
    for number in range(4500):
        (shop.media / f"old{number}.jpg").touch()
    shop.connection.execute(
        "insert into onec.media_deletions select 'old' || number || '.jpg', now() from generate_series(0, 4499) number"
    )
    with caplog.at_level("INFO", "onec_pipelines"):
        shop()
    assert shop.files() == ["0.jpg"]
    assert shop.rows("select * from onec.media_deletions") == []
    lines = [message for message in caplog.messages if "deleted" in message]
    assert [line.split()[0] for line in lines] == ["1000", "2000", "4000", "4500"]


@pytest.mark.parametrize("delta", [False, True])
def test_the_guard_stands_before_images_in_an_export_of_any_kind(delta, shop):
    shipped(shop, 20)
    shop()
    fewer = {f"g{number}": [f"import_files/{number}.jpg"] * (number < 12) for number in range(20)}
    shop.goods(fewer, delta=delta)
    for _ in range(2):
        report = shop(max_deactivation=0.3)
        assert [(guard.before, guard.removed, guard.allows) for guard in report.guards] == [(20, 8, False)]
        assert report.counters.removed == 0
        assert "нет 8 из 20 изображений, которые были в прежних (40 %)" in report.notices[0]
        assert len(shop.files()) == report.row_count == 20
    report = shop(max_deactivation=0.4)
    assert (report.counters.removed, report.row_count, report.notices) == (8, 12, ())
    assert len(shop.files()) == 12


def test_files_that_cannot_be_removed_are_told_and_removed_by_the_next_import(shop):
    shipped(shop, 2)
    shop.goods({"g0": ["import_files/0.jpg", "import_files/1.jpg"]})
    shop()
    shop.goods({"g0": ["import_files/0.jpg"]})
    (shop.media / "1.jpg").unlink()
    (shop.media / "1.jpg").mkdir()
    (notice,) = shop().notices
    assert notice.startswith("Files that no image names any more are still in the media store: The media store ")
    (shop.media / "1.jpg").rmdir()
    assert shop().notices == ()
    assert shop.rows("select * from onec.media_deletions") == []


def test_an_import_that_fails_leaves_no_plan_behind(shop):
    shipped(shop, 2)
    shop.media.write_text("in the way")
    with pytest.raises(MediaStoreError):
        shop()
    assert shop.rows("select relname from pg_class where relnamespace = 'onec_staging'::regnamespace") == []


def test_an_image_is_decoded_to_its_last_pixel_where_that_is_asked_for(shop):
    data = bytearray(drawn_png())
    data[len(data) // 2] ^= 0xFF
    shop.ship("import_files/a.png", bytes(data))
    shop.goods({"g": ["import_files/a.png"]})
    assert counts(shop()) == (1, 0, 0)
    assert counts(shop(full=True, force=True)) == (0, 0, 1)
    assert shop.rejected() == [("g", "import_files/a.png", "изображение повреждено: не раскодируется полностью")]


def drawn_png() -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(200 * 200 * 3)).save(file, "PNG")  # noqa: S311
    return file.getvalue()


def test_the_report_carries_an_image_of_what_was_published_and_none_of_what_was_there(shop):
    shipped(shop, 3)
    sheet = Image.open(io.BytesIO(shop().contact_sheet))
    assert sheet.format == "WEBP"
    assert sheet.width > 300
    assert shop().contact_sheet == b""


# --- under which names

NAMES = "select source_path, media_path from onec.product_images order by source_path"


def names(shop) -> dict[str, str]:
    """The name in the media store of each file of the export; every one of them holds what is on record."""
    for media_path, digest in shop.rows("select media_path, sha256 from onec.product_images"):
        assert hashlib.sha256((shop.media / media_path).read_bytes()).hexdigest() == digest
    return {source.removeprefix("import_files/"): name for source, name in shop.rows(NAMES)}


def shows(shop, *paths: str) -> None:
    """Each path is the image of a product of its own, with a content of its own."""
    for seed, path in enumerate(paths):
        shop.ship(f"import_files/{path}", image(seed))
    shop.goods({f"g{place}": [f"import_files/{path}"] for place, path in enumerate(paths)})


def digits(path: str, shop, number: int = 8) -> str:
    return hashlib.sha256((shop.root / "goods/import_files" / path).read_bytes()).hexdigest()[:number]


def published_by_0_1_0(shop, path: str) -> None:
    """Put an image where 0.1.0 would have: under the name that 1C gave it."""
    (name,) = shop.connection.execute(
        "update onec.product_images n set media_path = %s from onec.product_images o "
        "where o.id = n.id and n.source_path = %s returning o.media_path",
        [path, f"import_files/{path}"],
    ).fetchone()
    (shop.media / name).rename(shop.media / path)


HOSTILE = [
    "promo.html", "promo.php", "promo.svg", ".htaccess", ".user.ini", "promo", "promo.png", ".git/config",
    "a/.b/c.html", "promo.jpg.html", "скидка", "a\x85b.jpg", "x\u202egpj.html", "x" * 255, "я" * 127, "con",
    "promo.php%00", "a b.htm",
]  # fmt: skip


def test_an_image_of_any_name_is_published_under_one_that_is_nothing_but_an_image(shop):
    shows(shop, *HOSTILE, "usual.JPG", "usual.jfif")
    assert counts(shop()) == (len(HOSTILE) + 2, 0, 0)
    published = names(shop)
    assert published["promo.html"] == "promo.html.jpg"
    assert {path for path, name in published.items() if path == name} == {"usual.JPG", "usual.jfif"}
    assert sorted(published.values()) == shop.files()
    for name in published.values():
        assert name.lower().endswith((".jpg", ".jfif"))
        assert not re.search(r"(^|/)\.|[\x00-\x1f\x7f-\x9f\u202e]", name)


def test_a_remote_store_has_the_same_names(shop):
    media_url = f"memory://{uuid.uuid4()}/media"
    shows(shop, "promo.html", "promo", "promo.jpg")
    import_images(shop.root, shop.database_url, media_url)
    assert sorted(open_store(media_url).listing()) == sorted(
        ["promo.html.jpg", "promo.jpg", f"promo-{digits('promo', shop)}.jpg"]
    )
    assert import_images(shop.root, shop.database_url, media_url).counters.created == 0


def test_a_second_import_of_renamed_images_copies_nothing_looks_at_none_and_writes_no_row(shop):
    shows(shop, "promo.html", ".htaccess", "promo", "promo.jpg")
    shop()
    versions, files = shop.rows(VERSIONS), shop.files()
    assert counts(shop()) == (0, 4, 0)
    assert (shop.rows(VERSIONS), shop.files()) == (versions, files)
    plan_images(request(shop), str(shop.media))
    assert shop.rows("select * from onec_staging.images_references") == []


@pytest.mark.parametrize("paths", [("promo", "promo.jpg"), ("promo.jpg", "promo")], ids=" before ".join)
def test_of_two_names_that_become_one_the_exact_one_keeps_it(shop, paths):
    shows(shop, *paths)
    assert counts(shop()) == (2, 0, 0)
    assert names(shop) == {"promo.jpg": "promo.jpg", "promo": f"promo-{digits('promo', shop)}.jpg"}


def test_a_name_that_was_made_up_against_the_digits_is_not_overwritten(shop):
    shows(shop, "promo", "promo.jpg")
    made_up = f"promo-{digits('promo', shop)}.jpg"
    shows(shop, "promo", "promo.jpg", made_up)
    assert counts(shop()) == (3, 0, 0)
    assert names(shop) == {
        "promo.jpg": "promo.jpg", made_up: made_up, "promo": f"promo-{digits('promo', shop, 16)}.jpg"
    }  # fmt: skip


def test_of_two_names_of_which_none_is_exact_one_gets_digits(shop):
    shows(shop, ".a", "_a")
    assert counts(shop()) == (2, 0, 0)
    published = names(shop)
    assert sorted(published.values()) in [
        sorted(["_a.jpg", f"_a-{digits(other, shop)}.jpg"]) for other in (".a", "_a")
    ]  # fmt: skip
    assert shop.files() == sorted(published.values())


def test_a_name_on_record_stays_with_its_file_when_one_that_bears_it_comes_later(shop):
    shows(shop, "promo")
    shop()
    versions = shop.rows(VERSIONS)
    shows(shop, "promo", "promo.jpg")
    os.utime(shop.root / "goods/import_files/promo", (1, 1))
    assert counts(shop()) == (1, 1, 0)
    assert names(shop) == {"promo": "promo.jpg", "promo.jpg": f"promo-{digits('promo.jpg', shop)}.jpg"}
    assert shop.rows(VERSIONS)[:1] != versions  # its time was recorded
    assert counts(shop()) == (0, 2, 0)


def test_a_file_that_is_not_shipped_keeps_its_name_from_one_that_bears_it(shop):
    shows(shop, "promo")
    shop()
    (shop.root / "goods/import_files/promo").unlink()
    shop.ship("import_files/promo.jpg", image(7))
    shop.goods({"g0": ["import_files/promo"], "g1": ["import_files/promo.jpg"]})
    assert counts(shop()) == (1, 1, 0)
    assert names(shop) == {"promo": "promo.jpg", "promo.jpg": f"promo-{digits('promo.jpg', shop)}.jpg"}


def test_a_changed_image_takes_the_digits_of_what_it_shows_now_and_leaves_no_file_behind(shop):
    shows(shop, "promo", "promo.jpg")
    shop()
    shop.ship("import_files/promo", image(9))
    assert counts(shop()) == (1, 1, 0)
    assert shop.files() == sorted(["promo.jpg", f"promo-{digits('promo', shop)}.jpg"])
    assert sorted(names(shop).values()) == shop.files()


def test_names_are_no_other_files_in_whatever_order_and_how_often_shards_are_published(shop):
    shows(shop, "promo", "promo.jpg", ".a", "_a", "promo.html")
    shards = plan_images(request(shop), str(shop.media), shard_bytes=1)
    assert shards == 5
    for shard in (5, 4, 3, 2, 1):
        publish_shard(request(shop), str(shop.media), shard)
    first = shop.files()
    shop.connection.execute("delete from onec_staging.images_results")  # their worker died before it could record them
    for shard in (1, 2, 3, 4, 5):
        publish_shard(request(shop), str(shop.media), shard)
    assert counts(collect_images(request(shop), str(shop.media))) == (5, 0, 0)
    assert shop.files() == first == sorted(names(shop).values())


def test_one_file_of_two_products_has_one_name_however_the_xml_spells_it(shop):
    shop.ship("import_files/promo.html")
    shop.ship("import_files/a.jpg", image(2))
    shop.goods({"g": ["import_files/promo.html", "a.jpg"]})
    shop()
    shop.goods({"g": ["import_files/promo.html", "a.jpg"], "h": ["promo.html", "./import_files//a.jpg"]})
    shop()
    assert shop.files() == ["a.jpg", "promo.html.jpg"]
    assert shop.one("select count(distinct media_path) || ' of ' || count(*) from onec.product_images") == "2 of 4"


def test_the_thumbnails_and_the_contact_sheet_show_renamed_images(shop):
    shows(shop, "promo.html")
    assert shop().contact_sheet
    assert make_thumbnails(shop.database_url, str(shop.media), sizes=[10]).counters.created == 1
    assert {path.suffix for path in (shop.media / "thumbnails").rglob("*.*")} == {".webp"}


def test_a_path_without_room_for_its_extension_is_rejected(shop):
    path = "d/" * 505 + "abc"
    shop.ship(f"import_files/{path}")
    shop.goods({"g": [f"import_files/{path}"]})
    assert counts(shop()) == (0, 0, 1)
    assert shop.rejected() == [("g", f"import_files/{path}", "путь длиннее 1024 байт")]


# --- what 0.1.0 has published under the names that 1C gave


@pytest.fixture
def upgraded(shop) -> Shop:
    """A shop that 0.1.0 has filled: of three names one is as it should be."""
    shows(shop, "promo.html", ".htaccess", "usual.jpg")
    shop()
    for path in ("promo.html", ".htaccess"):
        published_by_0_1_0(shop, path)
    return shop


def test_what_is_published_under_its_own_name_stays_there_as_long_as_it_shows_the_same(upgraded):
    versions = upgraded.rows(VERSIONS)
    assert counts(upgraded()) == (0, 3, 0)
    assert upgraded.rows(VERSIONS) == versions
    os.utime(upgraded.root / "goods/import_files/promo.html", (1, 1))
    assert counts(upgraded()) == (0, 3, 0)
    assert upgraded.files() == [".htaccess", "promo.html", "usual.jpg"]
    assert names(upgraded)["promo.html"] == "promo.html"


def test_it_gets_its_new_name_when_its_image_changes(upgraded):
    upgraded.ship("import_files/promo.html", image(9))
    assert counts(upgraded()) == (1, 2, 0)
    assert upgraded.files() == [".htaccess", "promo.html.jpg", "usual.jpg"]
    assert names(upgraded)["promo.html"] == "promo.html.jpg"


def test_all_get_their_new_names_by_force(upgraded):
    assert counts(upgraded(force=True)) == (3, 0, 0)
    assert upgraded.files() == ["_htaccess.jpg", "promo.html.jpg", "usual.jpg"]


def test_those_get_their_new_names_that_are_taken_out_of_the_store(upgraded):
    (upgraded.media / "promo.html").unlink()
    assert counts(upgraded()) == (1, 2, 0)
    assert upgraded.files() == [".htaccess", "promo.html.jpg", "usual.jpg"]


def test_another_product_that_shows_the_same_file_does_so_under_the_new_name(upgraded):
    versions = upgraded.rows(VERSIONS)
    listed = {"g0": "promo.html", "g1": ".htaccess", "g2": "usual.jpg", "g3": "promo.html"}
    upgraded.goods({good: [f"import_files/{path}"] for good, path in listed.items()})
    assert counts(upgraded()) == (1, 3, 0)
    assert upgraded.files() == [".htaccess", "promo.html", "promo.html.jpg", "usual.jpg"]
    assert upgraded.rows(VERSIONS)[:3] == versions


def test_an_old_name_is_given_to_no_other_product_when_the_file_has_a_new_time(upgraded):
    os.utime(upgraded.root / "goods/import_files/promo.html", (1, 1))
    listed = {"g0": "promo.html", "g1": ".htaccess", "g2": "usual.jpg", "g3": "promo.html"}
    upgraded.goods({good: [f"import_files/{path}"] for good, path in listed.items()})
    assert counts(upgraded()) == (1, 3, 0)
    assert upgraded.files() == [".htaccess", "promo.html.jpg", "usual.jpg"]


def test_the_operators_query_finds_what_has_a_name_that_is_no_images(upgraded):
    shows(upgraded, "promo.html", ".htaccess", "usual.jpg", "a.JPG", "b.png", "c\x85.jpg", ".d/e.jpg", "f")
    for path in ("b.png", "c\x85.jpg", ".d/e.jpg"):
        upgraded()
        (upgraded.media / path).parent.mkdir(exist_ok=True)
        published_by_0_1_0(upgraded, path)
    (query,) = re.findall(r"```sql\n(select[^`]*i\.media_path !~[^`]*?);\n```", OPERATING.read_text("utf-8"))
    found = {row[-1] for row in upgraded.rows(query.replace("%", "%%"))}
    assert found == {"promo.html", ".htaccess", "b.png", "c\x85.jpg", ".d/e.jpg"}


# --- an export that goes away


def test_an_export_that_is_renamed_while_images_are_published_changes_no_record(shop):
    shows(shop, "a.jpg", "b.jpg")
    plan_images(request(shop), str(shop.media))
    (shop.root / "goods/import_files").rename(shop.root / "goods/old")
    with pytest.raises(ExportError, match="Директория изображений исчезла во время импорта") as gone:
        publish_shard(request(shop), str(shop.media), 1)
    assert "права" not in str(gone.value)
    (shop.root / "goods/old").rename(shop.root / "goods/import_files")
    assert counts(shop()) == (2, 0, 0)

"""kill -9 in the course of an import: the tables are the old state or the new, and the next import completes.

Twenty points spread over the course of each import, every other one in the middle of an exchange that PostgreSQL
has got and answers to nobody, and two on either side of the COMMIT. The shop goes back and forth between two
versions, so that a kill finds the database as the import before it left it.
"""

import hashlib
import json

import pytest

pytestmark = pytest.mark.slow

IMPORT_TYPES = ("catalog", "stocks", "prices", "customers", "images")
POINTS = 20
COMMIT = "_exit_gen"
"""What psycopg calls the end of a transaction."""


def points(events: list[str]) -> list[tuple[int, bool]]:
    """Where to kill, and whether the statement there is sent before."""
    last = len(events) - 1
    spread = [(round(number * last / (POINTS - 1)), number % 2 == 1) for number in range(POINTS)]
    commit = last - events[::-1].index(COMMIT)
    return [*spread, (commit, False), (commit, True), (min(commit + 1, last), False)]


def totals(answer: dict) -> dict:
    return answer["report"]["counters"]


@pytest.mark.parametrize("import_type", IMPORT_TYPES)
def test_a_killed_import_leaves_the_old_state_or_the_new_and_the_next_one_completes(import_type, shop, driver):
    for first in IMPORT_TYPES[: IMPORT_TYPES.index(import_type) + 1]:
        assert "report" in driver.order(shop.order(first, "a"))
    course, states, files, counters = {}, {}, {}, {}
    for version in "baba":
        answer = driver.order(shop.order(import_type, version))
        course[version], counters[version] = answer["events"], totals(answer)
        states[version], files[version] = shop.contents(), shop.files()
    assert states["a"] != states["b"]
    old, new = "a", "b"
    landed = []
    for at, sent in points(course["b"]):
        registered, past = shop.registered(), shop.past()
        answer = driver.order(shop.order(import_type, new), at=at, sent=sent)
        assert answer == {"killed": 9} or at > len(course[new]) - 5
        shop.settle(planned=import_type == "images")
        state = shop.contents()
        assert state in (states[old], states[new]), f"killed in {course[new][at]}, event {at}"
        for path, digest in shop.files().items():
            assert path.endswith(".part") or digest in (files[old][path], files[new][path])
        landed.append(state == states[new])
        assert shop.registered() == registered + landed[-1]
        assert landed[-1] or shop.past() == past

        completed = totals(driver.order(shop.order(import_type, new)))
        assert shop.contents() == states[new]
        assert shop.files() == files[new]
        assert completed["total"] == counters[new]["total"]
        assert landed[-1] or completed == counters[new]
        assert not landed[-1] or completed["created"] == completed["updated"] == 0
        shop.settle()
        old, new = new, old
    assert set(landed) == {True, False}


def test_an_image_that_is_no_longer_listed_is_removed_by_the_import_after_the_killed_one(
    shop, driver, tmp_path, write_shop
):
    driver.order(shop.order("catalog", "a"))
    driver.order(shop.order("images", "a"))
    shop.versions = {"fewer": write_shop(tmp_path / "fewer", "a", images=40)}
    driver.order(shop.order("catalog", "fewer"))
    assert driver.order(shop.order("images", "fewer"), at=["unlink", 3]) == {"killed": 9}
    shop.settle()
    assert len(shop.rows("select id from onec.product_images")) == 40
    assert len(shop.files()) == 45
    assert driver.order(shop.order("images", "fewer"))["report"]["counters"]["created"] == 0
    assert len(shop.files()) == 40
    assert shop.rows("select * from onec.media_deletions") == []
    shop.settle()


def test_5000_images_killed_half_way_and_repeated_are_there_once_and_whole(
    tmp_path, write_shop, shop, onec, wait_until
):
    export = write_shop(tmp_path / "export", "a", goods=5000, images=5000)
    settings = {
        "ONEC_DATA_DIR": export,
        "ONEC_HOME": tmp_path / "home",
        "ONEC_MEDIA_URL": shop.media,
        "ONEC_DATABASE_URL": shop.database_url,
    }
    assert onec("import", "catalog", **settings).wait(120) == 0
    process = onec("import", "images", **settings)
    wait_until(lambda: process.poll() is not None or len(shop.files()) > 2000)
    process.kill()
    process.wait()
    half = shop.files()
    assert 2000 < len(half) < 5000
    assert shop.rows("select from onec.product_images") == []

    output, errors = (repeated := onec("import", "images", **settings)).communicate(timeout=120)
    assert repeated.returncode == 0, output + errors
    sources = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in export.rglob("*.jpg")}
    assert shop.files() == sources
    assert dict(shop.rows("select media_path, sha256 from onec.product_images")) == sources
    newest, killed, _ = json.loads(onec("sessions", "--json", **settings).communicate(timeout=60)[0])
    assert (newest["status"], killed["status"]) == ("completed", "failed")
    assert newest["counters"]["product_images"] == {
        "total_products": 5000,
        "processed": 5000,
        "copied": 5000,
        "skipped": 0,
        "errors": 0,
        "removed": 0,
    }
    shop.settle()

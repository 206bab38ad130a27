"""PostgreSQL restarted, killed or out of reach: one sentence, the old state, and a run that works afterwards."""

import os
import signal

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE

pytestmark = pytest.mark.slow

COMMIT = "_exit_gen"


def restart(server, _shop):
    server.restart()


def kill(server, _shop):
    server.kill()


def kill_the_backend(_server, shop):
    (pid,) = shop.rows("select pid from pg_stat_activity where state = 'idle in transaction'")
    os.kill(pid, signal.SIGKILL)


def place(events: list[str], where: str) -> int:
    """The number of an event in the course of an import."""
    if where == "reading":
        return events.index("progress") + 1
    if where == "merging":
        return len(events) - events[::-1].index(COMMIT) - 12
    return len(events) - 1 - events[::-1].index(COMMIT)


@pytest.fixture
def small_shop(server, shop_at, driver):
    """A shop in version `a`, and the events of an import of version `b` over it."""
    shop = shop_at(server.new_database())
    events = [driver.order(shop.order("catalog", version))["events"] for version in "baba"]
    return shop, events[-2]


LOST = "; it landed whole or not at all: repeat it when the server works."


@pytest.mark.parametrize(
    ("harm", "where"),
    [
        (restart, "reading"),
        (restart, "committing"),
        (kill, "reading"),
        (kill, "merging"),
        (kill, "committing"),
        (kill_the_backend, "merging"),
    ],
)
def test_a_server_that_goes_away_in_the_middle_is_one_sentence_and_the_next_import_completes(
    harm, where, small_shop, server, shop_at, driver
):
    shop, events = small_shop
    before = shop.contents()
    assert "paused" in driver.order(shop.order("catalog", "b"), at=place(events, where), then="pause")
    harm(server, shop)
    kind, sentence = driver.go_on()["error"]
    assert kind == "DatabaseError"
    assert sentence.startswith("PostgreSQL gave up during the import of catalog: ")
    assert sentence.endswith(LOST)
    server.start()
    shop = shop_at(shop.database_url)
    assert shop.contents() == before
    shop.settle()
    report = driver.order(shop.order("catalog", "b"))["report"]
    assert report["counters"]["updated"] > 0
    assert shop.contents() != before
    shop.settle()


def test_images_go_on_after_the_server_went_away_while_they_were_published(server, shop_at, driver):
    shop = shop_at(server.new_database())
    driver.order(shop.order("catalog", "a"))
    driver.order(shop.order("images", "a"))
    before, published = shop.contents(), shop.files()
    assert driver.order(shop.order("images", "b"), at=["replace", 20], then="pause") == {"paused": "replace"}
    server.kill()
    kind, sentence = driver.go_on()["error"]
    assert kind == "DatabaseError"
    assert sentence.endswith(LOST)
    server.start()
    shop = shop_at(shop.database_url)
    assert shop.contents() == before
    assert shop.files().keys() == published.keys()
    counters = driver.order(shop.order("images", "b"))["report"]["counters"]
    assert (counters["created"], counters["errors"]) == (len(published), 0)
    assert not published.items() & shop.files().items()


def test_a_server_out_of_reach_at_the_start_is_one_sentence_and_the_next_import_works(server, shop_at, driver):
    shop = shop_at(server.new_database())
    server.stop()
    for import_type in ("catalog", "stocks", "prices", "customers", "images"):
        kind, sentence = driver.order(shop.order(import_type, "a"))["error"]
        assert kind == "DatabaseError"
        assert sentence.startswith("PostgreSQL cannot be reached: connecting to database ")
        assert sentence.endswith("check that PostgreSQL runs there and listens on that port.")
    server.start()
    assert driver.order(shop.order("catalog", "a"))["report"]["counters"]["created"] > 0


# --- as people see it


@pytest.fixture
def settings(versions, server, tmp_path):
    return {
        "ONEC_DATA_DIR": versions["a"],
        "ONEC_HOME": tmp_path / "home",
        "ONEC_MEDIA_URL": tmp_path / "media",
        "ONEC_DATABASE_URL": server.new_database(),
    }


def test_the_command_says_that_the_server_is_out_of_reach_and_works_when_it_is_back(server, settings, onec):
    server.stop()
    for command in (["import", "catalog"], ["sessions"]):
        output, errors = (process := onec(*command, **settings)).communicate(timeout=60)
        assert (process.returncode, output) == (1, "")
        assert errors.startswith("✗ PostgreSQL cannot be reached: connecting to database ")
        assert errors.count("\n") == 1
    server.start()
    output, errors = (process := onec("import", "catalog", **settings)).communicate(timeout=60)
    assert process.returncode == 0, output + errors


@pytest.mark.parametrize("harm", [restart, pytest.param(kill, marks=pytest.mark.slow)])
def test_an_import_under_dagster_whose_server_goes_away_ends_with_a_sentence_and_the_next_one_works(
    harm, server, settings, onec, wait_until
):
    with connect(settings["ONEC_DATABASE_URL"]) as other:
        other.execute("select pg_advisory_lock(%s, hashtext('merge'))", [NAMESPACE])
        process = onec("import", "catalog", **settings)
        waiting = "select from pg_locks where locktype = 'advisory' and classid = %s and not granted"
        wait_until(lambda: other.execute(waiting, [NAMESPACE]).rowcount == 1)
        harm(server, None)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in output + errors
    server.start()
    output, errors = (process := onec("import", "catalog", **settings)).communicate(timeout=60)
    assert process.returncode == 0, output + errors
    with connect(settings["ONEC_DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from onec.products").fetchone() == (260,)


def test_a_killed_embedded_server_is_started_again_by_the_next_command(server, settings, onec):
    server.start()
    server.kill()
    with_embedded = {**settings, "ONEC_HOME": server.home, "ONEC_DATABASE_URL": ""}
    output, errors = (process := onec("import", "catalog", **with_embedded)).communicate(timeout=60)
    assert process.returncode == 0, output + errors

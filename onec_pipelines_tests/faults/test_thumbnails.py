"""Thumbnails whose making is killed, or whose server or disk goes away: old records or new ones, and no work twice."""

import pytest

pytestmark = pytest.mark.slow

STYLES = {"a": {"sizes": [8]}, "b": {"sizes": [8, 16], "quality": 30}}
POINTS = 16
COMMIT = "_exit_gen"
"""What psycopg calls the end of a transaction."""


def order(shop, style: str, **more) -> dict:
    """An order for thumbnails in one of two styles, each of them kept when it is made."""
    return shop.order("thumbnails", "a", **STYLES[style]) | {"checkpoint_seconds": 0} | more


def publish(shop, driver) -> None:
    for import_type in ("catalog", "images"):
        assert "report" in driver.order(shop.order(import_type, "a"))


def test_a_killed_run_leaves_the_old_records_or_the_new_and_the_next_one_makes_the_others(shop, driver):
    publish(shop, driver)
    states, files, events = {}, {}, {}
    for style in "abab":
        events[style] = driver.order(order(shop, style))["events"]
        states[style], files[style] = shop.contents(), shop.files()
    old, new, landed = "b", "a", []
    for number in range(POINTS):
        last = len(events[new]) - 1
        commit = last - events[new][::-1].index(COMMIT)
        at = [round(number * last / (POINTS - 3)), commit][number >= POINTS - 2]
        answer = driver.order(order(shop, new, at=at, sent=number % 2 == 1))
        assert answer == {"killed": 9} or at > last - 5
        shop.settle(planned=True)
        landed.append(shop.contents() == states[new])
        assert landed[-1] or shop.contents() == states[old]
        for path, digest in shop.files().items():
            assert path.endswith(".part") or digest in (files[old].get(path), files[new].get(path))

        driver.order(order(shop, new))
        driver.order(shop.order("images", "a"))  # sweeps half-written files
        assert shop.contents() == states[new]
        assert shop.files() == files[new]
        shop.settle()
        old, new = new, old
    assert set(landed) == {True, False}


def test_what_was_made_before_the_server_was_killed_is_not_made_again(server, shop_at, driver):
    shop = shop_at(server.new_database())
    publish(shop, driver)
    before = shop.contents()
    assert driver.order(order(shop, "a"), at=["replace", 40], then="pause") == {"paused": "replace"}
    server.kill()
    kind, sentence = driver.go_on()["error"]
    assert kind == "DatabaseError"
    assert sentence.startswith("PostgreSQL gave up during the making of thumbnails: ")
    server.start()
    shop = shop_at(shop.database_url)
    assert shop.contents() == before
    counters = driver.order(order(shop, "a"))["report"]["counters"]
    assert counters["created"] + counters["skipped"] == 48
    assert counters["skipped"] >= 20
    assert len(shop.rows("select from onec.product_thumbnails")) == 48
    shop.settle()

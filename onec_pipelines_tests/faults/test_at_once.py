"""Two imports at once from two processes, and an import of files that another process is writing."""

import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

IMPORT_TYPES = ("catalog", "stocks", "prices", "customers", "images")
WRITER = """
import pathlib, random, shutil, sys, time
target, *versions = map(pathlib.Path, sys.argv[1:])
pause = random.Random(5)
while True:
    for version in versions:
        for file in sorted(version.rglob("*.xml")):
            shutil.copyfile(file, target / file.relative_to(version))
            time.sleep(0.002)
        print(version.name, flush=True)
        time.sleep(pause.uniform(0, 0.4))
"""
"""Writes an export over and over, as 1C does it: each file in its place, a pause after the last one."""


def test_of_two_imports_of_a_kind_the_second_is_refused_and_the_first_lands(shop, driver, another_driver):
    second = another_driver()
    for import_type in IMPORT_TYPES:
        assert "paused" in driver.order(shop.order(import_type, "a"), at=["progress", 1], then="pause")
        kind, sentence = second.order(shop.order(import_type, "b"))["error"]
        assert kind == "ImportBusyError"
        assert sentence.startswith(f"An import of {import_type} is already running")
        assert driver.go_on()["report"]["counters"]["created"] > 0
        shop.settle()
    assert set(shop.rows("select name from onec.products")) == {"Стул a"}


@pytest.mark.parametrize("import_type", IMPORT_TYPES)
def test_of_two_imports_that_start_together_one_lands_and_the_other_is_refused_or_finds_nothing_new(
    import_type, shop, driver, another_driver
):
    second = another_driver()
    for first in IMPORT_TYPES[: IMPORT_TYPES.index(import_type) + 1]:
        driver.order(shop.order(first, "a"))
    states = {}
    for version in "baba":
        driver.order(shop.order(import_type, version))
        states[version] = shop.contents()
    for version in "bababa":
        for process in (driver, second):
            process.send(shop.order(import_type, version))
        answers = [process.answer() for process in (driver, second)]
        reports = [answer["report"] for answer in answers if "report" in answer]
        refusals = [answer["error"][0] for answer in answers if "error" in answer]
        assert len(reports) >= 1
        assert set(refusals) <= {"ImportBusyError"}
        changed = [report for report in reports if report["counters"]["created"] + report["counters"]["updated"]]
        assert len(changed) == 1
        assert shop.contents() == states[version]
        shop.settle()


def test_imports_of_all_kinds_that_start_together_all_land(shop, driver, another_driver):
    drivers = [driver, *(another_driver() for _ in IMPORT_TYPES[1:])]
    for version in "aba":
        driver.order(shop.order("catalog", version))
        for process, import_type in zip(drivers, IMPORT_TYPES, strict=True):
            process.send(shop.order(import_type, version, force=True))
        answers = [process.answer() for process in drivers]
        assert [answer.get("error") for answer in answers] == [None] * 5
        shop.settle()
    held = shop.rows("select count(*) from onec.prices"), shop.rows("select count(*) from onec.stocks")
    assert held == ([1040], [1040])


def test_an_import_while_the_files_are_rewritten_lands_one_version_or_none(shop, driver, tmp_path, versions):
    states = {}
    for version in "baba":
        driver.order(shop.order("catalog", version))
        states[version] = shop.contents()
    shop.versions = {"live": tmp_path / "live"}
    for file in versions["a"].rglob("*"):
        if file.is_dir():
            (tmp_path / "live" / file.relative_to(versions["a"])).mkdir(parents=True, exist_ok=True)
    arguments = [sys.executable, "-c", WRITER, tmp_path / "live", versions["a"], versions["b"]]
    landed = refused = 0
    with subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE) as writer:
        try:
            writer.stdout.readline()
            before = shop.contents()
            deadline = time.monotonic() + 12
            while (landed < 5 or refused < 5) and time.monotonic() < deadline:
                answer = driver.order(shop.order("catalog", "live"))
                after = shop.contents()
                if "report" in answer:
                    landed += 1
                    assert after in (states["a"], states["b"])
                else:
                    refused += 1
                    assert answer["error"][0] == "ExportError", answer
                    assert after == before
                before = after
        finally:
            writer.kill()
    assert refused
    shop.settle()

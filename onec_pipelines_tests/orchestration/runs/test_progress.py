"""Live progress: few events however long a run takes, a tag that is always fresh."""

import itertools
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import dagster as dg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import tags_lock
from onec_pipelines.demo import write_demo
from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.metadata import bar_text, counter_values
from onec_pipelines.orchestration.runs.progress import (
    ASSETS_TAG,
    CANCELED,
    FAILED,
    LANDED,
    MAX_EVENTS,
    PASSED,
    PROGRESS_TAG,
    RESULT,
    Pace,
    RunTags,
    always,
    counters_reached,
    headline,
    line_interval,
    parse_progress,
    progress_of,
    result_of,
)


def play(
    seconds: float, *, assets: int = 1, step: float = 0.5, part: tuple[int, int] = (1, 1)
) -> tuple[list[float], list[float]]:
    """When an import of this length showed its tag and its lines, by a clock that steps."""
    pace = Pace.shared(assets, 0.0, part)
    tags, lines = [], []
    for tick in range(int(seconds / step) + 1):
        moment = tick * step
        if pace.tag_is_due(moment):
            tags.append(moment)
        if pace.line_is_due(moment, always):
            lines.append(moment)
    return tags, lines


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


@pytest.mark.parametrize("shards", [1, 7, 300])
@pytest.mark.parametrize("assets", [1, 5])
def test_a_plan_and_all_its_shards_write_no_more_than_one_import(assets, shards):
    parts = [(1, 2), *((shards + shard, 2 * shards) for shard in range(1, shards + 1))]
    played = [play(3600, assets=assets, part=part, step=5) for part in parts]
    assert 30 < assets * sum(len(lines) for _, lines in played) <= MAX_EVENTS


def test_a_line_that_may_not_be_shown_now_is_not_counted():
    pace = Pace.shared(1, 0.0)
    assert not pace.line_is_due(10.0, lambda: False)
    assert not pace.line_is_due(11.0, always)
    assert pace.line_is_due(12.0, always)
    assert pace.lines_shown == 1


@pytest.mark.parametrize("seconds", [1, 10, 60, 600, 3_600, 12 * 3_600])
@pytest.mark.parametrize("assets", [1, 2, 5])
def test_a_run_of_any_length_writes_at_most_100_lines(seconds, assets):
    _, lines = play(seconds, assets=assets)
    assert assets * len(lines) <= MAX_EVENTS == 100


def test_the_tag_is_fresh_to_two_seconds_for_ever():
    tags, _ = play(12 * 3_600)
    assert tags[0] == 0
    assert set(gaps(tags)) == {2.0}


def test_an_import_of_a_minute_shows_a_line_every_two_seconds():
    _, lines = play(60)
    assert len(lines) == 30
    assert max(gaps(lines)) <= 5


def test_an_asset_of_a_full_refresh_shows_a_line_every_two_seconds_at_first():
    _, lines = play(18, assets=5)
    assert len(lines) == 9


def test_an_import_of_three_hours_still_shows_lines_at_its_end():
    _, lines = play(3 * 3_600)
    assert lines[-1] > 2.5 * 3_600


def test_intervals_never_shrink_and_end_in_silence():
    intervals = [line_interval(shown, 90) for shown in range(91)]
    assert intervals == sorted(intervals)
    assert (intervals[0], intervals[45], intervals[-1]) == (2.0, 2.0, float("inf"))


@pytest.mark.parametrize(
    ("counters", "text"),
    [
        (Counters(total=2000, processed=500), "[#####---------------] 25% 500/2000"),
        (Counters(total=0, processed=0), "[--------------------] 0% 0/0"),
        (Counters(total=3, processed=3), "[####################] 100% 3/3"),
        (Counters(total=3, processed=4), "[####################] 133% 4/3"),
    ],
)
def test_the_bar_is_text(counters, text):
    assert bar_text(counters) == text


@pytest.mark.parametrize(
    ("text", "counters"),
    [
        ("5/9", Counters(total=9, processed=5)),
        (None, Counters()),
        ("", Counters()),
        ("soon", Counters()),
        ("-1/9", Counters()),
        ("5/9/2", Counters()),
    ],
)
def test_the_progress_tag_can_be_read_back(text, counters):
    assert parse_progress(text) == counters


LAST_WEEK = Counters(95, 95, 91, 0, 0, 4)
IMAGES, PRICES = ("product_images", LANDED, LAST_WEEK), ("prices", LANDED, Counters(9, 9, 5, 1, 1, 2, 7))
CREATED = ("catalog", LANDED, Counters(9, 9, created=182))
UNCHANGED = ("stocks", LANDED, Counters(231, 231, skipped=231))


def result(*assets: tuple[str, str, Counters], reason: str = "") -> str:
    known = {asset: {**asdict(counters), "result": result, "reason": reason} for asset, result, counters in assets}
    return result_of(known, alone=len(assets) == 1)


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        ([IMAGES], "4 errors, 91 copied"),
        ([PRICES], "2 errors, 5 created"),
        ([UNCHANGED], "231 skipped"),
        ([("prices", LANDED, Counters(1, 1, errors=1))], "1 error"),
        ([("prices", LANDED, Counters(5, 5, removed=3, skipped=5))], "3 removed, 5 skipped"),
        ([("prices", LANDED, Counters())], "nothing"),
        ([IMAGES, PRICES, UNCHANGED], "6 errors (images 4)"),
        ([IMAGES, UNCHANGED], "4 errors (images)"),
        ([UNCHANGED, ("customers", PASSED, Counters())], "no customers"),
        ([CREATED, ("product_images", PASSED, Counters())], "182 created, no images"),
        ([("prices", CANCELED, Counters(9, 4))], "nothing was changed"),
        ([("catalog", LANDED, Counters(9, 9)), ("prices", CANCELED, Counters(9, 4))], "only catalog landed"),
        ([("prices", "", Counters(9, 4))], ""),
    ],
)
def test_the_result_tells_the_worst_first_as_much_as_the_runs_page_shows(assets, said):
    assert result(*assets) == said
    assert len(said) <= 22


def test_the_result_of_a_failed_run_is_the_beginning_of_its_reason():
    failed = ("catalog", FAILED, Counters())
    assert result(failed, reason="Файл goods.xml пуст.") == "Файл goods.xml пуст."
    assert result(IMAGES, failed, reason="Нет прав.") == "catalog: Нет прав."
    said = result(IMAGES, failed, reason="Файл goods_1.xml не читается как XML.")
    assert (said, len(said)) == ("Файл goods_1.xml не…", 20)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "Файл goods/goods_1_2_4645a247-3965-569b-968a-0850f9b5cf49.xml не читается как XML (строка 26): …",
            "не читается как XML",
        ),
        (
            "Файл goods/goods_1.xml не удалось прочитать: нет прав. Проверьте права доступа.",
            "не удалось прочитать",
        ),
        (
            "Файл import.xml исчез, выгрузку переименовали, удалили или начали заново.",
            "исчез, выгрузку пер…",
        ),
        ("Файл goods.xml пуст.", "Файл goods.xml пуст."),
        ("Файл goods/1.xml пуст.", "пуст: 1.xml"),
        ("Во время импорта изменились файлы: goods/goods_1.xml.", "Во время импорта из…"),
    ],
)
def test_the_first_words_of_a_reason_say_what_is_wrong_and_not_only_in_which_file(sentence, said):
    assert headline(sentence) == said
    assert len(said) <= 20


def test_counters_stand_under_the_words_of_their_asset():
    assert counter_values("customers", Counters(10, 9, 1, 2, 3, 4)) == {
        "total_customers": 10,
        "processed": 9,
        "created": 1,
        "updated": 2,
        "skipped": 3,
        "errors": 4,
        "removed": 0,
    }


def ticks(project, job, monkeypatch, *, after=()):
    """What the tag said at each tick of a run, and in the end."""
    monkeypatch.setattr("onec_pipelines.orchestration.runs.progress.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("onec_pipelines.importing.reading.PROGRESS_EVERY", 40)
    for earlier in after:
        project.run(earlier)
    seen = []

    def look(_asset, _counters):
        (run,) = project.instance.get_runs(limit=1)
        assert run.status is dg.DagsterRunStatus.STARTED
        seen.append(parse_progress(run.tags[PROGRESS_TAG]))

    result = project.run(job, watch=look)
    return seen, project.tags(result)[PROGRESS_TAG]


def shares(seen):
    return [tick.processed / tick.total for tick in seen]


def test_the_progress_of_a_refresh_never_falls_and_its_total_stands_from_the_first_tick_on(project, monkeypatch):
    seen, at_the_end = ticks(project, "full_refresh", monkeypatch)
    assert len({tick.processed for tick in seen}) > 5
    assert shares(seen) == sorted(shares(seen))
    assert (seen[0].processed, shares(seen)[-1]) == (0, 1.0)
    (total,) = {tick.total for tick in seen[:-1]}
    assert total == pytest.approx(809, abs=20)
    assert at_the_end == "809/809"


@pytest.mark.parametrize("layout", ["2.09", "2.07"])
def test_neither_does_it_where_files_hold_several_parts_of_an_export(project, monkeypatch, layout):
    shutil.rmtree(project.settings.data_dir)
    write_demo(project.settings.data_dir, layout=layout)
    seen, _ = ticks(project, "full_refresh", monkeypatch)
    assert shares(seen) == sorted(shares(seen))
    assert len({tick.total for tick in seen[:-1]}) == 1


def test_neither_does_it_where_nothing_has_changed(project, monkeypatch):
    seen, at_the_end = ticks(project, "full_refresh", monkeypatch, after=["full_refresh"])
    assert shares(seen) == sorted(shares(seen))
    assert len({tick.total for tick in seen[:-1]}) == 1
    assert at_the_end == "809/809"


KNOWN = {"total": 0, "processed": 0, "result": "", "reason": ""}


@pytest.mark.parametrize(
    ("assets", "expected", "progress"),
    [
        ({"catalog": KNOWN}, {"catalog": 100, "prices": 300}, (0, 400)),
        ({"catalog": KNOWN | {"total": 50, "processed": 25}}, {"catalog": 100, "prices": 300}, (50, 400)),
        ({"catalog": KNOWN | {"result": PASSED}}, {"catalog": 100, "prices": 300}, (100, 400)),
        ({"catalog": KNOWN | {"total": 50, "processed": 50, "result": LANDED}}, {"catalog": 100}, (50, 50)),
        ({"catalog": KNOWN | {"total": 50, "processed": 60}}, {"catalog": 100}, (100, 100)),
        ({"product_images": KNOWN | {"total": 8, "processed": 2}}, {}, (2, 8)),
        ({}, {}, (0, 0)),
    ],
)
def test_a_run_is_as_far_as_the_share_that_each_asset_has_done_of_what_was_expected(assets, expected, progress):
    reached = progress_of(assets, expected)
    assert (reached.processed, reached.total) == progress


def test_an_asset_that_begins_again_takes_no_progress_back(project):
    run_id = project.instance.add_run(
        dg.DagsterRun(job_name="prices_import", status=dg.DagsterRunStatus.STARTED)
    ).run_id
    tags = RunTags(project.instance, Onec(), run_id, "prices", "prices", alone=True)
    for step, shown in ((0, "0/10"), (7, "7/10"), (0, "7/10"), (3, "7/10"), (8, "8/10")):
        if step:
            tags.write(Counters(total=20, processed=2 * step))
        else:
            tags.begin(lambda: {"prices": 10})
        assert project.instance.get_run_by_id(run_id).tags[PROGRESS_TAG] == shown


def test_a_step_waits_with_its_tags_until_another_one_has_written_those_that_it_has_read(project):
    url, instance = project.settings.database_url, project.instance
    run_id = instance.add_run(dg.DagsterRun(job_name="full_refresh", status=dg.DagsterRunStatus.STARTED)).run_id
    stocks, prices = Counters(total=5, processed=2), Counters(total=4, processed=4)
    written_by_stocks = {"run_id": run_id, "assets": {"stocks": {**asdict(stocks), RESULT: ""}}}
    tags = RunTags(instance, Onec(), run_id, "all", "prices", alone=False)
    waiting = "select from pg_locks where locktype = 'advisory' and not granted"
    with connect(url) as looking, ThreadPoolExecutor() as pool:
        with tags_lock(url, run_id):
            writing = pool.submit(tags.write, prices)
            while not writing.done() and not looking.execute(waiting).fetchall():
                time.sleep(0.005)
            instance.add_run_tags(run_id, {ASSETS_TAG: json.dumps(written_by_stocks)})
        writing.result()
    run = instance.get_run_by_id(run_id)
    assert counters_reached(run) == {"stocks": stocks, "prices": prices}
    assert run.tags[PROGRESS_TAG] == "6/9"


def test_lines_appear_while_a_slow_import_goes_and_nothing_else_is_plotted(project, monkeypatch):
    monkeypatch.setattr("onec_pipelines.orchestration.runs.progress.EVERY_SECONDS", 0.0)
    project.run("catalog_import")
    result = project.run("images_import")
    lines = [text for text in project.messages(result) if text.startswith("product_images [")]
    assert 0 < len(lines) <= 100
    assert [each for each in result.get_asset_observation_events() if each.asset_key.path == ["product_images"]] == []

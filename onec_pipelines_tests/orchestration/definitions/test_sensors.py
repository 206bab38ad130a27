"""When pictures are imported by themselves: the decision as a table, and the sensor over a real directory."""

import os
import shutil
import time
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onec_pipelines.commerceml.tree import QUIET_SECONDS, Look, TreeState, images_of, state_of
from onec_pipelines.datasets import BY_NAME
from onec_pipelines.orchestration.definitions.sensors import (
    Cursor,
    build_export_sensor,
    build_import_files_sensor,
    decide,
    export_sensor,
    import_files_sensor,
)
from onec_pipelines.orchestration.resources import Onec

NOW = 1_800_000_000 * 10**9
OLD = TreeState(files=3, changed_ns=NOW - 3600 * 10**9, digest=7)
NEW = TreeState(files=3, changed_ns=NOW - 5 * 10**9, digest=8)
UNCHANGED = "Изображения не изменились с последнего запуска: /data/import_files, файлов: 3."
AGAIN = (
    "Изображения просматриваются за несколько проверок: /data/import_files, файлов: 3. "
    "Запуск начнётся, если при следующем просмотре всё останется как есть."
)
LONG = Look("/data", "import_files/03/b.jpg")
CHANGING = "Выгрузка изображений ещё идёт: /data/import_files, файлов: 3, последнее изменение менее 30 секунд назад."


@pytest.mark.parametrize(
    ("state", "cursor", "has_products", "reason"),
    [
        pytest.param(OLD, Cursor(), True, "", id="first look, nothing new in it"),
        pytest.param(NEW, Cursor(), True, CHANGING, id="first look, a file of five seconds ago"),
        pytest.param(NEW, Cursor(seen=NEW.fingerprint), True, "", id="as at the last tick, whatever the clock"),
        pytest.param(OLD, Cursor(seen=NEW.fingerprint), True, CHANGING, id="changed since, with old times"),
        pytest.param(OLD, Cursor(look=LONG), True, AGAIN, id="first look, of several ticks"),
        pytest.param(OLD, Cursor(NEW.fingerprint, look=LONG), True, AGAIN, id="changed since, a look of several ticks"),
        pytest.param(NEW, Cursor(NEW.fingerprint, look=LONG), True, "", id="as at the last look, of several ticks"),
        pytest.param(OLD, Cursor(OLD.fingerprint, OLD.fingerprint), True, UNCHANGED, id="requested already"),
        pytest.param(OLD, Cursor(OLD.fingerprint, NEW.fingerprint), True, "", id="settled again after a request"),
        pytest.param(OLD, Cursor(), False, BY_NAME["images"].without_catalog, id="no products"),
        pytest.param(OLD, Cursor(requested=OLD.fingerprint), False, UNCHANGED, id="requested, no products"),
        pytest.param(NEW, Cursor(), False, CHANGING, id="still changing, no products"),
    ],
)  # fmt: skip
def test_the_decision(state, cursor, has_products, reason):
    decision = decide(Path("/data/import_files"), state, cursor, now_ns=NOW, has_products=has_products)
    assert decision.requested == (None if reason else state.fingerprint)
    assert decision.reason.startswith(reason)


def test_a_change_of_exactly_the_quiet_time_ago_counts_as_settled():
    state = TreeState(1, NOW - QUIET_SECONDS * 10**9, 1)
    assert decide(Path("/d"), state, Cursor(), now_ns=NOW, has_products=True).requested


@pytest.mark.parametrize("text", [None, "", "{}", "null", "[]", "yes", '{"other": 1}', '{"seen":', '{"look": {}}',
                                  '{"look": {"root": "/d", "after": "a", "found": {"files": "many"}}}'])  # fmt: skip
def test_a_cursor_that_is_no_cursor_of_ours_is_an_empty_one(text):
    assert Cursor.parse(text) == Cursor()


def test_a_cursor_can_be_read_back():
    cursor = Cursor("a", "b", "c", Look("/data", "goods/\udce9.jpg", OLD))
    assert Cursor.parse(cursor.dump()) == cursor


def test_a_cursor_holds_a_look_only_while_there_is_one():
    assert Cursor("a", "b").dump() == '{"seen": "a", "requested": "b", "request": ""}'


# --- the sensor


class Ticks:
    """The sensor in a project, one tick after the other; Dagster keeps the cursor in between."""

    def __init__(self, project, sensor=import_files_sensor):
        self.project = project
        self.sensor = sensor
        self.directory = project.settings.data_dir / "goods/import_files"
        self.cursor = None

    def __call__(self, *, refused: bool = False) -> dg.RunRequest | str:
        """A request, which has become a run that ended, unless that was refused; or the reason to skip."""
        with dg.build_sensor_context(
            instance=self.project.instance,
            cursor=self.cursor,
            resources={"onec": Onec()},
            definitions=self.project.definitions(),
        ) as context:
            data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor
        if not data.run_requests:
            return data.skip_message
        (request,) = data.run_requests
        if not refused:
            job = self.project.definitions().resolve_job_def(self.sensor.job_name)
            run = self.project.instance.create_run_for_job(job, tags=request.tags)
            self.project.instance.report_run_canceled(run)
        return request

    def settle(self) -> None:
        """Make every file an old one."""
        past = time.time() - 3600
        for path in self.directory.rglob("*"):
            os.utime(path, (past, past))


@pytest.fixture
def ticks(project) -> Ticks:
    project.run("catalog_import")
    ticks = Ticks(project)
    ticks.settle()
    return ticks


def test_settled_pictures_are_requested_with_the_type_of_their_job(ticks):
    request = ticks()
    assert isinstance(request, dg.RunRequest)
    assert request.tags["onec/import_type"] == "images"


def test_a_directory_that_is_missing_is_named(ticks):
    shutil.rmtree(ticks.directory)
    assert ticks() == (
        f"Директория изображений не найдена: {ticks.directory}. "
        "Убедитесь, что данные выгружены из 1С с изображениями товаров."
    )


def test_an_export_that_is_missing_is_named(ticks):
    shutil.rmtree(ticks.project.settings.data_dir)
    assert ticks() == (
        f"Директория данных 1С не найдена: {ticks.project.settings.data_dir}. Убедитесь, что данные выгружены из 1С."
    )


def test_names_that_act_are_shown_whatever_the_reason(ticks, monkeypatch):
    data_dir = ticks.project.settings.data_dir.rename(ticks.project.settings.data_dir.with_name("\x1b[2J"))
    monkeypatch.setenv("ONEC_DATA_DIR", str(data_dir))
    ticks.directory = data_dir / "goods/import_files"
    (ticks.directory / "new.jpg").touch()
    shown = str(ticks.directory).replace("\x1b", r"\x1b")
    assert ticks().startswith(f"Выгрузка изображений ещё идёт: {shown}, файлов: 96")
    shutil.rmtree(ticks.directory)
    assert ticks().startswith(f"Директория изображений не найдена: {shown}. ")
    monkeypatch.setenv("ONEC_TIMEZONE", "\u202eeporuE")
    assert ticks().startswith("ONEC_TIMEZONE names no time zone: ")


def test_a_directory_without_files_is_empty(ticks):
    shutil.rmtree(ticks.directory)
    (ticks.directory / "03").mkdir(parents=True)
    assert ticks().startswith(f"Директория изображений пуста: {ticks.directory}.")


def test_a_directory_that_still_changes_is_waited_for(ticks):
    (ticks.directory / "new.jpg").write_bytes(b"")
    said = ticks()
    assert said.startswith(f"Выгрузка изображений ещё идёт: {ticks.directory}, файлов: 96")
    (ticks.directory / "newer.jpg").write_bytes(b"")
    assert ticks().startswith(f"Выгрузка изображений ещё идёт: {ticks.directory}, файлов: 97")
    assert isinstance(ticks(), dg.RunRequest)


def test_what_somebody_has_imported_by_hand_is_not_requested(ticks, project):
    run_id = project.run("images_import").run_id
    said = f"Изображения уже загружены: запуск {run_id[:8]}, {ticks.directory}, файлов: 95. Новый запуск не нужен."
    assert [ticks(), ticks()] == [said, said]


def test_what_was_imported_before_something_else_lay_there_is_requested(ticks, project):
    project.run("images_import")
    (ticks.directory / "new.jpg").write_bytes(b"")
    ticks.settle()
    assert isinstance(ticks(), dg.RunRequest)
    (ticks.directory / "new.jpg").unlink()
    ticks()
    assert isinstance(ticks(), dg.RunRequest)


def test_what_was_requested_is_not_requested_again(ticks):
    ticks()
    said = f"Изображения не изменились с последнего запуска: {ticks.directory}, файлов: 95. Новый запуск не нужен."
    assert [ticks(), ticks()] == [said, said]


def test_what_was_requested_and_refused_before_it_was_a_run_is_requested_again(ticks):
    refused = [ticks(refused=True), ticks(refused=True)]
    assert [type(request) for request in [*refused, ticks()]] == [dg.RunRequest] * 3
    assert ticks().startswith("Изображения не изменились с последнего запуска")


def test_a_request_whose_run_was_deleted_from_the_history_later_is_not_made_again(ticks, project):
    ticks()
    ticks()
    for run in project.instance.get_runs():
        project.instance.delete_run(run.run_id)
    assert ticks().startswith("Изображения не изменились с последнего запуска")


def test_a_changed_file_is_requested_again_when_it_has_settled(ticks):
    ticks()
    (ticks.directory / "new.jpg").write_bytes(b"")
    assert ticks().startswith("Выгрузка изображений ещё идёт")
    assert isinstance(ticks(), dg.RunRequest)


def test_a_tree_that_is_again_as_it_once_was_is_requested_again(ticks):
    first = ticks()
    (ticks.directory / "new.jpg").write_bytes(b"")
    ticks(), ticks()
    (ticks.directory / "new.jpg").unlink()
    ticks()
    again = ticks()
    assert isinstance(again, dg.RunRequest)
    assert (first.run_key, again.run_key) == (None, None)  # Dagster would drop a key that it has seen


def test_without_products_the_catalogue_is_asked_for_and_pictures_are_requested_once_it_is_there(project):
    ticks = Ticks(project)
    ticks.settle()
    assert ticks() == BY_NAME["images"].without_catalog
    project.run("catalog_import")
    assert isinstance(ticks(), dg.RunRequest)


def test_a_failed_run_does_not_stop_the_next_change(ticks, project):
    ticks()
    Path(project.settings.media_url).write_text("in the way")
    assert not project.run("images_import").success
    assert ticks().startswith("Изображения не изменились")
    (ticks.directory / "new.jpg").write_bytes(b"")
    ticks()
    assert isinstance(ticks(), dg.RunRequest)


def test_a_database_that_is_down_is_a_skip_in_one_sentence_and_forgets_nothing(ticks, monkeypatch):
    ticks()
    remembered = ticks.cursor
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/db")
    assert ticks().startswith("PostgreSQL cannot be reached")
    assert ticks.cursor in {None, remembered}


def test_a_cleared_cursor_requests_a_run(ticks):
    ticks()
    ticks.cursor = None
    assert isinstance(ticks(), dg.RunRequest)


def test_while_such_an_import_is_running_the_next_one_waits_and_is_not_forgotten(ticks, project):
    run = project.instance.create_run_for_job(
        project.definitions().resolve_job_def("images_import"), tags={"onec/import_type": "images"}
    )
    assert ticks() == (
        f"Импорт уже идёт: запуск {run.run_id[:8]}, {ticks.directory}, файлов: 95. Новый начнётся после его окончания."
    )
    project.instance.report_run_canceled(run)
    assert isinstance(ticks(), dg.RunRequest)


def test_a_cursor_of_0_1_0_is_one_of_ours(ticks):
    fingerprint = state_of(images_of(ticks.project.settings.data_dir)).fingerprint
    ticks.cursor = f'{{"seen": "{fingerprint}", "requested": "{fingerprint}"}}'
    assert ticks().startswith("Изображения не изменились с последнего запуска")


# --- a look that takes several ticks, as on a slow disk: at no seconds a tick, each brings it a file or a directory on


@pytest.fixture
def slow(ticks) -> Ticks:
    """In `goods`, `import_files`, `03` and `07` there are three images: six things to look at."""
    shutil.rmtree(ticks.directory)
    for name in ("03/a.jpg", "03/b.jpg", "07/c.jpg"):
        (ticks.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (ticks.directory / name).write_bytes(b"12345")
    ticks.settle()
    for path in (path for path in ticks.project.settings.data_dir.iterdir() if path.is_dir() and path.name != "goods"):
        shutil.rmtree(path)
    return Ticks(ticks.project, build_import_files_sensor(0))


def goes_on(ticks: Ticks, files: int, before: int | None = None) -> str:
    found = f"{ticks.directory}, просмотрено файлов: {files}"
    of = f" (при прошлом просмотре их было {before})" if before is not None else ""
    return f"Изображения просматриваются: {found}{of}. Просмотр продолжится при следующей проверке."


def test_a_look_goes_on_at_the_next_tick_and_says_how_far_it_is(slow):
    said = [slow() for _ in range(8)]
    assert said[:7] == [goes_on(slow, files) for files in (0, 0, 0, 1, 2, 2, 3)]
    assert said[7].startswith("Изображения просматриваются за несколько проверок")
    assert slow() == goes_on(slow, 0, before=3)


def test_what_two_looks_in_a_row_have_found_is_requested_once(slow):
    said = [slow() for _ in range(32)]
    assert [type(each) for each in said].index(dg.RunRequest) == 15
    assert said[23] == (
        f"Изображения не изменились с последнего запуска: {slow.directory}, файлов: 3. Новый запуск не нужен."
    )
    assert sum(isinstance(each, dg.RunRequest) for each in said) == 1


def test_a_file_that_changed_behind_the_look_is_requested_by_the_next_ones(slow):
    [slow() for _ in range(12)]
    (slow.directory / "03/a.jpg").write_bytes(b"another")
    requests = [said for said in (slow() for _ in range(28)) if isinstance(said, dg.RunRequest)]
    assert len(requests) == 2
    assert Cursor.parse(slow.cursor).requested == state_of(images_of(slow.project.settings.data_dir)).fingerprint


def test_a_look_that_is_under_way_at_another_directory_begins_anew(slow, monkeypatch):
    [slow() for _ in range(6)]
    moved = slow.project.settings.data_dir.rename(slow.project.settings.data_dir.with_name("moved"))
    monkeypatch.setenv("ONEC_DATA_DIR", str(moved))
    slow.directory = moved / "goods/import_files"
    assert slow() == goes_on(slow, 0)


def test_what_is_found_piece_by_piece_is_told_when_a_second_look_has_found_the_same(slow):
    told = [len(observed(slow)) for _ in range(17) if slow()]
    assert told == [0] * 15 + [1] * 2


def observed(ticks: Ticks) -> list[dg.EventLogRecord]:
    return list(ticks.project.instance.fetch_observations(dg.AssetKey(["export_1c", "import_files"]), limit=9).records)


def test_the_look_at_a_whole_export_goes_on_too(project):
    ticks = Ticks(project, build_export_sensor(0))
    assert [ticks().partition(":")[0] for _ in range(3)] == ["Выгрузка просматривается"] * 3


@pytest.mark.slow
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_looks_of_many_ticks_request_what_looks_of_one_tick_do(slow, data):
    """While files come, change and go: a state that was there, no state twice in a row, and in the end the last one."""
    quick, slow.cursor = Ticks(slow.project), None
    names, states, requested = (f"{number:02}" for number in range(99)), set(), []

    def tick(ticks: Ticks) -> None:
        if isinstance(ticks(), dg.RunRequest):
            requested.append(Cursor.parse(ticks.cursor).requested)

    for _ in range(data.draw(st.integers(1, 25), "ticks")):
        change(slow.directory, data.draw(st.sampled_from(CHANGES), "change"), next(names))
        states.add(state_of(images_of(slow.project.settings.data_dir)).fingerprint)
        tick(slow)
    files = sum(path.is_file() for path in slow.directory.rglob("*"))
    for _ in range(4 * (files + 6)):
        tick(slow)
    assert set(requested) <= states
    assert all(one != other for one, other in pairwise(requested))
    by_many = requested[-1]
    for _ in range(3):
        tick(quick)
    assert by_many == requested[-1]


CHANGES = [None, None, None, ("03", "new"), ("07", "new"), ("07", "written"), ("03", "written"), ("03", "gone")]


def change(directory: Path, what: tuple[str, str] | None, name: str) -> None:
    """One change to a tree: a new file before or behind what is there, another size, or one less."""
    if not what:
        return
    below, kind = what
    files = sorted((directory / below).glob("*.jpg"))
    if kind == "new":
        (directory / below / f"{name}.jpg").write_bytes(b"new")
    elif kind == "written":
        files[0].write_bytes(b"x" * (10 + int(name)))
    elif len(files) > 1:
        files[0].unlink()


# --- the sensor on the whole export


@pytest.fixture
def export_ticks(project) -> Ticks:
    ticks = Ticks(project, export_sensor)
    past = time.time() - 3600
    for path in project.settings.data_dir.rglob("*"):
        os.utime(path, (past, past))
    return ticks


def test_the_sensor_on_the_whole_export_is_off_by_default():
    assert export_sensor.default_status is dg.DefaultSensorStatus.STOPPED


def test_a_settled_export_is_requested_whole_though_the_catalogue_is_empty(export_ticks):
    request = export_ticks()
    assert isinstance(request, dg.RunRequest)
    assert request.tags["onec/import_type"] == "all"
    assert export_ticks().startswith("Выгрузка не изменилась с последнего запуска")


def test_an_export_that_is_not_whole_is_named(export_ticks, project):
    shutil.rmtree(project.settings.data_dir / "rests")
    assert export_ticks().startswith(f"Отсутствуют обязательные поддиректории в {project.settings.data_dir}: rests.")

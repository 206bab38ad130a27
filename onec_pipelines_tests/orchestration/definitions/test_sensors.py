"""When pictures are imported by themselves: the decision as a table, and the sensor over a real directory."""

import os
import shutil
import time
from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.commerceml.tree import QUIET_SECONDS, TreeState, tree_state
from onec_pipelines.datasets import BY_NAME
from onec_pipelines.orchestration.definitions.sensors import Cursor, decide, export_sensor, import_files_sensor
from onec_pipelines.orchestration.resources import Onec

NOW = 1_800_000_000 * 10**9
OLD = TreeState(files=3, changed_ns=NOW - 3600 * 10**9, digest=7)
NEW = TreeState(files=3, changed_ns=NOW - 5 * 10**9, digest=8)
UNCHANGED = "Изображения не изменились с последнего запуска: /data/import_files, файлов: 3."
CHANGING = "Выгрузка изображений ещё идёт: /data/import_files, файлов: 3, последнее изменение менее 30 секунд назад."


@pytest.mark.parametrize(
    ("state", "cursor", "has_products", "reason"),
    [
        pytest.param(OLD, Cursor(), True, "", id="first look, nothing new in it"),
        pytest.param(NEW, Cursor(), True, CHANGING, id="first look, a file of five seconds ago"),
        pytest.param(NEW, Cursor(seen=NEW.fingerprint), True, "", id="as at the last tick, whatever the clock"),
        pytest.param(OLD, Cursor(seen=NEW.fingerprint), True, CHANGING, id="changed since, with old times"),
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


@pytest.mark.parametrize("text", [None, "", "{}", "null", "[]", "yes", '{"other": 1}', '{"seen":'])
def test_a_cursor_that_is_no_cursor_of_ours_is_an_empty_one(text):
    assert Cursor.parse(text) == Cursor()


def test_a_cursor_can_be_read_back():
    assert Cursor.parse(Cursor("a", "b").dump()) == Cursor("a", "b")


# --- looking at a tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.jpg", "03/b.jpg"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path / "tree"


def test_the_same_tree_has_the_same_fingerprint(tree):
    assert tree_state(tree) == tree_state(tree)
    assert tree_state(tree).files == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "new.jpg").write_bytes(b""),
        lambda tree: (tree / "a.jpg").unlink(),
        lambda tree: (tree / "a.jpg").rename(tree / "c.jpg"),
        lambda tree: (tree / "a.jpg").rename(tree / "03/a.jpg"),
        lambda tree: os.utime(tree / "a.jpg", (1, 1)),
        lambda tree: (tree / "a.jpg").write_bytes(b"123"),
    ],
    ids=["added", "removed", "renamed", "moved", "older", "shorter"],
)
def test_any_change_changes_the_fingerprint(tree, change):
    before = tree_state(tree).fingerprint
    change(tree)
    assert tree_state(tree).fingerprint != before


def test_links_are_not_followed(tree):
    (tree / "loop").symlink_to(tree)
    assert tree_state(tree).files == 3


def test_a_directory_that_has_gone_holds_nothing(tree):
    assert tree_state(tree / "absent").files == 0


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

"""Run history as the list of import sessions."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from onec_pipelines.datasets import ASSETS, BY_ASSET, import_type_of
from onec_pipelines.demo import build_shop
from onec_pipelines.orchestration.machinery.launch import QUIET, execute
from onec_pipelines.orchestration.runs.history import STATUS, Session, find_session, list_sessions
from onec_pipelines.orchestration.runs.metadata import counter_values
from onec_pipelines.orchestration.runs.step import says_absent, told

KEYS = {asset: tuple(BY_ASSET[asset].counters) for asset in ASSETS}
LOADABLE = ManagedGrpcPythonEnvCodeLocationOrigin(
    LoadableTargetOrigin(module_name="onec_pipelines.definitions"), "onec_pipelines"
)
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOADABLE, "__repository__"), "full_refresh")
STARTED = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def recorded(instance, status: DagsterRunStatus, **tags: str) -> str:
    """Put a run of this status into the history."""
    tags = {key.replace("_", "/", 1): value for key, value in tags.items()}
    run = dg.DagsterRun(job_name="full_refresh", status=status, tags=tags, remote_job_origin=ORIGIN)
    return instance.add_run(run).run_id


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


# --- status


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (DagsterRunStatus.QUEUED, "pending"),
        (DagsterRunStatus.NOT_STARTED, "pending"),
        (DagsterRunStatus.STARTING, "pending"),
        (DagsterRunStatus.STARTED, "in_progress"),
        (DagsterRunStatus.SUSPENDED, "in_progress"),
        (DagsterRunStatus.CANCELING, "in_progress"),
        (DagsterRunStatus.SUCCESS, "completed"),
        (DagsterRunStatus.FAILURE, "failed"),
        (DagsterRunStatus.CANCELED, "failed"),
    ],
)
def test_the_status_of_a_session_is_that_of_its_run(instance, status, word):
    run_id = recorded(instance, status, onec_import_type="all")
    assert find_session(instance, run_id).status == word


def test_every_status_that_dagster_knows_has_a_word():
    assert STATUS.keys() == {*DagsterRunStatus}


# --- the list


def test_sessions_are_listed_newest_first(instance):
    runs = [recorded(instance, DagsterRunStatus.SUCCESS, onec_import_type="all") for _ in range(3)]
    assert [session.run_id for session in list_sessions(instance)] == runs[::-1]


def test_a_limit_keeps_the_newest(instance):
    runs = [recorded(instance, DagsterRunStatus.SUCCESS, onec_import_type="all") for _ in range(3)]
    assert [session.run_id for session in list_sessions(instance, limit=2)] == runs[:0:-1]


def test_a_type_keeps_its_own(instance):
    for import_type in ("all", "catalog", "images", "catalog"):
        recorded(instance, DagsterRunStatus.SUCCESS, onec_import_type=import_type)
    found = [session.import_type for session in list_sessions(instance, import_type="catalog", limit=10)]
    assert found == ["catalog", "catalog"]


def test_runs_that_are_no_imports_of_ours_are_no_sessions(instance):
    recorded(instance, DagsterRunStatus.SUCCESS)
    assert list_sessions(instance) == []


def test_there_is_no_session_of_a_run_that_is_not_there(instance):
    with pytest.raises(LookupError):
        find_session(instance, "absent")


# --- a session


def test_the_json_of_a_session_is_that_of_the_contract(refreshed):
    session = refreshed.project.session(refreshed.result)
    shown = json.loads(json.dumps(session.as_json("https://onec.example.com")))
    assert list(shown) == [
        "run_id",
        "import_type",
        "status",
        "processed",
        "total",
        "started_at",
        "finished_at",
        "duration_seconds",
        "counters",
        "error_message",
        "notices",
        "guards",
        "job",
        "link",
    ]
    assert (shown["import_type"], shown["status"], shown["error_message"]) == ("all", "completed", None)
    assert shown["processed"] == shown["total"] > 0
    assert (shown["job"], shown["link"]) == ("full_refresh", f"https://onec.example.com/runs/{session.run_id}")
    assert {asset: said["passed"] for asset, said in shown["guards"].items()} == {
        "catalog": True,
        "stocks": True,
        "prices": True,
        "customers": True,
        "product_images": True,
    }
    assert {asset: list(counters) for asset, counters in shown["counters"].items()} == {
        asset: list(keys) for asset, keys in KEYS.items()
    }
    assert {type(value) for counters in shown["counters"].values() for value in counters.values()} == {int}
    times = [datetime.fromisoformat(shown[key]) for key in ("started_at", "finished_at")]
    assert times[0].utcoffset() == timedelta(0)
    assert shown["duration_seconds"] == pytest.approx((times[1] - times[0]).total_seconds(), abs=0.01)


def test_a_session_that_has_not_started_has_no_times_and_no_counters(instance):
    session = find_session(instance, recorded(instance, DagsterRunStatus.QUEUED, onec_import_type="all"))
    assert (session.started_at, session.finished_at, session.duration_seconds) == (None, None, None)
    assert (session.processed, session.total, session.counters, session.error_message) == (0, 0, {}, None)


def session(**changes: object) -> Session:
    values = {
        "run_id": "r",
        "import_type": "all",
        "status": "completed",
        "processed": 0,
        "total": 0,
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(seconds=1.239),
        "counters": {},
        "error_message": None,
    }
    return Session(**{**values, **changes})


def test_the_duration_is_rounded_to_hundredths():
    assert session().duration_seconds == 1.24


def test_the_duration_of_a_session_in_progress_is_that_until_now():
    assert session(started_at=datetime.now(UTC) - timedelta(minutes=1), finished_at=None).duration_seconds >= 60


# --- errors


def test_the_error_of_a_failed_import_is_its_sentence(project, remove):
    remove("goods")
    failed = project.session(project.run("catalog_import"))
    assert failed.status == "failed"
    assert failed.error_message == (
        f"Отсутствуют обязательные поддиректории в {project.settings.data_dir}: goods. "
        "Убедитесь, что данные выгружены из 1С в правильной структуре."
    )
    assert failed.counters == {"catalog": dict.fromkeys(KEYS["catalog"], 0)}


def test_the_error_of_a_defect_is_its_first_line(project):
    def broken(_asset, _counters):
        raise ValueError("first line\nDETAIL: second line")

    assert project.session(project.run("catalog_import", watch=broken)).error_message == "ValueError: first line"


def test_the_error_of_an_asset_that_is_not_ours_is_its_first_line(instance):
    @dg.asset
    def theirs():
        raise ValueError("first line\nsecond line")

    result = dg.materialize([theirs], instance=instance, raise_on_error=False, tags={"onec/import_type": "all"})
    assert find_session(instance, result.run_id).error_message == "theirs: ValueError: first line"


def test_an_interrupted_import_says_so(project):
    def interrupted(_asset, _counters):
        raise dg.DagsterExecutionInterruptedError

    result = project.run("catalog_import", watch=interrupted)
    assert project.session(result).error_message == "The run was interrupted."
    assert project.tags(result)["onec/result"] == "nothing was changed"


def test_an_interrupted_import_shows_the_counters_that_it_reached(project):
    reached = []

    def interrupted(_asset, counters):
        if counters.processed:
            reached.append(counters)
            raise dg.DagsterExecutionInterruptedError

    shown = project.session(project.run("catalog_import", watch=interrupted))
    assert shown.counters == {"catalog": counter_values("catalog", reached[0])}
    assert shown.processed == reached[0].processed > 0


def test_a_canceled_run_says_so(instance):
    run_id = recorded(instance, DagsterRunStatus.CANCELED, onec_import_type="all")
    assert find_session(instance, run_id).error_message == "The run was canceled."


def test_the_error_of_a_run_that_dagster_gave_up_is_what_dagster_says_and_no_earlier_event(project):
    result = project.run("catalog_import")
    run = project.instance.get_run_by_id(result.run_id)
    project.instance.report_run_failed(run, message="The run worker has gone.\nmore")
    session = project.session(result)
    assert (session.status, session.error_message) == ("failed", "The run worker has gone.")
    assert session.counters["catalog"]["created"] > 0


def test_counters_of_assets_that_landed_are_shown_beside_the_error_of_one_that_did_not(project):
    (first, *_) = sorted((project.settings.data_dir / "prices").iterdir())
    first.write_bytes(first.read_bytes()[:-100])
    failed = project.session(project.run("full_refresh"))
    assert failed.status == "failed"
    assert first.name in failed.error_message
    assert failed.counters["catalog"]["created"] > 0
    assert failed.counters["prices"]["created"] == 0


# --- words and decisions


@pytest.mark.parametrize(
    ("assets", "import_type"),
    [
        (["catalog"], "catalog"),
        (["product_images"], "images"),
        (["catalog", "stocks", "prices", "customers", "product_images"], "all"),
        (["stocks", "prices"], "stocks"),
        (["customers", "product_images"], "customers"),
    ],
)
def test_the_import_type_of_a_run_is_that_of_its_first_asset_unless_it_has_all(assets, import_type):
    assert import_type_of(assets) == import_type


@pytest.mark.parametrize(
    ("problems", "absent"),
    [
        ([], False),
        (["Директория контрагентов не найдена: /data/contragents. Убедитесь, что данные выгружены из 1С."], True),
        (["Директория изображений пуста: /data/goods/import_files."], True),
        (["Директорию изображений не удалось прочитать: /data: Permission denied."], False),
    ],
)
def test_what_cannot_be_read_is_not_absent(problems, absent):
    assert says_absent(problems) is absent


def test_a_defect_is_told_by_kind_and_message_and_of_customers_by_kind_alone():
    name = build_shop().contragents[0].full_name
    error = ValueError(f"bad {name}\nline 2")
    assert told("catalog", error) == f"ValueError: bad {name}\nline 2"
    assert told("customers", error) == "ValueError"
    assert told("catalog", ValueError()) == "ValueError"


def test_what_acts_in_the_message_of_a_defect_is_shown():
    assert told("catalog", ValueError("\x1b[2J\n\x9b")) == "ValueError: \\x1b[2J\n\\u009b"


@pytest.mark.parametrize(
    "notices",
    [dg.MetadataValue.text("one\ntwo"), pytest.param(dg.MetadataValue.md("- one\n- two"), id="as in 0.1.0")],
)
def test_the_notices_of_an_import_are_its_lines(instance, notices):
    @dg.op
    def catalog(context: dg.OpExecutionContext) -> None:
        context.log_event(dg.AssetMaterialization("catalog", metadata={"notices": notices}))

    job = dg.GraphDefinition("catalog_import", node_defs=[catalog]).to_job()
    result = job.execute_in_process(instance=instance, run_config={"loggers": QUIET})
    assert find_session(instance, result.run_id).notices == ("catalog: one", "catalog: two")


# --- as `onec import` runs it


def test_executing_a_job_returns_its_session_and_tells_the_ui_where_it_belongs(project):
    session = execute(project.instance, project.definitions(), "catalog", force=True)
    assert (session.import_type, session.status) == ("catalog", "completed")
    run = project.instance.get_run_by_id(session.run_id)
    assert run.tags[".dagster/repository"] == "__repository__@onec_pipelines"
    assert run.run_config["ops"] == {"catalog": {"config": {"force": True}}}


# --- a run that has ended shows its end


def marked_as_failed(instance):
    """Somebody marks a run as failed that goes on: the second start of a run does, and so does an impatient person."""

    def mark(_asset, _counters) -> None:
        (run,) = instance.get_runs()
        if not run.is_finished:
            instance.report_run_failed(run)

    return mark


@pytest.mark.parametrize(
    ("import_type", "progress", "result"),
    [
        ("catalog", "184/184", "1 error, 182 created"),
        ("all", "809/809", "6 errors (images 4)"),
    ],
)
def test_a_run_that_was_marked_as_failed_and_landed_says_what_it_came_to(project, import_type, progress, result):
    definitions = project.definitions(watch=marked_as_failed(project.instance))
    session = execute(project.instance, definitions, import_type)
    assert (session.status, f"{session.processed}/{session.total}") == ("completed", progress)
    run = project.instance.get_run_by_id(session.run_id)
    assert run.tags["onec/progress"] == progress
    assert run.tags["onec/result"].startswith(result)


def test_a_completed_run_of_which_no_tag_was_written_at_its_end_is_shown_as_completed(project):
    result = project.run("catalog_import")
    project.instance.add_run_tags(result.run_id, {"onec/progress": "18/184"})
    session = project.session(result)
    assert (session.status, session.processed, session.total) == ("completed", 184, 184)


def test_a_failed_run_keeps_how_far_it_came(project):
    result = project.run("catalog_import")
    project.instance.add_run_tags(result.run_id, {"onec/progress": "18/184"})
    project.instance.report_run_failed(project.instance.get_run_by_id(result.run_id))
    assert (project.session(result).processed, project.session(result).total) == (18, 184)

"""What a hostile export says is data wherever it is shown: on a terminal, in Dagster's events, tags, logs, in messages.

One database is imported into from exports whose every name is hostile: an import that lands, one that fails, one that
is refused; beside them runs that an earlier version has recorded. Then everything that was printed and recorded is
searched for what acts. What a browser makes of it: browser/test_hostile_export.py.
"""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._serdes import serialize_value

from onec_pipelines.datasets import CATALOG
from onec_pipelines.definitions import build_definitions
from onec_pipelines.orchestration.definitions.alerts import compose
from onec_pipelines.orchestration.definitions.schedules import build_nightly_refresh
from onec_pipelines.orchestration.definitions.sensors import export_sensor, import_files_sensor
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.launch import QUIET
from onec_pipelines.orchestration.machinery.refusal import ImportRefused
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.history import list_sessions
from onec_pipelines.settings import Settings
from onec_pipelines.shown import visible
from onec_pipelines_tests.hostile import (
    C1,
    CP1251,
    IN_XML,
    LINES,
    MARKDOWN,
    OF_BROKEN,
    OF_FILES,
    OSC_8,
    RICH,
    TITLE,
    UNSEEN,
    acts,
    break_off,
    write_hostile,
    write_refused,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("onec_pipelines"), "__repository__"), "catalog_import"
)
OF_DIRECTORY = f"{TITLE}{MARKDOWN}{C1}"
OF_BEFORE = {
    "notices": f"- {OSC_8}{C1}{RICH}\n- {UNSEEN}{TITLE}",
    "passed_over": f"{TITLE}{LINES}",
    "error": f"{TITLE}{OSC_8}{C1}{UNSEEN}{RICH}{LINES}",
}
"""What 0.1.0 recorded as the export said it."""
STYLES = re.compile(r"\x1b\[(0|1|2|3[0-9]|39|1;3[0-9]|38;5;(70|237|197))m")
"""Bold, dim, and the colours of our own and of the progress bar."""
MOVES = re.compile(r"\x1b\[(\?25[lh]|2K|1A)|\r")
"""The cursor of the progress bar, hidden, and taken to the line that is written anew."""


@dataclass(frozen=True)
class Said:
    """What the commands printed on a terminal, by name; every text in the history by its place; and the other words."""

    printed: dict[str, str]
    recorded: list[tuple[str, str]]
    reasons: dict[str, str]


def on_a_terminal(arguments: list[str], environment: dict[str, str]) -> tuple[str, int]:
    """What `onec` writes on a terminal, stderr and all, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "onec_pipelines.cli", *arguments],
        cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    with suppress(OSError):  # EIO: nobody holds the other end any more
        while more := os.read(ours, 65536):
            written += more
    os.close(ours)
    return written.decode("utf-8", "surrogateescape").replace("\r\n", "\n"), process.wait()


@pytest.fixture(scope="module")
def said(new_database, tmp_path_factory) -> Iterator[Said]:
    directory = tmp_path_factory.mktemp("hostile")
    export, refused = directory / OF_DIRECTORY, directory / f"refused{OF_DIRECTORY}"
    write_hostile(export)
    write_refused(refused)
    environment = {key: text for key, text in os.environ.items() if not key.startswith(("ONEC_", "DAGSTER_"))} | {
        "ONEC_HOME": str(directory / "home"),
        "ONEC_DATA_DIR": str(export),
        "ONEC_MEDIA_URL": str(directory / "media"),
        "ONEC_PENDING_DAYS": "0",
        "TERM": "xterm-256color",
        "COLUMNS": "10000",
    }
    with new_database() as url:
        yield everything_said(environment | {"ONEC_DATABASE_URL": url}, export, refused)


def everything_said(environment: dict[str, str], export: Path, refused: Path) -> Said:
    printed: dict[str, str] = {}

    def onec(name: str, *arguments: str, code: int, **more: object) -> None:
        printed[name], ended = on_a_terminal([*arguments], environment | {key: str(text) for key, text in more.items()})
        assert ended == code, printed[name]

    onec("check", "check", code=0)
    onec("an import that lands", "import", "all", code=0)
    (export / "contragents").rename(export / "aside")
    onec("a check of a part", "check", code=0)
    onec("an import of a part", "import", "all", code=0)
    (export / "aside").rename(export / "contragents")
    onec("demo", "demo", str(export.with_name(f"demo{OF_DIRECTORY}")), code=0)
    onec("a check that refuses", "check", code=1, ONEC_DATA_DIR=refused)
    onec("an import that is refused", "import", "all", code=1, ONEC_DATA_DIR=refused)
    break_off(export)
    onec("an import that fails", "import", "all", code=1)
    with pytest.MonkeyPatch.context() as patch:
        for key, text in environment.items():
            patch.setenv(key, text)
        settings = Settings.from_environment()
        with open_instance(settings) as instance:
            recorded = list(texts_of_history(instance))
            record_as_before(instance)
            reasons = dict(reasons_of(instance, settings)) | dict(refusals_of(instance, refused, patch))
    onec("sessions", "sessions", code=0)
    onec("sessions --watch", "sessions", "--watch", code=0)
    onec("sessions --json", "sessions", "--json", code=0)
    return Said(printed, recorded, reasons)


def record_as_before(instance: dg.DagsterInstance) -> None:
    """Runs as 0.1.0 recorded them: notices in Markdown, and whatever the export said as it was."""

    @dg.op
    def import_catalog(context: dg.OpExecutionContext) -> None:
        counters = dict.fromkeys(CATALOG.counters, 1)
        notices = dg.MetadataValue.md(OF_BEFORE["notices"])
        context.log_event(dg.AssetMaterialization("catalog", metadata={**counters, "notices": notices}))
        context.log_event(dg.AssetObservation("customers", metadata={"passed_over": OF_BEFORE["passed_over"]}))
        raise dg.Failure(OF_BEFORE["error"], allow_retries=False)

    @dg.job(tags={"onec/import_type": "catalog", "onec/progress": "1/1"})
    def catalog_import() -> None:
        import_catalog()

    catalog_import.execute_in_process(instance=instance, raise_on_error=False, run_config={"loggers": QUIET})


def texts_of_history(instance: dg.DagsterInstance) -> Iterator[tuple[str, str]]:
    """Every text that Dagster keeps of the runs, and where it stands: `ASSET_MATERIALIZATION/.../notices/text`."""
    for run in instance.get_runs():
        yield from texts_in(run.tags, "tags")
        for entry in instance.all_logs(run.run_id):
            kind = entry.dagster_event.event_type_value if entry.dagster_event else "LOG"
            yield from texts_in(json.loads(serialize_value(entry)), kind)


def texts_in(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """The texts of nested mappings and lists."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        kind = value.get("__class__", "")
        for key, inner in value.items():
            yield place, str(key)
            yield from texts_in(inner, f"{place}/{kind}.{key}" if kind else f"{place}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner, place)


def reasons_of(instance: dg.DagsterInstance, settings: Settings) -> Iterator[tuple[str, str]]:
    """What the sensors answer, and what is sent to ONEC_ALERT_URLS."""
    for session in list_sessions(instance):
        message = compose(session, [], was_sound=False, ui_url=settings.ui_url)
        yield f"message of {session.run_id}", message.body
    (settings.data_dir / "goods/import_files/new.png").touch()
    yield "sensor", skipped(instance, import_files_sensor)


def refusals_of(instance: dg.DagsterInstance, refused: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Why nothing starts where the export is not whole."""
    patch.setenv("ONEC_DATA_DIR", str(refused))
    yield "sensor over the whole export", skipped(instance, export_sensor)
    schedule = build_nightly_refresh(Settings.from_environment())
    with dg.build_schedule_context(instance=instance, resources={"onec": Onec()}) as context:
        yield "schedule", schedule.evaluate_tick(context).skip_message
    job = build_definitions().resolve_job_def("catalog_import")
    run = instance.create_run_for_job(job, remote_job_origin=ORIGIN)
    with pytest.raises(ImportRefused) as stopped:
        instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))
    yield "run coordinator", str(stopped.value)
    yield "run coordinator in the UI", stopped.value.error.resolve_message(None)


def skipped(instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> str:
    with dg.build_sensor_context(
        instance=instance, resources={"onec": Onec()}, definitions=build_definitions()
    ) as context:
        return sensor.evaluate_tick(context).skip_message


# --- the terminal


def harm(text: str) -> str:
    """What acts in a text, but for the ends of its lines; and an end of a line that the export has put there."""
    return acts(text.replace("\n", "")) or ("\n" if re.search("first\\s+second", text) else "")


def test_nothing_that_an_export_says_acts_on_the_terminal(said):
    found = {name: harm(MOVES.sub("", STYLES.sub("", text))) for name, text in said.printed.items()}
    assert found == dict.fromkeys(said.printed, "")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("check", [OF_DIRECTORY]),
        ("demo", [OF_DIRECTORY]),
        ("a check of a part", [f"{OF_DIRECTORY}/contragents"]),
        ("an import of a part", [f"{OF_DIRECTORY}/contragents"]),
        ("a check that refuses", [OF_DIRECTORY, MARKDOWN, OSC_8, LINES, UNSEEN, CP1251]),
        ("an import that is refused", [OF_DIRECTORY, MARKDOWN, OSC_8, LINES, UNSEEN, CP1251]),
        ("an import that lands", [f"empty{name}" for name in OF_FILES]),
        ("an import that fails", [OF_BROKEN]),
        ("sessions", [*(f"empty{name}" for name in OF_FILES), OF_BROKEN]),
        ("sessions --watch", [*(f"empty{name}" for name in OF_FILES), OF_BROKEN]),
    ],
)
def test_every_name_is_there_to_be_read_as_it_is(said, command, names):
    assert [name for name in names if visible(name) not in said.printed[command]] == []


def test_what_0_1_0_has_recorded_is_read_and_does_not_act_either(said):
    lines = [line.strip() for line in STYLES.sub("", said.printed["sessions"]).splitlines()]
    first, second = OF_BEFORE["notices"].removeprefix("- ").split("\n- ")
    assert f"catalog: {visible(first)}" in lines
    assert f"catalog: {visible(second)}" in lines
    assert f"customers: {visible(OF_BEFORE['passed_over'])}" in lines
    assert visible(OF_BEFORE["error"]) in lines


def test_json_is_exact_and_does_not_act_either(said):
    found = json.loads(said.printed["sessions --json"])
    (before,) = [one for one in found if one["error_message"] == OF_BEFORE["error"]]
    assert f"customers: {OF_BEFORE['passed_over']}" in before["notices"]


# --- Dagster


def test_nothing_that_an_export_says_acts_in_what_dagster_records(said):
    exact = "tags/.dagster/onec_data_dir"  # hidden, and read back by the steps of the run
    assert {place: text for place, text in said.recorded if harm(text) and place != exact} == {}


@pytest.mark.parametrize(
    "place",
    ["tags/", "LOG/", "STEP_FAILURE/", "PIPELINE_FAILURE/", "ASSET_MATERIALIZATION/", "ASSET_CHECK_EVALUATION/"],
)
def test_there_is_something_to_be_searched(said, place):
    assert any(found.startswith(place) for found, _ in said.recorded)


def test_every_kind_of_name_is_recorded(said):
    recorded = "\n".join(text for _, text in said.recorded)
    values = [text.replace("&#47;", "/") for text in IN_XML if text not in {LINES, UNSEEN}]  # those lose their spaces
    assert [name for name in [*OF_FILES, *values] if visible(name) not in recorded] == []


def test_of_markdown_there_is_nothing_but_the_contact_sheet(said):
    found = {text for place, text in said.recorded if place.endswith("MarkdownMetadataEntryData.md_str")}
    assert [
        text for text in found if not re.fullmatch(r"!\[contact sheet\]\(data:image/webp;base64,[\w+/=]+\)", text)
    ] == []
    assert found


def test_the_description_of_a_result_which_is_shown_as_markdown_has_nothing_of_an_export_in_it(said):
    found = {text for place, text in said.recorded if place.endswith("AssetCheckEvaluation.description")}
    assert [text for text in found if not re.fullmatch(r"[0-9]+ [\w' ]+\.", text)] == []
    assert found


def test_nothing_that_an_export_says_acts_in_reasons_and_messages(said):
    assert {name: text for name, text in said.reasons.items() if harm(text)} == {}
    assert visible(OF_DIRECTORY) in said.reasons["sensor"]
    for name in ("sensor over the whole export", "schedule", "run coordinator", "run coordinator in the UI"):
        assert visible(OSC_8) in said.reasons[name]


def test_no_name_is_an_image_or_a_link_in_a_message_that_is_taken_for_markdown(said):
    messages = [text for name, text in said.reasons.items() if name.startswith("message")]
    assert [text for text in messages if "](" in text] == []
    assert visible(TITLE) in "".join(messages)

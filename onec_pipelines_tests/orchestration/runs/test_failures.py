"""How a failed or canceled run reads in the history: the sentence alone, and a traceback only of a defect."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest

from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.private import SerializableErrorInfo
from onec_pipelines_tests.orchestration.conftest import Project


@pytest.fixture
def recorded(project: Project) -> Iterator[Project]:
    """The project on the instance that `dagster.yaml` makes."""
    with open_instance(project.settings) as instance:
        yield replace(project, instance=instance)


def errors(project: Project, result: dg.ExecuteInProcessResult) -> list[SerializableErrorInfo]:
    """The errors in the history of a run: of its steps, and of the run itself."""
    events = [entry.dagster_event for entry in project.instance.all_logs(result.run_id)]
    datas = [event.event_specific_data for event in events if event]
    first = [getattr(data, "first_step_failure_event", None) for data in datas]
    datas += [event.event_specific_data for event in first if event]
    return [data.error for data in datas if isinstance(getattr(data, "error", None), SerializableErrorInfo)]


def raising(error: BaseException):
    """Whoever watches an import is where a test can raise what it likes in the middle of it."""

    def watch(_asset: str, _counters: object) -> None:
        raise error

    return watch


def test_why_an_import_was_refused_stands_alone(recorded):
    file = next((recorded.settings.data_dir / "goods").glob("*.xml"))
    file.write_bytes(file.read_bytes()[:2000])
    result = recorded.run("catalog_import")
    said = {str(error) for error in errors(recorded, result)}
    assert said == {f"{recorded.session(result).error_message}\n"}
    assert said.pop().startswith(f"Файл goods/{file.name} не читается как XML")


def test_that_a_run_was_interrupted_stands_alone(recorded):
    result = recorded.run("catalog_import", watch=raising(dg.DagsterExecutionInterruptedError()))
    assert {str(error) for error in errors(recorded, result)} == {"The run was interrupted."}


def test_a_defect_is_a_sentence_with_the_traceback_of_what_was_raised_below(recorded):
    result = recorded.run("catalog_import", watch=raising(KeyError("x")))
    (said,) = {str(error) for error in errors(recorded, result)}
    assert said.startswith("KeyError: 'x'\n\nThe above exception was caused by the following exception:\n")
    assert "in watch\n    raise error\n" in said


def test_the_failure_of_an_asset_of_the_team_keeps_what_dagster_says_of_it(recorded):
    @dg.asset
    def theirs() -> None:
        raise dg.Failure("too few rows")

    result = dg.materialize([theirs], instance=recorded.instance, raise_on_error=False)
    (said,) = {str(error) for error in errors(recorded, result)}
    assert said.startswith("dagster._core.definitions.events.Failure: too few rows\n\nStack Trace:\n")


def test_how_far_a_failed_run_was_is_still_known_when_its_tag_has_gone(recorded):
    def interrupted(_asset: str, counters: Counters) -> None:
        if counters.processed:
            raise dg.DagsterExecutionInterruptedError

    result = recorded.run("catalog_import", watch=interrupted)
    session = recorded.session(result)
    assert "onec/progress" not in recorded.tags(result)
    assert 0 < session.processed <= session.total

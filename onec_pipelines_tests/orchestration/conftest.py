"""The project as Dagster sees it: an export, an environment that names it, and runs of our jobs."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from onec_pipelines.definitions import build_definitions
from onec_pipelines.demo import write_demo
from onec_pipelines.orchestration.machinery.launch import QUIET
from onec_pipelines.orchestration.runs.history import Session, find_session
from onec_pipelines.settings import Settings
from onec_pipelines_tests.demo_summary import DemoSummary, summarize


@dataclass(frozen=True)
class Demo:
    """The demo export, written once: copy it before changing it."""

    path: Path
    summary: DemoSummary


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    path = tmp_path_factory.mktemp("demo") / "import_1c"
    return Demo(path, summarize(write_demo(path)))


@dataclass(frozen=True)
class Project:
    """An environment and an instance: `project.run("catalog_import")` runs a job of ours in it."""

    settings: Settings
    instance: dg.DagsterInstance

    def definitions(self, **resources: object) -> dg.Definitions:
        return build_definitions(resources, self.settings)

    def run(self, job: str, *, tags: dict[str, str] | None = None, **resources: object) -> dg.ExecuteInProcessResult:
        resolved = self.definitions(**resources).resolve_job_def(job)
        return resolved.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, run_config={"loggers": QUIET}
        )

    def session(self, result: dg.ExecuteInProcessResult) -> Session:
        return find_session(self.instance, result.run_id)

    def tags(self, result: dg.ExecuteInProcessResult) -> dict[str, str]:
        run = self.instance.get_run_by_id(result.run_id)
        assert run
        return {key: value for key, value in run.tags.items() if key.startswith("onec/")}

    def messages(self, result: dg.ExecuteInProcessResult) -> list[str]:
        """What the assets wrote into the log."""
        return [entry.user_message for entry in self.instance.all_logs(result.run_id) if not entry.is_dagster_event]


def named_in_the_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEC_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ONEC_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("ONEC_MEDIA_URL", settings.media_url)
    monkeypatch.setenv("ONEC_HOME", str(settings.home))
    monkeypatch.setenv("DAGSTER_HOME", str(settings.home))


@pytest.fixture
def project(settings: Settings, demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The demo export in a database of its own, on an ephemeral instance."""
    shutil.copytree(demo.path, settings.data_dir)
    named_in_the_environment(settings, monkeypatch)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Project(settings, instance)


@pytest.fixture
def remove(project: Project) -> Callable[[str], None]:
    """Remove a part of the export: `remove("contragents")`."""

    def remove(name: str) -> None:
        shutil.rmtree(project.settings.data_dir / name)

    return remove


@dataclass(frozen=True)
class Refreshed:
    """A project after one full refresh, for tests that only look."""

    project: Project
    result: dg.ExecuteInProcessResult

    def metadata(self, asset: str) -> dict[str, Any]:
        """The metadata values of a materialization."""
        (materialization,) = self.result.asset_materializations_for_node(asset)
        return dict(materialization.metadata)


@pytest.fixture(scope="session")
def refreshed(new_database, demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refreshed]:
    directory = tmp_path_factory.mktemp("refreshed")
    with (
        new_database() as url,
        pytest.MonkeyPatch.context() as monkeypatch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        settings = Settings(demo.path, url, str(directory / "media"), directory / "home")
        named_in_the_environment(settings, monkeypatch)
        project = Project(settings, instance)
        result = project.run("full_refresh")
        monkeypatch.undo()
        yield Refreshed(project, result)

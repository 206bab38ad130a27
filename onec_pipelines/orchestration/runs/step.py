"""An import session: one dataset imported within a Dagster run, with its tags, progress, metadata and failure.

The facade between an asset and its importing function; the run history is the only record of sessions.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import holds_run_lock, is_run_locked, run_lock
from onec_pipelines.datasets import ALL, BY_ASSET, CATALOG, IMPORTED, import_type_of
from onec_pipelines.errors import DatabaseError, OnecError
from onec_pipelines.importing import ExportSnapshot, ImportReport, Progress
from onec_pipelines.importing.expecting import expected_items
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.columns import column_schema
from onec_pipelines.orchestration.runs.export import data_dir_of, looked_at_by
from onec_pipelines.orchestration.runs.failures import ImportFailed
from onec_pipelines.orchestration.runs.guards import guard_result
from onec_pipelines.orchestration.runs.metadata import PASSED_OVER, failure_metadata, report_metadata
from onec_pipelines.orchestration.runs.observing import observe_in_step
from onec_pipelines.orchestration.runs.progress import (
    CANCELED,
    FAILED,
    IMPORT_TYPE_TAG,
    LANDED,
    NOT_SHOWN,
    PASSED,
    MayShow,
    Pace,
    RunProgress,
    RunTags,
    StepContext,
    Watch,
    always,
)
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

UNREADABLE = "не удалось прочитать"
"""What the preflight says of something that is there: that is no reason to do without it."""
LOCKED_TAG = ".dagster/onec_locked"
Import = Callable[[ExportSnapshot, Progress], ImportReport]


@dataclass(frozen=True, slots=True)
class SessionStep:
    """What a step of a run does of a session: one asset imported, or a part of it."""

    context: StepContext
    onec: Onec
    tags: RunTags
    progress: RunProgress

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - what Dagster hands a step, and which part of the asset it is
        cls,
        context: StepContext,
        asset: str,
        onec: Onec,
        watch: Watch,
        part: tuple[int, int] = (1, 1),
        may_show: MayShow = always,
    ) -> "SessionStep":
        """The step of a run that imports an asset, or the n-th part of so many of it."""
        assets = assets_of_run(context)
        import_type = context.run.tags.get(IMPORT_TYPE_TAG) or import_type_of(assets)
        tags = RunTags(context.instance, onec, context.run.run_id, import_type, asset, alone=len(assets) == 1)
        pace = Pace.shared(len(assets), time.monotonic(), part)
        return cls(context, onec, tags, RunProgress(context, asset, watch, tags, pace, may_show))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock of the run, and turn what goes wrong into a Failure."""
        with failures_told(self.progress, self.tags):
            refuse_for_a_dead_run(self.onec.database_url(), self.context.run)
            with run_lock(self.onec.database_url(), self.context.run.run_id):
                yield

    def begin(self) -> ExportSnapshot:
        """Say that the asset has begun, and return what the run imports."""
        export = self.export()
        self.tags.begin(lambda: self.expected(export))
        return export

    def expected(self, export: ExportSnapshot) -> dict[str, int]:
        """How many items of each asset the run will go through; nothing where that cannot be said.

        A run of one asset goes by the total of that.
        """
        datasets = [BY_ASSET[asset] for asset in assets_executed(self.context)]
        if len(datasets) == 1:
            return {}
        seen = ExportSnapshot(export.root, export.looked_at)
        with (
            tolerated(log, "how much a run will go through is not known", *NOT_SHOWN),
            lend(self.onec.database_url()) as connection,
        ):
            return expected_items(connection, seen, datasets)
        return {}

    def export(self) -> ExportSnapshot:
        """What the run imports, with what the steps before have seen of it."""
        run = self.context.run
        data_dir = data_dir_of(run, self.context.instance, self.onec.settings())
        return ExportSnapshot(data_dir, looked_at_by(run.run_id))

    def observe(self, export: ExportSnapshot) -> None:
        """Tell what was new in the part of the export that has been imported."""
        observe_in_step(self.context, export, BY_ASSET[self.tags.asset].exports)

    def absence(self, export: ExportSnapshot) -> str:
        """Why a full refresh does without this asset: the preflight's words, nothing where it does not."""
        dataset = BY_ASSET[self.tags.asset]
        if self.tags.import_type != ALL or dataset not in IMPORTED or dataset is CATALOG:
            return ""
        problems = self.onec.problems(export, dataset.name)
        return visible(" ".join(problems)) if says_absent(problems) else ""

    def landed(self, report: ImportReport) -> dict[str, dg.MetadataValue]:
        """Bring the tags up to date after an import, and return the metadata of its materialization.

        The import has landed: a database that is lost now does not change that.
        """
        self.progress.counters = report.counters
        metadata = report_metadata(self.tags.asset, report, self.onec.settings().timezone)
        self.tags.show(report.counters, LANDED)
        with tolerated(log, "the columns of a table are not shown", *NOT_SHOWN):
            schema = column_schema(self.onec.database_url(), report.table)
            metadata["dagster/column_schema"] = dg.MetadataValue.table_schema(schema)
        for notice in report.notices:
            self.context.log.info(visible(notice))
        return metadata

    def pass_over(self, absence: str) -> None:
        """Say that an asset was not imported: in the log, in the tags and, for the list of sessions, as an event."""
        asset = self.tags.asset
        self.context.log.warning(f"{asset} was passed over.")  # noqa: G004
        self.context.log.warning(absence)
        self.context.log_event(dg.AssetObservation(asset, metadata={PASSED_OVER: absence}))
        self.tags.write(result=PASSED)

    def is_passed_over(self) -> bool:
        """Whether an earlier step of the asset said so."""
        return self.tags.result() == PASSED


def run_session(
    context: dg.AssetExecutionContext, onec: Onec, watch: Watch, run_import: Import
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Run an import and yield its materialization.

    In a full refresh an asset that the export holds nothing for is passed over, and an observation says so.

    Raises:
        dagster.Failure: with the sentence that says why, and the counters reached. It is not tried again.
    """
    asset = context.asset_key.to_user_string()
    step = SessionStep.of(context, asset, onec, watch)
    with step.working():
        export = step.begin()
        absence = step.absence(export)
        report = None if absence else run_import(export, step.progress)
        step.observe(export)
        metadata = step.landed(report) if report else {}
    if report is None:
        step.pass_over(absence)
    checks = [guard_result(asset, report.guards if report else ())] if BY_ASSET[asset].is_guarded else []
    if report is None:
        yield from checks
        return
    yield dg.MaterializeResult(
        metadata=metadata, check_results=checks, data_version=dg.DataVersion(report.data_version)
    )


def locked_tag(run_id: str) -> dict[str, str]:
    """The tag of a run whose process holds its lock; the UI does not show it.

    It says whose it is, because a run that repeats another one inherits its tags.
    """
    return {LOCKED_TAG: run_id}


def refuse_for_a_dead_run(url: str, run: dg.DagsterRun) -> None:
    """A worker is handed the steps that are left in the queue of a run, also when its process was killed.

    Raises:
        DatabaseError: nobody holds the lock of a run that says its process does.
    """
    if run.tags.get(LOCKED_TAG) != run.run_id or holds_run_lock(url, run.run_id):
        return
    with lend(url) as connection:
        if not is_run_locked(connection, run.run_id):
            raise DatabaseError("The process of this run is gone: the steps that were left in its queue are not done.")


@contextmanager
def failures_told(progress: RunProgress, tags: RunTags) -> Iterator[None]:
    """Turn what goes wrong into a Failure with one sentence and the counters reached."""
    try:
        yield
    except OnecError as error:
        raise failure(str(error), progress, tags) from None
    except Exception as error:  # noqa: BLE001 - raised again as a Failure
        message = told(tags.asset, error)
        cause = RuntimeError(message).with_traceback(error.__traceback__)
        raise failure(message.partition("\n")[0], progress, tags) from cause
    except BaseException:
        end(progress, tags, CANCELED)
        raise


def failure(message: str, progress: RunProgress, tags: RunTags) -> ImportFailed:
    """The failure of a run, with its result tagged."""
    end(progress, tags, FAILED, visible(message))
    metadata = failure_metadata(tags.asset, message, progress.counters)
    return ImportFailed(description=visible(message), metadata=metadata, allow_retries=False)


def end(progress: RunProgress, tags: RunTags, result: str, reason: str = "") -> None:
    """Tag what came of a step and why; a database that is down must not hide that."""
    tags.show(progress.counters if progress.counters.total else None, result, reason)


def told(asset: str, error: Exception) -> str:
    """A defect in lines, of which the first can stand alone.

    Messages of PostgreSQL and Python quote values: these are made visible, and of personal data only the kind is told.
    """
    kind = type(error).__name__
    said = str(error).strip()
    if not said or BY_ASSET[asset].is_personal:
        return kind
    return "\n".join(map(visible, f"{kind}: {said}".split("\n")))


def says_absent(problems: Sequence[str]) -> bool:
    """Whether all that stands against an import is that the export holds nothing for it."""
    return bool(problems) and not any(UNREADABLE in problem for problem in problems)


def assets_of_run(context: StepContext) -> list[str]:
    """Our assets among those that the run was launched for."""
    selected = {key.to_user_string() for key in context.job_def.asset_layer.selected_asset_keys}
    return [asset for asset in BY_ASSET if asset in selected]


def assets_executed(context: StepContext) -> list[str]:
    """Those of them of which a step is executed: a run that goes on where another one failed does not repeat all."""
    steps = context.run.step_keys_to_execute
    executed = {step.partition(".")[0] for step in steps or ()}
    return [asset for asset in assets_of_run(context) if not steps or asset in executed]

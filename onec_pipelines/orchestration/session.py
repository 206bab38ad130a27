"""An import session: one dataset imported within a Dagster run, with its tags, progress, metadata and failure.

The facade between an asset and its importing function; the run history is the only record of sessions.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from onec_pipelines.database.locks import run_lock
from onec_pipelines.errors import OnecError
from onec_pipelines.importing import Counters, ImportReport, Progress
from onec_pipelines.orchestration.checks import GUARDED, guard_result
from onec_pipelines.orchestration.metadata import PASSED_OVER, failure_metadata, report_metadata, result_text
from onec_pipelines.orchestration.progress import (
    IMPORT_TYPE_TAG,
    PROGRESS_TAG,
    RESULT_TAG,
    Pace,
    RunProgress,
    Watch,
)
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.sessions import Session, find_session
from onec_pipelines.orchestration.tables import column_schema

IMPORT_TYPE_OF = {
    "catalog": "catalog",
    "stocks": "stocks",
    "prices": "prices",
    "customers": "customers",
    "product_images": "images",
}
"""Asset -> import type."""
ALL = "all"
PERSONAL = frozenset({"customers"})
"""Assets whose values are nobody's business: the message of a defect may quote one."""
UNREADABLE = "не удалось прочитать"
"""What the preflight says of something that is there: that is no reason to do without it."""
Import = Callable[[Progress], ImportReport]


@dataclass(frozen=True, slots=True)
class RunTags:
    """The tags of a run as far as this asset has to do with them: `earlier` is the run before the asset began.

    A run has one process and its assets take their turns, so nobody else writes these tags meanwhile.
    """

    instance: dg.DagsterInstance
    run_id: str
    asset: str
    assets: Sequence[str]
    earlier: Session

    @property
    def import_type(self) -> str:
        """The type on the tag, or, on a run that was launched without a job of ours, the one that fits its assets."""
        return self.earlier.import_type or import_type_of(self.assets)

    def begin(self) -> None:
        """Say the import type. The progress and result of a parent, which a re-execution inherits, go."""
        tags = {IMPORT_TYPE_TAG: self.import_type}
        if not self.earlier.has_outcomes and self.earlier.result:
            tags |= {PROGRESS_TAG: "0/0", RESULT_TAG: ""}
        self.instance.add_run_tags(self.run_id, tags)

    def end(self, text: str) -> None:
        """Say what the import came to; where there are several in a run, of each by its name."""
        if len(self.assets) > 1:
            before = f"{self.earlier.result}; " if self.earlier.has_outcomes and self.earlier.result else ""
            text = f"{before}{self.asset}: {text}"
        self.instance.add_run_tags(self.run_id, {RESULT_TAG: text})


def run_session(
    context: dg.AssetExecutionContext, onec: Onec, watch: Watch, run_import: Import
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Run an import and yield its materialization.

    In a full refresh an asset that the export holds nothing for is passed over, and an observation says so.

    Raises:
        dagster.Failure: with the sentence that says why, and the counters reached. It is not tried again.
    """
    asset = context.asset_key.to_user_string()
    earlier = find_session(context.instance, context.run.run_id)
    tags = RunTags(context.instance, context.run.run_id, asset, assets_of_run(context), earlier)
    tags.begin()
    pace = Pace.shared(len(tags.assets), time.monotonic())
    progress = RunProgress(context, asset, watch, before=sum_of(earlier), pace=pace)
    with failures_told(progress, tags), run_lock(onec.database_url(), context.run.run_id):
        absence = absence_of(tags, onec)
        report = None if absence else run_import(progress)
        metadata = landed(report, progress, tags, onec) if report else {}
    if report is None:
        pass_over(context, tags, absence)
        yield from [guard_result(asset, ())] if asset in GUARDED else []
        return
    for notice in report.notices:
        context.log.info(notice)
    checks = [guard_result(asset, report.guards)] if asset in GUARDED else []
    yield dg.MaterializeResult(metadata=metadata, check_results=checks)


def landed(report: ImportReport, progress: RunProgress, tags: RunTags, onec: Onec) -> dict[str, dg.MetadataValue]:
    """Bring the tags up to date after an import, and return the metadata of its materialization."""
    progress.counters = report.counters
    progress.tag()
    tags.end(result_text(tags.asset, report.counters))
    schema = column_schema(onec.database_url(), report.table)
    return {
        **report_metadata(tags.asset, report, onec.settings().timezone),
        "dagster/column_schema": dg.MetadataValue.table_schema(schema),
    }


def absence_of(tags: RunTags, onec: Onec) -> str:
    """Why a full refresh does without this asset: the preflight's words, nothing where it does not."""
    if tags.import_type != ALL or tags.asset == "catalog":
        return ""
    problems = onec.problems(IMPORT_TYPE_OF[tags.asset])
    return " ".join(problems) if says_absent(problems) else ""


def pass_over(context: dg.AssetExecutionContext, tags: RunTags, absence: str) -> None:
    """Say that an asset was not imported: in the log, in the tags and, for the list of sessions, as an event."""
    context.log.warning(f"{tags.asset} was passed over: {absence}")  # noqa: G004
    context.log_event(dg.AssetObservation(context.asset_key, metadata={PASSED_OVER: absence}))
    tags.end("passed over")


@contextmanager
def failures_told(progress: RunProgress, tags: RunTags) -> Iterator[None]:
    """Turn what goes wrong into a Failure with one sentence and the counters reached."""
    try:
        yield
    except OnecError as error:
        raise failure(str(error), progress, tags) from None
    except Exception as error:  # noqa: BLE001 - raised again as a Failure
        message = told(tags.asset, error)
        cause = RuntimeError(message).with_traceback(error.__traceback__) if tags.asset in PERSONAL else error
        raise failure(message, progress, tags) from cause
    except BaseException:
        progress.tag()
        tags.end("canceled")
        raise


def failure(message: str, progress: RunProgress, tags: RunTags) -> dg.Failure:
    """The failure of a run, with its result tagged."""
    progress.tag()
    tags.end("failed")
    metadata = failure_metadata(tags.asset, message, progress.counters)
    return dg.Failure(description=message, metadata=metadata, allow_retries=False)


def told(asset: str, error: Exception) -> str:
    """A defect in one line. Messages of PostgreSQL and Python quote values: of personal data only the kind is told."""
    kind = type(error).__name__
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{kind}: {line}" if line and asset not in PERSONAL else kind


def says_absent(problems: Sequence[str]) -> bool:
    """Whether all that stands against an import is that the export holds nothing for it."""
    return bool(problems) and not any(UNREADABLE in problem for problem in problems)


def assets_of_run(context: dg.AssetExecutionContext) -> list[str]:
    """Our assets among those that the run was launched for."""
    selected = {key.to_user_string() for key in context.job_def.asset_layer.selected_asset_keys}
    return [asset for asset in IMPORT_TYPE_OF if asset in selected]


def import_type_of(assets: Sequence[str]) -> str:
    """The import type of a run: `all` when it has all five, else that of the first, upstream before downstream."""
    return ALL if len(assets) == len(IMPORT_TYPE_OF) else IMPORT_TYPE_OF[assets[0]]


def sum_of(session: Session) -> Counters:
    """What the assets of a run have come to so far."""
    reached = [list(counters.values())[:2] for counters in session.counters.values()]
    return Counters(total=sum(total for total, _ in reached), processed=sum(processed for _, processed in reached))

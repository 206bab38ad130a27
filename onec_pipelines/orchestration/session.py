"""An import session: one dataset imported within a Dagster run, with its tags, progress, metadata and failure.

The facade between an asset and its importing function; the run history is the only record of sessions.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from onec_pipelines.errors import OnecError
from onec_pipelines.importing import ImportReport, Progress
from onec_pipelines.orchestration.metadata import failure_metadata, report_metadata, result_text
from onec_pipelines.orchestration.progress import (
    IMPORT_TYPE_TAG,
    PROGRESS_TAG,
    RESULT_TAG,
    RunProgress,
    Watch,
    parse_progress,
)
from onec_pipelines.orchestration.resources import Onec
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
Import = Callable[[Progress], ImportReport]


def run_session(
    context: dg.AssetExecutionContext, onec: Onec, watch: Watch, run_import: Import
) -> Iterator[dg.MaterializeResult[None]]:
    """Run an import and yield its materialization.

    In a full refresh an asset that the export holds nothing for is passed over, and the log says so.

    Raises:
        dagster.Failure: with the sentence that says why, and the counters reached. It is not tried again.
    """
    asset = context.asset_key.to_user_string()
    tags = tag_import_type(context, asset)
    if tags[IMPORT_TYPE_TAG] == ALL and asset != "catalog":
        problems = onec.problems(IMPORT_TYPE_OF[asset])
        if problems:
            context.log.warning(f"{asset} was passed over: {' '.join(problems)}")  # noqa: G004
            add_result(context, asset, "passed over")
            return
    progress = RunProgress(context, asset, watch, before=parse_progress(tags.get(PROGRESS_TAG)))
    try:
        report = run_import(progress)
    except OnecError as error:
        raise failure(context, asset, str(error), progress) from None
    except BaseException as error:
        progress.tag()
        add_result(context, asset, f"failed, {type(error).__name__}")
        raise
    progress.counters = report.counters
    progress.tag()
    add_result(context, asset, result_text(asset, report.counters))
    for notice in report.notices:
        context.log.info(notice)
    metadata = report_metadata(asset, report, onec.settings().timezone)
    metadata["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(onec.database_url(), report.table))
    yield dg.MaterializeResult(metadata=metadata)


def failure(context: dg.AssetExecutionContext, asset: str, message: str, progress: RunProgress) -> dg.Failure:
    """The failure of a run, with its result tagged."""
    progress.tag()
    add_result(context, asset, "failed")
    metadata = failure_metadata(asset, message, progress.counters)
    return dg.Failure(description=message, metadata=metadata, allow_retries=False)


def tag_import_type(context: dg.AssetExecutionContext, asset: str) -> dict[str, str]:
    """The tags of the run, after the import type was put on a run that was launched without a job of ours."""
    tags = dict(context.run.tags)
    if IMPORT_TYPE_TAG not in tags:
        tags[IMPORT_TYPE_TAG] = IMPORT_TYPE_OF[asset]
        context.instance.add_run_tags(context.run_id, {IMPORT_TYPE_TAG: tags[IMPORT_TYPE_TAG]})
    run = context.instance.get_run_by_id(context.run_id)
    return {**tags, **(run.tags if run else {})}


def add_result(context: dg.AssetExecutionContext, asset: str, text: str) -> None:
    """Add to the tag `onec/result`: the words of the import, or, in a full refresh, of each asset by its name."""
    run = context.instance.get_run_by_id(context.run_id)
    tags = run.tags if run else {}
    if tags.get(IMPORT_TYPE_TAG) == ALL:
        before = tags.get(RESULT_TAG)
        text = f"{before}; {asset}: {text}" if before else f"{asset}: {text}"
    context.instance.add_run_tags(context.run_id, {RESULT_TAG: text})

"""The job `plan`: what an import would do, for people without a shell. Nothing is materialized, and nothing changes.

What it finds is an observation of each asset, under keys that nobody plots.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import dagster as dg

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import ALL, BY_NAME, IMPORT_TYPES
from onec_pipelines.errors import OnecError
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.planning import SAMPLES, Plan, Planned, plan_import
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.export import data_dir_of
from onec_pipelines.orchestration.runs.failures import ImportFailed
from onec_pipelines.orchestration.runs.metadata import changes_metadata
from onec_pipelines.orchestration.runs.progress import RESULT_TAG, SHOWN_OF_A_TAG
from onec_pipelines.shown import visible

PLAN = "plan"
"""The job, and the key of its table on an asset."""

ImportType = StrEnum("ImportType", [(name, name) for name in (ALL, *IMPORT_TYPES)])  # type: ignore[misc]


class PlanOptions(dg.Config):
    """What may be chosen in the launchpad: which import is planned, and whether as if every file were new."""

    import_type: ImportType = ImportType(ALL)
    force: bool = False
    samples: int = SAMPLES


@dg.op(
    name="plan_import",
    out=dg.Out(dg.Nothing),
    description="Imports in a transaction that is rolled back, and says what that did.",
)
def plan_op(context: dg.OpExecutionContext, config: PlanOptions, onec: Onec) -> None:
    """See `importing.planning`."""
    settings = onec.settings()
    request = Request(
        ExportSnapshot(data_dir_of(context.run, context.instance, settings)),
        onec.database_url(),
        force=config.force,
        max_deactivation=settings.max_deactivation,
        history_days=settings.history_days,
        timezone=settings.timezone,
    )
    try:
        plan = plan_import(
            config.import_type,
            request,
            settings.media_url,
            phone_region=settings.phone_region,
            samples=config.samples,
        )
    except OnecError as error:
        raise ImportFailed(visible(str(error)), allow_retries=False) from None
    for observation in observations(plan):
        context.log_event(observation)
    context.log.info(said := result_of(plan))
    context.instance.add_run_tags(context.run.run_id, {RESULT_TAG: said})


def observations(plan: Plan) -> Iterator[dg.AssetObservation]:
    """What each asset would become, and why one would be passed over."""
    for name, planned in plan.planned.items():
        yield dg.AssetObservation(BY_NAME[name].asset, metadata=planned_metadata(planned))
    for name, reason in plan.absent.items():
        yield dg.AssetObservation(BY_NAME[name].asset, metadata={"would_be_passed_over": visible(reason)})


def planned_metadata(planned: Planned) -> Mapping[str, dg.MetadataValue]:
    """What an import of a dataset would do, as tables and sentences: no number is plotted beside those of imports."""
    report = planned.report
    counters = report.counters
    counted = {
        "created": counters.created,
        "updated": counters.updated,
        "removed": counters.removed,
        "rejected": counters.errors,
        "pending": report.details.get("pending", 0),
    }
    metadata: dict[str, dg.MetadataValue] = {
        PLAN: dg.MetadataValue.table(
            [dg.TableRecord({"would be": what, "rows": rows}) for what, rows in counted.items()],
            schema=dg.TableSchema([dg.TableColumn("would be", "string"), dg.TableColumn("rows", "int")]),
        )
    }
    if planned.samples:
        metadata["would_change"] = dg.MetadataValue.text("\n".join(map(visible, planned.samples)))
    if report.changes and report.changes.largest:
        metadata["largest_planned_changes"] = changes_metadata(report.changes)["largest_changes"]
    if report.notices:
        metadata["plan_notices"] = dg.MetadataValue.text("\n".join(map(visible, report.notices)))
    return metadata


def result_of(plan: Plan) -> str:
    """What the Runs page says of a plan, in as many characters as it shows."""
    changing = [name for name, planned in plan.planned.items() if planned.writes]
    if plan.kept:
        return "guard would keep rows"
    said = f"would change {', '.join(changing) or 'nothing'}"
    return said if len(said) <= SHOWN_OF_A_TAG else f"would change {len(changing)} of {len(plan.planned)}"


@dg.job(name=PLAN, description="Say what an import would do; nothing is changed.", executor_def=dg.in_process_executor)
def plan_job() -> None:
    """The only step."""
    plan_op()

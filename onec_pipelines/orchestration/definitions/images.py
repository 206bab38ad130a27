"""`product_images`: a graph of steps that may run on one machine or on many.

    plan_images -> publish_images[1_of_3], [2_of_3], [3_of_3] -> collect_images

How many shards there are, the plan says: they are coarse, by the bytes of the files to publish. Where the steps
run is the executor's business (see executors.py); they hand on nothing but the order in which they run, because
the plan and what has come of it stand in the database. What an import of images is, `importing.images` knows.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from onec_pipelines.datasets import IMAGES
from onec_pipelines.importing import ExportSnapshot
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.images import (
    adopt_plan,
    collect_images,
    may_show_progress,
    plan_images,
    publish_shard,
)
from onec_pipelines.orchestration.definitions.tables import IO_MANAGER
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.progress import Watch
from onec_pipelines.orchestration.runs.step import SessionStep

QUICK, FULL = "quick", "full"
CONFIG = {
    "force": dg.Field(bool, default_value=False, description="Read and publish every image again."),
    "validate": dg.Field(
        dg.Enum("Validate", [dg.EnumValue(QUICK), dg.EnumValue(FULL)]),
        default_value=QUICK,
        description="`quick` looks at header, dimensions and end of each new image, `full` decodes it, too.",
    ),
    "shard_mb": dg.Field(
        dg.IntSource, default_value=512, description="How many MB of new images a step publishes, about."
    ),
}
"""What may be chosen in the launchpad."""


class PlanConfig(dg.Config):
    """What the plan is told."""

    force: bool
    shard_mb: int


class ShardConfig(dg.Config):
    """What each shard is told."""

    full: bool


@dg.config_mapping(config_schema=CONFIG)
def to_steps(chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hand what was chosen for the asset to its steps."""
    return {
        "plan_images": {"config": {"force": chosen["force"], "shard_mb": chosen["shard_mb"]}},
        "publish_images": {"config": {"full": chosen["validate"] == FULL}},
    }


@dg.op(
    name="plan_images",
    ins={"catalog": dg.In(dg.Nothing), "import_files": dg.In(dg.Nothing)},
    out={"shards": dg.DynamicOut(dg.Nothing)},
    pool=IMAGES.pool,
    description="Decides about every image and cuts what is to be published into shards.",
)
def plan_op(
    context: dg.OpExecutionContext, config: PlanConfig, onec: Onec, watch: dg.ResourceParam[Watch]
) -> Iterator[dg.DynamicOutput[None]]:
    """See `importing.images.plan_images`."""
    step = SessionStep.of(context, IMAGES.asset, onec, watch, part=(1, 2))
    with step.working():
        export = step.begin()
        absence = step.absence(export)
        if not absence:
            request = request_of(step, export, force=config.force)
            shards = plan_images(request, onec.settings().media_url, shard_bytes=max(1, config.shard_mb) * 2**20)
            step.tags.show(step.progress.counters)
            step.observe(export)
    if absence:
        step.pass_over(absence)
        return
    for shard in range(1, shards + 1):
        yield dg.DynamicOutput(None, mapping_key=f"{shard}_of_{shards}", output_name="shards")


@dg.op(
    name="publish_images",
    ins={"shard": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Publishes the files of one shard.",
)
def publish_op(context: dg.OpExecutionContext, config: ShardConfig, onec: Onec, watch: dg.ResourceParam[Watch]) -> None:
    """See `importing.images.publish_shard`."""
    shard, shards = map(int, (context.get_mapping_key() or "").split("_of_"))
    step = SessionStep.of(
        context,
        IMAGES.asset,
        onec,
        watch,
        part=(shards + shard, 2 * shards),
        may_show=lambda: may_show_progress(onec.database_url()),
    )
    with step.working():
        request = planned_request(step)
        publish_shard(request, onec.settings().media_url, shard, full=config.full)


@dg.op(
    name="collect_images",
    ins={"shards": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing, is_required=False, io_manager_key=IO_MANAGER),
    description="Records what was published, in one transaction.",
)
def collect_op(context: dg.OpExecutionContext, onec: Onec, watch: dg.ResourceParam[Watch]) -> Iterator[dg.Output[None]]:
    """See `importing.images.collect_images`."""
    step = SessionStep.of(context, IMAGES.asset, onec, watch)
    with step.working():
        if step.is_passed_over():
            return
        settings = onec.settings()
        report = collect_images(planned_request(step), settings.media_url, keep_days=settings.media_keep_days)
        metadata = step.landed(report)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of `data_version`; MaterializeResult's is not beta
        output = dg.Output(None, metadata=metadata, data_version=dg.DataVersion(report.data_version))
    yield output


def request_of(step: SessionStep, export: ExportSnapshot, *, force: bool = False) -> Request:
    """What a step asks of the import."""
    run_id, url = step.context.run.run_id, step.onec.database_url()
    limit = step.onec.settings().max_deactivation
    return Request(export, url, run_id=run_id, force=force, max_deactivation=limit, progress=step.progress)


def planned_request(step: SessionStep) -> Request:
    """The same after the plan; a run that goes on where another one failed takes its plan over."""
    run, instance = step.context.run, step.context.instance
    if run.parent_run_id:
        adopt_plan(step.onec.database_url(), run.run_id, repeated_by(instance, run))
    return request_of(step, step.export())


def repeated_by(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> list[str]:
    """The runs that a run repeats, the latest first: one of them may have failed before it took the plan over."""
    repeated: list[str] = []
    while run and run.parent_run_id:
        repeated.append(run.parent_run_id)
        run = instance.get_run_by_id(run.parent_run_id)
    return repeated

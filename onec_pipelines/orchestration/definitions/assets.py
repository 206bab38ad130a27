"""The five assets, and what 1C exports upstream of them. Each is a facade over the functions of `importing`."""

from collections.abc import Iterator

import dagster as dg

from onec_pipelines.datasets import CATALOG, IMAGES, IMPORTED, Dataset
from onec_pipelines.importing import ExportSnapshot, ImportReport, Options, Progress, import_xml
from onec_pipelines.orchestration.definitions.images import collect_op, plan_op, publish_op, to_steps
from onec_pipelines.orchestration.definitions.tables import HISTORIES, IO_MANAGER
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.guards import guard_spec
from onec_pipelines.orchestration.runs.observing import exported
from onec_pipelines.orchestration.runs.progress import Watch
from onec_pipelines.orchestration.runs.step import run_session

OWNERS = ["team:data"]
GROUP = "onec"
"""Of ours and of what 1C exports: the lineage folds groups as soon as there are two."""
KINDS = {"postgres", "python"}


export_specs = [
    dg.AssetSpec(exported(name), description=part.description, group_name=GROUP, kinds={"1c", "file"}, owners=OWNERS)
    for dataset in IMPORTED
    for name, part in dataset.exports.items()
]

history_specs = [
    dg.AssetSpec(
        name,
        deps=[asset],
        description=f"Shows what {asset} were: each version with since when, until when, by which import. Inputs bound "
        "it by dates, with a condition on valid_from in their metadata.",
        group_name=GROUP,
        kinds={"postgres", "view"},
        owners=OWNERS,
        metadata={"dagster/table_name": f"onec.{name}"},
    ).with_io_manager_key(IO_MANAGER)
    for name, asset in HISTORIES.items()
]
"""Views of the database, which every import keeps up to date by itself."""


class ImportConfig(dg.Config):
    """What may be chosen in the launchpad.

    `force` reads every file again, even if nothing has changed since the last import.
    """

    force: bool = False


def import_asset(dataset: Dataset) -> dg.AssetsDefinition:
    """An asset over the import of one dataset of XML."""

    @dg.asset(
        name=dataset.asset,
        deps=[*([CATALOG.asset] if dataset.without_catalog else []), *map(exported, dataset.exports)],
        description=dataset.description,
        group_name=GROUP,
        kinds=KINDS,
        owners=OWNERS,
        tags={"onec/dataset": dataset.asset},
        pool=dataset.pool,
        io_manager_key=IO_MANAGER,
        output_required=False,
        check_specs=[guard_spec(dataset.asset)] if dataset.is_guarded else None,
    )
    def run_asset(
        context: dg.AssetExecutionContext, config: ImportConfig, onec: Onec, watch: dg.ResourceParam[Watch]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        def start(export: ExportSnapshot, progress: Progress) -> ImportReport:
            settings = onec.settings()
            options = Options(
                run_id=context.run.run_id,
                force=config.force,
                max_deactivation=settings.max_deactivation,
                progress=progress,
                workers=settings.workers,
                history_days=settings.history_days,
                timezone=settings.timezone,
            )
            return import_xml(dataset.name, export, onec.database_url(), phone_region=settings.phone_region, **options)

        yield from run_session(context, onec, watch, start)

    return run_asset


@dg.graph_asset(
    ins={
        "catalog": dg.AssetIn(dagster_type=dg.Nothing),
        "import_files": dg.AssetIn(key=exported("import_files"), dagster_type=dg.Nothing),
    },
    config=to_steps,
    description=IMAGES.description,
    group_name=GROUP,
    kinds=KINDS,
    owners=OWNERS,
    tags={"onec/dataset": IMAGES.asset},
)
def product_images(catalog: object, import_files: object) -> object:
    """Steps that may run on many machines; see images.py."""
    shards = plan_op(catalog=catalog, import_files=import_files)
    return collect_op(shards.map(publish_op).collect())


assets = [product_images if dataset is IMAGES else import_asset(dataset) for dataset in IMPORTED]

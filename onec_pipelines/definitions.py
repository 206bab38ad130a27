"""Everything that Dagster loads, assembled; nothing is defined here."""

from collections.abc import Mapping

import dagster as dg

from onec_pipelines.orchestration.definitions.alerts import alert_sensor
from onec_pipelines.orchestration.definitions.assets import assets, export_specs, history_specs
from onec_pipelines.orchestration.definitions.checks import checks
from onec_pipelines.orchestration.definitions.exchange import build_exchange_sensor
from onec_pipelines.orchestration.definitions.freshness import with_freshness
from onec_pipelines.orchestration.definitions.jobs import build_jobs
from onec_pipelines.orchestration.definitions.places import with_places
from onec_pipelines.orchestration.definitions.plan import plan_job
from onec_pipelines.orchestration.definitions.schedules import build_nightly_refresh
from onec_pipelines.orchestration.definitions.sensors import export_sensor, import_files_sensor
from onec_pipelines.orchestration.definitions.tables import IO_MANAGER, TableIOManager
from onec_pipelines.orchestration.definitions.thumbnails import product_thumbnails
from onec_pipelines.orchestration.machinery.executors import build_executor
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.progress import no_watch
from onec_pipelines.settings import Settings


def build_definitions(
    resource_overrides: Mapping[str, object] | None = None,
    settings: Settings | None = None,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """The definitions, with some resources, or the executor of the settings, replaced where a caller wants to.

    Resources: `onec` (settings and database), `onec_tables` (tables as DataFrames), `watch` (a function that is
    called with an asset's name and its counters while it is imported).
    """
    onec = Onec()
    resources: dict[str, object] = {
        "onec": onec,
        IO_MANAGER: TableIOManager(onec),
        "watch": no_watch,
    }
    settings = settings or Settings.from_environment()
    nightly_refresh = build_nightly_refresh(settings)
    return dg.Definitions(
        assets=[
            *with_freshness(with_places(assets), settings),
            *with_places([product_thumbnails]),
            *export_specs,
            *history_specs,
        ],
        asset_checks=checks,
        jobs=[*build_jobs(thumbnails=settings.thumbnails), plan_job],
        schedules=[nightly_refresh],
        sensors=[import_files_sensor, export_sensor, alert_sensor, build_exchange_sensor(settings)],
        resources={**resources, **(resource_overrides or {})},
        executor=executor or build_executor(settings),
    )


defs = build_definitions()

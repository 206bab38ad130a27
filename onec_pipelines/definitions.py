"""Everything that Dagster loads, assembled; nothing is defined here."""

from collections.abc import Mapping

import dagster as dg

from onec_pipelines.orchestration.alerts import alert_sensor
from onec_pipelines.orchestration.assets import IO_MANAGER, assets, export_specs
from onec_pipelines.orchestration.checks import checks
from onec_pipelines.orchestration.freshness import with_freshness
from onec_pipelines.orchestration.jobs import jobs
from onec_pipelines.orchestration.progress import no_watch
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.schedules import build_nightly_refresh
from onec_pipelines.orchestration.sensors import export_sensor, import_files_sensor
from onec_pipelines.orchestration.tables import TableIOManager
from onec_pipelines.settings import Settings


def build_definitions(
    resource_overrides: Mapping[str, object] | None = None, settings: Settings | None = None
) -> dg.Definitions:
    """The definitions, with some resources replaced where a caller wants to.

    Resources: `onec` (settings and database), `onec_tables` (tables as DataFrames), `watch` (a function that is
    called with an asset's name and its counters while it is imported).
    """
    onec = Onec()
    resources: dict[str, object] = {
        "onec": onec,
        IO_MANAGER: TableIOManager(onec),
        "watch": no_watch,
    }
    nightly_refresh = build_nightly_refresh(settings or Settings.from_environment())
    return dg.Definitions(
        assets=[*with_freshness(assets, nightly_refresh), *export_specs],
        asset_checks=checks,
        jobs=jobs,
        schedules=[nightly_refresh],
        sensors=[import_files_sensor, export_sensor, alert_sensor],
        resources={**resources, **(resource_overrides or {})},
        executor=dg.in_process_executor,
    )


defs = build_definitions()

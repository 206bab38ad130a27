"""Refused before it exists: the run coordinator that `dagster.yaml` names.

Whoever launches a run (the Materialize button, GraphQL, a schedule, a sensor) passes here first. A run of ours
that the preflight refuses is deleted, and whoever launched it reads the preflight's sentence at once. Every run
that is let through carries the tags of its import type and of the directory that was looked at. Where the launching
process cannot see the export, as in a cluster, `preflight: false` in `dagster.yaml` leaves the refusal to the asset
itself.

The daemon that empties the queue passes here, too: there is one at a time (one_daemon.py).
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, QueuedRunCoordinator, SubmitRunContext

from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import database_url
from onec_pipelines.database.lending import lend
from onec_pipelines.database.migrate import denied
from onec_pipelines.datasets import ALL, ASSETS, BY_ASSET, CATALOG, FULL_REFRESH, IMPORT_TYPES, IMPORTED, import_type_of
from onec_pipelines.errors import DatabaseError, OnecError
from onec_pipelines.importing.dataset import has_products
from onec_pipelines.importing.known_files import recall
from onec_pipelines.orchestration.machinery.one_daemon import only_daemon
from onec_pipelines.orchestration.machinery.pruning import forget
from onec_pipelines.orchestration.private import (
    IMPLICIT_ASSET_JOB_NAME,
    SCHEDULE_NAME_TAG,
    ConfigurableClassData,
    UserConfigSchema,
)
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.export import data_dir_of, directory_tags
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.settings import Settings

ASSETS_OF_JOB = {
    **{dataset.job: (dataset.asset,) for dataset in IMPORTED},
    FULL_REFRESH: ASSETS,
    IMPLICIT_ASSET_JOB_NAME: ASSETS,
}
"""Job -> our assets in a run of the whole of it; the last one is Dagster's own, of all assets."""


class PreflightRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with the preflight in front of it."""

    def __init__(self, *, preflight: bool = True, **config: Any) -> None:  # noqa: ANN401 - the queue's own config
        super().__init__(**config)
        self._preflight = preflight
        self._as_daemon: ExitStack | None = None

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The queue's configuration, and `preflight`."""
        queue: Mapping[str, Any] = super().config_type()  # type: ignore[assignment]
        return {**queue, "preflight": dg.Field(bool, default_value=True, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PreflightRunCoordinator":
        """A coordinator as it is configured."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def dequeue_interval_seconds(self) -> int:
        """The interval of the queue: nobody asks for it but a daemon that starts."""
        self.become_the_daemon()
        return super().dequeue_interval_seconds

    def become_the_daemon(self) -> None:
        """Be the only daemon over this run history, until `dispose`.

        Raises:
            DaemonBusyError: another one is.
        """
        if self._as_daemon is None:
            with ExitStack() as stack:
                stack.enter_context(only_daemon(self._instance, database_url(Settings.from_environment())))
                self._as_daemon = stack.pop_all()

    def dispose(self) -> None:
        """Let go of what a daemon holds."""
        if self._as_daemon is not None:
            self._as_daemon.close()
            self._as_daemon = None

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run, or delete it and raise. A run that was submitted before is left as it is.

        Raises:
            ImportRefused: with what stands against the import.
        """
        run = context.dagster_run
        assets = assets_of(run)
        if assets and run.status is DagsterRunStatus.NOT_STARTED:
            tags = {IMPORT_TYPE_TAG: type_tag(run, assets)}
            if self._preflight:
                self._refuse_unless_ready(run, assets)
                settings = Settings.from_environment()
                tags |= directory_tags(data_dir_of(run, self._instance, settings), settings, run.tags)
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)

    def _refuse_unless_ready(self, run: DagsterRun, assets: Sequence[str]) -> None:
        try:
            problems = current_problems(Onec(), self._instance, run, [BY_ASSET[asset].name for asset in assets])
        except DatabaseError as error:
            if SCHEDULE_NAME_TAG in run.tags:
                return  # nobody would read the sentence, and the night would be lost: the asset looks again
            problems = [str(error)]
        if problems:
            from onec_pipelines.orchestration.machinery.refusal import ImportRefused  # noqa: PLC0415 - brings GraphQL

            forget(self._instance, run.run_id)
            raise ImportRefused(" ".join(problems))


def assets_of(run: DagsterRun) -> list[str]:
    """Our assets that a run imports, upstream before downstream; none where it only checks, or is somebody else's."""
    if run.asset_selection:
        names = {key.to_user_string() for key in run.asset_selection}
        return [asset for asset in ASSETS if asset in names]
    return [] if run.asset_check_selection else list(ASSETS_OF_JOB.get(run.job_name, ()))


def type_tag(run: DagsterRun, assets: Sequence[str]) -> str:
    """The import type by which a run is listed: its own tag, or the one that fits its assets."""
    return run.tags.get(IMPORT_TYPE_TAG) or import_type_of(assets)


def current_problems(onec: Onec, instance: dg.DagsterInstance, run: DagsterRun, types: Sequence[str]) -> list[str]:
    """What stands against a run of these types now, in the export or before it: a wrong setting, a denied right.

    Raises:
        DatabaseError: the database cannot be asked for products.
    """
    try:
        export = ExportSnapshot(data_dir_of(run, instance, onec.settings()))
        with lend(onec.database_url()) as connection:
            if denial := denied(connection):
                return [denial]
            recall(connection, export)
            return launch_problems(export, types, has_products=has_products(connection))
    except DatabaseError:
        raise
    except OnecError as error:
        return [str(error)]


def launch_problems(export: ExportSnapshot, types: Sequence[str], *, has_products: bool) -> list[str]:
    """What stands against a run of these types.

    A run of all types asks for no more than its catalogue does; its other assets are passed over where the export
    holds nothing for them. A catalogue in the run counts as products: it is imported first.
    """
    asked = [ALL] if set(types) == set(IMPORT_TYPES) else types
    found = has_products or CATALOG.name in types
    problems = [problem for each in asked for problem in preflight(export, each, has_products=found)]
    return list(dict.fromkeys(problems))

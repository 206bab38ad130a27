"""Is a run still being worked on? PostgreSQL knows: the process of a run holds a lock from its first step to its last.

A power cut or `kill -9` leaves a run STARTED for ever, and the queue behind it waits. Here such a run is found
and ended in the history: by the run launcher that `dagster.yaml` names, whenever the daemon looks after its runs,
and by the next `onec import`. Where the process alone was killed, the code server that had started it sees that at
once and ends the run: the instance that `dagster.yaml` names has it say why, in the same words.

Only a run that says by its tag that its process holds the lock is judged: `onec import` makes its runs with it, the
executor sets it (executors.py). Any other is left alone: to take a living run for dead would be worse.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus, DefaultRunLauncher, RunsFilter

from onec_pipelines.database.connection import database_url
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import is_run_locked, tags_lock
from onec_pipelines.datasets import JOBS, imported_by
from onec_pipelines.errors import ImportBusyError
from onec_pipelines.orchestration.machinery.coordinator import assets_of
from onec_pipelines.orchestration.machinery.history_tables import LOCATION
from onec_pipelines.orchestration.machinery.storage import drop_tag
from onec_pipelines.orchestration.private import (
    CheckRunHealthResult,
    InstanceRef,
    JobFailureData,
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
    SqlRunStorage,
    WorkerStatus,
)
from onec_pipelines.orchestration.runs.failures import plainly
from onec_pipelines.orchestration.runs.progress import (
    KILLED,
    LANDED,
    NOT_SHOWN,
    PROGRESS_TAG,
    RESULT,
    RESULT_TAG,
    known_of_assets,
    stopped,
)
from onec_pipelines.orchestration.runs.step import LOCKED_TAG
from onec_pipelines.settings import Settings
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 5.0
"""For how long nobody may be seen to hold the lock: a living run takes it, or goes on, much sooner."""
LOOK_EVERY_SECONDS = 0.25
ENDS = {DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED}
BUSY = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
UNDER_WAY = [DagsterRunStatus.NOT_STARTED, *BUSY]
"""What a run may be in while its process lives."""
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), "__repository__")
DEAD = (
    "The process of this run is gone (killed, out of memory, or a power cut): it holds no lock in PostgreSQL any "
    "more. What it had not finished was undone; import again."
)


def fail_dead_runs(instance: dg.DagsterInstance, url: str) -> list[str]:
    """End every dead run in the history and return their ids."""
    runs = instance.get_runs(RunsFilter(statuses=UNDER_WAY))
    return [run.run_id for run in runs if fail_if_dead(instance, url, run)]


def fail_if_dead(instance: dg.DagsterInstance, url: str, run: DagsterRun) -> bool:
    """End a run in the history if its process is gone; tell whether it was.

    It becomes failed, or canceled if that was asked of it. A run that looks dead is watched for `CONFIRM_SECONDS`.
    """
    if run.tags.get(LOCKED_TAG) != run.run_id:
        return False
    deadline = time.monotonic() + CONFIRM_SECONDS
    while looks_dead(instance, url, run.run_id):
        if time.monotonic() > deadline:
            _end(instance, run.run_id)
            return True
        time.sleep(LOOK_EVERY_SECONDS)
    return False


def looks_dead(instance: dg.DagsterInstance, url: str, run_id: str) -> bool:
    """Whether a run whose process must hold its lock is under way, and nobody holds it.

    The lock is looked at first: a run that ends meanwhile is then seen as ended.
    """
    with lend(url) as connection:
        if is_run_locked(connection, run_id):
            return False
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in UNDER_WAY


def _end(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    _tag_killed(instance, run)
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, DEAD)
    else:
        instance.report_run_failed(run, DEAD)


def _tag_killed(instance: dg.DagsterInstance, run: DagsterRun) -> None:
    landed = [asset for asset, about in known_of_assets(run).items() if about[RESULT] == LANDED]
    instance.add_run_tags(run.run_id, {RESULT_TAG: stopped(KILLED, landed)})


def make_way(instance: dg.DagsterInstance, url: str, import_type: str) -> None:
    """End dead runs in the history, and see that no living one imports what this one is about to.

    Raises:
        ImportBusyError: naming the run that does.
    """
    fail_dead_runs(instance, url)
    for run in instance.get_runs(RunsFilter(statuses=BUSY)):
        shared = shared_types(import_type, assets_of(run))
        if shared:
            raise ImportBusyError(
                f"An import of {', '.join(shared)} is already running: run {run.run_id} ({run.job_name}); "
                "wait until it has ended (onec sessions shows it)."
            )


def shared_types(import_type: str, assets: Sequence[str]) -> list[str]:
    """The import types that an import has in common with a run of these assets."""
    return [dataset.name for dataset in imported_by(import_type) if dataset.asset in assets]


class OnecRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher, which also knows whether a run of ours is alive."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """The daemon asks for each STARTED run."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """End a dead run in the history, in words of ours, and tell the daemon how the run is."""
        if fail_if_dead(self._instance, database_url(Settings.from_environment()), run):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, DEAD)
        return CheckRunHealthResult(WorkerStatus.RUNNING)


class OnecInstance(dg.DagsterInstance):
    """Dagster's instance, which knows where the runs of `onec import` come from, and says plainly why a run failed.

    Of a run that is executed in the process that made it Dagster notes no origin: the UI could not repeat it, nor show
    it on its first page.
    """

    @classmethod
    def config_schema(cls) -> dict[str, Any]:
        """Nothing beyond what Dagster's own takes."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, Any]:
        """Those of Dagster's own."""
        return InstanceRef.config_defaults(base_dir)

    def create_run_for_job(self, job_def: dg.JobDefinition, *args: Any, **about: Any) -> DagsterRun:  # noqa: ANN401
        """Make a run of a job in this process; one of our jobs comes from our code location."""
        if job_def.name in JOBS.values():
            about.setdefault("remote_job_origin", RemoteJobOrigin(REPOSITORY, job_def.name))
        return super().create_run_for_job(job_def, *args, **about)

    def handle_new_event(self, event: dg.EventLogEntry, **about: Any) -> None:  # noqa: ANN401 - Dagster's own
        """Store an event, an error in it as people shall read it; the last one of a run ends its progress, too."""
        super().handle_new_event(plainly(event), **about)
        if event.dagster_event and event.dagster_event.event_type in ENDS:
            self._drop_progress(event.run_id)

    def _drop_progress(self, run_id: str) -> None:
        with (
            tolerated(log, "the progress of a run that has ended stays", *NOT_SHOWN),
            tags_lock(database_url(Settings.from_environment()), run_id),
        ):
            run = self.get_run_by_id(run_id)
            if run and PROGRESS_TAG in run.tags and isinstance(self.run_storage, SqlRunStorage):
                drop_tag(self.run_storage, run, PROGRESS_TAG)

    def report_run_failed(
        self, dagster_run: DagsterRun, message: str | None = None, job_failure_data: JobFailureData | None = None
    ) -> dg.DagsterEvent:
        """End a run; one that held its lock and ends without a word was killed."""
        if message is None and dagster_run.tags.get(LOCKED_TAG) == dagster_run.run_id:
            _tag_killed(self, dagster_run)
            message = DEAD
        return super().report_run_failed(dagster_run, message, job_failure_data)

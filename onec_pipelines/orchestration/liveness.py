"""Is a run still being worked on? PostgreSQL knows: its process holds a lock while it imports.

A power cut or `kill -9` leaves a run STARTED for ever, and the queue behind it waits. Here such a run is found
and ended in the history: by the run launcher that `dagster.yaml` names, whenever the daemon looks after its runs,
and by the next `onec import`.

Only a run whose process must hold the lock is judged: one with a step of ours in progress (an asset or its
checks), or one of nothing else that executes in its own process and is between two steps. A run that waits for
workers elsewhere, or that is in somebody else's step, is left alone: to take a living run for dead would be worse.
"""

import time
from collections.abc import Iterable, Sequence

import dagster as dg
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus, DefaultRunLauncher, RunsFilter
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.database.locks import is_run_locked
from onec_pipelines.errors import ImportBusyError
from onec_pipelines.orchestration.coordinator import assets_of
from onec_pipelines.orchestration.jobs import JOB_OF
from onec_pipelines.orchestration.progress import IMPORT_TYPE_TAG
from onec_pipelines.orchestration.session import ALL, IMPORT_TYPE_OF
from onec_pipelines.settings import Settings

CONFIRM_SECONDS = 5.0
"""For how long nobody may be seen to hold the lock: a living run takes it, or goes on, much sooner."""
LOOK_EVERY_SECONDS = 0.25
UNDER_WAY = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
IN_PROCESS = "Executing steps in process"
"""With these words Dagster's in-process executor begins."""
ENDS = {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE, DagsterEventType.STEP_SKIPPED}
OURS = {*IMPORT_TYPE_OF, *(f"{asset}_checks" for asset in IMPORT_TYPE_OF)}
"""The steps that hold the lock: assets and their checks."""
TOLD = {DagsterEventType.ENGINE_EVENT, DagsterEventType.STEP_START, *ENDS}
DEAD = (
    "The process of this run is gone (killed, out of memory, or a power cut): it holds no lock in PostgreSQL any "
    "more. What it had not finished was undone; import again."
)


def must_hold_lock(logged: Iterable[tuple[DagsterEventType, str]], *, only_ours: bool) -> bool:
    """Whether the process of a run holds the lock unless it is dead.

    Between two steps a process gives it up for a moment, if it is `only_ours`: other people's resources may take
    long to start.

    Args:
        logged: the events of the run so far: type, and step or, of the engine, message.
        only_ours: whether nothing but our assets is in the run.
    """
    in_progress: set[str] = set()
    in_process = False
    for kind, text in logged:
        if kind is DagsterEventType.STEP_START:
            in_progress.add(text)
        elif kind in ENDS:
            in_progress.discard(text)
        in_process = in_process or text.startswith(IN_PROCESS)
    return bool(in_progress & OURS) if in_progress else in_process and only_ours


def fail_dead_runs(instance: dg.DagsterInstance, url: str) -> list[str]:
    """End every dead run of ours in the history and return their ids."""
    runs = instance.get_runs(RunsFilter(statuses=list(UNDER_WAY)))
    return [run.run_id for run in runs if fail_if_dead(instance, url, run)]


def fail_if_dead(instance: dg.DagsterInstance, url: str, run: DagsterRun) -> bool:
    """End a run of ours in the history if its process is gone; tell whether it was.

    It becomes failed, or canceled if that was asked of it. A run that looks dead is watched for `CONFIRM_SECONDS`.
    """
    if not is_ours(run):
        return False
    deadline = time.monotonic() + CONFIRM_SECONDS
    while looks_dead(instance, url, run.run_id):
        if time.monotonic() > deadline:
            _end(instance, run.run_id)
            return True
        time.sleep(LOOK_EVERY_SECONDS)
    return False


def looks_dead(instance: dg.DagsterInstance, url: str, run_id: str) -> bool:
    """Whether a run is under way and must hold the lock, and nobody does.

    The lock is looked at first: a run that ends meanwhile is then seen as ended.
    """
    with connect(url) as connection:
        if is_run_locked(connection, run_id):
            return False
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in UNDER_WAY:
        return False
    events = [entry.get_dagster_event() for entry in instance.all_logs(run_id, of_type=TOLD)]
    logged = [(event.event_type, event.step_key or event.message or "") for event in events]
    return must_hold_lock(logged, only_ours=is_only_ours(run))


def is_ours(run: DagsterRun) -> bool:
    """Whether a run imports or checks an asset of ours, as far as it says."""
    checked = {key.asset_key.to_user_string() for key in run.asset_check_selection or ()}
    return bool(IMPORT_TYPE_TAG in run.tags or assets_of(run) or checked & IMPORT_TYPE_OF.keys())


def is_only_ours(run: DagsterRun) -> bool:
    """Whether nothing but our assets is in a run."""
    if run.asset_selection:
        return all(key.to_user_string() in IMPORT_TYPE_OF for key in run.asset_selection)
    return run.job_name in JOB_OF.values()


def _end(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, DEAD)
    else:
        instance.report_run_failed(run, DEAD)


def make_way(instance: dg.DagsterInstance, url: str, import_type: str) -> None:
    """End dead runs in the history, and see that no living one imports what this one is about to.

    Raises:
        ImportBusyError: naming the run that does.
    """
    fail_dead_runs(instance, url)
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING, *UNDER_WAY])):
        shared = shared_types(import_type, assets_of(run))
        if shared:
            raise ImportBusyError(
                f"An import of {', '.join(shared)} is already running: run {run.run_id} ({run.job_name}); "
                "wait until it has ended (onec sessions shows it)."
            )


def shared_types(import_type: str, assets: Sequence[str]) -> list[str]:
    """The import types that an import has in common with a run of these assets."""
    return [IMPORT_TYPE_OF[asset] for asset in assets if import_type in {ALL, IMPORT_TYPE_OF[asset]}]


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

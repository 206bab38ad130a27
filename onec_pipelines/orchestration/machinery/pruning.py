"""Runs that are deleted from the history: one that was refused before it began, and those that are old.

Of the old ones those are kept that something still leads to: a page of the UI, a check, an alert. Each run is deleted
by itself, in short transactions, beside whatever runs. Ticks are not here: Dagster prunes them, as `dagster.yaml` says.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from sqlalchemy import func, select

from onec_pipelines.orchestration.private import (
    FINISHED_STATUSES,
    PARENT_RUN_ID_TAG,
    ROOT_RUN_ID_TAG,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG

MATERIALIZATIONS_OF_A_CHECK = 2
"""The latest one and the one before: `row_count_drop` and `rejected_rows` compare them."""
EVALUATED = [AssetCheckExecutionRecordStatus.SUCCEEDED.value, AssetCheckExecutionRecordStatus.FAILED.value]


@dataclass(frozen=True, slots=True)
class OldRuns:
    """Runs that have ended before a moment: those that may go, oldest first, and how many are kept."""

    due: tuple[str, ...]
    kept: int


def old_runs(instance: dg.DagsterInstance, before: datetime) -> OldRuns:
    """The runs that ended before a moment."""
    old = instance.get_run_ids(RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before))[::-1]
    due = set(old) - newest_of_assets(instance) - newest_of_checks(instance) - newest_of_imports(instance)
    due = without_ancestors(instance, due)
    return OldRuns(tuple(run_id for run_id in old if run_id in due), len(old) - len(due))


def newest_of_assets(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold the newest event of each kind about an asset or a partition of one: what its page shows."""
    event = SqlEventLogStorageTable.c
    newest = (
        select(func.max(event.id))
        .where(event.asset_key.is_not(None))
        .group_by(event.asset_key, event.partition, event.dagster_event_type)
    )
    with _storage(instance).index_connection() as connection:
        return set(connection.execute(select(event.run_id).where(event.id.in_(newest))).scalars())


def newest_of_checks(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold the newest evaluation of each check, and those of the last materializations it looked at."""
    row = AssetCheckExecutionsTable.c
    check = (row.asset_key, row.check_name, row.partition)
    newest = (
        select(*check, func.max(row.id))
        .where(row.execution_status.in_(EVALUATED))
        .group_by(*check, row.materialization_event_storage_id)
        .order_by(func.coalesce(row.materialization_event_storage_id, 0).desc())
    )
    found = defaultdict(list)
    with _storage(instance).index_connection() as connection:
        for *key, evaluation in connection.execute(newest):
            found[tuple(key)].append(evaluation)
        wanted = [
            evaluation
            for evaluations in found.values()
            for evaluation in (*evaluations[:MATERIALIZATIONS_OF_A_CHECK], max(evaluations))
        ]
        return set(connection.execute(select(row.run_id).where(row.id.in_(wanted))).scalars())


def newest_of_imports(instance: dg.DagsterInstance) -> set[str]:
    """The last run of each import type that came to an end: an alert says whether the next one is well again."""
    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    return {
        run_id
        for _, types in instance.get_run_tags([IMPORT_TYPE_TAG])
        for import_type in types
        for run_id in instance.get_run_ids(RunsFilter(tags={IMPORT_TYPE_TAG: import_type}, statuses=ended), limit=1)
    }


def without_ancestors(instance: dg.DagsterInstance, due: set[str]) -> set[str]:
    """These runs without those that a run which stays repeats: its page would fail."""
    tags = (PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG)
    repeated = {run_id for _, run_ids in instance.get_run_tags(list(tags)) for run_id in run_ids} & due
    by = {
        run_id: {child for tag in tags for child in instance.get_run_ids(RunsFilter(tags={tag: run_id}))}
        for run_id in repeated
    }
    while needed := {run_id for run_id in repeated & due if by[run_id] - due}:
        due = due - needed
    return due


def remove(instance: dg.DagsterInstance, run_id: str) -> int:
    """Delete a run, its events and what it printed, and return how many events there were.

    The run is the last to go: if this is broken off, the next prune finds it again.
    """
    event = SqlEventLogStorageTable.c
    with _storage(instance).index_connection() as connection:
        events = connection.execute(select(func.count()).where(event.run_id == run_id)).scalar_one()
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    forget(instance, run_id)
    return int(events)


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run with its events.

    Dagster itself leaves the rows of its checks. Those of checks that were only planned would hide the results of the
    last import on the page of the asset, and make the run fail where it is submitted again under the same id, as a
    backfill does.
    """
    storage = _storage(instance)
    storage.delete_events(run_id)
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    instance.delete_run(run_id)


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(type(storage).__name__)
    return storage

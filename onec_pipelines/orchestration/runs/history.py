"""Import sessions: Dagster's run history as the ImportSession list. There is no second record of them."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunRecord, RunsFilter

from onec_pipelines.database.locks import tags_lock
from onec_pipelines.datasets import ALL, BY_ASSET, BY_NAME
from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.runs.failures import INTERRUPTED, INTERRUPTIONS
from onec_pipelines.orchestration.runs.guards import DECISIONS, GUARD
from onec_pipelines.orchestration.runs.metadata import NOTICES, PASSED_OVER, counter_values, counters_of
from onec_pipelines.orchestration.runs.progress import (
    IMPORT_TYPE_TAG,
    NOT_SHOWN,
    PROGRESS_TAG,
    RESULT_TAG,
    counters_reached,
    parse_progress,
    reached_by,
    settled_tags,
)
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

STATUS = {
    DagsterRunStatus.QUEUED: "pending",
    DagsterRunStatus.NOT_STARTED: "pending",
    DagsterRunStatus.MANAGED: "pending",
    DagsterRunStatus.STARTING: "pending",
    DagsterRunStatus.STARTED: "in_progress",
    DagsterRunStatus.SUSPENDED: "in_progress",
    DagsterRunStatus.SUCCESS: "completed",
    DagsterRunStatus.FAILURE: "failed",
    DagsterRunStatus.CANCELING: "in_progress",
    DagsterRunStatus.CANCELED: "failed",
}
PACKAGE_TAG, USER_TAG = "onec/package", "onec/user"
"""Of the run of what 1C has pushed: the number of the delivery, and whose it is."""
CANCELED = "The run was canceled."
EVENTS = {
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
}


@dataclass(frozen=True, slots=True)
class GuardSaid:
    """Whether the guard of an asset let everything go that an export names no longer, and what it decided on."""

    passed: bool
    description: str | None
    decisions: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Session:
    """One import: `status` is pending, in_progress, completed or failed; times are in UTC.

    `counters` are by asset and key; of an import that goes on, failed or was killed, as far as it has come. `notices`
    are what its assets want a person to know, `guards` what the guard of each asset said; `result` is the tag
    `onec/result`, `source` the delivery of 1C.
    """

    run_id: str
    import_type: str
    status: str
    processed: int
    total: int
    started_at: datetime | None
    finished_at: datetime | None
    counters: dict[str, dict[str, int]]
    error_message: str | None
    notices: tuple[str, ...] = ()
    result: str = ""
    job: str = ""
    guards: Mapping[str, GuardSaid] = field(default_factory=dict)
    source: str = ""

    @property
    def duration_seconds(self) -> float | None:
        """How long it took, or has taken until now; None before it started."""
        if self.started_at is None:
            return None
        return round(((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds(), 2)

    def as_json(self, ui_url: str) -> dict[str, Any]:
        """The session for programs, with the link to its page in the UI at an address; times in ISO 8601."""
        return {
            "run_id": self.run_id,
            "import_type": self.import_type,
            "status": self.status,
            "processed": self.processed,
            "total": self.total,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "duration_seconds": self.duration_seconds,
            "counters": self.counters,
            "error_message": self.error_message,
            "notices": list(self.notices),
            "guards": {asset: asdict(said) for asset, said in self.guards.items()},
            "job": self.job,
            "link": f"{ui_url}/runs/{self.run_id}",
        }


def list_sessions(
    instance: dg.DagsterInstance, *, import_type: str | None = None, limit: int | None = None
) -> list[Session]:
    """The sessions, newest first, of all types or of one."""
    types = [import_type] if import_type else [ALL, *BY_NAME]
    records = instance.get_run_records(RunsFilter(tags={IMPORT_TYPE_TAG: types}), limit=limit)
    return [read_session(instance, record) for record in records]


def find_session(instance: dg.DagsterInstance, run_id: str) -> Session:
    """The session of a run; LookupError where there is no such run."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise LookupError(run_id)
    return read_session(instance, record)


def read_session(instance: dg.DagsterInstance, record: RunRecord) -> Session:
    """A run as a session."""
    run = record.dagster_run
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=EVENTS)
        if entry.dagster_event is not None
    ]
    reached = {asset: counter_values(asset, counters) for asset, counters in counters_reached(run).items()}
    found = reached | {asset: values for event in events for asset, values in _counters(event)}
    progress = _progress(run, found)
    return Session(
        run_id=run.run_id,
        import_type=run.tags.get(IMPORT_TYPE_TAG, ""),
        status=STATUS[run.status],
        processed=progress.processed,
        total=progress.total,
        started_at=_time(record.start_time),
        finished_at=_time(record.end_time),
        counters={asset: found[asset] for asset in BY_ASSET if asset in found},
        error_message=_error(run, events),
        notices=tuple(notice for event in events for notice in _notices(event)),
        result=run.tags.get(RESULT_TAG, ""),
        job=run.job_name,
        guards=dict(guard for event in events for guard in _guards(event)),
        source=f"delivery {run.tags[PACKAGE_TAG]} of {run.tags.get(USER_TAG, '')}" if PACKAGE_TAG in run.tags else "",
    )


def settle_tags(instance: dg.DagsterInstance, url: str, run_id: str) -> None:
    """See, after the last step of a run, that its tags say what its assets came to by their materializations.

    The steps have said so themselves, unless PostgreSQL took no connection at that moment, or somebody had marked the
    run as ended that went on: a run that was completed would show the progress of its middle for ever.
    """
    with tolerated(log, "the tags of a run are not written", *NOT_SHOWN), tags_lock(url, run_id):
        run = instance.get_run_by_id(run_id)
        if run is None:
            return
        landed: dict[str, Counters] = {}
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
            if entry.dagster_event:
                landed |= {asset: counters_of(asset, values) for asset, values in _counters(entry.dagster_event)}
        if landed and (tags := settled_tags(run, landed)):
            instance.add_run_tags(run_id, tags)


def _progress(run: dg.DagsterRun, counters: dict[str, dict[str, int]]) -> Counters:
    """How far a run has come by its tags; one that is completed has come to its end."""
    if STATUS[run.status] == "completed" and counters:
        total = sum(counters_of(asset, values).total for asset, values in counters.items())
        return Counters(total=total, processed=total)
    if PROGRESS_TAG in run.tags:
        return parse_progress(run.tags[PROGRESS_TAG])
    return reached_by(run)


def _time(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp else None


def _counters(event: dg.DagsterEvent) -> Iterator[tuple[str, dict[str, int]]]:
    if event.event_type is DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
        yield from _integers(event.asset_key.to_user_string(), event.step_materialization_data.materialization.metadata)
    elif event.event_type is DagsterEventType.STEP_FAILURE and event.step_failure_data.user_failure_data:
        yield from _integers(asset_of_step(event.step_key or ""), event.step_failure_data.user_failure_data.metadata)


def asset_of_step(step: str) -> str:
    """`product_images.publish_images[1_of_2]` is a step of the asset `product_images`."""
    return step.partition(".")[0]


def _integers(asset: str, metadata: Any) -> Iterator[tuple[str, dict[str, int]]]:  # noqa: ANN401 - Dagster's mapping
    """The counters of an asset; runs of 0.1.0 have no `removed`."""
    if asset in BY_ASSET and metadata.keys() >= BY_ASSET[asset].counters.keys() - {"removed"}:
        yield asset, {key: int(metadata[key].value) for key in BY_ASSET[asset].counters if key in metadata}


def _notices(event: dg.DagsterEvent) -> Iterator[str]:
    """What an asset says besides its counters."""
    if event.asset_key is None or event.asset_key.to_user_string() not in BY_ASSET:
        return
    asset = event.asset_key.to_user_string()
    if event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
        said = event.step_materialization_data.materialization.metadata.get(NOTICES)
        yield from (f"{asset}: {line.removeprefix('- ')}" for line in (str(said.value).splitlines() if said else []))
    elif event.event_type is DagsterEventType.ASSET_OBSERVATION:
        said = event.asset_observation_data.asset_observation.metadata.get(PASSED_OVER)
        if said:
            yield from (f"{asset} was passed over.", f"{asset}: {said.value}")


def _guards(event: dg.DagsterEvent) -> Iterator[tuple[str, GuardSaid]]:
    """What the guard of an asset said, by its check."""
    if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if check.check_name == GUARD:
            decisions = getattr(check.metadata.get(DECISIONS), "records", ())
            said = GuardSaid(check.passed, check.description, tuple(dict(row.data) for row in decisions))
            yield check.asset_key.to_user_string(), said


def _error(run: dg.DagsterRun, events: list[dg.DagsterEvent]) -> str | None:
    """The sentence of a failed run: what its steps said, in a run of all types each by its asset; or else Dagster's."""
    if STATUS[run.status] != "failed":
        return None
    if run.status is DagsterRunStatus.CANCELED:
        return CANCELED
    failures = {
        asset_of_step(event.step_key): _sentence(event) for event in events if event.step_key and _is_failure(event)
    }
    if run.tags.get(IMPORT_TYPE_TAG) == ALL and failures:
        return " ".join(f"{asset}: {sentence}" for asset, sentence in failures.items())
    said = (_sentence(event) for event in events)
    return next((sentence for sentence in said if sentence), None)


def _is_failure(event: dg.DagsterEvent) -> bool:
    return event.event_type is DagsterEventType.STEP_FAILURE


def _sentence(event: dg.DagsterEvent) -> str | None:
    if event.event_type is DagsterEventType.STEP_FAILURE:
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error and data.error.cls_name in INTERRUPTIONS:
            return INTERRUPTED
        error = data.error and (data.error.cause or data.error)
        return _first_line(error.message) if error else None
    return _first_line(event.message or "") if event.event_type is DagsterEventType.RUN_FAILURE else None


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")

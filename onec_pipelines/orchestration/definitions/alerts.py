"""Alerts: one message to each receiver of ONEC_ALERT_URLS when an import fails, needs attention, or is well again.

What a finished run is worth telling is decided by `compose`, a pure function:

    failed            the run failed (one that a person canceled did not)
    needs attention   it went through, and a check of severity ERROR failed, or more rows are rejected than before
    recovered         it went through and is sound, and the last one of its import type was not

One sensor looks at every run of ours that has ended, however it was launched: a run status sensor of Dagster does
not see those of `onec import`, and forgets a run whose message could not be sent. Here a receiver that does not
answer is tried again at every tick for an hour, it alone, and then given up; the tick says so and never fails.
The first tick, and one without receivers, only takes note of where the history ends.

Messages hold the import type, the sentence, counters and a link. Nothing secret and nothing personal is in them:
the sentences hold none (session.py), and what the settings know to be secret is struck out all the same.
"""

import json
import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal
from urllib.parse import unquote

import dagster as dg
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus, RunsFilter, RunStatusChangeRecordsFilter

from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.definitions.checks import REJECTED_ROWS
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.history import Session, find_session
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.settings import Settings
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

EVERY_SECONDS = 30
KEEP_TRYING_SECONDS = 3600
RUNS_A_TICK = 20
SECONDS_A_TICK = 20.0
"""What is not sent by then waits for the next tick: Dagster stops one of 60 seconds, and would forget what was sent."""
PASSWORD = re.compile(r"://[^:/@]*:([^@\s]*)@|[?&]\w*password=([^&\s]*)")
SHORTEST_SECRET = 4
"""Shorter ones would strike out parts of ordinary words."""
STRUCK_OUT = "***"
ENDED: tuple[Literal[DagsterEventType.RUN_FAILURE], Literal[DagsterEventType.RUN_SUCCESS]] = (
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_SUCCESS,
)
UNSET = "ONEC_ALERT_URLS is not set: nothing is sent. Set it to receive a message when an import fails."


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that failed and is told of: `catalog`, `deactivation_guard`, and what it says.

    With one that is no error the import is sound all the same: nobody hears that it is well again.
    """

    asset: str
    name: str
    says: str
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A message to people; `kind` is one of apprise's: failure, warning or success."""

    kind: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Debt:
    """A message about a run that a receiver is owed until a moment in seconds since the epoch.

    `receiver` is its number in ONEC_ALERT_URLS, from 1: what the cursor keeps holds no secret.
    """

    run_id: str
    receiver: int
    until: float


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the sensor remembers: the event up to which it has seen the runs end, and who is still owed what."""

    seen: int
    owed: tuple[Debt, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> "Cursor | None":
        """The cursor that Dagster kept; None at first, and after somebody wrote another into the UI."""
        try:
            kept = json.loads(text or "null")
            return cls(int(kept["seen"]), tuple(Debt(**debt) for debt in kept["owed"]))
        except (KeyError, TypeError, ValueError) as error:
            passed_over(log, "a cursor that is none of ours is an empty one", error)
            return None

    def dump(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps(asdict(self))


def compose(session: Session, failed: Sequence[FailedCheck], *, was_sound: bool, ui_url: str) -> Message | None:
    """What to tell of a run that has ended; None where it went as it should, as the one before it did."""
    lines = [f"{check.asset}, {check.name}: {inert(check.says)}" for check in failed]
    if session.status != "completed":
        kind, title = "failure", "1C import failed"
        lines.insert(0, inert(session.error_message or "The run failed without saying why."))
    elif not was_sound and is_sound(failed):
        kind, title = "success", "1C import recovered"
        lines.insert(0, "The import went through again.")
    elif failed:
        kind, title = "warning", "1C import needs attention"
    else:
        return None
    lines += [counters_line(asset, counters) for asset, counters in session.counters.items()]
    lines.append(f"{ui_url}/runs/{session.run_id}")
    return Message(kind, f"{title}: {session.import_type}", "\n".join(lines))


def is_sound(failed: Iterable[FailedCheck]) -> bool:
    """Whether none of the checks that failed is an error."""
    return not any(check.is_error for check in failed)


def inert(sentence: str) -> str:
    """A sentence on one line, and no image or link in it: some messengers take every text for Markdown."""
    return visible(sentence).replace("](", "] (")


def counters_line(asset: str, counters: dict[str, int]) -> str:
    """`prices: total_items 5, processed_items 5, ...`."""
    return f"{asset}: {', '.join(f'{key} {value}' for key, value in counters.items())}"


def without_secrets(message: Message, secrets: Iterable[str]) -> Message:
    """The message with every secret struck out, the longest first, as one may hold another."""
    for secret in sorted(secrets, key=len, reverse=True):
        message = replace(
            message, title=message.title.replace(secret, STRUCK_OUT), body=message.body.replace(secret, STRUCK_OUT)
        )
    return message


def secrets_of(settings: Settings) -> set[str]:
    """What must not stand in a message: passwords as they are and as URLs hold them, and the receivers."""
    urls = f"{settings.database_url} {settings.media_url}"
    passwords = [text for found in PASSWORD.findall(urls) for text in found]
    known = {*passwords, *map(unquote, passwords), *settings.alert_urls}
    return {secret for secret in known if len(secret) >= SHORTEST_SECRET}


# --- the history of runs


def ended_since(instance: dg.DagsterInstance, seen: int) -> list[tuple[int, str]]:
    """The number of the event and the run, of the runs that failed or succeeded after an event; oldest first."""
    records = [
        record
        for event_type in ENDED
        for record in instance.fetch_run_status_changes(
            RunStatusChangeRecordsFilter(event_type=event_type, after_storage_id=seen),
            limit=RUNS_A_TICK,
            ascending=True,
        ).records
    ]
    return sorted((record.storage_id, record.run_id) for record in records)[:RUNS_A_TICK]


def end_of_history(instance: dg.DagsterInstance) -> int:
    """The number of the last event by which a run ended; 0 where none has."""
    last = [instance.fetch_run_status_changes(event_type, limit=1).records for event_type in ENDED]
    return max((record.storage_id for records in last for record in records), default=0)


def failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[FailedCheck]:
    """The checks that failed in a run and are told of: those of severity ERROR, and that of more rejected rows."""
    events = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [entry.dagster_event.asset_check_evaluation_data for entry in events if entry.dagster_event]
    return [
        FailedCheck(found.asset_key.to_user_string(), found.check_name, found.description or "failed", is_error)
        for found in evaluations
        for is_error in [found.severity is dg.AssetCheckSeverity.ERROR]
        if not found.passed and (is_error or (found.check_name == REJECTED_ROWS and "count" in found.metadata))
    ]


def sound_before(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    """Whether the import of the same type before this one went through, with its checks; the first one has none."""
    before = instance.get_runs(
        RunsFilter(
            tags={IMPORT_TYPE_TAG: run.tags[IMPORT_TYPE_TAG]},
            statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE],
        ),
        cursor=run.run_id,
        limit=1,
    )
    return all(one.is_success and is_sound(failed_checks(instance, one.run_id)) for one in before)


def message_about(
    instance: dg.DagsterInstance, run_id: str, settings: Settings, location: str | None
) -> Message | None:
    """What to tell of a run; None where there is nothing, and for a run that is gone or not ours."""
    run = instance.get_run_by_id(run_id)
    if run is None or not is_ours(run, location):
        return None
    message = compose(
        find_session(instance, run_id),
        failed_checks(instance, run_id),
        was_sound=sound_before(instance, run),
        ui_url=settings.ui_url,
    )
    return message and without_secrets(message, secrets_of(settings))


def is_ours(run: DagsterRun, location: str | None) -> bool:
    """Whether a run is an import of this code location; one of `onec import` names no location."""
    origin = run.remote_job_origin
    elsewhere = origin is not None and location is not None and origin.location_name != location
    return IMPORT_TYPE_TAG in run.tags and not elsewhere


# --- the sensor


def send(url: str, message: Message) -> bool:
    """Send a message to one receiver; whether it took it. Apprise waits some seconds for an answer."""
    import apprise  # noqa: PLC0415 - half a second that only who sends a message needs

    receiver = apprise.Apprise(asset=apprise.AppriseAsset(app_id="onec_pipelines"))
    return receiver.add(url) and bool(
        receiver.notify(
            title=message.title, body=message.body, notify_type=message.kind, body_format=apprise.NotifyFormat.TEXT
        )
    )


@dataclass(slots=True)
class Delivery:
    """What becomes of the messages of one tick, which began at `now`, in seconds since the epoch."""

    urls: Sequence[str]
    now: float
    sent: int = 0
    owed: list[Debt] = field(default_factory=list)
    given_up: list[Debt] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)

    def deliver(self, debt: Debt, message: Message) -> None:
        """Send a message to its receiver, unless that did not answer just now; note what is owed or given up."""
        if debt.receiver > len(self.urls):
            return  # the setting has become shorter
        if time.time() - self.now > SECONDS_A_TICK:
            self.owed.append(debt)
        elif debt.receiver not in self.silent and send(self.urls[debt.receiver - 1], message):
            self.sent += 1
        else:
            self.silent.add(debt.receiver)
            (self.owed if self.now < debt.until else self.given_up).append(debt)

    def __str__(self) -> str:
        """What the tick says."""
        said = [f"Messages sent: {self.sent}."] if self.sent else []
        said += [
            f"Receiver {number} of ONEC_ALERT_URLS ({self.urls[number - 1].partition('://')[0]}) did not take its "
            "messages: check the URL and the network."
            for number in sorted(self.silent)
        ]
        said += [f"Tried again at the next tick: {len(self.owed)}."] if self.owed else []
        said += [f"Given up: {len(self.given_up)}."] if self.given_up else []
        return " ".join(said) or "No import has failed or recovered since the last look."


@dg.sensor(
    name="alert_sensor",
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends a message to ONEC_ALERT_URLS when an import fails, a check of severity ERROR fails, more "
    "rows are rejected than before, or an import is well again.",
)
def alert_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> dg.SkipReason:
    """Look at the runs that have ended since the last tick, and tell of them; it never requests a run."""
    try:
        settings = onec.settings()
    except OnecError as error:
        return dg.SkipReason(visible(str(error)))
    cursor = Cursor.parse(context.cursor)
    if cursor is None or not settings.alert_urls:
        context.update_cursor(Cursor(end_of_history(context.instance)).dump())
        return dg.SkipReason("From now on the imports that end are told of." if settings.alert_urls else UNSET)
    return dg.SkipReason(tell(context, settings, cursor))


def tell(context: dg.SensorEvaluationContext, settings: Settings, cursor: Cursor) -> str:
    """Deliver what is owed and what is new, remember the rest, and say what was done."""
    location = context.code_location_origin.location_name if context.code_location_origin else None
    delivery = Delivery(settings.alert_urls, time.time())
    ended = ended_since(context.instance, cursor.seen)
    receivers = range(1, len(settings.alert_urls) + 1)
    until = delivery.now + KEEP_TRYING_SECONDS
    new = [Debt(run_id, receiver, until) for _, run_id in ended for receiver in receivers]
    messages: dict[str, Message | None] = {}
    for debt in [*cursor.owed, *new]:
        if debt.run_id not in messages:
            messages[debt.run_id] = message_about(context.instance, debt.run_id, settings, location)
        if message := messages[debt.run_id]:
            delivery.deliver(debt, message)
    seen = ended[-1][0] if ended else cursor.seen
    context.update_cursor(Cursor(seen, tuple(delivery.owed)).dump())
    if delivery.silent:
        context.log.warning(str(delivery))
    return str(delivery)

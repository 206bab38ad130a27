"""Live progress of a run: its tag `onec/progress`, log lines with a bar, and a few observations.

The tag is what the Runs page shows; it is overwritten every 2 seconds, which costs some 20 ms and leaves nothing
behind. Log lines and observations are events and stay in the history, so a run writes at most `MAX_EVENTS` of
them, however long it takes: the assets of a run share them alike.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg

from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.metadata import bar_text, counter_values

Watch = Callable[[str, Counters], None]
"""Called with an asset's name and its counters, for whoever watches from this process."""
PROGRESS_TAG = "onec/progress"
RESULT_TAG = "onec/result"
IMPORT_TYPE_TAG = "onec/import_type"
EVERY_SECONDS = 2.0
SLOWEST = 1024
"""By how much the interval between two lines grows in the end: that spreads the lines of an asset over hours."""
MAX_EVENTS = 100


@dataclass(slots=True)
class Pace:
    """When to show something, by a clock in seconds; at most `lines` lines and `observations` observations."""

    lines: int
    observations: int
    line_at: float
    tag_at: float = float("-inf")
    lines_shown: int = 0
    observations_shown: int = 0

    @classmethod
    def shared(cls, assets: int, moment: float) -> "Pace":
        """The pace of one of the assets of a run, from now on."""
        events = MAX_EVENTS // assets
        return cls(lines=events - events // 10, observations=events // 10, line_at=moment)

    def tag_is_due(self, moment: float) -> bool:
        """Whether to overwrite the tag; it counts as done."""
        due = moment - self.tag_at >= EVERY_SECONDS
        if due:
            self.tag_at = moment
        return due

    def line_is_due(self, moment: float) -> bool:
        """Whether to write a log line; it counts as done."""
        due = moment - self.line_at >= line_interval(self.lines_shown, self.lines)
        if due:
            self.line_at = moment
            self.lines_shown += 1
        return due

    def observation_is_due(self, counters: Counters) -> bool:
        """Whether to record an observation: they divide the work into equal parts; it counts as done."""
        if self.observations_shown >= self.observations or not counters.total:
            return False
        due = counters.processed * (self.observations + 1) >= counters.total * (self.observations_shown + 1)
        self.observations_shown += due
        return due


def line_interval(shown: int, limit: int) -> float:
    """Seconds until the next log line: 2 for the first half of the lines, then ever longer, after the last for ever."""
    if shown >= limit:
        return float("inf")
    half = limit // 2
    return EVERY_SECONDS * float(SLOWEST ** (max(0, shown - half) / (limit - half)))


@dataclass(slots=True)
class RunProgress:
    """Takes the counters of one asset's import and shows them; `counters` are the last ones.

    `before` is what the assets of the same run came to before this one: a full refresh shows their sum.
    """

    context: dg.AssetExecutionContext
    asset: str
    watch: Watch
    before: Counters
    pace: Pace
    counters: Counters = field(default_factory=Counters)

    def __call__(self, counters: Counters) -> None:
        """Note the counters; show them if it is time to."""
        self.counters = counters
        self.watch(self.asset, counters)
        moment = time.monotonic()
        if self.pace.tag_is_due(moment):
            self.tag()
        if self.pace.line_is_due(moment):
            self._show()

    def tag(self) -> None:
        """Overwrite the progress tag of the run."""
        processed = self.before.processed + self.counters.processed
        total = self.before.total + self.counters.total
        self.context.instance.add_run_tags(self.context.run.run_id, {PROGRESS_TAG: f"{processed}/{total}"})

    def _show(self) -> None:
        line = bar_text(self.counters)
        self.context.log.info(f"{self.asset} {line}")  # noqa: G004 - Dagster's log, written as it is shown
        if self.pace.observation_is_due(self.counters):
            values = counter_values(self.asset, self.counters)
            self.context.log_event(
                dg.AssetObservation(asset_key=self.context.asset_key, metadata={**values, "progress": line})
            )


def parse_progress(text: str | None) -> Counters:
    """The tag `processed/total` as counters; zeros where there is none."""
    processed, _, total = (text or "").partition("/")
    if not (processed.isdecimal() and total.isdecimal()):
        return Counters()
    return Counters(total=int(total), processed=int(processed))


def no_watch(_asset: str, _counters: Counters) -> None:
    """For runs that nobody watches from their process."""

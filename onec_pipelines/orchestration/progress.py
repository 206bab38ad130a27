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
StepContext = dg.AssetExecutionContext | dg.OpExecutionContext
"""What Dagster hands a step: of an asset, or of a part of one."""
MayShow = Callable[[], bool]
"""Whether a line may be logged now, with regard to the other processes of the run."""
PROGRESS_TAG = "onec/progress"
RESULT_TAG = "onec/result"
IMPORT_TYPE_TAG = "onec/import_type"
EVERY_SECONDS = 2.0
SLOWEST = 1024
"""By how much the interval between two lines grows in the end: that spreads the lines of an asset over hours."""
MAX_EVENTS = 100


@dataclass(slots=True)
class Pace:
    """When to show something, by a clock in seconds.

    At most `lines` lines, and of the asset's `of_observations` observations those up to number `observations`.
    """

    lines: int
    observations: int
    of_observations: int
    line_at: float
    tag_at: float = float("-inf")
    lines_shown: int = 0
    observations_shown: int = 0

    @classmethod
    def shared(cls, assets: int, moment: float, part: tuple[int, int] = (1, 1)) -> "Pace":
        """The pace of one of the assets of a run, or of the n-th part of so many of it, from now on."""
        events = MAX_EVENTS // assets
        number, parts = part
        all_lines, all_observations = events - events // 10, events // 10
        return cls(
            lines=all_lines * number // parts - all_lines * (number - 1) // parts,
            observations=all_observations * number // parts,
            of_observations=all_observations,
            line_at=moment,
            observations_shown=all_observations * (number - 1) // parts,
        )

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
        due = counters.processed * (self.of_observations + 1) >= counters.total * (self.observations_shown + 1)
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

    context: StepContext
    asset: str
    watch: Watch
    before: Counters
    pace: Pace
    may_show: MayShow
    counters: Counters = field(default_factory=Counters)

    def __call__(self, counters: Counters) -> None:
        """Note the counters; show them if it is time to."""
        self.counters = counters
        self.watch(self.asset, counters)
        moment = time.monotonic()
        if self.pace.tag_is_due(moment):
            self.tag()
        if self.pace.line_is_due(moment) and self.may_show():
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
            self.context.log_event(dg.AssetObservation(asset_key=self.asset, metadata={**values, "progress": line}))


def parse_progress(text: str | None) -> Counters:
    """The tag `processed/total` as counters; zeros where there is none."""
    processed, _, total = (text or "").partition("/")
    if not (processed.isdecimal() and total.isdecimal()):
        return Counters()
    return Counters(total=int(total), processed=int(processed))


def always() -> bool:
    """For a step that is the only one of its run at a time."""
    return True


def no_watch(_asset: str, _counters: Counters) -> None:
    """For runs that nobody watches from their process."""

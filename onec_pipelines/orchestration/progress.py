"""Live progress of a run: its tag `onec/progress`, log lines with a bar, and a few observations.

The tag is what the Runs page shows; overwriting it costs some 20 ms. Log lines and observations are events and
stay in the history, so they are few: at most 90 lines and 10 observations a run.
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
TAG_EVERY_SECONDS = 2.0
LINE_EVERY_SECONDS = 2.0
MAX_LINES = 90
MAX_OBSERVATIONS = 10


@dataclass(slots=True)
class RunProgress:
    """Takes the counters of one asset's import and shows them; `counters` are the last ones.

    `before` is what the assets of the same run came to before this one: a full refresh shows their sum.
    """

    context: dg.AssetExecutionContext
    asset: str
    watch: Watch
    before: Counters
    counters: Counters = field(default_factory=Counters)
    _tagged_at: float = 0.0
    _line_at: float = field(default_factory=time.monotonic)
    _lines: int = 0
    _observations: int = 0

    def __call__(self, counters: Counters) -> None:
        """Note the counters; show them if it is time to."""
        self.counters = counters
        self.watch(self.asset, counters)
        moment = time.monotonic()
        if moment - self._tagged_at >= TAG_EVERY_SECONDS:
            self._tagged_at = moment
            self.tag()
        if moment - self._line_at >= line_interval(self._lines):
            self._line_at = moment
            self._lines += 1
            self._show()

    def tag(self) -> None:
        """Overwrite the progress tag of the run."""
        processed = self.before.processed + self.counters.processed
        total = self.before.total + self.counters.total
        self.context.instance.add_run_tags(self.context.run_id, {PROGRESS_TAG: f"{processed}/{total}"})

    def _show(self) -> None:
        line = bar_text(self.counters)
        self.context.log.info(f"{self.asset} {line}")  # noqa: G004 - Dagster's log, written as it is shown
        share = self.counters.processed / self.counters.total if self.counters.total else 0.0
        if share * MAX_OBSERVATIONS > self._observations + 1 and self._observations < MAX_OBSERVATIONS:
            self._observations += 1
            values = counter_values(self.asset, self.counters)
            self.context.log_event(
                dg.AssetObservation(asset_key=self.context.asset_key, metadata={**values, "progress": line})
            )


def line_interval(lines: int) -> float:
    """Seconds until the next log line: 2 at first, growing so that a run of any length writes at most `MAX_LINES`."""
    if lines >= MAX_LINES:
        return float("inf")
    return LINE_EVERY_SECONDS if lines < 60 else LINE_EVERY_SECONDS * 2 ** ((lines - 59) / 4)


def parse_progress(text: str | None) -> Counters:
    """The tag `processed/total` as counters; zeros where there is none."""
    processed, _, total = (text or "").partition("/")
    if not (processed.isdecimal() and total.isdecimal()):
        return Counters()
    return Counters(total=int(total), processed=int(processed))


def no_watch(_asset: str, _counters: Counters) -> None:
    """For runs that nobody watches from their process."""

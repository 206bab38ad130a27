"""Live progress of a run: its tag `onec/progress`, log lines with a bar, and a few observations.

The tag is what the Runs page shows; it is overwritten every 2 seconds, which costs some 20 ms and leaves nothing
behind. Log lines and observations are events and stay in the history, so a run writes at most `MAX_EVENTS` of
them, however long it takes: the assets of a run share them alike.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
import psycopg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from onec_pipelines.database.locks import tags_lock
from onec_pipelines.errors import OnecError
from onec_pipelines.importing import Counters
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.metadata import bar_text, counter_values, result_text
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

Watch = Callable[[str, Counters], None]
"""Called with an asset's name and its counters, for whoever watches from this process."""
StepContext = dg.AssetExecutionContext | dg.OpExecutionContext
"""What Dagster hands a step: of an asset, or of a part of one."""
MayShow = Callable[[], bool]
"""Whether a line may be logged now, with regard to the other processes of the run."""
PROGRESS_TAG = "onec/progress"
RESULT_TAG = "onec/result"
IMPORT_TYPE_TAG = "onec/import_type"
ASSETS_TAG = ".dagster/onec_assets"
RESULT = "result"
"""In that tag: what came of an asset, beside its counters."""
PASSED, FAILED, CANCELED, KILLED = "passed over", "failed", "canceled", "killed"
WRONG = (FAILED, CANCELED, PASSED)
"""Results of an asset that has not landed, the worst first."""
EVERY_SECONDS = 2.0
SLOWEST = 1024
"""By how much the interval between two lines grows in the end: that spreads the lines of an asset over hours."""
MAX_EVENTS = 100
NOT_SHOWN = (OnecError, psycopg.Error, SQLAlchemyError, DagsterPostgresException)
"""What showing fails with when PostgreSQL takes no connection for a moment: no reason to give an import up."""


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

    def line_is_due(self, moment: float, may_show: MayShow) -> bool:
        """Whether to write a log line; it counts as done. Where it may not be shown, the next interval begins."""
        if moment - self.line_at < line_interval(self.lines_shown, self.lines):
            return False
        self.line_at = moment
        due = may_show()
        self.lines_shown += due
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


@dataclass(frozen=True, slots=True)
class RunTags:
    """The tags of a run: its type, how far it is, and what came of it. `alone` is the only asset of its run.

    What each asset has come to stands in a tag of its own, which the UI does not show: the others are made from
    it. Steps in several processes may write side by side.
    """

    instance: dg.DagsterInstance
    onec: Onec
    run_id: str
    import_type: str
    asset: str
    alone: bool

    def write(self, counters: Counters | None = None, result: str | None = None) -> None:
        """Say how far this asset is, or what came of it. A run that has ended keeps what it said."""
        with tags_lock(self.onec.database_url(), self.run_id):
            run = self.instance.get_run_by_id(self.run_id)
            if run is None or run.is_finished:
                return
            assets = known_of_assets(run)
            mine = assets.setdefault(self.asset, {**asdict(Counters()), RESULT: ""})
            if counters:
                mine |= asdict(counters)
            if result is not None:
                mine[RESULT] = result
            self.instance.add_run_tags(self.run_id, tags_of(run, self.import_type, assets, alone=self.alone))

    def show(self, counters: Counters | None = None, result: str | None = None) -> None:
        """The same, unless PostgreSQL takes no connection for a moment: that must change nothing else."""
        with tolerated(log, "the tags of a run are not written", *NOT_SHOWN):
            self.write(counters, result)

    def result(self) -> str:
        """What came of this asset so far, whichever step said it."""
        run = self.instance.get_run_by_id(self.run_id)
        return str(known_of_assets(run).get(self.asset, {}).get(RESULT, "")) if run else ""


@dataclass(slots=True)
class RunProgress:
    """Takes the counters of one asset's import and shows them; `counters` are the last ones."""

    context: StepContext
    asset: str
    watch: Watch
    tags: RunTags
    pace: Pace
    may_show: MayShow
    counters: Counters = field(default_factory=Counters)

    def __call__(self, counters: Counters) -> None:
        """Note the counters; show them if it is time to."""
        self.counters = counters
        self.watch(self.asset, counters)
        moment = time.monotonic()
        with tolerated(log, "the tags of a run are not written", *NOT_SHOWN):
            if self.pace.tag_is_due(moment):
                self.tags.write(counters)
            if self.pace.line_is_due(moment, self.may_show):
                self._show()

    def _show(self) -> None:
        line = bar_text(self.counters)
        self.context.log.info(f"{self.asset} {line}")  # noqa: G004 - Dagster's log, written as it is shown
        if self.pace.observation_is_due(self.counters):
            values = counter_values(self.asset, self.counters)
            self.context.log_event(dg.AssetObservation(asset_key=self.asset, metadata={**values, "progress": line}))


def tags_of(run: dg.DagsterRun, import_type: str, assets: dict[str, dict[str, Any]], *, alone: bool) -> dict[str, str]:
    """The tags that say what is known of the assets of a run.

    What went wrong comes first: the UI shows no more than the beginning of a tag.
    """
    said = [(asset, about[RESULT]) for asset, about in assets.items() if about[RESULT]]
    said.sort(key=lambda item: WRONG.index(item[1]) if item[1] in WRONG else len(WRONG))
    tags = {
        IMPORT_TYPE_TAG: import_type,
        ASSETS_TAG: json.dumps({"run_id": run.run_id, "assets": assets, "alone": alone}),
        PROGRESS_TAG: "/".join(str(sum(about[key] for about in assets.values())) for key in ("processed", "total")),
    }
    if said or RESULT_TAG in run.tags:
        tags[RESULT_TAG] = "; ".join(text if alone else f"{asset}: {text}" for asset, text in said)
    return tags


def settled_tags(run: dg.DagsterRun, landed: Mapping[str, Counters]) -> dict[str, str]:
    """The tags of a run in which these assets have landed, as far as they say anything else now."""
    settled = known_of_assets(run) | {
        asset: {**asdict(counters), RESULT: result_text(asset, counters)} for asset, counters in landed.items()
    }
    alone = bool(json.loads(run.tags.get(ASSETS_TAG, "{}")).get("alone", len(settled) == 1))
    tags = tags_of(run, run.tags.get(IMPORT_TYPE_TAG, ""), settled, alone=alone)
    return {name: value for name, value in tags.items() if run.tags.get(name) != value}


def known_of_assets(run: dg.DagsterRun) -> dict[str, dict[str, Any]]:
    """What the tags of a run know of its assets; one that repeats another inherits its tags, and begins anew."""
    known = json.loads(run.tags.get(ASSETS_TAG, "{}"))
    return dict(known["assets"]) if known.get("run_id") == run.run_id else {}


def counters_reached(run: dg.DagsterRun) -> dict[str, Counters]:
    """How far each asset of a run has come: what is left of one whose process was killed."""
    return {
        asset: Counters(**{name: value for name, value in about.items() if name != RESULT})
        for asset, about in known_of_assets(run).items()
        if about["total"]
    }


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

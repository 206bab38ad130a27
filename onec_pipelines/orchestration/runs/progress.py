"""Live progress of a run: its tag `onec/progress`, and log lines with a bar.

The tag is what the Runs page shows; it is overwritten every 2 seconds, which costs some 20 ms, and goes when the run
has ended (machinery/liveness.py). Log lines are events and stay in the history, so a run writes at most `MAX_EVENTS`
of them, however long it takes: the assets of a run share them alike. It is no observation, which the UI would plot
among what imports came to.
"""

import json
import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import dagster as dg
import psycopg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from onec_pipelines.database.locks import tags_lock
from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.errors import OnecError
from onec_pipelines.importing import Counters
from onec_pipelines.importing.report import came_to
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.metadata import bar_text, counter_values
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
RESULT, REASON = "result", "reason"
"""In that tag: what came of an asset, and why it failed, beside its counters."""
LANDED, PASSED, FAILED, CANCELED, KILLED = "landed", "passed over", "failed", "canceled", "killed"
DONE = frozenset({LANDED, PASSED})
SHOWN_OF_A_TAG = 22
"""So many characters of `onec/result` the Runs page shows on a screen of 1440 pixels.

It cuts without a mark, a number among its digits: what does not fit is left out.
"""
SHOWN_OF_A_REASON = 20
"""Russian letters are wider."""
OF_A_FILE = re.compile(r"Файл (?P<file>.+?\.xml) (?P<reason>[^:.(]+)", re.IGNORECASE)
COUNTED = [counter.name for counter in fields(Counters)]
EVERY_SECONDS = 2.0
SLOWEST = 1024
"""By how much the interval between two lines grows in the end: that spreads the lines of an asset over hours."""
MAX_EVENTS = 100
NOT_SHOWN = (OnecError, psycopg.Error, SQLAlchemyError, DagsterPostgresException)
"""What showing fails with when PostgreSQL takes no connection for a moment: no reason to give an import up."""


@dataclass(slots=True)
class Pace:
    """When to show something, by a clock in seconds: at most `lines` lines."""

    lines: int
    line_at: float
    tag_at: float = float("-inf")
    lines_shown: int = 0

    @classmethod
    def shared(cls, assets: int, moment: float, part: tuple[int, int] = (1, 1)) -> "Pace":
        """The pace of one of the assets of a run, or of the n-th part of so many of it, from now on.

        How much a run of several will go through its tag says from the start.
        """
        lines = MAX_EVENTS // assets
        number, parts = part
        tag_at = moment if assets > 1 else float("-inf")
        return cls(lines * number // parts - lines * (number - 1) // parts, moment, tag_at)

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


def line_interval(shown: int, limit: int) -> float:
    """Seconds until the next log line: 2 for the first half of the lines, then ever longer, after the last for ever."""
    if shown >= limit:
        return float("inf")
    half = limit // 2
    return EVERY_SECONDS * float(SLOWEST ** (max(0, shown - half) / (limit - half)))


@dataclass(frozen=True, slots=True)
class RunTags:
    """The tags of a run: its type, how far it is, and what came of it. `alone` is the only asset of its run.

    What each asset has come to stands in a tag of its own, which the UI does not show, and so does how many items
    the run expects of each: the others are made from it. Steps in several processes may write side by side.
    """

    instance: dg.DagsterInstance
    onec: Onec
    run_id: str
    import_type: str
    asset: str
    alone: bool

    def begin(self, expect: Callable[[], Mapping[str, int]]) -> None:
        """Say that this asset has begun, and how many items of each the run will go through, unless that is known."""
        run = self.instance.get_run_by_id(self.run_id)
        self.write(Counters(), "", expected=expected_of(run) or expect() if run else None)

    def write(
        self,
        counters: Counters | None = None,
        result: str | None = None,
        reason: str = "",
        expected: Mapping[str, int] | None = None,
    ) -> None:
        """Say how far this asset is, or what came of it and why. A run that has ended keeps what it said."""
        with tags_lock(self.onec.database_url(), self.run_id):
            run = self.instance.get_run_by_id(self.run_id)
            if run is None or run.is_finished:
                return
            assets = known_of_assets(run)
            mine = assets.setdefault(self.asset, {**asdict(Counters()), RESULT: "", REASON: ""})
            if counters:
                mine |= asdict(counters)
            if result is not None:
                mine |= {RESULT: result, REASON: headline(reason)}
            expected = expected_of(run) or expected or {}
            tags = tags_of(run, self.import_type, assets, alone=self.alone, expected=expected)
            self.instance.add_run_tags(self.run_id, news_of(run, tags))

    def show(self, counters: Counters | None = None, result: str | None = None, reason: str = "") -> None:
        """The same, unless PostgreSQL takes no connection for a moment: that must change nothing else."""
        with tolerated(log, "the tags of a run are not written", *NOT_SHOWN):
            self.write(counters, result, reason)

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
                self.context.log.info(f"{self.asset} {bar_text(counters)}")  # noqa: G004 - Dagster's log


def tags_of(
    run: dg.DagsterRun,
    import_type: str,
    assets: Mapping[str, Mapping[str, Any]],
    *,
    alone: bool,
    expected: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, str]:
    """The tags that say what is known of the assets of a run. Its progress never falls, though a step begins again."""
    reached = progress_of(assets, expected)
    shown = parse_progress(run.tags.get(PROGRESS_TAG)) if known_of_assets(run) else Counters()
    processed = max(reached.processed, shown.processed) if shown.total == reached.total else reached.processed
    known = {"run_id": run.run_id, "assets": assets, "alone": alone, "expected": expected}
    tags = {
        IMPORT_TYPE_TAG: import_type,
        ASSETS_TAG: json.dumps(known, default=dict),
        PROGRESS_TAG: f"{processed}/{reached.total}",
    }
    if RESULT_TAG in run.tags or any(about[RESULT] for about in assets.values()):
        tags[RESULT_TAG] = result_of(assets, alone=alone)
    return tags


def progress_of(assets: Mapping[str, Mapping[str, Any]], expected: Mapping[str, int]) -> Counters:
    """How far a run is: of what it expects of each asset, as much as the asset has done of its own total.

    So the total stands from the beginning, although an asset learns its own when it begins. Of a run that is done it is
    what it came to.
    """
    is_done = assets.keys() >= expected.keys() and all(about[RESULT] in DONE for about in assets.values())
    if is_done:
        expected = {}
    totals = {asset: about["total"] for asset, about in assets.items()} | dict(expected)
    processed = (int(totals[asset] * share_of(about)) for asset, about in assets.items())
    return Counters(total=sum(totals.values()), processed=sum(processed))


def share_of(about: Mapping[str, Any]) -> Fraction:
    """How much of itself an asset has done, 0 to 1."""
    if about[RESULT] in DONE:
        return Fraction(1)
    return min(Fraction(1), Fraction(about["processed"], about["total"])) if about["total"] else Fraction(0)


def result_of(assets: Mapping[str, Mapping[str, Any]], *, alone: bool) -> str:
    """What came of a run, in as many characters as the Runs page shows, the worst first.

    `не читается как XML`, `nothing was changed`, `4 errors, 91 copied`, and of several assets `6 errors (images 4)`.
    The column beside it says whether the run failed or was canceled.
    """
    by_result: dict[str, list[str]] = defaultdict(list)
    for asset, about in assets.items():
        by_result[about[RESULT]].append(asset)
    for asset in by_result[FAILED]:
        reason = assets[asset][REASON] or FAILED
        named = f"{BY_ASSET[asset].name}: {reason}"
        return shortened(reason if alone or len(named) > SHOWN_OF_A_REASON else named, SHOWN_OF_A_REASON)
    for how in (KILLED, CANCELED):
        if by_result[how]:
            return stopped(how, by_result[LANDED])
    landed = {asset: Counters(**{key: assets[asset][key] for key in COUNTED}) for asset in by_result[LANDED]}
    passed = [f"no {BY_ASSET[asset].name}" for asset in by_result[PASSED]]
    parts = parts_of(landed, alone=alone) if landed else []
    skipped = [part for part in parts if part.endswith("skipped")]
    return fitting([*parts[: len(parts) - len(skipped)], *passed, *skipped])


def stopped(how: str, landed: Sequence[str]) -> str:
    """`nothing was changed`, or what had landed before; of a run whose process was killed that it was, too."""
    names = ", ".join(BY_ASSET[asset].name for asset in landed)
    if how == KILLED:
        return shortened(f"killed, {names} landed" if names else "killed, nothing landed")
    return shortened(f"only {names} landed" if names else "nothing was changed")


def parts_of(landed: Mapping[str, Counters], *, alone: bool) -> list[str]:
    """The counters of assets that have landed, summed, as parts of a sentence."""
    total: Counter[str] = Counter()
    for asset, counters in landed.items():
        total.update(counter_values(asset, counters))
    parts = came_to(total)
    errors = {BY_ASSET[asset].name: counters.errors for asset, counters in landed.items() if counters.errors}
    if errors and not alone:
        most = max(errors, key=lambda name: errors[name])
        parts[0] += f" ({most})" if len(errors) == 1 else f" ({most} {errors[most]})"
    return parts


def fitting(parts: Sequence[str]) -> str:
    """As many parts as are shown, the first in any case."""
    shown = parts[0] if parts else ""
    for part in parts[1:]:
        if len(longer := f"{shown}, {part}") <= SHOWN_OF_A_TAG:
            shown = longer
    return shown


def shortened(text: str, width: int = SHOWN_OF_A_TAG) -> str:
    """The beginning of a text, as much as is shown."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def headline(sentence: str) -> str:
    """What a sentence says, as much as is shown: of a file first what is wrong, then which one it is.

    1C's names of files are a number, a GUID and the number of a part: what tells them apart stands at both ends.
    """
    told = OF_A_FILE.match(sentence)
    if not told or len(sentence) <= SHOWN_OF_A_REASON:
        return shortened(sentence, SHOWN_OF_A_REASON)
    reason = told["reason"].rstrip()
    name = narrowed(told["file"].rpartition("/")[2], max(0, SHOWN_OF_A_REASON - len(f"{reason}: ")))
    return f"{reason}: {name}" if name else shortened(reason, SHOWN_OF_A_REASON)


def narrowed(name: str, width: int) -> str:
    """A name without its middle; nothing where too little would be left."""
    if len(name) <= width:
        return name
    kept = (width - 1) // 2
    return f"{name[:kept]}…{name[-kept:]}" if kept > len(".xml") else ""


def settled_tags(run: dg.DagsterRun, landed: Mapping[str, Counters]) -> dict[str, str]:
    """The tags of a run in which these assets have landed, as far as they say anything else now."""
    settled = known_of_assets(run) | {
        asset: {**asdict(counters), RESULT: LANDED, REASON: ""} for asset, counters in landed.items()
    }
    alone = bool(json.loads(run.tags.get(ASSETS_TAG, "{}")).get("alone", len(settled) == 1))
    tags = tags_of(run, run.tags.get(IMPORT_TYPE_TAG, ""), settled, alone=alone, expected=expected_of(run))
    if run.is_finished and PROGRESS_TAG not in run.tags:
        del tags[PROGRESS_TAG]
    return news_of(run, tags)


def news_of(run: dg.DagsterRun, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a run does not have yet: Dagster writes each with a statement of its own."""
    return {name: value for name, value in tags.items() if run.tags.get(name) != value}


def known_of_assets(run: dg.DagsterRun) -> dict[str, dict[str, Any]]:
    """What the tags of a run know of its assets; one that repeats another inherits its tags, and begins anew."""
    return dict(known_of(run).get("assets", {}))


def expected_of(run: dg.DagsterRun) -> dict[str, int]:
    """How many items of each asset a run expects to go through, as its first step has said."""
    return dict(known_of(run).get("expected", {}))


def known_of(run: dg.DagsterRun) -> dict[str, Any]:
    """What the steps of a run have said in its tags; nothing of the run that it repeats."""
    known: dict[str, Any] = json.loads(run.tags.get(ASSETS_TAG, "{}"))
    return known if known.get("run_id") == run.run_id else {}


def reached_by(run: dg.DagsterRun) -> Counters:
    """How far a run has come, of all that it was to go through."""
    return progress_of(known_of_assets(run), expected_of(run))


def counters_reached(run: dg.DagsterRun) -> dict[str, Counters]:
    """How far each asset of a run has come: what is left of one whose process was killed."""
    return {
        asset: Counters(**{key: about.get(key, 0) for key in COUNTED})
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

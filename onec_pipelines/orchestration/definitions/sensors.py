"""Why nothing ran: the sensors on what 1C exports, as a pure decision and its wiring.

`import_files_sensor` requests a run of `images_import` only when `goods/import_files` exists, holds files, has
stopped changing, has changed since the last request, no such import is running, and the catalogue holds products.
Otherwise the tick says what was looked at, what was found and what to do. `export_sensor`, off by default, does
the same for `full_refresh` and the whole export.
"""

import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg

from onec_pipelines.commerceml.export import IMAGES
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.tree import QUIET_SECONDS, TreeState, images_of, state_of, tree_state
from onec_pipelines.datasets import ALL, BY_NAME, JOBS
from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.private import FINISHED_STATUSES
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.observing import imported_by, observe
from onec_pipelines.orchestration.runs.progress import IMPORT_TYPE_TAG
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

FED = (
    "Данные приходят через «Обмен с сайтом»: каждая выгрузка загружается своим запуском, как только она пришла. "
    "Новый запуск не нужен."
)
"""Why nothing else looks for what 1C pushes."""
REQUEST_TAG = ".dagster/onec_request"
"""By which a sensor finds the run that it has requested; the UI does not show it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the sensor remembers: the tree at the last tick, and the one it last requested a run for.

    `request` is the tag of that run, until the next tick has seen that there is one.
    """

    seen: str = ""
    requested: str = ""
    request: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first, and after somebody wrote another into the UI."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError) as error:
            passed_over(log, "a cursor that is none of ours is an empty one", error)
            return cls()

    def dump(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Decision:
    """A request for the tree with this fingerprint, or a reason to skip."""

    requested: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a sensor watches: the import that it requests, and how its reasons name what is watched."""

    import_type: str
    unchanged: str
    changing: str


IMAGES_WATCHED = Watched("images", "Изображения не изменились", "Выгрузка изображений ещё идёт")
EXPORT_WATCHED = Watched(ALL, "Выгрузка не изменилась", "Выгрузка ещё идёт")


def decide(  # noqa: PLR0913 - all that the decision is made from
    path: Path,
    state: TreeState,
    cursor: Cursor,
    *,
    now_ns: int,
    has_products: bool,
    running: str | None = None,
    imported: str = "",
    watched: Watched = IMAGES_WATCHED,
) -> Decision:
    """Whether to request a run, for a tree that holds files.

    `running` is the run of such an import, if there is one, `imported` the run that somebody else had it imported by.

    It has stopped changing when it is as the last tick saw it or, at the first tick, when nothing in it is new.
    """
    fingerprint, found = state.fingerprint, f"{path}, файлов: {state.files}"
    if fingerprint == cursor.requested:
        return Decision(None, f"{watched.unchanged} с последнего запуска: {found}. Новый запуск не нужен.")
    is_fresh = bool(cursor.seen) or not state.is_quiet(now_ns)
    if fingerprint != cursor.seen and is_fresh:
        return Decision(
            None,
            f"{watched.changing}: {found}, последнее изменение менее {QUIET_SECONDS} секунд назад. "
            "Запуск начнётся, когда изменения прекратятся.",
        )
    if not has_products and watched is IMAGES_WATCHED:
        return Decision(None, BY_NAME[watched.import_type].without_catalog)
    if imported:
        return Decision(None, f"Изображения уже загружены: запуск {imported[:8]}, {found}. Новый запуск не нужен.")
    if running:
        return Decision(None, f"Импорт уже идёт: запуск {running[:8]}, {found}. Новый начнётся после его окончания.")
    return Decision(fingerprint)


@dg.sensor(
    name="import_files_sensor",
    job_name=JOBS["images"],
    minimum_interval_seconds=QUIET_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes product images when 1C has finished exporting new ones into goods/import_files.",
)
def import_files_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Verify `goods/import_files` and request a run of `images_import`."""
    yield from requests(context, onec, IMAGES_WATCHED)


@dg.sensor(
    name="export_sensor",
    job_name=JOBS[ALL],
    minimum_interval_seconds=QUIET_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Imports everything when 1C has finished any new export. Off by default: nightly_refresh does it.",
)
def export_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Verify the export and request a run of `full_refresh`."""
    yield from requests(context, onec, EXPORT_WATCHED)


def requests(
    context: dg.SensorEvaluationContext, onec: Onec, watched: Watched
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A request for a run, or the reason why there is none.

    The cursor alone remembers what was requested: with a run key, a tree that is again as it once was, or a cursor
    that somebody cleared in the UI, would never be imported.
    """
    try:
        yield look(context, onec, watched)
    except OnecError as error:
        yield dg.SkipReason(visible(str(error)))


def look(context: dg.SensorEvaluationContext, onec: Onec, watched: Watched) -> dg.RunRequest | dg.SkipReason:
    """Look at the export and the catalogue, decide, and remember.

    Raises:
        OnecError: a setting is wrong, the export cannot be listed, or the database cannot be used.
    """
    if onec.settings().is_fed_by_exchange:
        return dg.SkipReason(FED)
    export = onec.export()
    observe(context.instance, export)
    problems = preflight(export, watched.import_type, has_products=True)
    if problems:
        return dg.SkipReason(visible(" ".join(problems)))
    path = export.images_directory if watched is IMAGES_WATCHED and export.images_directory.is_dir() else export.root
    state = state_of(images_of(export.root)) if watched is IMAGES_WATCHED else tree_state(path)
    cursor = settled(Cursor.parse(context.cursor), context.instance)
    decision = decide(
        path,
        state,
        cursor,
        now_ns=time.time_ns(),
        has_products=onec.has_products(),
        running=running_import(context.instance, watched.import_type),
        imported=imported_by(context.instance, IMAGES, state.fingerprint) if watched is IMAGES_WATCHED else "",
        watched=watched,
    )
    if not decision.requested:
        context.update_cursor(Cursor(state.fingerprint, cursor.requested).dump())
        return dg.SkipReason(visible(decision.reason))
    request = uuid.uuid4().hex
    context.update_cursor(Cursor(state.fingerprint, decision.requested, request).dump())
    return dg.RunRequest(tags={IMPORT_TYPE_TAG: watched.import_type, REQUEST_TAG: request})


def settled(cursor: Cursor, instance: dg.DagsterInstance) -> Cursor:
    """The cursor without its last request, if no run has come of that: the run coordinator may have refused it."""
    if cursor.request and not instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: cursor.request}), limit=1):
        return Cursor(cursor.seen)
    return Cursor(cursor.seen, cursor.requested)


def running_import(instance: dg.DagsterInstance, import_type: str) -> str | None:
    """The run that imports this type, or everything, at the moment, or waits to."""
    types = sorted({import_type, ALL})
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished, tags={IMPORT_TYPE_TAG: types}), limit=1)
    return runs[0].run_id if runs else None

"""Why nothing ran: the sensors on what 1C exports, as a pure decision and its wiring.

`import_files_sensor` requests a run of `images_import` only when `goods/import_files` exists, holds files, has
stopped changing, has changed since the last request, no such import is running, and the catalogue holds products.
Otherwise the tick says what was looked at, what was found and what to do. `export_sensor`, off by default, does
the same for `full_refresh` and the whole export.

Dagster gives a tick 60 seconds. A look at many files on a slow disk takes as many ticks as it needs: the cursor keeps
what it has found so far. What has changed behind it, the next look sees; so what takes several ticks is requested when
two looks in a row have found the same.
"""

import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from onec_pipelines.commerceml.export import IMAGES
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.tree import NOTHING, QUIET_SECONDS, Look, TreeState
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
LOOK_SECONDS = 15
"""After which a look goes on at the next tick. It is well below Dagster's 60, as the other sensors wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the sensor remembers: the tree at the last look, and the one it last requested a run for.

    `request` is the tag of that run, until the next tick has seen that there is one; `look` one that is not over yet.
    """

    seen: str = ""
    requested: str = ""
    request: str = ""
    look: Look = field(default_factory=Look)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first, and after somebody wrote another into the UI."""
        try:
            kept = json.loads(text or "{}")
            return cls(**{**kept, "look": parse_look(kept["look"])} if "look" in kept else kept)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            passed_over(log, "a cursor that is none of ours is an empty one", error)
            return cls()

    def dump(self) -> str:
        """The cursor as Dagster keeps it."""
        kept = asdict(self)
        if not self.look.root:
            del kept["look"]
        return json.dumps(kept)


def parse_look(kept: dict[str, Any]) -> Look:
    """The look that a cursor holds."""
    found = {name: int(number) for name, number in kept["found"].items()}
    return Look(str(kept["root"]), str(kept["after"]), TreeState(**found))


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
    looked_at: str


IMAGES_WATCHED = Watched(
    "images", "Изображения не изменились", "Выгрузка изображений ещё идёт", "Изображения просматриваются"
)
EXPORT_WATCHED = Watched(ALL, "Выгрузка не изменилась", "Выгрузка ещё идёт", "Выгрузка просматривается")


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

    It has stopped changing when it is as the last look saw it or, at a first look in a single tick, when nothing in it
    is new.
    """
    fingerprint, found = state.fingerprint, f"{path}, файлов: {state.files}"
    if fingerprint == cursor.requested:
        return Decision(None, f"{watched.unchanged} с последнего запуска: {found}. Новый запуск не нужен.")
    if fingerprint != cursor.seen and (cursor.seen or cursor.look.root or not state.is_quiet(now_ns)):
        return Decision(
            None,
            f"{watched.looked_at} за несколько проверок: {found}. "
            "Запуск начнётся, если при следующем просмотре всё останется как есть."
            if cursor.look.root
            else f"{watched.changing}: {found}, последнее изменение менее {QUIET_SECONDS} секунд назад. "
            "Запуск начнётся, когда изменения прекратятся.",
        )
    if not has_products and watched is IMAGES_WATCHED:
        return Decision(None, BY_NAME[watched.import_type].without_catalog)
    if imported:
        return Decision(None, f"Изображения уже загружены: запуск {imported[:8]}, {found}. Новый запуск не нужен.")
    if running:
        return Decision(None, f"Импорт уже идёт: запуск {running[:8]}, {found}. Новый начнётся после его окончания.")
    return Decision(fingerprint)


def build_import_files_sensor(look_seconds: float = LOOK_SECONDS) -> dg.SensorDefinition:
    """The sensor on the images, which are looked at for so long in a tick."""

    @dg.sensor(
        name="import_files_sensor",
        job_name=JOBS["images"],
        minimum_interval_seconds=QUIET_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes product images when 1C has finished exporting new ones into goods/import_files.",
    )
    def import_files_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from requests(context, onec, IMAGES_WATCHED, look_seconds)

    return import_files_sensor


def build_export_sensor(look_seconds: float = LOOK_SECONDS) -> dg.SensorDefinition:
    """The sensor on the whole export, which is looked at for so long in a tick."""

    @dg.sensor(
        name="export_sensor",
        job_name=JOBS[ALL],
        minimum_interval_seconds=QUIET_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Imports everything when 1C has finished any new export. Off by default: nightly_refresh does it.",
    )
    def export_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from requests(context, onec, EXPORT_WATCHED, look_seconds)

    return export_sensor


import_files_sensor = build_import_files_sensor()
export_sensor = build_export_sensor()


def requests(
    context: dg.SensorEvaluationContext, onec: Onec, watched: Watched, look_seconds: float
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A request for a run, or the reason why there is none.

    The cursor alone remembers what was requested: with a run key, a tree that is again as it once was, or a cursor
    that somebody cleared in the UI, would never be imported.
    """
    try:
        yield tick(context, onec, watched, look_seconds)
    except OnecError as error:
        yield dg.SkipReason(visible(str(error)))


def tick(
    context: dg.SensorEvaluationContext, onec: Onec, watched: Watched, look_seconds: float
) -> dg.RunRequest | dg.SkipReason:
    """Look at the export and the catalogue, decide, and remember.

    Raises:
        OnecError: a setting is wrong, the export cannot be listed, or the database cannot be used.
    """
    if onec.settings().is_fed_by_exchange:
        return dg.SkipReason(FED)
    export = onec.export()
    problems = preflight(export, watched.import_type, has_products=True)
    if problems:
        observe(context.instance, export)
        return dg.SkipReason(visible(" ".join(problems)))
    of_images = watched is IMAGES_WATCHED
    path = export.images_directory if of_images and export.images_directory.is_dir() else export.root
    cursor = settled(Cursor.parse(context.cursor), context.instance)
    until = time.monotonic() + look_seconds
    look = cursor.look.go_on(export.root, images_only=of_images, must_stop=lambda: time.monotonic() >= until)
    if not look.is_over:
        context.update_cursor(replace(cursor, look=look).dump())
        observe(context.instance, export)
        return dg.SkipReason(visible(how_far(look, path, cursor, watched)))
    state = look.found
    is_one_state = not cursor.look.root or state.fingerprint == cursor.seen
    observe(context.instance, export, state if of_images and is_one_state else NOTHING)
    decision = decide(
        path,
        state,
        cursor,
        now_ns=time.time_ns(),
        has_products=onec.has_products(),
        running=running_import(context.instance, watched.import_type),
        imported=imported_by(context.instance, IMAGES, state.fingerprint) if of_images else "",
        watched=watched,
    )
    if not decision.requested:
        context.update_cursor(Cursor(state.fingerprint, cursor.requested).dump())
        return dg.SkipReason(visible(decision.reason))
    request = uuid.uuid4().hex
    context.update_cursor(Cursor(state.fingerprint, decision.requested, request).dump())
    return dg.RunRequest(tags={IMPORT_TYPE_TAG: watched.import_type, REQUEST_TAG: request})


def how_far(look: Look, path: Path, cursor: Cursor, watched: Watched) -> str:
    """What to say of a look that goes on at the next tick."""
    before = f" (при прошлом просмотре их было {cursor.seen.partition('-')[0]})" if cursor.seen else ""
    return (
        f"{watched.looked_at}: {path}, просмотрено файлов: {look.found.files}{before}. "
        "Просмотр продолжится при следующей проверке."
    )


def settled(cursor: Cursor, instance: dg.DagsterInstance) -> Cursor:
    """The cursor without its last request, if no run has come of that: the run coordinator may have refused it."""
    if cursor.request and not instance.get_runs(dg.RunsFilter(tags={REQUEST_TAG: cursor.request}), limit=1):
        return replace(cursor, requested="", request="")
    return replace(cursor, request="")


def running_import(instance: dg.DagsterInstance, import_type: str) -> str | None:
    """The run that imports this type, or everything, at the moment, or waits to."""
    types = sorted({import_type, ALL})
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished, tags={IMPORT_TYPE_TAG: types}), limit=1)
    return runs[0].run_id if runs else None

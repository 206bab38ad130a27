"""Why nothing ran: the sensor on `goods/import_files`, as a pure decision and its wiring.

A run of `images_import` is requested only when the directory exists, holds files, has stopped changing, has
changed since the last request, and the catalogue holds products. Otherwise the tick says what was looked at,
what was found and what to do.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg

from onec_pipelines.commerceml.export import IMAGES, list_export
from onec_pipelines.commerceml.preflight import EMPTY_CATALOG, preflight
from onec_pipelines.errors import ExportError
from onec_pipelines.orchestration.jobs import JOB_OF
from onec_pipelines.orchestration.resources import Onec

QUIET_SECONDS = 30
"""For how long nothing may have changed before an export counts as finished."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """A directory tree in short: number of files, bytes, and the latest change in ns since the epoch."""

    files: int
    size: int
    changed_ns: int

    @property
    def fingerprint(self) -> str:
        """A text that differs when the tree has changed."""
        return f"{self.files}-{self.size}-{self.changed_ns}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the sensor remembers: the tree at the last tick, and the one it last requested a run for."""

    seen: str = ""
    requested: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Decision:
    """A request for the tree with this fingerprint, or a reason to skip."""

    requested: str | None
    reason: str = ""


def decide(path: Path, state: TreeState, cursor: Cursor, *, now_ns: int, has_products: bool) -> Decision:
    """Whether to request a run, for a tree that holds files."""
    fingerprint = state.fingerprint
    if fingerprint == cursor.requested:
        return Decision(
            None,
            f"Изображения не изменились с последнего запуска: {path}, файлов: {state.files}. Новый запуск не нужен.",
        )
    if fingerprint != cursor.seen and now_ns - state.changed_ns < QUIET_SECONDS * 10**9:
        return Decision(
            None,
            f"Выгрузка изображений ещё идёт: {path}, файлов: {state.files}, последнее изменение менее "
            f"{QUIET_SECONDS} секунд назад. Запуск начнётся, когда изменения прекратятся.",
        )
    if not has_products:
        return Decision(None, EMPTY_CATALOG["images"])
    return Decision(fingerprint)


def tree_state(path: Path) -> TreeState:
    """Look at a tree without opening a file; a file that vanishes meanwhile is passed over."""
    files = size = changed_ns = 0
    directories = [str(path)]
    while directories:
        with os.scandir(directories.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                    continue
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                files, size = files + 1, size + stat.st_size
                changed_ns = max(changed_ns, stat.st_mtime_ns)
    return TreeState(files, size, changed_ns)


@dg.sensor(
    name="import_files_sensor",
    job_name=JOB_OF["images"],
    minimum_interval_seconds=QUIET_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes product images when 1C has finished exporting new ones into goods/import_files.",
)
def import_files_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Verify `goods/import_files` and request a run of `images_import`."""
    data_dir = onec.settings().data_dir
    problems = preflight(data_dir, "images", has_products=True)
    if problems:
        yield dg.SkipReason(" ".join(problems))
        return
    try:
        path = list_export(data_dir).images_base / IMAGES
    except ExportError as error:
        yield dg.SkipReason(str(error))
        return
    cursor, state = Cursor.parse(context.cursor), tree_state(path)
    decision = decide(path, state, cursor, now_ns=time.time_ns(), has_products=onec.has_products())
    context.update_cursor(Cursor(state.fingerprint, decision.requested or cursor.requested).dump())
    if decision.requested:
        yield dg.RunRequest(run_key=f"images-{decision.requested}")
    else:
        yield dg.SkipReason(decision.reason)

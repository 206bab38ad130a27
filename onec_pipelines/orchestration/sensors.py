"""Why nothing ran: the sensor on `goods/import_files`, as a pure decision and its wiring.

A run of `images_import` is requested only when the directory exists, holds files, has stopped changing, has
changed since the last request, and the catalogue holds products. Otherwise the tick says what was looked at,
what was found and what to do.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import dagster as dg

from onec_pipelines.commerceml.export import IMAGES, list_export
from onec_pipelines.commerceml.preflight import EMPTY_CATALOG, preflight
from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.jobs import JOB_OF
from onec_pipelines.orchestration.progress import IMPORT_TYPE_TAG
from onec_pipelines.orchestration.resources import Onec

QUIET_SECONDS = 30
"""For how long nothing may have changed before an export counts as finished."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """A directory tree in short: number of files, latest change in ns since the epoch, a digest of what is there."""

    files: int
    changed_ns: int
    digest: int

    @property
    def fingerprint(self) -> str:
        """A text that differs when a file came, went, moved, or has another size or time."""
        return f"{self.files}-{self.digest:016x}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the sensor remembers: the tree at the last tick, and the one it last requested a run for."""

    seen: str = ""
    requested: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor that Dagster kept; an empty one at first, and after somebody wrote another into the UI."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Decision:
    """A request for the tree with this fingerprint, or a reason to skip."""

    requested: str | None
    reason: str = ""


def decide(path: Path, state: TreeState, cursor: Cursor, *, now_ns: int, has_products: bool) -> Decision:
    """Whether to request a run, for a tree that holds files.

    It has stopped changing when it is as the last tick saw it or, at the first tick, when nothing in it is new.
    """
    fingerprint = state.fingerprint
    if fingerprint == cursor.requested:
        return Decision(
            None,
            f"Изображения не изменились с последнего запуска: {path}, файлов: {state.files}. Новый запуск не нужен.",
        )
    is_fresh = bool(cursor.seen) or now_ns - state.changed_ns < QUIET_SECONDS * 10**9
    if fingerprint != cursor.seen and is_fresh:
        return Decision(
            None,
            f"Выгрузка изображений ещё идёт: {path}, файлов: {state.files}, последнее изменение менее "
            f"{QUIET_SECONDS} секунд назад. Запуск начнётся, когда изменения прекратятся.",
        )
    if not has_products:
        return Decision(None, EMPTY_CATALOG["images"])
    return Decision(fingerprint)


def tree_state(path: Path) -> TreeState:
    """Look at a tree without opening a file; what vanishes meanwhile or cannot be listed is passed over."""
    files = changed_ns = digest = 0
    for name, stat in walk(path):
        files += 1
        changed_ns = max(changed_ns, stat.st_mtime_ns)
        entry = f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}".encode("utf-8", "surrogateescape")
        digest += int.from_bytes(blake2b(entry, digest_size=8).digest())  # a sum, as the order of a walk is any
    return TreeState(files, changed_ns, digest % 2**64)


def walk(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files of a tree; links are not followed."""
    directories = [str(path)]
    while directories:
        with suppress(OSError), os.scandir(directories.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                    continue
                with suppress(FileNotFoundError):
                    yield entry.path, entry.stat(follow_symlinks=False)


@dg.sensor(
    name="import_files_sensor",
    job_name=JOB_OF["images"],
    minimum_interval_seconds=QUIET_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes product images when 1C has finished exporting new ones into goods/import_files.",
)
def import_files_sensor(context: dg.SensorEvaluationContext, onec: Onec) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Verify `goods/import_files` and request a run of `images_import`.

    The cursor alone remembers what was requested: with a run key, a tree that is again as it once was, or a cursor
    that somebody cleared in the UI, would never be imported.
    """
    try:
        decision = look(context, onec)
    except OnecError as error:
        decision = Decision(None, str(error))
    if decision.requested:
        yield dg.RunRequest(tags={IMPORT_TYPE_TAG: "images"})
    else:
        yield dg.SkipReason(decision.reason)


def look(context: dg.SensorEvaluationContext, onec: Onec) -> Decision:
    """Look at the export and the catalogue, decide, and remember.

    Raises:
        OnecError: a setting is wrong, the export cannot be listed, or the database cannot be used.
    """
    data_dir = onec.settings().data_dir
    problems = preflight(data_dir, "images", has_products=True)
    if problems:
        return Decision(None, " ".join(problems))
    path = list_export(data_dir).images_base / IMAGES
    cursor, state = Cursor.parse(context.cursor), tree_state(path)
    decision = decide(path, state, cursor, now_ns=time.time_ns(), has_products=onec.has_products())
    context.update_cursor(Cursor(state.fingerprint, decision.requested or cursor.requested).dump())
    return decision

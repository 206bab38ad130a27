"""When 1C last exported what: observations of the assets `export_1c/*`, upstream of ours.

Whoever looks at an export tells what is new in it: a run before it imports, a sensor and a schedule at each look, as
soon as 1C has stopped writing. Of the images, which may be half a million files, only who goes through them anyway: a
run that imports them, and the sensor on them. What is on record already, by the fingerprint of its files, is not told
again. Outside the 3.1 layout files lie together, and each part is all of them.

An observation has no data version: of an asset that cannot be observed by a click, Dagster compares what was imported
with none, and would call every import out of date.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from onec_pipelines.commerceml.export import ExportFile, Layout
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.tree import NOTHING, TreeState, images_of, state_of
from onec_pipelines.datasets import IMAGES, IMPORTED, Exported
from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.runs.progress import StepContext
from onec_pipelines.shown import visible

FINGERPRINT = "fingerprint"
LOOKED_BACK = 5
"""Observations of one state of the files: a sensor's, a schedule's, that of the run that imports it."""
PARTS: Mapping[str, Exported] = {name: part for dataset in IMPORTED for name, part in dataset.exports.items()}


def exported(name: str) -> dg.AssetKey:
    """The key of the external asset of a part of an export."""
    return dg.AssetKey(["export_1c", name])


def observe(instance: dg.DagsterInstance, export: ExportSnapshot, images: TreeState = NOTHING) -> None:
    """Record what is new in an export that 1C is not writing at the moment; one that cannot be listed says nothing."""
    for observation in news(instance, export, PARTS, lambda: images, now_ns=time.time_ns()):
        instance.report_runless_asset_event(observation)


def observe_in_step(context: StepContext, export: ExportSnapshot, asset: Mapping[str, Exported]) -> None:
    """Record what is new in the parts that a step has imported."""
    for observation in news(context.instance, export, asset, lambda: state_of(images_of(export.root))):
        context.log_event(observation)


def news(
    instance: dg.DagsterInstance,
    export: ExportSnapshot,
    parts: Mapping[str, Exported],
    images: Callable[[], TreeState],
    now_ns: int | None = None,
) -> Iterator[dg.AssetObservation]:
    """An observation of each part whose files are not those on record; at `now_ns`, of none that is being written."""
    try:
        export_files = export.files
    except OnecError:
        return
    for name, part in parts.items():
        files = [file for file in export_files if export.layout is Layout.FILES or file.part in part.directories]
        state = images() if name in IMAGES.exports else state_of(map(_entry, files))
        is_told = state.files and (now_ns is None or state.is_quiet(now_ns))
        if is_told and state.fingerprint != _fingerprint_on_record(instance, exported(name)):
            yield _observation(name, export, [] if name in IMAGES.exports else files, state)


def imported_by(instance: dg.DagsterInstance, name: str, fingerprint: str) -> str:
    """The run that has imported the files with this fingerprint and told so; empty where others came since, or none."""
    for record in instance.fetch_observations(exported(name), limit=LOOKED_BACK).records:
        if _fingerprint(record) != fingerprint:
            return ""
        if record.run_id:
            return record.run_id
    return ""


def _observation(name: str, export: ExportSnapshot, files: list[ExportFile], state: TreeState) -> dg.AssetObservation:
    metadata: dict[str, dg.MetadataValue] = {
        "directory": dg.MetadataValue.text(visible(str(export.root))),
        "files": dg.MetadataValue.int(state.files),
        "bytes": dg.MetadataValue.int(state.size),
        FINGERPRINT: dg.MetadataValue.text(state.fingerprint),
        "newest_change": dg.MetadataValue.timestamp(state.changed_ns / 10**9),
    }
    if stated := max(map(export.exported_at, files), default=""):
        metadata["exported_at"] = dg.MetadataValue.text(visible(stated))
    return dg.AssetObservation(exported(name), metadata=metadata)


def _fingerprint_on_record(instance: dg.DagsterInstance, key: dg.AssetKey) -> object:
    return next(map(_fingerprint, instance.fetch_observations(key, limit=1).records), None)


def _fingerprint(record: dg.EventLogRecord) -> object:
    told = record.asset_observation.metadata.get(FINGERPRINT) if record.asset_observation else None
    return told and told.value


def _entry(file: ExportFile) -> tuple[str, int, int]:
    return str(file.path), file.size, file.mtime_ns

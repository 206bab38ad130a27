"""Merging what a dataset has staged, without deactivating or removing more than the guards allow.

The merge deactivates or removes rows that a full export no longer names. A guard counts them afterwards; where they are
too many, the merge is undone and done again without that. So there is no second statement that foretells the number and
might differ from what the merge does.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

import psycopg

from onec_pipelines.database.locks import merge_lock
from onec_pipelines.database.merging import SETTLING, Step, merge, numbers, tables_written
from onec_pipelines.importing.reading import DatasetImport, Reading
from onec_pipelines.importing.report import Guard
from onec_pipelines.importing.steps import read_steps


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to.

    Attributes:
        counts: the rows that it wrote, by the names of its steps.
        guards: what its guards said.
        stated: the items that the files state, `pending` among them.
        landed: items that were pending from an earlier export, and landed now.
        wrote: whether it wrote or removed a row of the asset.
    """

    counts: dict[str, int]
    guards: tuple[Guard, ...]
    stated: int
    pending: int
    landed: int
    wrote: bool


def merge_guarded(connection: psycopg.Connection, dataset: DatasetImport, reading: Reading, limit: float) -> Merged:
    """Merge what was read; `limit` is the largest share (0 to 1) of an entity that may be deactivated or removed.

    Where one guard does not allow it, nothing of any entity is deactivated or removed.
    """
    steps = _settle(connection, dataset)
    full = {entity.name for entity in dataset.entities if reading.full.get(entity.name)}
    guarded = {entity.name for entity in dataset.entities if entity.name in full and reading.seen[entity.record]}
    before = {step: numbers(connection, step)[0] for step in steps if step.verb == "guard" and step.table in guarded}
    with connection.transaction() as savepoint:
        counts = merge(connection, steps, _values(dataset, full, guarded))
        guards = tuple(Guard(step.table, rows, counts[step.counter], limit) for step, rows in before.items())
        if not all(guard.allows for guard in guards):
            raise psycopg.Rollback(savepoint)
    if not all(guard.allows for guard in guards):
        counts = merge(connection, steps, _values(dataset, full, ()))
    return Merged(counts, guards, *_count_items(connection, steps), wrote=_wrote(dataset, steps, counts))


def merge_pending(connection: psycopg.Connection, dataset: DatasetImport) -> Merged:
    """Merge what is pending, where nothing is staged."""
    steps = _settle(connection, dataset)
    counts = merge(connection, steps, _values(dataset, (), ()))
    return Merged(counts, (), *_count_items(connection, steps), wrote=_wrote(dataset, steps, counts))


def _count_items(connection: psycopg.Connection, steps: tuple[Step, ...]) -> tuple[int, int, int]:
    stated, pending, landed = numbers(connection, next(step for step in steps if step.verb == "count"))
    return stated, pending, landed


def _wrote(dataset: DatasetImport, steps: Iterable[Step], counts: Mapping[str, int]) -> bool:
    return not dataset.about.tables.isdisjoint(tables_written(steps, counts))


def _settle(connection: psycopg.Connection, dataset: DatasetImport) -> tuple[Step, ...]:
    """Settle what is staged, then wait until no other import merges; return the steps that are left."""
    steps = read_steps(f"merge/{dataset.name}")
    settling = tuple(takewhile(lambda step: step.verb in SETTLING, steps))
    merge(connection, settling, {})
    merge_lock(connection)
    return steps[len(settling) :]


def _values(dataset: DatasetImport, full: Collection[str], removable: Collection[str]) -> dict[str, object]:
    """What the steps are told of each entity; see `Entity`."""
    said = {
        **{f"{entity.name}_full": entity.name in removable for entity in dataset.entities},
        **{f"{entity.name}_segments_full": entity.name in full for entity in dataset.entities},
    }
    return {**dataset.values, **said}

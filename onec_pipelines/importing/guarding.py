"""Merging what a dataset has staged, without deactivating or removing more than the guards allow.

The merge deactivates or removes rows that a full export no longer states. A guard counts them afterwards; where they
are too many, the merge is undone and done again without that. So there is no second statement that foretells the number
and might differ from what the merge does.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

import psycopg

from onec_pipelines.database.locks import merge_lock
from onec_pipelines.database.merging import SETTLING, Step, merge, numbers, removed_rows, tables_written
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
        removed: the rows of its items that went, as the export states them no longer.
    """

    counts: dict[str, int]
    guards: tuple[Guard, ...]
    stated: int
    pending: int
    landed: int
    wrote: bool
    removed: int


def merge_guarded(connection: psycopg.Connection, dataset: DatasetImport, reading: Reading, limit: float) -> Merged:
    """Merge what was read; `limit` is the largest share (0 to 1) of an entity that may be deactivated or removed.

    Each entity is judged for itself, and what goes with another one follows that. Where a guard says no, the rows that
    were there when it first did are kept until it says yes; what came with or after them goes without asking.
    """
    steps = _settle(connection, dataset)
    full = {entity.name for entity in dataset.entities if reading.full.get(entity.name)}
    judged = {entity.name for entity in dataset.entities if entity.name in full and reading.seen[entity.record]}
    watch = _Watch(connection, dataset, limit, {step.table: step for step in steps if step.verb == "guard"})
    before = {entity: watch.count_rows(entity) for entity in watch.steps if entity in judged}
    guards: dict[str, Guard] = {}
    blocked: set[str] = set()
    while True:
        with connection.transaction() as savepoint:
            counts = merge(connection, steps, _values(dataset, full, judged, judged - blocked))
            guards |= {guard.entity: guard for guard in watch.decide(before) if guard.entity not in blocked}
            if new := {guard.entity for guard in guards.values() if not guard.allows} - blocked:
                raise psycopg.Rollback(savepoint)
        if not new:
            break
        watch.keep(new)
        blocked |= new
    watch.release(guards.keys() - blocked)
    return Merged(counts, tuple(guards.values()), *_count_items(connection, steps), **_outcome(dataset, steps, counts))


def merge_pending(connection: psycopg.Connection, dataset: DatasetImport) -> Merged:
    """Merge what is pending, where nothing is staged."""
    steps = _settle(connection, dataset)
    counts = merge(connection, steps, _values(dataset))
    return Merged(counts, (), *_count_items(connection, steps), **_outcome(dataset, steps, counts))


class _Watch:
    """The guards of one import: what each decides on, what it decides, what it keeps.

    `steps` are those that name, of each entity, the rows on which its guard decides. Of one that has said no in an
    earlier import these are the rows in `onec.guarded_rows`.
    """

    def __init__(
        self, connection: psycopg.Connection, dataset: DatasetImport, limit: float, steps: Mapping[str, Step]
    ) -> None:
        self._connection = connection
        self._dataset = dataset
        self._limit = limit
        self.steps = steps
        noted = connection.execute(
            "select distinct entity from onec.guarded_rows where import_type = %s", [dataset.name]
        )
        self._has_said_no = {entity for (entity,) in noted}

    def count_rows(self, entity: str) -> int:
        """How many rows there are of which too many may not go."""
        rows = f"({self.steps[entity].statement}) g (row_id, other_id)"
        return self._select("select count(*)", rows, entity)[0]

    def decide(self, before: Mapping[str, int]) -> Iterator[Guard]:
        """What the guards say of what the merge has removed; `before` has the rows of each entity that there were."""
        allowed = set()
        for entity in self._dataset.entities:
            if entity.name in before:
                rows = f"(select * from pg_temp.removed where entity = '{entity.name}') g"  # noqa: S608 - a name of ours
                removed, following = self._select("select count(*), count(*) filter (where follows)", rows, entity.name)
                if entity.follows not in allowed:
                    following = 0
                guard = Guard(entity.name, before[entity.name], removed, self._limit, following)
                if guard.allows:
                    allowed.add(entity.name)
                yield guard

    def keep(self, entities: Collection[str]) -> None:
        """Keep the rows of these entities from now on: those that were there when the guard first said no."""
        for entity in entities:
            names = {"import_type": self._dataset.name, "entity": entity}
            if entity not in self._has_said_no:
                rows = f"insert into onec.guarded_rows select %(import_type)s, %(entity)s, g.* from ({self.steps[entity].statement}) g"  # noqa: S608, E501
                self._connection.execute(rows.encode(), names)
            self._connection.execute(
                "insert into pg_temp.kept select entity, row_id, other_id from onec.guarded_rows "
                "where import_type = %(import_type)s and entity = %(entity)s",
                names,
            )

    def release(self, entities: Collection[str]) -> None:
        """Forget what was kept of entities whose guards say yes."""
        self._connection.execute(
            "delete from onec.guarded_rows where import_type = %s and entity = any(%s)",
            [self._dataset.name, list(entities)],
        )

    def _select(self, what: str, rows: str, entity: str) -> tuple[int, ...]:
        """Numbers of rows, of those alone on which the guard of the entity decides."""
        query, names = f"{what} from {rows}", []
        if entity in self._has_said_no:
            query += " join onec.guarded_rows k using (row_id, other_id) where k.import_type = %s and k.entity = %s"
            names = [self._dataset.name, entity]
        row = self._connection.execute(query.encode(), names).fetchone()
        return row or ()


def _count_items(connection: psycopg.Connection, steps: tuple[Step, ...]) -> tuple[int, int, int]:
    stated, pending, landed = numbers(connection, next(step for step in steps if step.verb == "count"))
    return stated, pending, landed


def _outcome(dataset: DatasetImport, steps: Iterable[Step], counts: Mapping[str, int]) -> dict[str, int]:
    """Whether a row of the asset was written or removed, and how many of its items went."""
    return {
        "wrote": not dataset.about.tables.isdisjoint(tables_written(steps, counts)),
        "removed": removed_rows(steps, counts, dataset.items.values()),
    }


def _settle(connection: psycopg.Connection, dataset: DatasetImport) -> tuple[Step, ...]:
    """Settle what is staged, then wait until no other import merges; return the steps that are left."""
    steps = read_steps(f"merge/{dataset.name}")
    settling = tuple(takewhile(lambda step: step.verb in SETTLING, steps))
    merge(connection, settling, {})
    merge_lock(connection)
    connection.execute("""
        create temp table removed (entity text, row_id bigint, other_id bigint, follows boolean default false)
        on commit drop;
        create temp table kept (entity text, row_id bigint, other_id bigint) on commit drop;
    """)
    return steps[len(settling) :]


def _values(
    dataset: DatasetImport, full: Collection[str] = (), judged: Collection[str] = (), allowed: Collection[str] = ()
) -> dict[str, object]:
    """What the steps are told of each entity; see `Entity`."""
    said = {
        **{f"{entity.name}_full": entity.name in allowed for entity in dataset.entities},
        **{f"{entity.name}_judged": entity.name in judged for entity in dataset.entities},
        **{f"{entity.name}_segments_full": entity.name in full for entity in dataset.entities},
    }
    return {**dataset.values, **said}

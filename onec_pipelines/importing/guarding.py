"""Merging what a dataset has staged, without deactivating or removing more than the guards allow.

The merge deactivates or removes rows that a full export no longer states. A guard counts them afterwards; where they
are too many, the merge is undone and done again without that. So there is no second statement that foretells the number
and might differ from what the merge does.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType

import psycopg

from onec_pipelines.database.locks import merge_lock
from onec_pipelines.database.merging import SETTLING, Step, merge, numbers, removed_rows, tables_written
from onec_pipelines.importing.catalogs import Spoken, spoken_for, unspoken
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
    spoken = spoken_for(connection, dataset, reading)
    steps = _settle(connection, dataset, spoken)
    follows = {entity.name: entity.follows for entity in dataset.entities if entity.follows}
    watch = Watch(connection, dataset.name, steps, limit, follows)
    counts, guards = watch.merge(spoken.judged, lambda kept: _values(dataset, spoken, spoken.judged - kept))
    return _merged(connection, dataset, steps, counts, guards)


def merge_pending(connection: psycopg.Connection, dataset: DatasetImport) -> Merged:
    """Merge what is pending, where nothing is staged."""
    spoken = Spoken(values=unspoken(dataset.entities))
    steps = _settle(connection, dataset, spoken)
    counts, _ = Watch(connection, dataset.name, steps, 0).merge((), lambda _: _values(dataset, spoken))
    return _merged(connection, dataset, steps, counts)


class Watch:
    """The guards of one import: the rows on which each decides, what it decides, and what it keeps.

    Where a guard has said no in an earlier import, it decides on the rows in `onec.guarded_rows` alone.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        import_type: str,
        steps: Iterable[Step],
        limit: float,
        follows: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`steps` are those of the merge; `follows` says with whose rows those of an entity go."""
        self._connection = connection
        self._import_type = import_type
        self._steps = tuple(steps)
        self._rows = {step.table: step.statement for step in self._steps if step.verb == "guard"}
        self._limit = limit
        self._follows = follows
        said_no = "select distinct entity from onec.guarded_rows where import_type = %s"
        self._has_said_no = {entity for (entity,) in connection.execute(said_no, [import_type])}
        connection.execute("""
            create temp table removed (entity text, row_id bigint, other_id bigint, follows boolean default false)
            on commit drop;
            create temp table kept (entity text, row_id bigint, other_id bigint) on commit drop;
        """)

    def merge(
        self, judged: Collection[str], values: Callable[[AbstractSet[str]], Mapping[str, object]]
    ) -> tuple[dict[str, int], tuple[Guard, ...]]:
        """Merge, and merge again for as long as a guard says no; `values` are those where some entities are kept.

        Returns:
            The counts of the merge that stands, and the guards of the `judged` entities.
        """
        before = {entity: self._count_rows(entity) for entity in self._rows if entity in judged}
        guards: dict[str, Guard] = {}
        kept: set[str] = set()
        while True:
            with self._connection.transaction() as savepoint:
                counts = merge(self._connection, self._steps, values(kept))
                guards |= {guard.entity: guard for guard in self._decide(before) if guard.entity not in kept}
                blocked = {guard.entity for guard in guards.values() if not guard.allows} - kept
                if blocked:
                    raise psycopg.Rollback(savepoint)
            if not blocked:
                self._release(guards.keys() - kept)
                return counts, tuple(guards.values())
            self._keep(blocked)
            kept |= blocked

    def _count_rows(self, entity: str) -> int:
        """The rows of which too many may not go."""
        return self._select("count(*)", f"({self._rows[entity]}) g (row_id, other_id)", entity)[0]

    def _decide(self, before: Mapping[str, int]) -> Iterator[Guard]:
        """What the guards say of what the merge has removed; `before` has the rows of each entity that there were."""
        allowed = set()
        for entity, rows in before.items():
            gone = f"(select * from pg_temp.removed where entity = '{entity}') g"  # noqa: S608 - a name of ours
            removed, following = self._select("count(*), count(*) filter (where follows)", gone, entity)
            may_follow = self._follows.get(entity) in allowed
            guard = Guard(entity, rows, removed, self._limit, following if may_follow else 0)
            if guard.allows:
                allowed.add(entity)
            yield guard

    def _keep(self, entities: Collection[str]) -> None:
        """Keep the rows of these entities that were there when the guard first said no."""
        for entity in entities:
            names = {"import_type": self._import_type, "entity": entity}
            if entity not in self._has_said_no:
                rows = self._rows[entity]
                noted = f"insert into onec.guarded_rows select %(import_type)s, %(entity)s, g.* from ({rows}) g"  # noqa: S608
                self._connection.execute(noted.encode(), names)
            self._connection.execute(
                "insert into pg_temp.kept select entity, row_id, other_id from onec.guarded_rows "
                "where import_type = %(import_type)s and entity = %(entity)s",
                names,
            )

    def _release(self, entities: Collection[str]) -> None:
        """Forget what was kept of entities whose guards say yes."""
        self._connection.execute(
            "delete from onec.guarded_rows where import_type = %s and entity = any(%s)",
            [self._import_type, list(entities)],
        )

    def _select(self, what: str, rows: str, entity: str) -> tuple[int, ...]:
        """Numbers of rows, of those alone on which the guard of the entity decides."""
        query, names = f"select {what} from {rows}", []  # noqa: S608 - statements of ours
        if entity in self._has_said_no:
            query += " join onec.guarded_rows k using (row_id, other_id) where k.import_type = %s and k.entity = %s"
            names = [self._import_type, entity]
        return self._connection.execute(query.encode(), names).fetchone() or ()


def _merged(
    connection: psycopg.Connection,
    dataset: DatasetImport,
    steps: tuple[Step, ...],
    counts: dict[str, int],
    guards: tuple[Guard, ...] = (),
) -> Merged:
    stated, pending, landed = numbers(connection, next(step for step in steps if step.verb == "count"))
    wrote = not dataset.about.tables.isdisjoint(tables_written(steps, counts))
    removed = removed_rows(steps, counts, {*dataset.items.values(), *dataset.beside_items})
    return Merged(counts, guards, stated, pending, landed, wrote, removed)


def _settle(connection: psycopg.Connection, dataset: DatasetImport, spoken: Spoken) -> tuple[Step, ...]:
    """Settle what is staged, then wait until no other import merges; return the steps that are left."""
    steps = read_steps(f"merge/{dataset.name}")
    settling = tuple(takewhile(lambda step: step.verb in SETTLING, steps))
    merge(connection, settling, _values(dataset, spoken))
    merge_lock(connection)
    return steps[len(settling) :]


def _values(dataset: DatasetImport, spoken: Spoken, allowed: Collection[str] = ()) -> dict[str, object]:
    """What the steps are told of each entity and of its catalogues; see `Entity` and `Spoken`."""
    said = {
        **{f"{entity.name}_full": entity.name in allowed for entity in dataset.entities},
        **{f"{entity.name}_judged": entity.name in spoken.judged for entity in dataset.entities},
        **{f"{entity.name}_segments_full": entity.name in spoken.full for entity in dataset.entities},
    }
    return {**dataset.values, **said, **(spoken.values or {})}

"""Reading files into staging: what a `DatasetImport` takes from them, and what they have stated in the end.

Each file can be read by itself, so that several processes may share them (parallel.py). What the staged rows mean
is no matter here: dataset.py has the course of an import.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from onec_pipelines import datasets
from onec_pipelines.commerceml.export import ExportFile, is_beside_offers
from onec_pipelines.commerceml.facts import Reader, read_file
from onec_pipelines.commerceml.records import Mended, Package, Rejection, Unhandled
from onec_pipelines.commerceml.snapshot import Contents
from onec_pipelines.database.staging import Staging
from onec_pipelines.importing.ledger import LedgerFile
from onec_pipelines.importing.report import Counters, Progress
from onec_pipelines.importing.segments import Segment, judge

PROGRESS_EVERY = 200
"""Items between two calls of the progress function."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Rows that a full export deactivates or removes by not naming them.

    The entity is full when every package is that stated a `record` of it in one of its `lists`.

    Attributes:
        name: what its guard guards. In a merge `<name>_segments_full` says that the entity is full, `<name>_judged`
            that rows which are not stated go, too, but for those that the guard keeps, and `<name>_full` that it keeps
            none.
        lists: where its records stand.
        record: what must have been seen.
        own_list: a list that speaks for the entity even when it is empty.
        marked_beside: whether its package bears no mark of its own, so that any delta in the file makes it one.
        full_if_marked: whether only a package that says so is full.
        follows: the entity with whose rows its own go, without asking its guard.
        is_of_classifier: whether its packages are those of a classifier, and no catalogues.
        key: the columns of its staging table that name a row of it.
        parts: records that belong to its own, by `onec_id`.
    """

    name: str
    lists: frozenset[str]
    record: type
    own_list: str | None = None
    marked_beside: bool = False
    full_if_marked: bool = False
    follows: str | None = None
    is_of_classifier: bool = False
    key: tuple[str, ...] = ("onec_id",)
    parts: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetImport:
    """How one dataset is read, staged and merged.

    Attributes:
        about: what it is.
        tables: record type -> staging table.
        readers: the readers for a file.
        items: the record types that count as items, and the tables whose merge counts them.
        entities: whose rows a full export may deactivate or remove.
        beside_items: the tables whose rows count as removed, besides those of the items.
    """

    about: datasets.Dataset
    tables: Mapping[type, str]
    readers: Callable[[ExportFile], Mapping[str, Reader]]
    items: Mapping[type, str]
    entities: tuple[Entity, ...]
    values: Mapping[str, object] = field(default_factory=dict)
    beside_items: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The import type."""
        return self.about.name

    @property
    def table(self) -> str:
        """The main table."""
        return self.about.table

    @property
    def staged(self) -> Mapping[type, str]:
        """Record type -> staging table, rejected rows among them."""
        return {**self.tables, Rejection: f"{self.name}_rejected"}


@dataclass(frozen=True, slots=True)
class PackageRows:
    """Which staged rows are those of a package: `after` < `seq` <= `last`.

    `catalog` is 1C's id of its catalogue or, where `is_classifier` says so, of its classifier.
    """

    catalog: str | None
    is_classifier: bool
    after: int
    last: int

    def is_of(self, other: "PackageRows") -> bool:
        """Whether both belong to one catalogue or classifier."""
        return (self.catalog, self.is_classifier) == (other.catalog, other.is_classifier)


@dataclass(slots=True)
class Reading:
    """What files have stated, beside the rows that they left in staging: of one file, or of all of them together.

    Attributes:
        files: each with its content and how many records it holds.
        rows: how many were staged.
        seen: how many, by record type.
        full: entity -> whether all that states it, of whatever catalogue, states it in full.
        any_delta: whether a package states changes only.
        spoken: (entity, catalogue) -> whether that catalogue states it in full; None is a package that names none.
        named: those of them of which a record was there.
        packages: which staged rows are of which catalogue.
        outdated: entity -> names of the files of changes that a newer full file has passed.
        notices: Russian sentences for a person.
        unhandled: how often an element came that no reader knows.
        mended: file and what had to be mended to read it.
    """

    files: list[LedgerFile] = field(default_factory=list)
    rows: int = 0
    seen: Counter[type] = field(default_factory=Counter)
    full: dict[str, bool] = field(default_factory=dict)
    any_delta: bool = False
    spoken: dict[tuple[str, str | None], bool] = field(default_factory=dict)
    named: set[tuple[str, str | None]] = field(default_factory=set)
    packages: list[PackageRows] = field(default_factory=list)
    outdated: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    notices: tuple[str, ...] = ()
    unhandled: Counter[str] = field(default_factory=Counter)
    mended: list[tuple[str, Mended]] = field(default_factory=list)

    @property
    def export_kind(self) -> str:
        """`changes` when any segment that stated something was a delta; dictionaries count where they come alone."""
        is_full = all(self.full.values()) if self.full else not self.any_delta
        return "full" if is_full else "changes"

    def take_nothing_away(self) -> None:
        """What is not named says nothing: the rest of a full export is still to come."""
        self.any_delta = True
        self.full = dict.fromkeys(self.full, False)
        self.spoken = dict.fromkeys(self.spoken, False)

    def note(self, entity: str, catalog: str | None, *, full: bool) -> None:
        """Note a package that states an entity: together they are full when each of them is."""
        self.full[entity] = self.full.get(entity, True) and full
        self.spoken[entity, catalog] = self.spoken.get((entity, catalog), True) and full

    def note_rows(self, package: PackageRows) -> None:
        """Note the rows of a package; neighbours of one catalogue become one range."""
        if self.packages and self.packages[-1].is_of(package):
            package = replace(package, after=self.packages.pop().after)
        self.packages.append(package)


Advance = Callable[[int, int], None]
"""Called with the items and the rejected rows since the last call."""


@dataclass(slots=True)
class ReadingProgress:
    """How far the files are read; calls the progress function every so many items."""

    progress: Progress
    total: int
    read: int = 0
    errors: int = 0
    shown: int = 0

    def advance(self, items: int, errors: int) -> None:
        """Add items and rejected rows."""
        self.read += items
        self.errors += errors
        if self.read - self.shown >= PROGRESS_EVERY:
            self.shown = self.read
            self.progress(Counters(total=max(self.total, self.read), processed=self.read, errors=self.errors))


def begin_reading(dataset: DatasetImport, contents: Contents, progress: Progress) -> ReadingProgress:
    """Show that nothing is read yet of as many items as the files hold, and return what counts on from there."""
    total = sum(content.items(dataset.name) for content in contents.values())
    progress(Counters(total=total))
    return ReadingProgress(progress, total)


def read_files(dataset: DatasetImport, staging: Staging, contents: Contents, progress: Progress) -> Reading:
    """Stage the files of a dataset one after another."""
    reached = begin_reading(dataset, contents, progress)
    found = [read_into_staging(dataset, staging, file, reached.advance) for file in contents]
    return gathered(contents, found)


def gathered(contents: Contents, found: Iterable[Reading]) -> Reading:
    """Add up what each file has stated; their order is that of `contents`."""
    reading = Reading()
    segments: dict[tuple[str, str | None], list[Segment]] = defaultdict(list)
    for (file, content), part in zip(contents.items(), found, strict=True):
        reading.files.append(LedgerFile(file, content, part.rows))
        reading.rows += part.rows
        reading.seen.update(part.seen)
        reading.unhandled.update(part.unhandled)
        reading.mended += part.mended
        reading.any_delta |= part.any_delta
        for stated, full in part.spoken.items():
            segments[stated].append(Segment(file.name, full, content.moment))
        reading.named |= part.named
        for package in part.packages:
            reading.note_rows(package)
    for (entity, catalog), of_list in segments.items():
        judgement = judge(of_list)
        reading.note(entity, catalog, full=judgement.is_full)
        reading.outdated[entity] |= judgement.outdated
        reading.notices += judgement.notices
    return reading


def read_into_staging(dataset: DatasetImport, staging: Staging, file: ExportFile, advance: Advance) -> Reading:
    """Stage the facts of one file. Rows are held back for a COPY no longer than it, or a portion of it, is read."""
    reading = Reading()
    seen, counted = reading.seen, dataset.items
    packages: list[tuple[Package, AbstractSet[type]]] = []
    items = rejected = 0
    after = staging.seq
    for fact in read_file(file.path, file.name, dataset.readers(file), staging.flush):
        kind = type(fact)
        if kind in staging.tables:
            staging.add(fact, file.name)
            seen[kind] += 1
            if kind in counted:
                items += 1
                if items == PROGRESS_EVERY:
                    advance(items, seen[Rejection] - rejected)
                    items, rejected = 0, seen[Rejection]
        elif isinstance(fact, Package):
            packages.append((fact, staging.tables.keys() & seen.keys()))
            reading.note_rows(PackageRows(fact.catalog, fact.is_classifier, after, staging.seq))
            after = staging.seq
        elif isinstance(fact, Unhandled):
            reading.unhandled[fact.path] += 1
        elif isinstance(fact, Mended):
            reading.mended.append((file.name, fact))
        else:
            seen[kind] += 1
    staging.flush()
    advance(items, seen[Rejection] - rejected)
    reading.rows = sum(seen[kind] for kind in staging.tables)
    _note_packages(dataset, file.name, packages, reading)
    return reading


def _note_packages(
    dataset: DatasetImport, file: str, packages: list[tuple[Package, AbstractSet[type]]], reading: Reading
) -> None:
    """Note which entities the packages of a file speak for, and whether they state them in full."""
    reading.any_delta = any(package.changes_only for package, _ in packages)
    for entity in dataset.entities:
        for package, stated in packages:
            if _speaks_for(entity, file, package, stated):
                is_delta = reading.any_delta if entity.marked_beside else package.changes_only
                is_silent = entity.full_if_marked and not package.marked
                reading.note(entity.name, package.catalog, full=not (is_delta or is_silent))
                if entity.record in stated:
                    reading.named.add((entity.name, package.catalog))


def _speaks_for(entity: Entity, file: str, package: Package, stated: AbstractSet[type]) -> bool:
    if package.lists & entity.lists and entity.record in stated:
        return True
    return entity.own_list in package.lists and not is_beside_offers(file)

"""What an import reports: one type for all five, and the counters that are shown while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Counters:
    """How far an import has come; `created + updated + skipped + errors = processed` at its end.

    `removed` are beside that sum: items that went as the export states them no longer, but for those with a deletion
    mark, which are updated.

    Items are products and variants (`catalog`), prices or stocks of a variant, customers, or images (`thumbnails`).
    Of `images`, `total` and `processed` count products, and the others files.
    """

    total: int = 0
    processed: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    errors: int = 0
    removed: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        """Both together."""
        return Counters(
            self.total + other.total,
            self.processed + other.processed,
            self.created + other.created,
            self.updated + other.updated,
            self.skipped + other.skipped,
            self.errors + other.errors,
            self.removed + other.removed,
        )


Progress = Callable[[Counters], None]
"""Called often with the counters so far; what it does must be cheap."""


def no_progress(_counters: Counters) -> None:
    """For callers who do not watch."""


OUTCOMES = ("errors", "created", "copied", "updated", "removed", "skipped")
"""What an import may come to, in the order in which people want to know it."""


def came_to(values: Mapping[str, int]) -> list[str]:
    """What an import came to: `1 error`, `5 created`, `2 skipped`; what is not there is left out."""
    told = [f"{values[key]} {key}" for key in OUTCOMES if values.get(key)]
    return ["1 error" if part == "1 errors" else part for part in told] or ["nothing"]


NOTHING_NEW = "Nothing has changed since the last import: no file was read again."
"""The notice of an import that found the files of the last one."""


@dataclass(frozen=True, slots=True)
class UnlandedRow:
    """A rejected or a pending row as people see it; of a customer it has nothing but 1C's id.

    Attributes:
        reason: why it is rejected, or what it waits for.
        article, name: of the good or the offer that it is about.
        cell: the price type or the warehouse of a rejected cell.
        first_seen_at: since when it is rejected, or waits.
    """

    reason: str
    article: str | None
    name: str | None
    cell: str | None
    file: str
    line: int | None
    onec_id: str | None
    import_type: str
    entity: str
    first_seen_at: datetime

    def as_json(self) -> dict[str, str | int | None]:
        """The row for programs; the time in ISO 8601."""
        return {**asdict(self), "first_seen_at": self.first_seen_at.astimezone(UTC).isoformat()}


def shown_of(shown: int, total: int, all_of_them: str) -> str:
    """`10 of 20,004; all of them: onec rejected --csv FILE`: how many rows are shown, and how to see the others."""
    return f"{shown:,} of {total:,}" + (f"; all of them: {all_of_them}" if shown < total else "")


NEVER_BLOCKED = 5
"""So few rows go without asking, unless they are all, or none may go."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A decision on the rows that a full export does not state: `removed` of `before` rows of an entity.

    `limit` is the largest share (0 to 1) that may be deactivated or removed; `following` of the removed go with another
    entity, whose guard decides on them. A delta, or an export that states nothing, needs no decision and has no guard.
    """

    entity: str
    before: int
    removed: int
    limit: float
    following: int = 0

    @property
    def allows(self) -> bool:
        """Whether the rows that are not stated may be deactivated or removed: a few always, but not all."""
        asked = self.removed - self.following
        is_few = asked <= NEVER_BLOCKED and asked < self.before and self.limit > 0
        return is_few or asked <= self.before * self.limit

    @property
    def share(self) -> str:
        """How much of what is on record the export does not state: `50 %`."""
        return percent(self.removed / max(self.before, 1))

    def __str__(self) -> str:
        """The decision with its numbers and the setting that changes it, for those who run 1C."""
        stated = (
            f"В полной выгрузке нет {self.removed} из {self.before} {WORDS.get(self.entity, self.entity)}, которые "
            f"были в прежних ({self.share})"
        )
        if self.allows:
            return f"{stated}."
        return (
            f"{stated}; без разрешения убирается не больше {percent(self.limit)}. Поэтому не убрано ничего, остальное "
            "загружено. Проверьте выгрузку. Если в ней всё верно, один импорт с ONEC_MAX_DEACTIVATION=1 их уберёт."
        )


WORDS = {
    "goods": "товаров",
    "offers": "предложений",
    "categories": "групп",
    "prices": "цен",
    "stocks": "остатков",
    "customers": "контрагентов",
    "images": "изображений",
}
"""What the entities of guards are called in a sentence."""


def percent(share: float) -> str:
    """A share as people write it: `30 %`; of little more than nothing one digit behind the point."""
    shown = share * 100
    return f"{shown:.0f} %" if shown >= 1 or not shown else f"{shown:.1f} %"


@dataclass(frozen=True, slots=True)
class Change:
    """A price or a stock that changed: `of` is the price type or the warehouse, None as a number is none."""

    article: str | None
    name: str
    of: str
    was: Decimal | None
    becomes: Decimal | None

    @property
    def percent(self) -> float | None:
        """By how much it rose, in per cent; None where there is nothing to compare."""
        if not self.was or self.becomes is None:
            return None
        return float((self.becomes - self.was) / abs(self.was) * 100)

    def as_json(self) -> dict[str, str | float | None]:
        """The change for programs; numbers of 1C as text, since they have no limit of digits."""
        was, becomes = number_text(self.was), number_text(self.becomes)
        return {"article": self.article, "name": self.name, "of": self.of, "was": was, "becomes": becomes}


def number_text(value: Decimal | None) -> str | None:
    """A number as people write it: all of its digits, no exponent."""
    return None if value is None else f"{value:f}"


@dataclass(frozen=True, slots=True)
class Changes:
    """How prices or stocks changed: how many rose, fell and went, the median in per cent, the largest changes first."""

    raised: int = 0
    lowered: int = 0
    removed: int = 0
    created: int = 0
    median_percent: float | None = None
    largest: tuple[Change, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The changes for programs."""
        return {**asdict(self), "largest": [change.as_json() for change in self.largest]}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome of one import of one dataset.

    Attributes:
        import_type: `catalog`, `stocks`, `prices`, `customers` or `images`.
        table: the main table, `schema.name`, and `row_count`, its rows after the import.
        export_kind: `full` or `changes`.
        fingerprint: 16 hexadecimal digits of what was imported.
        data_version: another one whenever an import has written or removed a row of the asset, and only then.
        details: further counts by name, such as rows removed or pending.
        rejected, pending: the first 10 of each; of those rejected the newest, of those pending the oldest.
        notices: sentences on what a person should know.
        guards: the decisions on rows that a full export does not name.
        changes: how prices or stocks changed; None of other imports, and where no history is kept.
        contact_sheet: one small WebP of some images that were published; empty where there are none.
    """

    import_type: str
    table: str
    row_count: int
    export_kind: str
    fingerprint: str
    counters: Counters
    duration_seconds: float
    data_version: str = ""
    details: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[UnlandedRow, ...] = ()
    pending: tuple[UnlandedRow, ...] = ()
    notices: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    changes: Changes | None = None
    contact_sheet: bytes = b""

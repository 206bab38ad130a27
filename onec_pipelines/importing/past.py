"""What was: the versions of a good's prices and stocks, and what imports have changed, as people ask for it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from onec_pipelines.errors import NotOnRecordError
from onec_pipelines.importing.changes import DATASETS, MOMENT, changes_between
from onec_pipelines.importing.report import Changes, number_text
from onec_pipelines.importing.steps import statement
from onec_pipelines.shown import visible

SHOWN_GOODS = 10
SHOWN_VERSIONS = 10_000
NEAREST = 5
ALIKE = 2
"""Letters with which an article begins that may have been meant."""
ALIKE_ENOUGH = 0.4


@dataclass(frozen=True, slots=True)
class Good:
    """A good on record."""

    id: int
    onec_id: str
    article: str | None
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A price or a stock for as long as it held: `of` a price type or a warehouse, until `valid_to` or still."""

    variant: str
    kind: str
    of: str
    value: Decimal
    currency: str | None
    valid_from: datetime
    valid_to: datetime | None
    import_id: int | None

    def as_json(self) -> dict[str, object]:
        """The version for programs: times in ISO 8601, the value as text."""
        times = {name: moment_text(getattr(self, name)) for name in ("valid_from", "valid_to")}
        return {**asdict(self), "value": number_text(self.value), **times}


class Import(NamedTuple):
    """An import of the register."""

    id: int
    import_type: str
    at: datetime
    run_id: str | None
    export_kind: str
    exported_at: datetime | None
    created: int
    updated: int
    removed: int
    rejected: int

    def as_json(self) -> dict[str, object]:
        """The import for programs; times in ISO 8601."""
        return {**self._asdict(), "at": moment_text(self.at), "exported_at": moment_text(self.exported_at)}


def moment_text(moment: datetime | None) -> str | None:
    """A time in ISO 8601, in UTC."""
    return moment.astimezone(UTC).isoformat() if moment else None


def require_history(connection: psycopg.Connection) -> None:
    """Raise NotOnRecordError where nobody has imported with a version that keeps the past."""
    row = connection.execute("select to_regclass('onec.imports') is not null").fetchone()
    if not row or not row[0]:
        raise NotOnRecordError("The database has no history yet: run onec migrate, or an import.")


def find_goods(connection: psycopg.Connection, words: str) -> list[Good]:
    """The goods of an article, 1C's id or a barcode, the active ones first.

    Raises:
        NotOnRecordError: there is none; the nearest articles are named.
    """
    require_history(connection)
    with connection.cursor(row_factory=class_row(Good)) as cursor:
        bounds = {"words": words.strip(), "limit": SHOWN_GOODS}
        found = cursor.execute(statement("queries/past", "goods"), bounds).fetchall()
    if not found:
        near = nearest(connection, words.strip())
        hint = f"; the nearest articles: {', '.join(map(visible, near))}" if near else ""
        raise NotOnRecordError(f"No good has the article, the id or the barcode {visible(words)!r}{hint}.")
    return found


def nearest(connection: psycopg.Connection, words: str) -> list[str]:
    """Articles that look like what was asked for, the likest first."""
    query = statement("queries/past", "articles")
    articles = [article for (article,) in connection.execute(query, {"begin": words[:ALIKE]})]
    return get_close_matches(words, articles, NEAREST, cutoff=ALIKE_ENOUGH)


def versions_of(connection: psycopg.Connection, good: Good, datasets: Iterable[str] = DATASETS) -> list[Version]:
    """The versions of a good's prices and stocks: by variant, price type or warehouse, the newest first."""
    found: list[Version] = []
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        for dataset in datasets:
            bounds = {"product_id": good.id, "limit": SHOWN_VERSIONS}
            found += cursor.execute(statement("queries/past", dataset), bounds).fetchall()
    return found


def imports_of(connection: psycopg.Connection, import_id: int | None = None) -> list[Import]:
    """An import of the register; without a number the newest of prices and of stocks.

    Raises:
        NotOnRecordError: the register has no such import.
    """
    require_history(connection)
    rows = connection.execute(statement("queries/past", "imports"), {"id": import_id}).fetchall()
    if not rows and import_id is not None:
        newest = connection.execute("select max(id) from onec.imports").fetchone()
        raise NotOnRecordError(f"There is no import {import_id}: the newest is {newest and newest[0]}.")
    return [Import(*row) for row in rows]


def changes_by(connection: psycopg.Connection, by: Import, largest: int) -> Changes | None:
    """What an import changed; None where it is not one of prices or stocks."""
    if by.import_type not in DATASETS:
        return None
    return changes_between(connection, by.import_type, by.at - MOMENT, by.at, largest)


@dataclass(frozen=True, slots=True)
class Since:
    """A time from which on changes are asked for, in place of an import."""

    import_type: str
    at: datetime

    def as_json(self) -> dict[str, object]:
        """The time for programs."""
        return {"import_type": self.import_type, "since": moment_text(self.at)}


def changes_since(connection: psycopg.Connection, moment: datetime, largest: int) -> list[tuple[Since, Changes]]:
    """What has changed in prices and in stocks since a moment."""
    require_history(connection)
    now = datetime.now(UTC) + timedelta(days=1)
    return [
        (Since(dataset, moment), changes_between(connection, dataset, moment, now, largest)) for dataset in DATASETS
    ]

"""Why a value is what it is: since when, by which import, in which line of which file, and why others are not there.

A line is found by a search of the file for the id, where the file still lies in the export as it was imported: rows
keep no numbers of lines.
"""

import hashlib
import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

from onec_pipelines.commerceml.encoding import HEAD_BYTES, encoding_of
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.errors import ExportError
from onec_pipelines.importing.known_files import recall
from onec_pipelines.importing.past import Good, moment_text
from onec_pipelines.importing.report import number_text
from onec_pipelines.importing.steps import statement

SHOWN = 200
"""Variants, images and rows that did not land, of one good."""
LONGEST = 200
"""Letters of a value that are shown."""
NO_VALUE = frozenset({"onec_id", "created_at", "updated_at", "is_active"})


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with since when it holds, by which import, and where that stood; what is not known is None."""

    what: str
    value: str
    since: datetime | None = None
    import_id: int | None = None
    place: str | None = None

    def as_json(self) -> dict[str, object]:
        """The fact for programs; the time in ISO 8601."""
        return {**asdict(self), "since": moment_text(self.since)}


@dataclass(frozen=True, slots=True)
class Thing:
    """A good or a variant of it: what it is called, and its facts."""

    title: str
    onec_id: str
    facts: Sequence[Fact]

    def as_json(self) -> dict[str, object]:
        """The thing for programs."""
        return {"title": self.title, "onec_id": self.onec_id, "facts": [fact.as_json() for fact in self.facts]}


@dataclass(frozen=True, slots=True)
class Unlanded:
    """A row of a good that is rejected or waits."""

    fate: str
    import_type: str
    entity: str
    onec_id: str
    of: str | None
    reason: str | None
    source_file: str
    source_line: int | None
    since: datetime

    def as_json(self) -> dict[str, object]:
        """The row for programs; the time in ISO 8601."""
        return {**asdict(self), "since": moment_text(self.since)}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A good, its variants, what did not land of it, and sentences on what is not there."""

    things: Sequence[Thing]
    unlanded: Sequence[Unlanded] = ()
    why_not: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, object]:
        """The explanation for programs."""
        return {
            "things": [thing.as_json() for thing in self.things],
            "unlanded": [row.as_json() for row in self.unlanded],
            "why_not": list(self.why_not),
        }


def explain(connection: psycopg.Connection, export: ExportSnapshot, good: Good) -> Explanation:
    """Explain a good."""
    return Explainer(connection, export).explain(good)


class Explainer:
    """Asks the tables, the register and the files."""

    def __init__(self, connection: psycopg.Connection, export: ExportSnapshot) -> None:
        self._connection = connection
        self._files = files_of(connection, export)
        self._import_at = lru_cache(None)(self._find_import)
        self._place = lru_cache(None)(self._find_place)
        self._sha256 = lru_cache(None)(partial(sha256_of, export))

    def explain(self, good: Good) -> Explanation:
        """The good, its variants, and what is not there."""
        (product,) = self._rows("product", product_id=good.id)
        variants = self._rows("variants", product_id=good.id, limit=SHOWN)
        things = [self._product(good, product), *map(self._variant, variants)]
        unlanded = [Unlanded(**row) for row in self._rows("not landed", onec_id=good.onec_id, limit=SHOWN)]
        return Explanation(things, unlanded, [*self._why_not(good, variants, things, unlanded)])

    def _product(self, good: Good, row: Mapping[str, Any]) -> Thing:
        facts = [*self._columns("products", good.id, row), *self._images(good)]
        return Thing(" ".join(filter(None, (good.article, good.name))), good.onec_id, facts)

    def _variant(self, row: Mapping[str, Any]) -> Thing:
        onec_id = str(row["onec_id"])
        stated = [
            *self._rows("present prices", variant_id=row["id"]),
            *self._rows("present stocks", variant_id=row["id"]),
        ]
        facts = [*self._columns("product_variants", row["id"], {k: v for k, v in row.items() if k != "id"})]
        for cell in stated:
            value = " ".join(filter(None, (number_text(cell["value"]), cell["currency"])))
            of = "prices" if cell["kind"] == "price" else "stocks"
            facts.append(self._fact(f"{cell['kind']} {cell['of']}", value, cell["since"], of, onec_id))
        return Thing(f"variant {row['name'] or row['article'] or ''}".strip(), onec_id, facts)

    def _columns(self, entity: str, entity_id: object, row: Mapping[str, Any]) -> Iterator[Fact]:
        """The columns of a row, each since it last changed; what is empty and always was says nothing."""
        changed: dict[str, datetime] = dict(
            self._connection.execute(
                statement("queries/past", "changed columns"), {"entity": entity, "entity_id": entity_id}
            ).fetchall()
        )
        activity = "active" if row["is_active"] else "inactive"
        columns = {key: value for key, value in row.items() if key not in NO_VALUE and value not in {None, False}}
        for key, value in {"state": activity, **columns}.items():
            column = {"state": "is_active", "category": "category_id", "brand": "brand_id", "unit": "unit_id"}.get(
                key, key
            )
            since = changed.get(column) or row["created_at"]
            yield self._fact(key, str(value)[:LONGEST], since, "catalog", str(row["onec_id"]))

    def _images(self, good: Good) -> Iterator[Fact]:
        for row in self._rows("images", product_id=good.id, limit=SHOWN):
            fact = self._fact("image", row["source_path"], row["updated_at"], "images", "")
            yield replace(fact, place=self._place_in(self._rows("sources of the catalogue"), row["source_path"]))

    def _fact(self, what: str, value: str, since: datetime, import_type: str, onec_id: str) -> Fact:
        found = self._import_at(since, import_type)
        place = self._place(found[0], onec_id) if found and onec_id else None
        return Fact(what, value, since, found[0] if found else None, place)

    def _find_import(self, at: datetime, import_type: str | None) -> tuple[int, str, str] | None:
        """The import whose rows have this time: of the type, or else of any."""
        for asked in dict.fromkeys((import_type, None)):
            rows = self._rows("imports at", at=at, import_type=asked)
            if rows:
                return rows[0]["id"], rows[0]["import_type"], rows[0]["export_kind"]
        return None

    def _find_place(self, import_id: int, onec_id: str) -> str | None:
        """`file:line` where a file of an import names an id, if it lies there as it was."""
        return self._place_in(self._rows("sources", id=import_id), onec_id)

    def _place_in(self, sources: Sequence[Mapping[str, Any]], stated: str) -> str | None:
        """`file:line` where one of these files states something."""
        for row in sources:
            file = self._files.get(row["path"])
            if file and self._sha256(file) == row["sha256"]:
                line = line_of(file, stated)
                if line:
                    return f"{file.name}:{line}"
        return None

    def _why_not(
        self,
        good: Good,
        variants: Sequence[Mapping[str, object]],
        things: Sequence[Thing],
        unlanded: Sequence[Unlanded],
    ) -> Iterator[str]:
        for thing, is_active in zip(things, (good.is_active, *(row["is_active"] for row in variants)), strict=True):
            if not is_active:
                yield self._inactive(thing)
        active = [thing for thing, row in zip(things[1:], variants, strict=True) if row["is_active"]]
        for import_type, kind in (("prices", "price"), ("stocks", "stock")):
            for thing in active:
                if not any(fact.what.startswith(f"{kind} ") for fact in thing.facts):
                    yield f"No {kind} of {thing.onec_id}: {told_of(unlanded, import_type, thing.onec_id)}."
        if not variants:
            yield f"No variant of {good.onec_id}: {told_of(unlanded, None, good.onec_id)}."
        if not any(fact.what == "image" for fact in things[0].facts):
            ((named,),) = self._connection.execute(
                statement("queries/past", "images that are named"), {"product_id": good.id}
            ).fetchall()
            said = told_of(unlanded, "images", good.onec_id) if named else "the export names none"
            yield f"No image of {good.onec_id}: {said}."

    def _inactive(self, thing: Thing) -> str:
        """Since when something is inactive, and by what."""
        state = thing.facts[0]
        found = self._import_at(state.since, "catalog") if state.since else None
        since = f"{thing.onec_id} is inactive since {moment_text(state.since)}"
        if found is None:
            return f"{since}, by no import that is on record."
        if state.place:
            return f"{since}: import {found[0]} marks it as deleted ({state.place})."
        reason = "named it no longer" if found[2] == "full" else "marked it as deleted, or named it no longer"
        return f"{since}: the {found[2]} export of import {found[0]} {reason}."

    def _rows(self, name: str, **bounds: object) -> list[dict]:  # type: ignore[type-arg]
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement("queries/past", name), bounds).fetchall()


def told_of(unlanded: Sequence[Unlanded], import_type: str | None, onec_id: str) -> str:
    """What keeps something of an id from being there, of one import type or of any."""
    for row in unlanded:
        if import_type in {None, row.import_type} and row.onec_id == onec_id:
            place = f"{row.source_file}:{row.source_line}" if row.source_line else row.source_file
            if row.fate == "rejected":
                return f"rejected, see below ({place})"
            return f"its list waits since {moment_text(row.since)} ({place})"
    return "no export has stated one that holds"


def files_of(connection: psycopg.Connection, export: ExportSnapshot) -> dict[str, ExportFile]:
    """The files that lie in the export by name, none where it is not there."""
    try:
        recall(connection, export)
        return {file.name: file for file in export.files}
    except ExportError:
        return {}


def sha256_of(export: ExportSnapshot, file: ExportFile) -> str:
    """The sha256 of a file; it is not opened where an import has seen it and nothing touched it since."""
    known = export.remembered.get(file) or export.looked_at.get(file)
    if known:
        return known.sha256
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def line_of(file: ExportFile, stated: str) -> int | None:
    """The line, from 1 on, in which an element of a file holds an id or a path; None where none does."""
    try:
        with file.path.open("rb") as stream:
            encoding = encoding_of(stream.read(HEAD_BYTES)) or "utf-8"
            with closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) as text:
                wanted = stated.encode(encoding, "replace")
                for place in places_of(wanted, text):
                    if text[place - 1 : place].strip() in {b">", b""} and text[place + len(wanted)] in b"<\r\n\t ":
                        return text[:place].count(b"\n") + 1
    except (OSError, ValueError, LookupError, IndexError):  # it is gone, or empty
        pass
    return None


def places_of(wanted: bytes, text: mmap.mmap) -> Iterator[int]:
    """Where the bytes stand in a file: as they are, or if nowhere so, in capitals, as 1C writes some identifiers."""
    for spelling in dict.fromkeys((wanted, wanted.upper())):
        place = text.find(spelling)
        found = place >= 0
        while place >= 0:
            yield place
            place = text.find(spelling, place + 1)
        if found:
            return

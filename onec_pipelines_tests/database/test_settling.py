"""The steps that settle staged rows, as a merge file would state them."""

from typing import NamedTuple

import pytest

from onec_pipelines.database.merging import merge, parse_steps
from onec_pipelines.database.staging import Staging


class Entry(NamedTuple):
    onec_id: str
    part: str | None
    name: str | None
    tags: tuple[str, ...]
    deleted: bool


@pytest.fixture
def settle(connection):
    """Stage entries, each as its id, part, name, tags and mark; run a step on them; what is left, in its order."""

    def settle(step: str, *entries: tuple) -> list[tuple]:
        with connection.transaction(force_rollback=True):
            staging = Staging(connection)
            staging.create({Entry: "entries"})
            for entry in entries:
                staging.add(Entry(*entry), "f")
            staging.flush()
            assert merge(connection, parse_steps(step), {}) == {}
            return connection.execute(
                "select seq, onec_id, part, name, tags, deleted from onec_staging.entries order by seq"
            ).fetchall()

    return settle


def named(onec_id: str, name: str | None, part: str | None = None) -> tuple:
    return onec_id, part, name, (), False


def marked(onec_id: str, name: str | None = None, part: str | None = None) -> tuple:
    return onec_id, part, name, (), True


def test_the_latest_row_of_each_key_is_kept_and_nulls_are_one_key(settle):
    left = settle(
        "-- latest entries by onec_id, part",
        named("a", "1"), named("b", "2", "x"), named("a", "3"), named("b", "4", "y"), named("b", "5", "x"),
    )  # fmt: skip
    assert [row[:4] for row in left] == [(3, "a", None, "3"), (4, "b", "y", "4"), (5, "b", "x", "5")]


def test_of_a_repeated_key_the_latest_row_takes_what_it_does_not_state_from_the_latest_that_does(settle):
    left = settle(
        "-- repeated entries by onec_id",
        ("a", "x", "old", ("tag",), True), ("a", None, "new", ("tag",), True), ("b", None, "b", ("tag",), True),
        ("a", None, "", (), True), ("c", None, "", ("tag",), True), ("a", None, None, (), False),
    )  # fmt: skip
    assert left == [
        (3, "b", None, "b", ["tag"], True), (5, "c", None, "", ["tag"], True), (6, "a", "x", "new", [], False)
    ]  # fmt: skip


YIELD = "-- yield entries by onec_id, part\n-- A comment.\nname <> '' or not deleted;\n"


def test_a_mark_that_comes_alone_changes_places_with_the_row_that_it_marks(settle):
    left = settle(YIELD, named("a", "old"), named("a", "Стул"), named("b", "Стол"), marked("a"))
    assert [(row[0], row[1], row[3], row[5]) for row in left] == [
        (1, "a", "old", False), (2, "a", None, True), (3, "b", "Стол", False), (4, "a", "Стул", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "entries",
    [
        [marked("a"), named("a", "Стул")],
        [named("a", "Стул"), marked("a", "Стул (снят)")],
        [named("a", "Стул", "x"), marked("a", None, "y")],
        [marked("a"), marked("a")],
    ],
)
def test_other_marks_stay_where_they_are(entries, settle):
    assert [row[1:] for row in settle(YIELD, *entries)] == [(*entry[:3], [], entry[4]) for entry in entries]


def test_a_statement_may_be_anything_and_counts_nothing(settle):
    left = settle("-- settle marks\ndelete from onec_staging.entries where deleted", named("a", "Стул"), marked("b"))
    assert [row[1] for row in left] == ["a"]

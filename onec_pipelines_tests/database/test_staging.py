from typing import NamedTuple

import psycopg
import pytest

from onec_pipelines.database import staging as module
from onec_pipelines.database.staging import Staging, columns_of


class Note(NamedTuple):
    onec_id: str
    text: str | None
    tags: tuple[str, ...]
    extra: dict[str, str | list[str]] | None
    deleted: bool
    line: int


class Pair(NamedTuple):
    onec_id: str
    other: str | None


@pytest.fixture
def staging(connection):
    """Staging tables `notes` and `pairs`, in a transaction that is rolled back."""
    with connection.transaction(force_rollback=True):
        staging = Staging(connection)
        staging.create({Note: "notes", Pair: "pairs"})
        yield staging


def found(staging, query):
    return staging.connection.execute(query).fetchall()


def test_the_fields_of_a_record_are_the_columns_of_its_table():
    assert columns_of(Note) == {
        "onec_id": "text", "text": "text", "tags": "text[]", "extra": "jsonb", "deleted": "bool", "line": "int8"
    }  # fmt: skip


def test_records_come_back_as_they_were_with_their_order_and_file(staging):
    hostile = "\\N\t\n'\"\\;%s {a,b} «ёж» 🪑"
    staging.add(Note("a", hostile, (hostile, "b"), {hostile: [hostile, ""]}, deleted=True, line=3), "one.xml")
    staging.add(Note("b", None, (), None, deleted=False, line=4), "two.xml")
    staging.flush()
    columns = "seq, file, onec_id, text, tags, extra, deleted, line"
    assert found(staging, f"select {columns} from onec_staging.notes order by seq") == [
        (1, "one.xml", "a", hostile, [hostile, "b"], {hostile: [hostile, ""]}, True, 3),
        (2, "two.xml", "b", None, [], None, False, 4),
    ]


def test_the_order_counts_over_all_tables(staging):
    for number in range(4):
        staging.add(
            Pair(str(number), None) if number % 2 else Note(str(number), None, (), None, deleted=False, line=0), "f"
        )
    staging.flush()
    assert found(staging, "select seq from onec_staging.pairs order by 1") == [(2,), (4,)]


def test_a_table_that_is_resumed_holds_its_rows_and_goes_on_counting(staging):
    def resume():
        resumed = Staging(staging.connection)
        resumed.resume(Pair, "resumed")
        return resumed

    for name in "ab":
        resumed = resume()
        resumed.add(Pair(name, None), "f")
        resumed.flush()
    assert found(staging, "select seq, onec_id from onec_staging.resumed order by 1") == [(1, "a"), (2, "b")]


def test_a_table_that_is_resumed_survives_a_crash_of_postgresql(staging):
    staging.resume(Pair, "resumed")
    assert found(staging, "select relpersistence from pg_class where relname = 'resumed'") == [("p",)]


def test_a_table_that_another_version_left_is_created_anew(staging):
    staging.connection.execute("create table onec_staging.resumed as select 1 as seq, 'f' as file, 'a' as onec_id")
    staging.resume(Pair, "resumed")
    assert found(staging, "select * from onec_staging.resumed") == []


def test_rows_are_written_batch_by_batch(staging, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(3):
        staging.add(Pair(str(number), None), "f")
    assert found(staging, "select count(*) from onec_staging.pairs") == [(2,)]
    staging.flush()
    staging.flush()
    assert found(staging, "select count(*) from onec_staging.pairs") == [(3,)]


def test_the_tables_are_unlogged(staging):
    assert found(staging, "select relpersistence::text from pg_class where oid = 'onec_staging.notes'::regclass") == [
        ("u",)
    ]


def test_dropped_tables_are_gone_with_what_stands_on_them(staging):
    staging.connection.execute("create view pg_temp.seen as select * from onec_staging.pairs")
    staging.drop()
    assert found(staging, "select relname from pg_class where relnamespace = 'onec_staging'::regnamespace") == []


def test_a_record_of_another_type_is_no_row(staging):
    with pytest.raises(KeyError):
        staging.add("text", "f")


def test_a_rolled_back_import_leaves_no_table(connection):
    with connection.transaction(force_rollback=True):
        Staging(connection).create({Note: "notes"})
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("select from onec_staging.notes")

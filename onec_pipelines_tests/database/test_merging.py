import pytest

from onec_pipelines.database import merging
from onec_pipelines.database.merging import Step, merge, numbers, parse_steps

UNITS = "select onec_id, name, full_name, xmin::text from onec.units order by onec_id"


@pytest.fixture(params=[merging.COUNTED_MERGE, 1_000_000], ids=["merge", "update and insert"])
def run(connection, request, monkeypatch):
    """Run a step as a merge file would state it, as this version of PostgreSQL and as an older one; what it counts."""
    monkeypatch.setattr(merging, "COUNTED_MERGE", request.param)

    def run(title: str, statement: str, **values: object) -> dict[str, int]:
        verb, _, name = title.partition(" ")
        return dict(merging._run(connection, Step(verb, name, statement), values))

    return run


def units(*rows: tuple[str, str]) -> str:
    return "select * from (values " + ", ".join(f"('{code}', '{name}')" for code, name in rows) + ") v (onec_id, name)"


def test_rows_with_a_new_key_are_inserted(run, connection):
    assert run("upsert units by onec_id", units(("1", "шт"), ("2", "кг"))) == {"units created": 2, "units updated": 0}
    assert [row[:2] for row in connection.execute(UNITS)] == [("1", "шт"), ("2", "кг")]


def test_rows_that_differ_are_updated_and_the_others_are_not_written(run, connection):
    run("upsert units by onec_id", units(("1", "шт"), ("2", "кг")))
    before = connection.execute(UNITS).fetchall()
    assert run("upsert units by onec_id", units(("1", "шт"), ("2", "г"))) == {"units created": 0, "units updated": 1}
    after = connection.execute(UNITS).fetchall()
    assert after[0] == before[0]
    assert after[1][1] == "г"
    assert connection.execute("select updated_at > created_at from onec.units order by onec_id").fetchall() == [
        (False,), (True,)
    ]  # fmt: skip


def test_a_null_differs_from_a_value_and_equals_a_null(run):
    same = "select '1' as onec_id, 'шт' as name, null::text as full_name"
    run("upsert units by onec_id", same)
    assert run("upsert units by onec_id", same)["units updated"] == 0
    assert run("upsert units by onec_id", same.replace("null::text", "'Штука'"))["units updated"] == 1
    assert run("upsert units by onec_id", same)["units updated"] == 1


def test_columns_that_the_select_does_not_name_keep_their_values(run, connection):
    run("upsert units by onec_id", "select '1' as onec_id, 'шт' as name, 'Штука' as full_name")
    run("upsert units by onec_id", units(("1", "штука")))
    assert connection.execute("select name, full_name from onec.units").fetchall() == [("штука", "Штука")]


def test_a_part_of_a_key_may_be_null_where_the_title_says_so(run, connection):
    connection.execute("insert into onec.products (onec_id, name) values ('g', 'Стул')")
    image = "select id as product_id, null::bigint as variant_id, 0 as position, '{}' as path from onec.products"
    for path, counted in (("a.jpg", (1, 0)), ("b.jpg", (0, 1)), ("b.jpg", (0, 0))):
        counts = run("upsert image_references by product_id, variant_id?, position", image.format(path))
        assert (counts["image_references created"], counts["image_references updated"]) == counted


def test_values_are_bound(run, connection):
    run("upsert units by onec_id", "select %(code)s as onec_id, %(name)s as name", code="1", name="'; drop --")
    assert connection.execute("select name from onec.units").fetchall() == [("'; drop --",)]


def test_a_run_counts_by_its_name(run):
    run("upsert units by onec_id", units(("1", "шт"), ("2", "кг")))
    assert run("run units no longer wanted", "delete from onec.units") == {"units no longer wanted": 2}


def test_the_counts_of_a_merge_add_up_over_its_steps(connection):
    steps = (
        Step("upsert", "units by onec_id", units(("1", "шт"))),
        Step("count", "units", "select 1, 2"),
        Step("upsert", "units by onec_id", units(("2", "кг"))),
    )
    assert merge(connection, steps, {})["units created"] == 2
    assert numbers(connection, steps[1]) == (1, 2)


def test_a_text_is_steps_between_the_comments_that_name_them():
    assert parse_steps("""
-- What this file is about.

-- run units that 1C calls by two names
-- The later one counts.
delete from onec.units;

-- count units
select count(*) from onec.units;
""") == (
        Step("run", "units that 1C calls by two names", "-- The later one counts.\ndelete from onec.units"),
        Step("count", "units", "select count(*) from onec.units"),
    )


def test_a_count_without_rows_is_no_count(connection):
    with pytest.raises(LookupError):
        numbers(connection, Step("count", "units", "select 1, 2 where false"))

"""Dagster's tables in a schema of their own: made whole, moved from where 0.1.0 had them, left if they are others'."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from dagster_postgres import DagsterPostgresStorage

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import NAMESPACE, run_lock
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.machinery.engine import dagster_url
from onec_pipelines.orchestration.machinery.history_tables import COLUMNS
from onec_pipelines.orchestration.machinery.moving import WATCH_SECONDS
from onec_pipelines.orchestration.machinery.schema import Place, settle

MADE = Place("dagster")
MOVED = Place("dagster", moved_from="public")
LEFT = Place("public")
STILL_USED = (
    r'^Dagster\'s tables are to move once from the schema "public" to "dagster", and somebody still works with them: '
)


def tables(connection: psycopg.Connection, schema: str) -> set[str]:
    found = connection.execute("select tablename from pg_tables where schemaname = %s", [schema])
    return {name for (name,) in found}


def rows(connection: psycopg.Connection, schema: str) -> dict[str, list[str]]:
    """Every row of Dagster's tables."""
    return {
        table: [row for (row,) in connection.execute(f"select t::text from {schema}.{table} t order by 1")]
        for table in sorted(COLUMNS)
    }


SHAPE = """
select 'column', relname::text, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' '
    || coalesce(pg_get_expr(adbin, adrelid), '')
from pg_attribute join pg_class on pg_class.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
where relnamespace = to_regnamespace(%(schema)s) and relkind = 'r' and attnum > 0
union all select 'index', tablename, indexdef from pg_indexes where schemaname = %(schema)s
union all select 'constraint', conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
where connamespace = to_regnamespace(%(schema)s)
union all select 'sequence', relname, '' from pg_class
where relnamespace = to_regnamespace(%(schema)s) and relkind = 'S'
"""


def shape(connection: psycopg.Connection, schema: str) -> list[tuple[str, ...]]:
    """Columns with types and defaults, indexes, constraints and sequences of a schema, without its name."""
    found = connection.execute(SHAPE, {"schema": schema})
    return sorted(tuple(text.replace(f"{schema}.", "") for text in row) for row in found)


def notes(connection: psycopg.Connection, schema: str) -> list[tuple[str]]:
    """What Dagster has noted of its tables: the migrations that they have, or do not need."""
    return connection.execute(
        f"select name from {schema}.secondary_indexes where migration_completed is not null "
        f"union all select version_num from {schema}.alembic_version order by 1"
    ).fetchall()


def has_schema(connection: psycopg.Connection, schema: str) -> bool:
    return connection.execute("select from pg_namespace where nspname = %s", [schema]).fetchone() is not None


# --- made


def test_the_tables_are_those_that_dagster_itself_makes(connection, database_url):
    assert settle(database_url) == MADE
    DagsterPostgresStorage(dagster_url(database_url, "public"))
    assert shape(connection, "dagster") == shape(connection, "public")
    assert notes(connection, "dagster") == notes(connection, "public")


def test_nothing_of_dagsters_is_in_public(connection, database_url):
    settle(database_url)
    assert tables(connection, "dagster") == COLUMNS.keys()
    assert tables(connection, "public") == set()


def test_the_schema_says_whose_it_is(connection, database_url):
    settle(database_url)
    said = connection.execute("select obj_description('dagster'::regnamespace)").fetchone()
    assert said == ("Dagster's tables: run history, events and schedules of onec_pipelines.",)


def test_a_second_start_makes_nothing(connection, database_url):
    settle(database_url)
    before = rows(connection, "dagster")
    assert settle(database_url) == MADE
    assert rows(connection, "dagster") == before


@pytest.mark.parametrize("columns", ["id integer", "id bigint, run_id text"])
def test_tables_of_somebody_else_in_public_stay_there(columns, connection, database_url):
    connection.execute(f"create table public.runs ({columns}); create table public.jobs ({columns})")
    assert settle(database_url) == MADE
    assert tables(connection, "public") == {"runs", "jobs"}


# --- moved


def test_a_history_of_0_1_0_moves_whole(released, released_url):
    before, shaped = rows(released, "public"), shape(released, "public")
    assert settle(released_url) == MOVED
    assert tables(released, "public") == set()
    assert rows(released, "dagster") == before
    assert shape(released, "dagster") == shaped


def test_a_second_start_moves_nothing(released, released_url):
    settle(released_url)
    before = rows(released, "dagster")
    assert settle(released_url) == MADE
    assert rows(released, "dagster") == before


def test_tables_of_somebody_else_beside_the_history_stay_in_public(released, released_url):
    released.execute(
        "create table public.snapshot (id integer); drop table public.jobs; create table public.jobs (id int)"
    )
    assert settle(released_url) == MOVED
    assert tables(released, "public") == {"snapshot", "jobs"}


def test_a_history_that_was_never_used_moves(connection, database_url):
    DagsterPostgresStorage(dagster_url(database_url, "public"))
    assert settle(database_url) == MOVED
    assert tables(connection, "public") == set()


@pytest.mark.parametrize("half", ["drop table public.jobs", "truncate public.secondary_indexes"])
def test_one_that_was_never_used_and_is_half_made_is_made_anew(half, connection, database_url):
    DagsterPostgresStorage(dagster_url(database_url, "public"))
    connection.execute(half)
    assert settle(database_url) == MADE
    assert tables(connection, "dagster") == COLUMNS.keys()


@pytest.mark.parametrize("at_first", [MADE, MOVED])
def test_of_processes_that_start_at_once_one_makes_or_moves(at_first, request):
    url = request.getfixturevalue("released_url" if at_first == MOVED else "database_url")
    places: list[Place] = []
    starts = [threading.Thread(target=lambda: places.append(settle(url))) for _ in range(3)]
    with connect(url) as connection:
        connection.execute("select pg_advisory_lock(%s, hashtext('run history'))", [NAMESPACE])
        for start in starts:
            start.start()
        waiting = "select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()"
        deadline = time.monotonic() + 30
        while connection.execute(waiting).fetchone() != (3,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    for start in starts:
        start.join()
    assert places == [at_first, MADE, MADE]


# --- whose it is


OF_PAYROLL = """
insert into public.runs (run_id, pipeline_name, status, run_body) values ('theirs', 'payroll', 'SUCCESS', '{}');
insert into public.run_tags (run_id, key, value) values ('theirs', '.dagster/repository', '__repository__@payroll');
"""
SENSOR_OF_PAYROLL = """
insert into public.instigators (selector_id, status, instigator_type, instigator_body)
values ('theirs', 'RUNNING', 'SENSOR', '{"location_name": "payroll", "job_name": "payday"}')
"""
ONLY_OF_PAYROLL = """
delete from public.run_tags where key like 'onec/%';
update public.run_tags set value = '__repository__@payroll' where key = '.dagster/repository';
update public.instigators set instigator_body = '{"location_name": "payroll", "job_name": "payday"}'
"""
RUNS_ELSEWHERE = "update public.run_tags set value = '__repository__@onec' where key = '.dagster/repository'"
SENSORS_ELSEWHERE = """
update public.instigators
set instigator_body = replace(instigator_body, '"location_name": "onec_pipelines"', '"location_name": "onec"')
"""
"""As in a cluster that names our code location otherwise."""
NO_SENSORS = "delete from public.instigators"
NO_RUNS = "delete from public.run_tags; delete from public.runs"
NO_IMPORTS = "delete from public.run_tags where key like 'onec/%'"
NO_LOCATIONS = "delete from public.run_tags where key = '.dagster/repository'"


@pytest.mark.parametrize("theirs", [OF_PAYROLL, SENSOR_OF_PAYROLL])
def test_a_history_that_others_share_stays_in_public_and_is_worked_in_there(theirs, released, released_url):
    released.execute(theirs)
    before = rows(released, "public")
    assert settle(released_url) == LEFT
    assert rows(released, "public") == before
    assert not has_schema(released, "dagster")


@pytest.mark.parametrize("foreign", [ONLY_OF_PAYROLL, f"{NO_SENSORS}; {NO_LOCATIONS}; {NO_IMPORTS}"])
def test_a_history_without_anything_of_ours_is_left_alone(foreign, released, released_url):
    released.execute(foreign)
    before = rows(released, "public")
    assert settle(released_url) == MADE
    assert rows(released, "public") == before
    assert released.execute("select count(*) from dagster.runs").fetchone() == (0,)


@pytest.mark.parametrize(
    "changed",
    [
        (NO_SENSORS, NO_LOCATIONS),
        (NO_SENSORS, NO_IMPORTS),
        (NO_SENSORS, RUNS_ELSEWHERE),
        (NO_RUNS,),
        (NO_RUNS, SENSORS_ELSEWHERE),
        (RUNS_ELSEWHERE, SENSORS_ELSEWHERE),
    ],
    ids=["an import", "a location", "an import elsewhere", "a sensor", "a sensor elsewhere", "both elsewhere"],
)
def test_a_history_is_ours_by_one_sign_of_us(changed, released, released_url):
    for statement in changed:
        released.execute(statement)
    assert settle(released_url) == MOVED


# --- who is still at work


@pytest.fixture
def earlier(released_url: str) -> DagsterPostgresStorage:
    """The storage of a process of 0.1.0."""
    return DagsterPostgresStorage(dagster_url(released_url, "public"), should_autocreate_tables=False)


def assert_nothing_moved(connection: psycopg.Connection) -> None:
    assert tables(connection, "public") == COLUMNS.keys()
    assert not has_schema(connection, "dagster")


def test_nothing_moves_while_a_run_goes_on(released, released_url):
    with run_lock(released_url, "5ca1ab1e"), pytest.raises(DatabaseError, match=f"{STILL_USED}run 5ca1ab1e; stop "):
        settle(released_url)
    assert_nothing_moved(released)
    assert settle(released_url) == MOVED


def test_a_run_that_is_just_ending_is_waited_for(released_url):
    with run_lock(released_url, "5ca1ab1e"):
        places: list[Place] = []
        start = threading.Thread(target=lambda: places.append(settle(released_url)))
        start.start()
        time.sleep(0.3)
    start.join()
    assert places == [MOVED]


def test_nothing_moves_while_a_webserver_is_connected(released, released_url, earlier):
    for storage in (earlier.run_storage, earlier.event_log_storage, earlier.schedule_storage):
        storage.optimize_for_webserver(statement_timeout=5000, pool_recycle=300, max_overflow=1)
    earlier.run_storage.get_runs(limit=1)
    who = r"a process connected from \S+( machine)? \(backend \d+\); stop the webserver, the daemon and the imports "
    with pytest.raises(DatabaseError, match=STILL_USED + who):
        settle(released_url)
    assert_nothing_moved(released)
    earlier.run_storage._engine.dispose()
    assert settle(released_url) == MOVED


def asks_when_locked(url: str, earlier: DagsterPostgresStorage) -> threading.Thread:
    """A daemon between two statements, which makes its next one as soon as the tables are locked."""

    def ask() -> None:
        locked = (
            "select from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'public.runs'::regclass"
        )
        with connect(url) as connection:
            while connection.execute(locked).fetchone() is None:
                time.sleep(0.01)
        earlier.run_storage.get_runs(limit=1)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_nothing_moves_while_a_daemon_asks_for_its_tables(released, released_url, earlier):
    released.execute("update public.daemon_heartbeats set timestamp = now() at time zone 'utc' - interval '4 minutes'")
    asking = asks_when_locked(released_url, earlier)
    with pytest.raises(DatabaseError, match=STILL_USED + "a process connected from "):
        settle(released_url)
    asking.join()
    assert_nothing_moved(released)


@pytest.mark.slow  # it is watched for ten seconds
def test_a_daemon_that_was_alive_lately_and_asks_no_more_is_gone(released, released_url):
    released.execute("update public.daemon_heartbeats set timestamp = now() at time zone 'utc'")
    began = time.monotonic()
    assert settle(released_url) == MOVED
    assert time.monotonic() - began > WATCH_SECONDS


def test_a_daemon_of_yesterday_is_not_waited_for(released_url):
    began = time.monotonic()
    settle(released_url)
    assert time.monotonic() - began < WATCH_SECONDS


@pytest.mark.slow  # its lock is waited for
def test_nothing_moves_while_a_transaction_holds_a_table(released, released_url):
    with connect(released_url) as other, other.transaction():
        other.execute("select from public.snapshots")
        with pytest.raises(DatabaseError, match=STILL_USED + "a statement that goes on; "):
            settle(released_url)
    assert_nothing_moved(released)


def test_a_neighbour_in_the_same_database_does_not_keep_the_tables_from_moving(released_url):
    with psycopg.connect(released_url) as neighbour:
        neighbour.execute("select * from (values (1)) as jobs (id)")
        assert settle(released_url) == MOVED


# --- who may


@pytest.fixture(scope="session")
def stranger(server_url: str) -> Iterator[str]:
    """The name of a user who may connect to databases and nothing else."""
    name = f"onec_test_{uuid4().hex[:8]}"
    with connect(server_url) as server:
        server.execute(f"create role {name} login password 'strange'")
        yield name
        server.execute(f"drop role {name}")


@pytest.fixture
def as_stranger(stranger: str) -> Callable[[str], str]:
    """The URL of a database for the stranger."""

    def named(url: str) -> str:
        parts = urlsplit(url)
        return parts._replace(netloc=f"{stranger}:strange@{parts.netloc.rpartition('@')[2]}").geturl()

    return named


def test_a_user_who_may_not_make_the_schema_is_told_what_lets_him(connection, database_url, as_stranger):
    with pytest.raises(DatabaseError) as caught:
        settle(as_stranger(database_url))
    said = re.fullmatch(
        r"Dagster's tables belong into the schema dagster, and the user of ONEC_DATABASE_URL lacks a right: "
        r"permission denied for database \w+; let the owner of the database run: (grant .*); then start again\.",
        str(caught.value),
    )
    assert said
    connection.execute(said[1])
    assert settle(as_stranger(database_url)) == MADE


def test_a_schema_that_was_made_for_the_user_will_do(connection, database_url, stranger, as_stranger):
    connection.execute(f"create schema dagster authorization {stranger}")
    assert settle(as_stranger(database_url)) == MADE
    assert settle(as_stranger(database_url)) == MADE
    assert tables(connection, "dagster") == COLUMNS.keys()


def test_a_history_that_the_user_may_read_but_not_move_stays(released, released_url, stranger, as_stranger):
    released.execute(f"grant create on database {released.info.dbname} to {stranger}")
    released.execute(f"grant select on all tables in schema public to {stranger}")
    said = (
        r"lacks a right: (must be owner of|permission denied for) table \w+; let their owner move them: onec migrate, "
    )
    with pytest.raises(DatabaseError, match=said):
        settle(as_stranger(released_url))
    assert_nothing_moved(released)


def test_a_history_that_the_user_may_not_read_is_somebody_elses(released, released_url, stranger, as_stranger):
    released.execute(f"grant create on database {released.info.dbname} to {stranger}")
    assert settle(as_stranger(released_url)) == MADE
    assert tables(released, "public") == COLUMNS.keys()


def test_a_history_moves_from_where_the_search_path_of_its_user_led(released, released_url, stranger, as_stranger):
    for table in COLUMNS:
        released.execute(f"alter table public.{table} owner to {stranger}")
    released.execute(f"alter schema public rename to ledger; grant usage, create on schema ledger to {stranger}")
    released.execute(f"grant create on database {released.info.dbname} to {stranger}")
    separator = "&" if "?" in released_url else "?"
    url = f"{as_stranger(released_url)}{separator}options=-csearch_path%3Dnowhere%2Cledger"
    assert settle(url) == Place("dagster", moved_from="ledger")


NOT_OURS = r'^The schema "dagster" of the database "\w+" is not ours: '


def test_a_schema_with_other_tables_is_not_ours(connection, database_url):
    connection.execute("create schema dagster; create table dagster.letters (id integer)")
    with pytest.raises(DatabaseError, match=NOT_OURS):
        settle(database_url)
    assert tables(connection, "dagster") == {"letters"}


def test_a_schema_with_the_history_of_others_is_not_ours(connection, database_url):
    connection.execute("create schema dagster")
    DagsterPostgresStorage(dagster_url(database_url, "dagster"))
    connection.execute(OF_PAYROLL.replace("public.", "dagster."))
    with pytest.raises(DatabaseError, match=NOT_OURS):
        settle(database_url)


def test_a_schema_that_the_user_may_not_use_is_not_ours(database_url, as_stranger):
    settle(database_url)
    with pytest.raises(DatabaseError, match=NOT_OURS):
        settle(as_stranger(database_url))


def test_a_schema_that_was_restored_without_its_comment_is_ours(released, released_url):
    settle(released_url)
    released.execute("comment on schema dagster is null")
    assert settle(released_url) == MADE

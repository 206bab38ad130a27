"""Connections that a process keeps for its next use, against a real server."""

import os

import psycopg
import pytest

from onec_pipelines.database import lending
from onec_pipelines.database.lending import KEPT, close_idle, lend, take
from onec_pipelines.errors import DatabaseError

HOLDS = """
select pg_advisory_lock(1); create temp table mine (id int); set work_mem = '5MB'; listen news;
declare rows cursor with hold for select 1; set role pg_read_all_data
"""
LEFT = """
select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), to_regclass('mine'),
    current_setting('work_mem'), (select count(*) from pg_listening_channels()),
    (select count(*) from pg_cursors where name = 'rows'), current_user = session_user
"""


@pytest.fixture(autouse=True)
def nothing_idle():
    close_idle()
    yield
    close_idle()


def backend(connection: psycopg.Connection) -> int:
    return connection.info.backend_pid


def lent_once(url: str, **about: str) -> int:
    with lend(url, **about) as connection:
        return backend(connection)


def application_name(connection: psycopg.Connection) -> str:
    return connection.execute("select application_name from pg_stat_activity where pid = pg_backend_pid()").fetchone()[
        0
    ]


def test_a_connection_is_lent_again(database_url):
    assert lent_once(database_url) == lent_once(database_url)


def test_two_at_a_time_are_two(database_url):
    with lend(database_url) as first, lend(database_url) as second:
        assert backend(first) != backend(second)


def test_nothing_is_left_of_what_it_was_used_for(database_url):
    with lend(database_url) as connection:
        new = connection.execute(LEFT).fetchone()
        connection.execute(HOLDS)
        assert connection.execute(LEFT).fetchone() == (1, "mine", "5MB", 1, 1, False)
    with lend(database_url) as connection:
        assert connection.execute(LEFT).fetchone() == new


def test_a_lock_is_released_when_the_block_ends(database_url, connection):
    with lend(database_url) as lent:
        lent.execute("select pg_advisory_lock(1)")
    assert connection.execute("select pg_try_advisory_lock(1)").fetchone() == (True,)


def test_it_has_the_name_of_its_present_use_only(database_url):
    with lend(database_url, application_name="onec_pipelines run 1") as connection:
        assert application_name(connection) == "onec_pipelines run 1"
    with lend(database_url) as connection:
        assert application_name(connection) == "onec_pipelines"
    with lend(database_url, application_name="onec_pipelines run 2") as connection:
        assert application_name(connection) == "onec_pipelines run 2"


def test_an_idle_one_names_no_use(database_url, connection):
    used = lent_once(database_url, application_name="onec_pipelines run 1")
    names = connection.execute("select application_name from pg_stat_activity where pid = %s", [used]).fetchall()
    assert names == [("onec_pipelines",)]


def test_what_takes_long_may_take_long_each_time(database_url):
    for _ in range(2):
        with lend(database_url) as connection:
            assert connection.execute("show idle_session_timeout").fetchone() == ("0",)
            connection.execute("set idle_session_timeout = '1h'")


def test_a_statement_that_was_prepared_is_found_again(database_url):
    for _ in range(3):
        with lend(database_url) as connection:
            for number in range(10):
                assert connection.execute("select %s::int", [number]).fetchone() == (number,)


def test_after_an_error_nobody_uses_it_again(database_url):
    used = lent_once(database_url)
    with pytest.raises(psycopg.errors.DivisionByZero), lend(database_url) as connection:
        connection.execute("select 1 / 0")
    assert connection.closed
    assert lent_once(database_url) != used


def test_one_whose_server_process_has_gone_is_replaced(database_url, connection):
    gone = lent_once(database_url)
    connection.execute("select pg_terminate_backend(%s)", [gone])
    assert lent_once(database_url) != gone


def test_one_that_is_lost_while_it_is_lent_is_no_error_of_who_is_done_with_it(database_url, connection):
    with lend(database_url) as lent:
        connection.execute("select pg_terminate_backend(%s)", [backend(lent)])
    assert lent.closed


def test_one_in_which_a_transaction_was_left_open_is_closed(database_url):
    with lend(database_url) as connection:
        connection.execute("begin; select 1/1")
        connection.execute("create table left_open (id int)")
    with lend(database_url) as connection:
        assert connection.execute("select to_regclass('left_open')").fetchone() == (None,)


def test_that_of_another_database_is_not_lent(database_url, new_database):
    with new_database() as other_url:
        lent_once(other_url)
        with lend(database_url) as connection:
            assert f"/{connection.info.dbname}?" in database_url


def test_one_that_was_idle_for_long_is_not_lent(database_url, monkeypatch):
    old = lent_once(database_url)
    monkeypatch.setattr(lending, "IDLE_SECONDS", 0.0)
    assert lent_once(database_url) != old


def test_no_more_are_kept_than_an_import_uses(database_url):
    taken = [take(database_url) for _ in range(KEPT + 3)]
    for lent in taken:
        lending.give_back(lent, database_url)
    assert [lent.closed for lent in taken] == [False] * KEPT + [True] * 3


def test_a_fork_leaves_those_of_its_parent_alone(database_url):
    mine = lent_once(database_url)
    child = os.fork()
    if not child:
        os._exit(lent_once(database_url) == mine)
    assert os.waitpid(child, 0)[1] == 0
    assert lent_once(database_url) == mine


def test_behind_a_pooler_none_is_kept(pgbouncer):
    url = pgbouncer().url
    with lend(url) as connection:
        pass
    assert connection.closed


def test_a_server_that_cannot_be_reached_is_one_sentence():
    with pytest.raises(DatabaseError, match=r"^PostgreSQL cannot be reached: "), lend("postgresql://127.0.0.1:1/shop"):
        pass

"""What a user of PostgreSQL is denied is one sentence with its remedy: roles of a real server."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import pytest

from onec_pipelines.database import migrate as module
from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import Migration, denied, migrate
from onec_pipelines.database.privileges import denied_history
from onec_pipelines.errors import DatabaseError


@dataclass(frozen=True)
class Clerk:
    """A user without rights, and the database in which they lack."""

    name: str
    url: str
    owner: psycopg.Connection

    def granted(self, what: str) -> "Clerk":
        self.owner.execute(f'grant {what} to "{self.name}"')
        return self

    def denied(self) -> str:
        with connect(self.url) as connection:
            return denied(connection)


@pytest.fixture
def clerk(database_url: str, connection: psycopg.Connection) -> Iterator[Clerk]:
    """A user who may connect to the database of the test, whose schema belongs to another one."""
    name = f"clerk_{uuid.uuid4().hex[:8]}"
    connection.execute(f"create role \"{name}\" login password 'secret'")
    parts = urlsplit(database_url)
    where = parts.netloc.rpartition("@")[2]
    yield Clerk(name, parts._replace(netloc=f"{name}:secret@{where}").geturl(), connection)
    connection.execute(f'drop owned by "{name}"')
    connection.execute(f'drop role "{name}"')


@pytest.fixture
def no_schema(connection: psycopg.Connection) -> None:
    connection.execute("drop schema onec, onec_staging cascade")


def refusal(migrating: Callable[[], object]) -> str:
    with pytest.raises(DatabaseError) as caught:
        migrating()
    return str(caught.value)


@pytest.mark.usefixtures("no_schema")
def test_who_may_not_create_a_schema_reads_what_the_owner_of_the_database_must_run(clerk, connection):
    database = connection.info.dbname
    said = (
        f'The user "{clerk.name}" may not create schemas in the database "{database}": let the owner of the database '
        f'run: grant create on database "{database}" to "{clerk.name}".'
    )
    assert refusal(lambda: migrate(clerk.url)) == said
    assert clerk.denied() == said
    (grant,) = re.findall("run: (grant .*)\\.", said)
    connection.execute(grant)
    assert clerk.denied() == ""
    assert migrate(clerk.url)
    assert clerk.denied() == ""


@pytest.mark.usefixtures("no_schema")
def test_an_empty_schema_that_was_made_for_the_user_is_not_enough(clerk, connection):
    connection.execute(f'create schema onec authorization "{clerk.name}"')
    connection.execute(f'create schema onec_staging authorization "{clerk.name}"')
    assert "may not create schemas" in clerk.denied()
    assert refusal(lambda: migrate(clerk.url)) == clerk.denied()


READ = ["usage on schema onec, onec_staging", "select on all tables in schema onec"]
WRITE = [
    *READ,
    "create on schema onec_staging",
    *(f"{right} on all tables in schema onec" for right in ("insert", "update", "delete")),
]


@pytest.mark.parametrize(
    "rights",
    [[], READ, *([right for right in WRITE if right != missing] for missing in WRITE)],
    ids=["nothing", "read", *(f"all but {missing}" for missing in WRITE)],
)
def test_who_may_not_write_reads_whose_schema_it_is(clerk, connection, rights):
    for right in rights:
        clerk.granted(right)
    assert clerk.denied() == (
        f'The user "{clerk.name}" may not write into the schema "onec" of the database "{connection.info.dbname}": '
        f'name the user to whom it belongs, "{connection.info.user}", in ONEC_DATABASE_URL.'
    )


def test_who_may_write_all_of_it_is_denied_nothing(clerk):
    for right in WRITE:
        clerk.granted(right)
    assert clerk.denied() == ""


def test_who_may_write_and_not_change_the_schema_reads_who_must_migrate(clerk, connection):
    for right in WRITE:
        clerk.granted(right)
    connection.execute("delete from onec.schema_migrations where version > 1")
    said = (
        f'The schema "onec" of the database "{connection.info.dbname}" must be brought up to date, and the user '
        f'"{clerk.name}" may not change it: run onec migrate as the user to whom it belongs, "{connection.info.user}".'
    )
    assert clerk.denied() == said
    assert refusal(lambda: migrate(clerk.url)) == said


GIVE_AWAY = """
do $$ declare thing record; begin
    for thing in
        select relname from pg_class where relnamespace = 'onec'::regnamespace and relkind in ('r', 'v', 'p')
    loop
        execute format('alter table onec.%I owner to {clerk}', thing.relname);
    end loop;
    for thing in select oid::regprocedure as named from pg_proc where pronamespace = 'onec'::regnamespace loop
        execute format('alter routine %s owner to {clerk}', thing.named);
    end loop;
    execute 'alter schema onec owner to {clerk}';
    execute 'alter schema onec_staging owner to {clerk}';
end $$
"""


def test_who_owns_the_schema_brings_it_up_to_date_without_the_right_to_create_one(clerk, connection, monkeypatch):
    connection.execute(GIVE_AWAY.replace("{clerk}", clerk.name))
    known = [*module.migrations(), Migration(99, "0099_new.sql", "create table onec.new (id int)")]
    monkeypatch.setattr(module, "migrations", lambda: known)
    assert clerk.denied() == ""
    assert migrate(clerk.url) == ["0099_new.sql"]


def test_who_is_a_member_of_the_owner_is_denied_nothing(clerk, connection):
    clerk.granted(f'"{connection.info.user}"')
    connection.execute("delete from onec.schema_migrations where version > 1")
    assert clerk.denied() == ""


def test_who_is_a_member_of_the_owner_and_inherits_nothing_may_not_change_the_schema(clerk, connection):
    connection.execute(f'alter role "{clerk.name}" noinherit')
    for right in (f'"{connection.info.user}"', *WRITE):
        clerk.granted(right)
    connection.execute("delete from onec.schema_migrations where version > 1")
    assert "may not change it" in clerk.denied()


def test_who_owns_one_of_the_two_schemas_may_not_change_the_other(clerk, connection):
    connection.execute(GIVE_AWAY.replace("{clerk}", clerk.name))
    connection.execute(f'alter schema onec_staging owner to "{connection.info.user}"')
    clerk.granted("usage, create on schema onec_staging")
    connection.execute("delete from onec.schema_migrations where version > 1")
    assert f'as the user to whom it belongs, "{connection.info.user}"' in clerk.denied()


def test_who_may_not_even_look_reads_it_when_migrating(clerk):
    assert refusal(lambda: migrate(clerk.url)) == clerk.denied() != ""


def test_a_read_only_database_says_so(clerk, connection):
    connection.execute(f'alter role "{clerk.name}" set default_transaction_read_only to on')
    said = clerk.denied()
    assert said.startswith(f'The database "{connection.info.dbname}" is read-only for the user "{clerk.name}": ')
    connection.execute("drop schema onec, onec_staging cascade")
    assert refusal(lambda: migrate(clerk.url)) == said


@pytest.mark.parametrize("there", ["create schema dagster", "create table public.runs ()"])
def test_who_may_not_create_schemas_has_no_run_history_unless_there_is_one(clerk, connection, there):
    with connect(clerk.url) as theirs:
        assert denied_history(theirs).startswith(f'The user "{clerk.name}" may not create schemas in the database')
        connection.execute(there)
        assert denied_history(theirs) == ""
    assert denied_history(connection) == ""


def test_the_owner_is_denied_nothing(connection):
    assert denied(connection) == ""

"""Migrations: plain numbered SQL, applied once each, in order, under a lock. Written files never change.

What the tables mean stands in the COMMENTs of `migrations/*.sql`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import psycopg

from onec_pipelines.database.connection import connect, first_line
from onec_pipelines.database.privileges import denied_to_change, denied_to_write
from onec_pipelines.errors import DatabaseError

LOCK = 0x6F6E6563
"""Advisory lock key under which one process migrates at a time: `onec` in ASCII."""
MIGRATIONS_TABLE = """
create schema if not exists onec;
create table if not exists onec.schema_migrations (
    version integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
comment on table onec.schema_migrations is 'Migrations that have been applied.';
comment on column onec.schema_migrations.version is 'Number of the migration.';
comment on column onec.schema_migrations.name is 'Its file.';
comment on column onec.schema_migrations.sha256 is 'SHA-256 of the file as it was applied.';
comment on column onec.schema_migrations.applied_at is 'When.';
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`: `0002_views.sql` has version 2."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the text, by which a changed file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations in their order."""
    directory = files("onec_pipelines.database") / "migrations"
    found = sorted((file for file in directory.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(Migration(int(file.name.split("_")[0]), file.name, file.read_text("utf-8")) for file in found)


def migrate(url: str) -> list[str]:
    """Apply what is pending, in one transaction.

    Returns:
        The names of the migrations applied; empty when the schema was up to date.

    Raises:
        DatabaseError: the server cannot be reached, the user may not change the schema, or the database was migrated
            by a newer or another version.
    """
    with connect(url) as connection:
        return migrate_connection(connection)


def migrate_connection(connection: psycopg.Connection) -> list[str]:
    """`migrate` on a connection in autocommit mode."""
    known = migrations()
    with _denials_told(connection):
        if is_current(connection):
            return []
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            applied = applied_versions(connection)
            if not applied:  # `create schema if not exists` asks for the right to create one, also where it exists
                connection.execute(MIGRATIONS_TABLE)
            check_history(known, applied)
            return [_apply(connection, migration) for migration in known if migration.version not in applied]


def is_current(connection: psycopg.Connection) -> bool:
    """Whether the database has all migrations of this version, and no other."""
    return applied_versions(connection) == {migration.version: migration.sha256 for migration in migrations()}


def denied(connection: psycopg.Connection) -> str:
    """What keeps the user from importing, in one sentence: to write, or to bring the schema up to date before."""
    return denied_to_write(connection) or ("" if is_current(connection) else denied_to_change(connection))


@contextmanager
def _denials_told(connection: psycopg.Connection) -> Iterator[None]:
    try:
        yield
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        answer = first_line(error.diag.message_primary or str(error))
        raise DatabaseError(
            denied_to_write(connection)
            or denied_to_change(connection)
            or f'The user "{connection.info.user}" may not change the schema "onec" of the database '
            f'"{connection.info.dbname}": {answer}; run onec migrate as the user to whom that belongs.'
        ) from error


def applied_versions(connection: psycopg.Connection) -> dict[int, str]:
    """Version -> sha256 of what the database has; empty where it has nothing yet."""
    row = connection.execute("select to_regclass('onec.schema_migrations') is not null").fetchone()
    if not row or not row[0]:
        return {}
    return dict(connection.execute("select version, sha256 from onec.schema_migrations").fetchall())


def check_history(known: Sequence[Migration], applied: dict[int, str]) -> None:
    """Raise DatabaseError where the database holds migrations that this version does not know as it knows them."""
    names = {migration.version: migration for migration in known}
    for version, sha256 in applied.items():
        if version not in names:
            raise DatabaseError(
                f"The database has migration {version}, which this version of onec_pipelines does not know: "
                "it was migrated by a newer one. Upgrade onec_pipelines."
            )
        if names[version].sha256 != sha256:
            raise DatabaseError(
                f"Migration {names[version].name} was applied to the database in another wording. "
                "Restore the file: a migration never changes after its release."
            )


def _apply(connection: psycopg.Connection, migration: Migration) -> str:
    connection.execute(migration.sql.encode())
    connection.execute(
        "insert into onec.schema_migrations (version, name, sha256) values (%s, %s, %s)",
        [migration.version, migration.name, migration.sha256],
    )
    return migration.name

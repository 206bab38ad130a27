"""Sessions, packages and failed logins in PostgreSQL: the tables `onec.exchange_*`, and nothing else of it.

records = Records(url)                          a pool of connections, shared by threads
records.open_session(...), .find_session(...)   by the hash of the cookie
records.list_packages(...)                      for `onec exchanges`
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, Full, LifoQueue
from typing import Any

import psycopg
from psycopg.rows import class_row

from onec_pipelines.database.connection import connect

IDLE, LONGEST = "30 minutes", "24 hours"
"""How long a session lives without a request, and at most."""
TRIES, TRIES_WITHIN = 5, 60
"""Wrong passwords of one address for one user within so many seconds, before it has to wait."""
TIMES = (
    ("exchange_sessions", "seen_at", ""),
    ("exchange_sessions", "opened_at", ""),
    ("exchange_logins", "failed_at", ""),
    ("exchange_packages", "received_at", ""),
    ("exchange_packages", "ended_at", ""),
    ("exchange_packages", "touched_at", " and state <> 'running'"),
)
"""What is compared with the time; by `touched_at` of one that is running its run is known."""
LOCK = 0x31435F58
"""Advisory lock under which packages are sealed, one at a time."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session; `part` and `has_files` say which directory of it is being filled."""

    id: uuid.UUID
    user_name: str
    part: int
    has_files: bool
    failure: str
    package_id: int | None

    @property
    def directory(self) -> str:
        """Its name below `incoming/`."""
        return f"{self.id.hex}-{self.part}"


@dataclass(frozen=True, slots=True)
class Package:
    """A package as the table has it."""

    id: int
    kind: str
    state: str
    user_name: str
    catalog: str
    exported_at: str
    directory: str | None
    full_id: int | None
    holds: list[str]
    files: int
    bytes: int
    received_at: datetime
    sealed_at: datetime | None
    ended_at: datetime | None
    removed_at: datetime | None
    run_id: str | None
    progress: str
    message: str


SESSION = "id, user_name, part, has_files, failure, package_id"
PACKAGE = (
    "id, kind, state, user_name, catalog, exported_at, directory, full_id, holds, files, bytes, received_at, "
    "sealed_at, ended_at, removed_at, run_id, progress, message"
)


@dataclass(frozen=True, slots=True)
class Records:
    """The tables, over connections that are kept."""

    url: str
    _idle: "LifoQueue[psycopg.Connection]" = field(default_factory=lambda: LifoQueue(maxsize=8))

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection in autocommit mode; one that failed is not kept.

        Raises:
            DatabaseError: PostgreSQL cannot be reached.
        """
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = connect(self.url, application_name="onec_pipelines exchange")
        try:
            yield connection
        except psycopg.OperationalError:
            connection.close()
            raise
        finally:
            self._put_back(connection)

    def _put_back(self, connection: psycopg.Connection) -> None:
        try:
            if not connection.closed and not connection.broken:
                self._idle.put_nowait(connection)
                return
        except Full:
            pass
        connection.close()

    def close(self) -> None:
        """Close what is idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _one(self, query: str, values: dict[str, object]) -> tuple[Any, ...] | None:
        with self.connection() as connection:
            return connection.execute(query.encode(), values).fetchone()

    # --- logins

    def seconds_to_wait(self, address: str, user: str) -> int:
        """For how many seconds somebody has to wait before another try; 0 when it may be made now."""
        row = self._one(
            "select ceil(extract(epoch from min(failed_at) + make_interval(secs => %(within)s) - now())) from ("
            " select failed_at from onec.exchange_logins where address = %(address)s and user_name = %(user)s"
            " and failed_at > now() - make_interval(secs => %(within)s) order by failed_at desc limit %(tries)s"
            ") failed having count(*) >= %(tries)s",
            {"address": address, "user": user[:100], "within": TRIES_WITHIN, "tries": TRIES},
        )
        return max(int(row[0]), 1) if row else 0

    def note_failed_login(self, address: str, user: str) -> None:
        """Note a wrong password."""
        with self.connection() as connection:
            values = [address, user[:100]]
            connection.execute("insert into onec.exchange_logins (address, user_name) values (%s, %s)", values)
            connection.execute("delete from onec.exchange_logins where failed_at < now() - interval '1 hour'")

    # --- sessions

    def open_session(self, token_hash: bytes, user: str, address: str) -> None:
        """Open a session."""
        with self.connection() as connection:
            connection.execute(
                "insert into onec.exchange_sessions (id, token_hash, user_name, address) values (%s, %s, %s, %s)",
                [uuid.uuid4(), token_hash, user, address],
            )

    def find_session(self, token_hash: bytes, *, is_known: bool = False) -> SessionRow | None:
        """The session of a cookie, if it has not expired; it counts as seen. One that is known has not been idle."""
        with self.connection() as connection, connection.cursor(row_factory=class_row(SessionRow)) as cursor:
            return cursor.execute(
                f"update onec.exchange_sessions set seen_at = now() where token_hash = %s "  # noqa: S608 - ours
                f"and (%s or seen_at > now() - interval '{IDLE}') and opened_at > now() - interval '{LONGEST}' "
                f"returning {SESSION}".encode(),
                [token_hash, is_known],
            ).fetchone()

    def fail_session(self, session: uuid.UUID, words: str) -> None:
        """Keep the words of the first failure of a session."""
        self._change(session, "failure = %(words)s where failure = '' and", words=words)

    def begin_files(self, session: uuid.UUID) -> SessionRow | None:
        """The part has files now: which one that is may have changed."""
        self._change(session, "has_files = true, seen_at = now() where")
        return self.read_session(session)

    def touch(self, session: uuid.UUID) -> None:
        """A session is at work: a body may take longer than a quiet time."""
        self._change(session, "seen_at = now() where")

    def forget_files(self, session: uuid.UUID) -> None:
        """The part has none after all."""
        self._change(session, "has_files = false where")

    def _change(self, session: uuid.UUID, change: str, **values: object) -> None:
        with self.connection() as connection:
            query = f"update onec.exchange_sessions set {change} id = %(session)s"  # noqa: S608 - ours
            connection.execute(query.encode(), {**values, "session": session})

    def read_session(self, session: uuid.UUID) -> SessionRow | None:
        """A session as it is now."""
        return next(iter(self._sessions("id = %(id)s", {"id": session})), None)

    def quiet_sessions(self, seconds: int) -> list[SessionRow]:
        """Sessions with files that have been silent for so long, in the order in which they began."""
        condition = "has_files and failure = '' and seen_at < now() - make_interval(secs => %(seconds)s)"
        return self._sessions(condition, {"seconds": seconds})

    def _sessions(self, condition: str, values: dict[str, object]) -> list[SessionRow]:
        with self.connection() as connection, connection.cursor(row_factory=class_row(SessionRow)) as cursor:
            query = f"select {SESSION} from onec.exchange_sessions where {condition} order by opened_at"  # noqa: S608
            return cursor.execute(query.encode(), values).fetchall()

    def live_directories(self) -> set[str]:
        """The directories below `incoming/` that may still be needed: a server may have stood still for days."""
        may_be = f"failure = '' and (has_files or seen_at > now() - interval '{LONGEST}')"
        return {row.directory for row in self._sessions(may_be, {})}

    def catch_up(self) -> None:
        """Let what is on record as of a later time than now be of now: somebody has set the clock back.

        Else nothing would be quiet, and whoever has mistyped his password would wait, until the clock is there again.
        """
        with self.connection() as connection:
            for table, column, only in TIMES:
                query = f"update onec.{table} set {column} = now() where {column} > now() + interval '1 minute'{only}"  # noqa: S608
                connection.execute(query.encode())

    # --- packages

    def find_package(self, package: int) -> Package | None:
        """A package by its number."""
        return next(iter(self.packages("id = %(id)s", {"id": package})), None)

    def list_packages(self, limit: int) -> list[Package]:
        """What was delivered, the newest first; portions that were imported with their full package are passed over."""
        return self.packages("state <> 'merged'", {}, order=f"id desc limit {int(limit)}")

    def packages(self, condition: str, values: dict[str, object], order: str = "place, id") -> list[Package]:
        """The packages for which a condition holds."""
        with self.connection() as connection:
            return read_packages(connection, condition, values, order)

    def standing(self, packages: Iterable[int]) -> dict[int, tuple[str, str, str, str, float]]:
        """State, progress, message, run and age in seconds of packages, for those who wait for them."""
        with self.connection() as connection:
            rows = connection.execute(
                "select id, case kind when 'portion' then 'durable' else state end, progress, message, "
                "coalesce(run_id, ''), extract(epoch from now() - received_at)::float from onec.exchange_packages "
                "where id = any(%s)",
                [list(packages)],
            ).fetchall()
        return {row[0]: row[1:] for row in rows}

    @contextmanager
    def sealing(self) -> Iterator[psycopg.Connection]:
        """A transaction in which packages are sealed: one at a time."""
        with self.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            yield connection


def read_packages(
    connection: psycopg.Connection, condition: str, values: dict[str, object], order: str = "place, id"
) -> list[Package]:
    """The packages for which a condition holds."""
    with connection.cursor(row_factory=class_row(Package)) as cursor:
        query = f"select {PACKAGE} from onec.exchange_packages where {condition} order by {order}"  # noqa: S608 - ours
        return cursor.execute(query.encode(), values).fetchall()


def open_fulls(connection: psycopg.Connection) -> dict[int, datetime]:
    """The full exports that are not over, and when something came to each."""
    query = "select id, touched_at from onec.exchange_packages where kind = 'full' and state = 'open'"
    return dict(connection.execute(query).fetchall())


def change_packages(connection: psycopg.Connection, change: str, ids: Sequence[int], **values: object) -> None:
    """Change some packages."""
    query = f"update onec.exchange_packages set {change} where id = any(%(ids)s)"  # noqa: S608 - ours
    connection.execute(query.encode(), {**values, "ids": list(ids)})


def fail_packages(connection: psycopg.Connection, ids: Sequence[int], message: str) -> None:
    """Keep packages with the reason why nobody will import them."""
    change_packages(connection, "state = 'failed', message = %(message)s, ended_at = now()", ids, message=message)


SEALED = (
    "state = 'sealed', place = nextval('onec.exchange_places'), sealed_at = now(), ended_at = null, run_id = null, "
    "progress = '', message = ''"
)


def seal_packages(connection: psycopg.Connection, ids: Sequence[int]) -> None:
    """Let packages wait for their runs, in this order."""
    for package in ids:
        change_packages(connection, SEALED, [package])

"""Is there a pooler between us and PostgreSQL, and does a lock stay with the connection that took it?

A session lock, which must last exactly as long as its connection, tells a living import from a dead one. A pooler in
transaction mode (pgbouncer, Odyssey, PgCat) hands a connection of PostgreSQL from one client to the next between two
transactions: the lock stays with a connection that others use, outlives its process, or goes when the pooler closes
what was idle.

Asked once for each process and URL, and only of a pooler.
"""

import random
import time

import psycopg

from onec_pipelines.errors import DatabaseError

NAMESPACE = 0x6F6E6570
"""First half of the key of a lock that is taken to see what becomes of it."""
PATIENCE_SECONDS = 5.0
"""How long PostgreSQL may take to release the lock of a connection that was closed: milliseconds, as a rule."""
HOLDERS = """
select pid = pg_backend_pid()
from pg_locks
where locktype = 'advisory' and objsubid = 2 and granted and classid = %s::bigint and objid = %s::bigint
"""

_keep_locks: set[str] = set()
"""URLs that were found to."""
_pooled: set[str] = set()
"""Those of them behind which is a pooler."""


def require_session_locks(connection: psycopg.Connection, url: str, where: str) -> None:
    """Check that whoever connects to this URL keeps a lock for exactly as long as the connection.

    Raises:
        DatabaseError: a pooler takes it away, or keeps it for others.
    """
    if url in _keep_locks:
        return
    pooled = is_pooled(connection)
    if pooled and not keeps_locks(url):
        raise DatabaseError(
            f"PostgreSQL cannot be used through a pooler of this kind: {where} found that a lock does not end with the "
            "connection that took it, and a living import could not be told from a dead one; set pool_mode = session "
            "for this database in the pooler (with server_reset_query = DISCARD ALL, the default of pgbouncer), or "
            "name PostgreSQL itself in ONEC_DATABASE_URL."
        )
    _keep_locks.add(url)
    if pooled:
        _pooled.add(url)


def is_behind_a_pooler(url: str) -> bool:
    """Whether a pooler was found behind a URL to which we have connected."""
    return url in _pooled


def is_pooled(connection: psycopg.Connection) -> bool:
    """Whether somebody else than PostgreSQL took the connection: a pooler makes up the process that it says it is."""
    row = connection.execute("select pg_backend_pid()").fetchone()
    return row != (connection.info.backend_pid,)


def keeps_locks(url: str) -> bool:
    """Whether a lock is held after the transaction that took it, and no longer when its connection is closed.

    In transaction mode it is then held by a connection of the pooler, perhaps the next one that we are given; or it
    went with its transaction, where the pooler resets connections after each.
    """
    key = random.getrandbits(31)
    with psycopg.connect(url, autocommit=True) as first:
        first.execute("select pg_advisory_lock(%s, %s)", [NAMESPACE, key])
        if not _holders(first, key):
            return False
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(url, autocommit=True) as second:
        while holders := _holders(second, key):
            if holders == [True]:
                second.execute("select pg_advisory_unlock(%s, %s)", [NAMESPACE, key])
                return False
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


def _holders(connection: psycopg.Connection, key: int) -> list[bool]:
    """Of each connection that holds the lock, whether it is this one."""
    return [is_mine for (is_mine,) in connection.execute(HOLDERS, [NAMESPACE, key])]

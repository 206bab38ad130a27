"""Connections that a process keeps for its next use, instead of opening a new one a dozen times an import.

PostgreSQL starts a process for each, which first has to learn what tables there are. What is given back holds nothing
of its use: locks, temporary tables and settings are gone. Behind a pooler nothing is kept: it does this itself.
"""

import atexit
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg.pq import TransactionStatus

from onec_pipelines.database.connection import NAME, connect, ready_again, set_name
from onec_pipelines.database.pooling import is_behind_a_pooler

KEPT = 4
IDLE_SECONDS = 30.0
"""Longer than this, a firewall may have forgotten it: nobody would answer, nor say so."""

RESET = """
close all; set session authorization default; reset all; unlisten *; select pg_advisory_unlock_all(); discard temp;
discard sequences
"""
"""`discard all`, but for the prepared statements, of which psycopg keeps account."""


class Idle(NamedTuple):
    """A connection that nobody uses; `since` on the monotonic clock."""

    connection: psycopg.Connection
    url: str
    since: float


_idle: defaultdict[int, list[Idle]] = defaultdict(list)
"""By process: a fork has the connections of its parent in memory, and must not use or close them."""


@contextmanager
def lend(url: str, *, application_name: str = NAME) -> Iterator[psycopg.Connection]:
    """A connection as `connect` opens it, for as long as the block lasts; after an error nobody uses it again.

    Raises:
        DatabaseError: see `connect`.
    """
    connection = take(url, application_name=application_name)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    give_back(connection, url)


def take(url: str, *, application_name: str = NAME) -> psycopg.Connection:
    """A connection as `connect` opens it; whoever takes it closes it, or gives it back.

    Raises:
        DatabaseError: see `connect`.
    """
    idle = _idle[os.getpid()]
    while idle:
        try:
            connection, its_url, since = idle.pop()
        except IndexError:  # another thread has taken the last one
            break
        is_fresh = its_url == url and time.monotonic() - since < IDLE_SECONDS
        if is_fresh and ready_again(connection, application_name):
            return connection
        connection.close()
    connection = connect(url)
    if application_name != NAME:  # not at the start, to which a reset would lead back
        set_name(connection, application_name)
    return connection


def give_back(connection: psycopg.Connection, url: str) -> None:
    """Keep a connection for the next use, or close it; its locks are released when this returns."""
    idle = _idle[os.getpid()]
    try:
        connection.execute(RESET, prepare=False)
        is_clean = connection.info.transaction_status == TransactionStatus.IDLE
    except psycopg.Error:  # the server is gone, and all that was held with it
        is_clean = False
    if is_clean and len(idle) < KEPT and not is_behind_a_pooler(url):
        idle.append(Idle(connection, url, time.monotonic()))
    else:
        connection.close()


@atexit.register
def close_idle() -> None:
    """Close what this process keeps."""
    for idle in _idle.pop(os.getpid(), ()):
        idle.connection.close()

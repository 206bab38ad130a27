"""One import of a kind at a time: a session advisory lock on a connection of its own.

The lock is the truth about a running import: PostgreSQL releases it when the process ends, however it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from onec_pipelines.database.connection import connect
from onec_pipelines.errors import ImportBusyError

NAMESPACE = 0x6F6E6563
"""First half of the lock's key: `onec` in ASCII."""


@contextmanager
def import_lock(url: str, import_type: str) -> Iterator[None]:
    """Hold the lock of an import type.

    Raises:
        ImportBusyError: another process holds it.
        DatabaseError: the server cannot be reached.
    """
    with connect(url, application_name=f"onec_pipelines import {import_type}") as connection:
        row = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s))", [NAMESPACE, import_type]).fetchone()
        if not row or not row[0]:
            raise ImportBusyError(
                f"An import of {import_type} is already running; wait until it has ended (onec sessions shows it)."
            )
        yield

"""One daemon for one run history: two start each run twice, and the second start marks the living one as failed.

Whoever starts a daemon of our `dagster.yaml`, by `onec daemon`, `onec ui`, `dagster dev` or `dagster-daemon run`, asks
the run coordinator for the interval of its queue; there it takes a lock in PostgreSQL, which ends with its process,
or is refused. A daemon that takes no lock (of version 0.1.0, or of a `dagster.yaml` without our coordinator) shows by
its heartbeats that it lives.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from onec_pipelines.database.locks import daemon_lock
from onec_pipelines.errors import DaemonBusyError

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
"""A living daemon writes a heartbeat every 30 seconds."""
LOOK_EVERY_SECONDS = 1.0


@contextmanager
def only_daemon(instance: dg.DagsterInstance, url: str) -> Iterator[None]:
    """Be the only daemon over the run history of an instance.

    Raises:
        DaemonBusyError: another one is at work.
        DatabaseError: the database cannot be reached.
    """
    with daemon_lock(url, f"process {os.getpid()} of {socket.gethostname()[:20]}"):
        refuse_beside_a_heartbeat(instance)
        yield


def refuse_beside_a_heartbeat(instance: dg.DagsterInstance) -> None:
    """See that nobody writes heartbeats: a fresh one may be the last one of a daemon that was killed.

    It takes a minute at most, and no time where the last daemon was ended or has been gone for long.

    Raises:
        DaemonBusyError: a heartbeat was written while this looked.
    """
    first = last_heartbeat(instance)
    deadline = time.monotonic() + FRESH_SECONDS
    while time.time() - first < FRESH_SECONDS and time.monotonic() < deadline:
        if last_heartbeat(instance) > first:
            raise DaemonBusyError(
                "Another daemon works on this run history: it writes heartbeats, and holds no lock (one of an earlier "
                "version, or with another dagster.yaml); two would start each run twice: end that one first."
            )
        time.sleep(LOOK_EVERY_SECONDS)


def last_heartbeat(instance: dg.DagsterInstance) -> float:
    """When a daemon last showed that it lives, in seconds of the epoch; 0 where none ever has."""
    return max((heartbeat.timestamp for heartbeat in instance.get_daemon_heartbeats().values()), default=0.0)

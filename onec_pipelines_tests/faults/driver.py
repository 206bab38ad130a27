"""Imports in processes of their own that stop where a test says: before or inside one certain event of their course.

An event is an exchange with PostgreSQL, a call of the progress function, or a write, rename or removal of a file.
Our code is not touched for it: psycopg and `os` are wrapped. Each line on stdin is an order in JSON:

    {"import": "catalog", "data_dir": ..., "database_url": ..., "media_url": ..., "at": 17, "then": "kill"}

A process is forked for each order, so that only the first one pays for loading Python. It answers in one line:

    {"events": [...], "report": {...}}     it went through
    {"events": [...], "error": [kind, sentence]}
    {"killed": 9}                          `"then": "kill"`, or whoever else killed it
    {"paused": "exchange"}                 `"then": "pause"`: it goes on after the next line on stdin

`"at"` is the number of the event, or a kind of event and a number among those: `["replace", 5]`. `"then": "kill"`
leaves half a file where the event is a write, and with `"sent": true` a statement that PostgreSQL has got and whose
answer nobody reads. `"checkpoint_seconds"`: how often what was made of thumbnails is kept.
"""

import itertools
import json
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from onec_pipelines import importing
from onec_pipelines.errors import OnecError
from onec_pipelines.images import inspection
from onec_pipelines.importing.thumbnails import checkpoints

assert inspection.PLUGINS  # loaded before the first fork
WAIT, WRITE, REPLACE, UNLINK = psycopg.Connection.wait, os.write, os.replace, os.unlink


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


class Course:
    """The events of one import, and the one at which it stops."""

    def __init__(self, order: dict[str, Any]) -> None:
        at = order.get("at")
        self.kind, self.at = at if isinstance(at, list) else (None, at)
        self.then: str = order.get("then", "kill")
        self.sent: bool = order.get("sent", False)
        self.numbers: defaultdict[str | None, Iterator[int]] = defaultdict(itertools.count)
        self.events: list[str] = []

    def reaches(self, event: str) -> bool:
        """Note an event; tell whether the process dies in it."""
        self.events.append(event)
        if self.kind not in {None, event} or next(self.numbers[self.kind]) != self.at:
            return False
        if self.then == "pause":
            say({"paused": event})
            sys.stdin.readline()
            return False
        return True

    def exchange(self, connection: psycopg.Connection, generator: Iterator[Any], *args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():  # what keeps a lock has no place in the course
            return WAIT(connection, generator, *args, **kwargs)
        if self.reaches(getattr(generator, "__name__", "exchange")):
            if self.sent:
                next(generator, None)
            die()
        return WAIT(connection, generator, *args, **kwargs)

    def write(self, descriptor: int, data: Any) -> int:
        if self.reaches("write"):
            WRITE(descriptor, memoryview(data)[: len(data) // 2])
            die()
        return WRITE(descriptor, data)

    def before(self, event: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            if self.reaches(event):
                die()
            return call(*args, **kwargs)

        return called


def run(order: dict[str, Any]) -> None:
    course = Course(order)

    def wait(connection: psycopg.Connection, generator: Iterator[Any], *args: Any, **kwargs: Any) -> Any:
        return course.exchange(connection, generator, *args, **kwargs)

    psycopg.Connection.wait = wait  # type: ignore[method-assign,assignment]
    os.write = course.write  # type: ignore[assignment]
    os.replace, os.unlink = course.before("replace", REPLACE), course.before("unlink", UNLINK)
    import_type, options = order["import"], order.get("options", {})
    data_dir, url, media = Path(order["data_dir"]), order["database_url"], order["media_url"]
    start = {
        "images": partial(importing.import_images, data_dir, url, media, keep_days=0),
        "thumbnails": partial(importing.make_thumbnails, url, media),
    }.get(import_type) or partial(getattr(importing, f"import_{import_type}"), data_dir, url)
    checkpoints.SECONDS = order.get("checkpoint_seconds", checkpoints.SECONDS)
    try:
        report = start(progress=course.before("progress", lambda _counters: None), **options)
    except OnecError as error:
        say({"events": course.events, "error": [type(error).__name__, str(error)]})
    else:
        say({"events": course.events, "report": asdict(report)})


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()


def main() -> None:
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            run(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            say({"killed": os.WTERMSIG(status)})
        elif status:
            say({"crashed": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()

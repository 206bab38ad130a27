"""Reading the files of a dataset in several processes, which COPY into staging by themselves.

Each process (worker.py) is a program of its own and not a fork: those that import may have threads. It is handed
one file after another and answers with what the file has stated. All of them end with this one, however it ends.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.snapshot import Contents
from onec_pipelines.errors import DatabaseError
from onec_pipelines.importing.reading import DatasetImport, Reading, begin_reading, gathered
from onec_pipelines.importing.report import Progress
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

WORTH_A_PROCESS = 4_000_000
"""Bytes: a process starts in the time that it takes to read so much."""


def count_workers(wanted: int, contents: Contents) -> int:
    """How many processes are worth their start."""
    return max(1, min(wanted, sum(file.size >= WORTH_A_PROCESS for file in contents)))


def read_in_processes(
    dataset: DatasetImport, database_url: str, contents: Contents, workers: int, progress: Progress
) -> Reading:
    """Stage the files of a dataset, whose staging tables are there and committed.

    Raises:
        OnecError: the error of the first file, in their order, that could not be read.
        DatabaseError: a process ended before its work did.
        psycopg.OperationalError: the server gave up.
    """
    reached = begin_reading(dataset, contents, progress)
    crew = _Crew(dataset.name, enumerate(contents, start=1))
    with _started(workers) as processes:
        for pipe, process in processes:
            pipe.send((dataset, database_url))
            crew.hand_out(pipe, process)
        while crew.busy:
            ready = wait(crew.busy)
            for pipe in [pipe for pipe in crew.busy if pipe in ready]:
                answer = crew.receive(pipe)
                if isinstance(answer, tuple):
                    reached.advance(*answer)
    if crew.failed:
        raise crew.failed[min(crew.failed)]
    return gathered(contents, [crew.found[number] for number in sorted(crew.found)])


@dataclass(slots=True)
class _Crew:
    """Who reads which file, and what came of the others; files go by their place in the order in which they count.

    They are handed out in that order, and those begun are read to their end when one fails: so the failure that
    is reported is that of the first, as if one process had read them.
    """

    import_type: str
    waiting: Iterator[tuple[int, ExportFile]]
    busy: dict[Connection, tuple[int, ExportFile, subprocess.Popen[bytes]]] = field(default_factory=dict)
    found: dict[int, Reading] = field(default_factory=dict)
    failed: dict[int, Exception] = field(default_factory=dict)

    def hand_out(self, pipe: Connection, process: subprocess.Popen[bytes]) -> None:
        """Give a process that has nothing to do the next file; none after a file could not be read."""
        number, file = (None, None) if self.failed else next(self.waiting, (None, None))
        if number is not None and file is not None:
            self.busy[pipe] = number, file, process
            pipe.send((number, file))

    def receive(self, pipe: Connection) -> object:
        """Take what a process says about its file: how many items and rejected rows more, a `Reading`, or an error."""
        number, file, process = self.busy[pipe]
        try:
            answer = pipe.recv()
        except (EOFError, OSError) as error:
            passed_over(log, "a process that reads files is gone", error)
            answer = self._died(file, process)
        if isinstance(answer, tuple):
            return answer
        del self.busy[pipe]
        if isinstance(answer, Reading):
            self.found[number] = answer
            self.hand_out(pipe, process)
        else:
            self.failed[number] = answer
        return answer

    def _died(self, file: ExportFile, process: subprocess.Popen[bytes]) -> DatabaseError:
        code = process.wait()
        how, advice = (
            (f"was killed by signal {-code}", ", and with a lower ONEC_WORKERS if memory was short")
            if code < 0
            else (f"ended with code {code}", "")
        )
        return DatabaseError(
            f"A process that read {file.name} for the import of {self.import_type} {how}; nothing was changed: import "
            f"again{advice}."
        )


@contextmanager
def _started(workers: int) -> Iterator[list[tuple[Connection, subprocess.Popen[bytes]]]]:
    processes: list[tuple[Connection, subprocess.Popen[bytes]]] = []
    try:
        processes.extend(_start() for _ in range(workers))
        yield processes
    finally:
        for pipe, process in processes:
            pipe.close()
            process.kill()
            process.wait()


def _start() -> tuple[Connection, subprocess.Popen[bytes]]:
    """A process with a pipe to it. Ctrl-C is for this process, which ends that one."""
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "onec_pipelines.importing.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours, process

"""A process that reads files into staging for an import that runs in another one: see parallel.py.

    python -m onec_pipelines.importing.worker DESCRIPTOR

The descriptor is a pipe. By it come the dataset with the URL of the database, then one file after another; back go
tuples of what was read since the last one, and for each file a `Reading` or the error that kept it from being read.
"""

import logging
import os
import sys
import traceback
from multiprocessing.connection import Connection

import psycopg

from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import worker_lock
from onec_pipelines.database.staging import Staging
from onec_pipelines.errors import OnecError
from onec_pipelines.importing.ids import read_folding
from onec_pipelines.importing.reading import DatasetImport, Reading, read_into_staging
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

ROWS_OF_A_FILE = 1 << 32
"""Rows are numbered from the number of their file on, so that their order is that of the files, whoever reads them."""


def main() -> None:
    """Read files until there are no more, or the import is gone."""
    parent = os.getppid()
    with tolerated(log, "the import is gone", ConnectionError), Connection(int(sys.argv[1])) as pipe:
        try:
            _work(pipe, parent)
        except (EOFError, ConnectionError):
            return
        except (OnecError, psycopg.OperationalError) as error:
            pipe.send(error)
        except Exception as error:  # noqa: BLE001 - told by its kind: its message may quote a customer
            traceback.print_tb(error.__traceback__)
            pipe.send(RuntimeError(type(error).__name__))


def _work(pipe: Connection, parent: int) -> None:
    dataset, database_url = pipe.recv()
    with connect(database_url) as connection, worker_lock(connection, dataset.name):
        if os.getppid() != parent:  # the import was killed, and the next one did not see our lock yet
            return
        staging = Staging(connection, read_folding(connection))
        staging.attach(dataset.staged)
        while True:
            number, file = pipe.recv()
            pipe.send(_read(dataset, staging, number, file, pipe))


def _read(dataset: DatasetImport, staging: Staging, number: int, file: ExportFile, pipe: Connection) -> Reading:
    staging.seq = number * ROWS_OF_A_FILE
    with staging.connection.transaction():
        return read_into_staging(dataset, staging, file, lambda items, errors: pipe.send((items, errors)))


if __name__ == "__main__":
    main()

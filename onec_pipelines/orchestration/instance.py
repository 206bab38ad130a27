"""The Dagster instance that commands, the UI and the daemon share: its home and its configuration."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.settings import PROJECT_ROOT, Settings

CONFIGURATION = "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """The directory of the instance, with the project's configuration in it, named in the environment.

    A `DAGSTER_HOME` that is set is used as it is; else it becomes `ONEC_HOME`.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    connect(database_url(settings)).close()
    home = Path(os.environ.get("DAGSTER_HOME") or settings.home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = home / CONFIGURATION
    if not configuration.exists():
        with suppress(FileNotFoundError):
            configuration.unlink()
        shutil.copyfile(PROJECT_ROOT / CONFIGURATION, configuration)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance, for the time of a command."""
    prepare_home(settings)
    with dg.DagsterInstance.get() as instance:
        yield instance

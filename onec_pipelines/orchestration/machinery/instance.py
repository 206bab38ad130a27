"""The Dagster instance that commands, the UI and the daemon share: its home and its configuration."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import dagster as dg

from onec_pipelines.database.connection import database_url
from onec_pipelines.errors import SettingsError
from onec_pipelines.orchestration.machinery.schema import history_told, settle
from onec_pipelines.settings import PROJECT_ROOT, Settings

CONFIGURATION = "dagster.yaml"
WORKSPACE = Path(__file__).with_name("workspace.yaml")
"""What the UI and the daemon load; like the configuration a part of the package, linked to from the project's root."""
STORAGE = "storage"
"""Where Dagster keeps what the steps of runs print; it would make the directory readable for everybody."""


def prepare_home(settings: Settings) -> Path:
    """The directory of the instance, with the project's configuration in it, named in the environment.

    The tables of the instance are made or moved first: what stands against that is said before anything starts.

    A `DAGSTER_HOME` that is set keeps the configuration that it has. Else it becomes `ONEC_HOME`, whose copy
    follows the project's own file, so that an upgrade reaches it.

    Raises:
        DatabaseError: the database cannot be reached, or not be used for the run history.
        SettingsError: the directory cannot be written.
    """
    settle(database_url(settings))
    stated = os.environ.get("DAGSTER_HOME", "").strip()
    home = (PROJECT_ROOT / Path(stated).expanduser()).absolute() if stated else settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / STORAGE).mkdir(mode=0o700, exist_ok=True)
        configuration = home / CONFIGURATION
        ours = Path(__file__).with_name(CONFIGURATION)
        found = configuration.read_bytes() if configuration.exists() else b""
        if not found or (not stated and found != ours.read_bytes()):
            _put(configuration, ours.read_bytes())
    except OSError as error:
        name = "DAGSTER_HOME" if stated else "ONEC_HOME"
        raise SettingsError(
            f"{name} is {home}, which cannot be used: {error.strerror}; make it a directory that can be written, "
            "or name another one."
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: with half a configuration Dagster would go on without ours."""
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:  # for its owner alone
        try:
            file.write(data)
            file.flush()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance, for the time of a command.

    Raises:
        DatabaseError: the run history cannot be read or written.
        SettingsError: its directory cannot be used.
    """
    prepare_home(settings)
    with history_told(), dg.DagsterInstance.get() as instance:
        yield instance

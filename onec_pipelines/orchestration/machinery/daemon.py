"""Dagster's daemon with its code server: what `onec daemon` runs, and `onec ui` as a process of its own.

    python -m onec_pipelines.orchestration.machinery.daemon WORKSPACE [--no-daemon]

That process writes into the file WORKSPACE where its code server listens, for the UI, and goes on until its standard
input ends: with the UI, however that ends. The imports that it has started are interrupted then. Where another daemon
is at work (one_daemon.py) it says so, and is nothing but the code server.

The code server is the one of `dagster dev`. `dagster-daemon run` would start another one every minute.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import click
import dagster as dg

from onec_pipelines.errors import DaemonBusyError, OnecError
from onec_pipelines.orchestration import private
from onec_pipelines.orchestration.machinery.coordinator import PreflightRunCoordinator
from onec_pipelines.orchestration.machinery.ending import end_by_signals, end_with_the_input, interrupt_own_group
from onec_pipelines.orchestration.machinery.instance import WORKSPACE, open_instance
from onec_pipelines.settings import PROJECT_ROOT, Settings

WITHOUT = "--no-daemon"


def run_daemon(settings: Settings) -> None:
    """Be the daemon until interrupted.

    Raises:
        DaemonBusyError: another daemon works on the same run history.
        DatabaseError, SettingsError: it cannot start.
    """
    end_by_signals()
    with suppress(KeyboardInterrupt), open_instance(settings) as instance:
        become_the_daemon(instance)
        with TemporaryDirectory(prefix="onec-") as directory:
            workspace = Path(directory) / WORKSPACE.name
            with code_server(instance, workspace):
                run_controller(instance, workspace, log_level="info")


def run_for_ui(settings: Settings, workspace: Path, *, with_daemon: bool) -> None:
    """Be the code server of a UI until interrupted, and the daemon unless another one is at work.

    Raises:
        DatabaseError, SettingsError: it cannot start.
    """
    with suppress(KeyboardInterrupt), open_instance(settings) as instance, code_server(instance, workspace):
        try:
            if with_daemon:
                become_the_daemon(instance)
        except DaemonBusyError as error:
            click.echo(f"{error} This UI has no daemon now: the other one starts its runs.", err=True)
            with_daemon = False
        if with_daemon:
            run_controller(instance, workspace, log_level="warning")
        else:
            Event().wait()


def become_the_daemon(instance: dg.DagsterInstance) -> None:
    """See that no other daemon works on the run history, before anything is started.

    Raises:
        DaemonBusyError: one does.
    """
    coordinator = instance.run_coordinator
    if isinstance(coordinator, PreflightRunCoordinator):
        coordinator.become_the_daemon()


def run_controller(instance: dg.DagsterInstance, workspace: Path, *, log_level: str) -> None:
    """Run Dagster's daemons until interrupted; then no heartbeat is left by which they would seem to live."""
    target = private.WorkspaceFileTarget([str(workspace)])
    logging.getLogger("dagster.daemon.EventLogConsumerDaemon").addFilter(is_news)
    try:
        with private.daemon_controller_from_instance(instance, target, log_level=log_level) as controller:
            controller.check_daemon_loop()
    finally:
        instance.wipe_daemon_heartbeats()


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the daemon that repeats runs is worth a warning: that its first look is the first is not."""
    return not str(record.msg).startswith("No cursor for event type")


@contextmanager
def code_server(instance: dg.DagsterInstance, workspace: Path) -> Iterator[None]:
    """Run a code server for each location of our `workspace.yaml`, and write where they listen into a file."""
    with private.ProxyServerManager(
        instance, private.WorkspaceFileTarget([str(our_workspace())]), "WARNING"
    ) as servers:
        written = workspace.with_suffix(".part")  # JSON is YAML, too
        written.write_text(json.dumps({"load_from": list(servers.get_code_server_specs())}))
        written.replace(workspace)
        yield


def our_workspace() -> Path:
    """The `workspace.yaml` where the project is, which a team may have changed, or the one of the package."""
    there = PROJECT_ROOT / WORKSPACE.name
    return there if there.exists() else WORKSPACE


def main() -> None:
    """Serve a UI, as the first process of a group of our own."""
    workspace, *options = sys.argv[1:]
    end_by_signals()
    end_with_the_input()
    try:
        run_for_ui(Settings.from_environment(), Path(workspace), with_daemon=WITHOUT not in options)
    except OnecError as error:
        sys.exit(str(error))
    finally:
        interrupt_own_group()


if __name__ == "__main__":
    main()

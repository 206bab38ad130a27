"""What `onec ui` runs: Dagster's webserver behind `SameOrigin`, and a process with the code server and the daemon.

That process (daemon.py) starts first: while it loads our definitions, this one loads GraphQL, and a browser sees the
first page sooner. Ctrl-C reaches this one alone, which ends the other: all ends in order.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

import click
import uvicorn

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.errors import OnecError
from onec_pipelines.orchestration.machinery.ending import ENDING_SECONDS, end_by_signals
from onec_pipelines.orchestration.machinery.same_origin import Address, SameOrigin
from onec_pipelines.settings import Settings
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

BEHIND = "onec_pipelines.orchestration.machinery.daemon"
GOODBYE_SECONDS = 2
"""How long the UI waits for browsers to hang up."""
STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW = 15_000, 3_600, 20
"""Of the UI's connections to the database, as Dagster's own command has them."""
POLL_MS = 2_000
"""How often a page looks for new data, likewise."""
LOOK_EVERY_SECONDS = 0.05


class BehindEndedError(OnecError):
    """The process behind the UI has ended."""


def serve_ui(settings: Settings, host: str, port: int, *, read_only: bool, with_daemon: bool) -> None:
    """Serve the UI until it is interrupted.

    Raises:
        DatabaseError, SettingsError: it cannot start.
        BehindEndedError: the code server and the daemon are gone.
    """
    end_by_signals()
    connect(database_url(settings)).close()  # what is wrong with it is said once, and by this process
    with suppress(KeyboardInterrupt), started(with_daemon=with_daemon) as behind:
        from dagster_webserver.app import create_app_from_workspace_process_context  # noqa: PLC0415 - take seconds

        from onec_pipelines.orchestration import private  # noqa: PLC0415
        from onec_pipelines.orchestration.machinery.instance import open_instance  # noqa: PLC0415

        address = Address.of(settings.ui_url)
        with open_instance(settings) as instance:
            instance.optimize_for_webserver(STATEMENT_MS, RECYCLE_SECONDS, OVERFLOW)
            target = private.WorkspaceFileTarget([str(behind.written_workspace())])
            with private.WorkspaceProcessContext(instance, target, read_only=read_only) as context:
                app = create_app_from_workspace_process_context(context, address.prefix, POLL_MS)
                config = uvicorn.Config(
                    SameOrigin(app, address),
                    host=host,
                    port=port,
                    log_level="warning",
                    lifespan="off",
                    timeout_graceful_shutdown=GOODBYE_SECONDS,
                )
                server = Server(config)
                behind.on_end(server.end)
                server.run()
        behind.require()


class Server(uvicorn.Server):
    """A server that says where it listens, and that can be told to end."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            click.echo(f"The UI: http://{self.config.host}:{self.config.port} (Ctrl-C ends it)")

    def end(self) -> None:
        """End as by Ctrl-C."""
        self.should_exit = True


@dataclass(frozen=True, slots=True)
class Behind:
    """The process of the code server and the daemon, and the file in which it says where the code server listens."""

    process: subprocess.Popen[bytes]
    workspace: Path

    def written_workspace(self) -> Path:
        """The file, when it is there."""
        while not self.workspace.exists():
            self.require()
            time.sleep(LOOK_EVERY_SECONDS)
        return self.workspace

    def require(self) -> None:
        """See that the process has not ended.

        Raises:
            BehindEndedError: it has.
        """
        if (code := self.process.poll()) is not None:
            raise BehindEndedError(
                f"The process of the code server and the daemon has ended with exit code {code}, and the UI with it; "
                "what it said last is above. Start it again."
            )

    def on_end(self, end: Callable[[], None]) -> None:
        """Call a function when the process ends."""

        def wait() -> None:
            self.process.wait()
            end()

        threading.Thread(target=wait, daemon=True).start()

    def stop(self) -> None:
        """End the process, and what it has started."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        with tolerated(log, "the processes behind the UI have ended", ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)


@contextmanager
def started(*, with_daemon: bool) -> Iterator[Behind]:
    """Start the process behind the UI, out of reach of Ctrl-C; in the end it is stopped."""
    with TemporaryDirectory(prefix="onec-") as directory:
        workspace = Path(directory) / "workspace.yaml"
        command = [sys.executable, "-m", BEHIND, str(workspace), *([] if with_daemon else ["--no-daemon"])]
        behind = Behind(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True), workspace)
        try:
            yield behind
        finally:
            behind.stop()

"""What goes wrong and matters to nobody but whoever looks for a fault: passed over, with a line at debug level.

    with tolerated(log, "the connection is closed without", psycopg.Error):
        connection.rollback()

`onec --debug` shows such lines; docs/operating.md says how a run keeps them.
"""

import logging
from contextlib import suppress
from types import TracebackType

from onec_pipelines.shown import visible


class tolerated(suppress):  # noqa: N801 - used like `suppress`
    """Pass over errors of these types, and log what came of that: `what` says it."""

    def __init__(self, log: logging.Logger, what: str, *errors: type[BaseException]) -> None:
        super().__init__(*errors)
        self._log, self._what = log, what

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Log an error that is passed over."""
        is_tolerated = super().__exit__(kind, error, traceback)
        if is_tolerated:
            passed_over(self._log, self._what, error)
        return is_tolerated


def passed_over(log: logging.Logger, what: str, error: BaseException | None) -> None:
    """Log an error that somebody else has caught and passes over."""
    log.debug("%s: %s", visible(what), visible(f"{type(error).__name__}: {error}".strip()))

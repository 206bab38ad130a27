"""How the UI and the daemon end: by Ctrl-C, by SIGTERM, and with whoever started them."""

import os
import signal
import sys
import threading
import time

ENDING_SECONDS = 60
"""How long a process may take to end; then it is killed."""


def end_by_signals() -> None:
    """End by SIGTERM as by Ctrl-C, also where a shell that starts this in the background has both ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def end_with_the_input() -> None:
    """Interrupt this process when its standard input ends: who started it has closed that, or is gone."""
    threading.Thread(target=_await_the_end, daemon=True).start()


def _await_the_end() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(ENDING_SECONDS)
    os._exit(1)


def interrupt_own_group() -> None:
    """Interrupt what this process has started, as the first one of its group: the imports that run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.killpg(0, signal.SIGINT)

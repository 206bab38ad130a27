"""What measurements ask of the machine: memory at hand, and the CPU time of others."""

import subprocess
import sys

import psutil
import psycopg

TAKE_3_GB = "import mmap as m; m.mmap(-1, 3 * 2**30, flags=m.MAP_PRIVATE | m.MAP_ANONYMOUS | m.MAP_POPULATE)"


def have_memory_at_hand() -> None:
    """Take 3 GB and free them, so that what is measured next need not fetch its memory from the host.

    Freed memory goes back to the host of a virtual machine after a while: then 586 MB took from 0.3 to 4.4 CPU seconds
    to write, by chance. A process of its own takes it, as the peak of this one counts for those that it starts.
    """
    subprocess.run([sys.executable, "-c", TAKE_3_GB], check=True)


def postmaster(connection: psycopg.Connection) -> psutil.Process:
    """The first process of the server that a connection leads to, on this machine."""
    row = connection.execute("select pid from pg_stat_activity where backend_type = 'checkpointer'").fetchone()
    found = psutil.Process(row[0] if row else 0).parent()
    if found is None:
        raise psutil.NoSuchProcess(0)
    return found


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process and of all that it has started, also of what has ended."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)

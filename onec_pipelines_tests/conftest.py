"""A real PostgreSQL for the tests: one server a session, one migrated database a test.

ONEC_TEST_DATABASE_URL names a server to use, where databases may be created; unset, an embedded one is started.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import migrate
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import embedded
from onec_pipelines.settings import Settings

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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
        server.execute(f'create database "{name}" template "{template}"')
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


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    with created_database(server_url, template=template_database) as url:
        yield url


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

"""The door to PostgreSQL: which URL, one way to connect, and one sentence when that fails. No password leaves here.

Not here: starting the embedded server (postgres/embedded.py), the schema (migrate.py), what is read and written.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import conninfo, pq

from onec_pipelines.database.pooling import require_session_locks
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import embedded
from onec_pipelines.settings import DATABASE_SCHEMES, Settings

OLDEST_VERSION = 15
"""The first PostgreSQL with keys in which two nulls are one value."""

NAME = "onec_pipelines"
"""How PostgreSQL is told who connects."""

CONNECT_TIMEOUT_SECONDS = 10

SHOWN = ("user", "host", "port", "dbname")
"""What messages repeat of a URL; whatever else it states may be a secret."""

MALFORMED = (
    "The database URL is malformed: it must look like postgresql://user:password@host:5432/database, with @ : / ? # % "
    "in the password percent-encoded (@ is %40); correct ONEC_DATABASE_URL."
)

PORTS = r"(\d{1,5}(,\d{1,5})*)?"
"""One for all hosts, or one for each."""

ADVICE = (
    (r"resolve host|translate host name", "correct the host name in ONEC_DATABASE_URL"),
    (r"Connection refused|No such file", "check that PostgreSQL runs there and listens on that port"),
    (
        r"timeout expired|timed out|unreachable|No route",
        "check the host and the port, and that no firewall stands between",
    ),
    (r"database .* does not exist|база данных .* не существует", "create the database, or correct ONEC_DATABASE_URL"),
    (r"role .* does not exist|роль .* не существует", "create the user, or correct ONEC_DATABASE_URL"),
    (r"password|authentication|парол|подлинности", "correct the user and the password in ONEC_DATABASE_URL"),
    (r"pg_hba", "let this host and user in with a line in pg_hba.conf of the server"),
    (
        r"unsupported startup parameter",
        "a pooler stands there: leave that parameter out of ONEC_DATABASE_URL, or name PostgreSQL itself in it",
    ),
    (
        r"query_wait_timeout|no more connections allowed",
        "let the pooler that stands there open more connections (default_pool_size, max_client_conn of pgbouncer)",
    ),
    (r"starting up|shutting down|запуск|останавливается", "try again when the server is ready"),
    (r"too many|слишком много", "close other connections, or raise max_connections of the server"),
    (r"", "correct that, or ONEC_DATABASE_URL"),
)
"""What a failed connection says -> what to do; first match. A server answers in its own language."""

ENCODING = "UTF8"
"""In any other one some letters of 1C have no place."""

NO_HURRY = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
"""Settings by which a role or a database gives up what takes long; off in our sessions: a merge may take minutes, and
a transaction is silent while files are read. Who waits for a lock with patience says so after that."""
TRANSACTION_TIMEOUT = (170_000, "transaction_timeout")
"""The same, from this version on."""

SHUTDOWN = "57P"
"""How the states begin with which a server says goodbye."""


def database_url(settings: Settings) -> str:
    """Return the URL of the database: the one that is set, else the embedded server's, started where need be.

    Raises:
        DatabaseError: the embedded server does not start.
    """
    return settings.database_url or embedded.url(settings.home)


def connect(url: str, *, application_name: str = NAME) -> psycopg.Connection:
    """Connect in autocommit mode: what belongs together stands in `with connection.transaction()`.

    Raises:
        DatabaseError: what was tried (never the password), what PostgreSQL answered, what to do. The server is too
            old, the database is not in UTF-8, or a pooler takes the locks of a session away.
    """
    stated = _parse(url)
    where = _tried(stated)
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name=application_name,
            client_encoding="utf-8",
            connect_timeout=stated.get("connect_timeout", CONNECT_TIMEOUT_SECONDS),
        )
        _make_ready(connection, url, where)
    except UnicodeError:  # of the host name; it quotes what it could not encode
        raise DatabaseError(MALFORMED) from None
    except psycopg.Error as error:
        answer = first_line(str(error))
        raise DatabaseError(f"PostgreSQL cannot be reached: {where} failed: {answer}; {advice(answer)}.") from error
    return connection


def _make_ready(connection: psycopg.Connection, url: str, where: str) -> None:
    """Refuse what we cannot work with, and close it. Behind a pooler the first query tells that PostgreSQL is down."""
    try:
        require_supported(connection.info.server_version, where)
        require_utf8(connection.info.parameter_status("server_encoding"), connection.info.dbname, where)
        _set(connection, dict.fromkeys(_timeouts(connection), "0"))
        require_session_locks(connection, url, where)
    except BaseException:
        connection.close()
        raise


def ready_again(connection: psycopg.Connection, application_name: str) -> bool:
    """Make a connection whose settings were reset ready for its next use; tell whether it still works."""
    try:
        _set(connection, dict.fromkeys(_timeouts(connection), "0") | {"application_name": application_name})
    except psycopg.Error:
        return False
    return True


def set_name(connection: psycopg.Connection, application_name: str) -> None:
    """Tell PostgreSQL who uses a connection."""
    _set(connection, {"application_name": application_name})


def _timeouts(connection: psycopg.Connection) -> Iterator[str]:
    """The settings that would end an import that takes long."""
    since, setting = TRANSACTION_TIMEOUT
    yield from NO_HURRY
    if connection.info.server_version >= since:
        yield setting


def _set(connection: psycopg.Connection, settings: Mapping[str, str]) -> None:
    connection.execute(
        "select set_config(name, value, false) from unnest(%s::text[], %s::text[]) s (name, value)",
        [list(settings), list(settings.values())],
    )


@contextmanager
def losses_told(during: str, left: str = "") -> Iterator[None]:
    """Tell in one sentence of a server that gives up during something, and what that leaves: it went away, it is full.

    Whether a COMMIT was carried out that a lost server did not answer, nobody knows.

    Raises:
        DatabaseError: in place of psycopg's OperationalError.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        answer = first_line(error.diag.message_primary or str(error))
        lost = error.sqlstate is None or error.sqlstate.startswith(SHUTDOWN)
        left = left or ("it landed whole or not at all" if lost else "nothing on record was changed")
        raise DatabaseError(
            f"PostgreSQL gave up during {during}: {answer}; {left}: repeat it when the server works."
        ) from error


def first_line(said: str) -> str:
    """Return the reason in libpq's message, without what was tried, which stands in ours."""
    line = said.strip().partition("\n")[0]
    line = re.sub(r'^(connection (failed|is bad): )?(connection to server (at|on) .*?" ?.*? ?failed: )?', "", line)
    return " ".join(line.split()).rstrip(".")


def advice(answer: str) -> str:
    """Return what to do about a failed connection."""
    return next(words for pattern, words in ADVICE if re.search(pattern, answer))


def require_supported(server_version: int, where: str) -> None:
    """Check a version number as libpq has it, such as 150004.

    Raises:
        DatabaseError: it is older than the oldest that we support.
    """
    if server_version < OLDEST_VERSION * 10_000:
        raise DatabaseError(
            f"PostgreSQL is too old: {where} found version {server_version // 10_000}, and {OLDEST_VERSION} or later "
            "is needed; upgrade it, or set ONEC_DATABASE_URL to a newer server."
        )


def require_utf8(encoding: str | None, database: str, where: str) -> None:
    """Check the encoding of a database, which is chosen when it is created.

    Raises:
        DatabaseError: it is another one than UTF-8.
    """
    if encoding != ENCODING:
        raise DatabaseError(
            f"The database cannot hold every text of 1C: {where} found the encoding {encoding}, and {ENCODING} is "
            f"needed; create it with {ENCODING}: create database \"{database}\" encoding '{ENCODING}' "
            "locale 'C.UTF-8' template template0."
        )


def _parse(url: str) -> dict[str, str]:
    # libpq quotes the password in its own message about a malformed URL: neither repeated nor chained.
    if not url.startswith(DATABASE_SCHEMES) or _holds_a_bare_password(url):
        raise DatabaseError(MALFORMED)
    try:
        stated = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    except (psycopg.ProgrammingError, UnicodeError):
        stated = None
    if stated is None or not re.fullmatch(PORTS, stated.get("port", "")):
        raise DatabaseError(MALFORMED)
    return stated


def _holds_a_bare_password(url: str) -> bool:
    """Tell whether an unencoded @ or / in a password makes libpq take a part of it for the host or the database."""
    authority, _, path = url.partition("://")[2].partition("/")
    return authority.count("@") > 1 or "@" in path.partition("?")[0]


def _tried(stated: dict[str, str]) -> str:
    defaults = {option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val}
    user, host, port, database = (stated.get(key) or defaults.get(key) for key in SHOWN)
    return (
        f'connecting to database "{database or user}" at {host or "the local socket"}, port {port}, as user "{user}",'
    )

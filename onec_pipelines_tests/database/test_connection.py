import socket
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import conninfo

from onec_pipelines.database.connection import (
    advice,
    connect,
    database_url,
    first_line,
    require_supported,
)
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import embedded
from onec_pipelines.settings import Settings


def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as caught:
        connect(url)
    said = str(caught.value)
    assert "hunter2" not in said
    assert "\n" not in said
    return said


@pytest.fixture
def password_url(home):
    """A server on which the user `clerk` has a password."""
    url = embedded.start(home)
    rules = embedded.data_directory(home) / "pg_hba.conf"
    rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
    with connect(url) as connection:
        connection.execute("create user clerk password 'right'")
        connection.execute("select pg_reload_conf()")
    return url.replace("onec@", "clerk:hunter2@")


def test_a_connection_commits_each_statement_and_names_its_application(server_url):
    with connect(server_url, application_name="onec tests") as connection:
        assert connection.autocommit
        row = connection.execute("select current_setting('application_name'), 'Ж'").fetchone()
    assert row == ("onec tests", "Ж")


def test_an_unknown_host_is_named():
    said = refusal("postgresql://clerk:hunter2@nowhere.invalid/shop")
    assert said.startswith(
        'PostgreSQL cannot be reached: connecting to database "shop" at nowhere.invalid, port 5432, as user "clerk"'
    )
    assert said.endswith("; correct the host name in ONEC_DATABASE_URL.")


def test_a_host_that_refuses_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refusal(f"postgresql://clerk:hunter2@127.0.0.1:{port}/shop") == (
        f'PostgreSQL cannot be reached: connecting to database "shop" at 127.0.0.1, port {port}, as user "clerk", '
        "failed: Connection refused; check that PostgreSQL runs there and listens on that port."
    )


def test_a_url_without_a_database_means_that_of_the_users_name():
    assert 'connecting to database "clerk" at nowhere.invalid' in refusal("postgresql://clerk:hunter2@nowhere.invalid")


def test_a_host_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        said = refusal(f"postgresql://clerk:hunter2@127.0.0.1:{port}/shop?connect_timeout=2")
    assert said.endswith("; check the host and the port, and that no firewall stands between.")


def test_a_wrong_password_is_told_from_a_missing_database(password_url):
    assert refusal(password_url).endswith(
        'failed: FATAL: password authentication failed for user "clerk"; '
        "correct the user and the password in ONEC_DATABASE_URL."
    )
    assert refusal(password_url.replace("hunter2", "right").replace("/onec?", "/shop?")).endswith(
        'failed: FATAL: database "shop" does not exist; create the database, or correct ONEC_DATABASE_URL.'
    )


def test_a_url_without_a_needed_password_is_refused_the_same_way(password_url):
    assert refusal(password_url.replace(":hunter2", "")).endswith(
        "; correct the user and the password in ONEC_DATABASE_URL."
    )


@pytest.mark.parametrize(
    "url",
    [
        "mysql://clerk:hunter2@db/shop",
        "postgresql://clerk:hunter2%zz@db/shop",
        "postgresql://clerk:p@hunter2@db/shop",
        "postgresql://clerk:1/hunter2@db/shop",
        "postgresql://clerk:p?1/hunter2@db/shop",
        "postgresql://clerk:hunter2@db:port/shop",
        "postgresql://clerk:hunter2@[::1/shop",
        "postgresql://clerk:hunter2@db/shop?colour=red",
        "postgresql://clerk:hunter2@db..example/shop",
        "postgresql://clerk:hunter2@%ff/shop",
        "postgresql://clerk:hunter2@db/\udcff",
        "",
    ],
)
def test_a_malformed_url_is_refused_without_repeating_any_of_it(url):
    assert refusal(url) == (
        "The database URL is malformed: it must look like postgresql://user:password@host:5432/database, with "
        "@ : / ? # % in the password percent-encoded (@ is %40); correct ONEC_DATABASE_URL."
    )


def test_a_malformed_url_leaves_no_password_in_the_chain_of_errors():
    with pytest.raises(DatabaseError) as caught:
        connect("postgresql://clerk:hunter2%zz@db/shop")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_server_before_15_is_refused():
    require_supported(150000, "connecting")
    with pytest.raises(DatabaseError, match="connecting found version 14, and 15 or later is needed"):
        require_supported(140012, "connecting")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "WIN1251", "LATIN1"])
def test_a_database_in_another_encoding_is_refused_with_the_command_that_creates_one(server_url, encoding):
    with connect(server_url) as server:
        made = f"create database shop encoding '{encoding}' template template0"
        server.execute(f"{made} locale_provider libc locale 'C'")
        try:
            said = refusal(urlsplit(server_url)._replace(path="/shop").geturl())
        finally:
            server.execute("drop database shop with (force)")
    assert said.startswith('The database cannot hold every text of 1C: connecting to database "shop" at ')
    assert said.endswith(
        f"found the encoding {encoding}, and UTF8 is needed; create it with UTF8: "
        "create database \"shop\" encoding 'UTF8' locale 'C.UTF-8' template template0."
    )


TIMEOUTS = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
]


def test_the_timeouts_of_a_role_or_a_database_do_not_end_our_sessions(database_url, connection):
    known = "select name from pg_settings where name = any(%s)"
    names = [name for (name,) in connection.execute(known, [TIMEOUTS])]
    assert len(names) == len(TIMEOUTS) - (connection.info.server_version < 170_000)
    for name in names:
        connection.execute(f"alter database {connection.info.dbname} set {name} = '50ms'")
    with psycopg.connect(database_url, autocommit=True) as other:
        assert other.execute("show statement_timeout").fetchone() == ("50ms",)
    with connect(database_url) as ours:
        with ours.transaction():
            ours.execute("select pg_sleep(0.1)")
            time.sleep(0.1)
        time.sleep(0.1)
        assert ours.execute("select setting from pg_settings where name = any(%s)", [names]).fetchall() == [
            ("0",) for _ in names
        ]


def test_of_several_hosts_the_one_that_answers_is_taken(server_url):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stated = conninfo.conninfo_to_dict(server_url)
    several = f"postgresql://{stated['user']}@/{stated['dbname']}?host=127.0.0.1,{stated['host']}"
    with connect(f"{several}&port={port},{stated.get('port', 5432)}") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_several_hosts_that_refuse_are_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refusal(f"postgresql://clerk:hunter2@127.0.0.1:{port},localhost:{port}/shop") == (
        f'PostgreSQL cannot be reached: connecting to database "shop" at 127.0.0.1,localhost, port {port},{port}, as '
        'user "clerk", failed: Connection refused; check that PostgreSQL runs there and listens on that port.'
    )


def test_a_percent_encoded_name_of_a_database_is_read(server_url):
    with connect(server_url) as server:
        server.execute('create database "мой магазин"')
        try:
            url = urlsplit(server_url)._replace(path="/%D0%BC%D0%BE%D0%B9%20магазин").geturl()
            with connect(url) as connection:
                assert connection.info.dbname == "мой магазин"
        finally:
            server.execute('drop database "мой магазин" with (force)')


@pytest.mark.parametrize(
    ("answer", "what_to_do"),
    [
        ('ВАЖНО: пользователь "u" не прошёл проверку подлинности (по паролю)', "correct the user and the password"),
        ('ВАЖНО: база данных "shop" не существует', "create the database"),
        ('ВАЖНО: роль "u" не существует', "create the user"),
        ("FATAL: the database system is starting up", "try again"),
        ("FATAL: sorry, too many clients already", "close other connections"),
        ('FATAL: no pg_hba.conf entry for host "10.0.0.1"', "let this host and user in"),
        ("something nobody has seen", "correct that"),
    ],
)
def test_advice_follows_the_answer_in_the_language_of_the_server(answer, what_to_do):
    assert advice(answer).startswith(what_to_do)


def test_the_first_line_of_an_answer_leaves_out_what_was_tried():
    said = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: FATAL:  no\n\thint'
    assert first_line(said) == "FATAL: no"
    assert first_line('connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  no') == "FATAL: no"


def test_a_database_url_that_is_set_is_the_one_used(tmp_path):
    settings = Settings(tmp_path, "postgresql://db/shop", str(tmp_path), tmp_path / "home")
    assert database_url(settings) == "postgresql://db/shop"
    assert not settings.home.exists()


def test_without_a_database_url_the_embedded_server_is_started(home, tmp_path):
    url = database_url(Settings(tmp_path, None, str(tmp_path), home))
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == "onec"

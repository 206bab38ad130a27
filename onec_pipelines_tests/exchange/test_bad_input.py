"""Strangers, broken lines and full disks: exact answers, nothing kept, and the next session unharmed."""

import base64
import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.exchange import words
from onec_pipelines.exchange.client import Client, ExchangeError, files_of
from onec_pipelines.exchange.inbox import Inbox
from onec_pipelines.exchange.records import Records
from onec_pipelines_tests.exchange.conftest import PASSWORD, USER, basic, goods

CHECK = "/1c_exchange?type=catalog&mode=checkauth"
WRONG = basic(USER, "wrong")
FORWARDED = {"X-Forwarded-For": "203.0.113.5"}


def said(server, target: str, **headers: str) -> str:
    return server.raw("GET", target, **headers)[2].decode()


@pytest.fixture
def whole(server, export):
    """After the test, a session of 1C comes through all the same."""
    yield
    root = export({"import0_1.xml": goods("1")}, "afterwards")
    assert server.client().session(root, files_of(root))


# --- who it is


def test_without_a_header_it_says_what_may_have_eaten_it(server):
    assert said(server, CHECK) == f"failure\n{words.NO_HEADER}"


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Bearer x", "Basic bm9jb2xvbg=="])
def test_a_header_that_is_none_is_like_none(server, value):
    assert said(server, CHECK, Authorization=value) == f"failure\n{words.NO_HEADER}"


def test_a_login_in_windows_1251_is_taken(server):
    raw = base64.b64encode(f"{USER}:{PASSWORD}".encode("cp1251")).decode()
    assert said(server, CHECK, Authorization=f"Basic {raw}").startswith("success\n")


def test_plain_http_is_refused_where_a_proxy_says_that_it_was(server):
    plain = said(server, CHECK, **basic(), **FORWARDED, **{"X-Forwarded-Proto": "http"})
    assert plain == f"failure\n{words.ONLY_HTTPS}"
    assert said(server, CHECK, **basic(), **FORWARDED, **{"X-Forwarded-Proto": "https"}).startswith("success\n")


def test_plain_http_is_taken_where_a_setting_allows_it(start):
    server = start(allow_http=True)
    assert said(server, CHECK, **basic(), **FORWARDED).startswith("success\n")


def test_tries_are_counted_by_address_and_user(server):
    for _ in range(5):
        said(server, CHECK, **WRONG)
    assert said(server, CHECK, **basic()).startswith("failure\nСлишком много неудачных попыток входа.")
    elsewhere = {**FORWARDED, "X-Forwarded-Proto": "https"}
    assert said(server, CHECK, **basic(), **elsewhere).startswith("success\n")


def test_a_minute_later_the_password_is_asked_for_again(server, connection):
    for _ in range(5):
        said(server, CHECK, **WRONG)
    connection.execute("update onec.exchange_logins set failed_at = failed_at - interval '61 seconds'")
    assert said(server, CHECK, **basic()).startswith("success\n")


def test_a_login_creates_nothing_on_the_disk(server):
    server.log_in()
    assert not server.service.settings.directory.exists()


@pytest.mark.parametrize(
    "cookie", ["", "onec_exchange=", "onec_exchange=../../etc", "other=1", "onec_exchange=" + "x" * 43]
)
def test_a_cookie_that_nobody_was_given_is_no_session(server, cookie):
    answer = server.raw("POST", "/1c_exchange?type=catalog&mode=file&filename=a.xml", b"1", **basic(), Cookie=cookie)
    assert answer[2].decode() == f"failure\n{words.NO_SESSION}"
    assert not server.service.settings.directory.exists()


@pytest.mark.parametrize(
    "column", ["seen_at = seen_at - interval '31 minutes'", "opened_at = now() - interval '25 hours'"]
)
def test_a_session_that_has_expired_is_none(server, connection, column):
    session = server.log_in()
    connection.execute(f"update onec.exchange_sessions set {column}")
    assert server.ask(session, "mode=init") == f"failure\n{words.NO_SESSION}"


def test_a_session_belongs_to_its_user(server):
    session = server.log_in() | basic("somebody")
    assert server.ask(session, "mode=init") == f"failure\n{words.NO_SESSION}"


def test_the_sessid_of_another_session_is_refused(server):
    assert server.ask(server.log_in(), "mode=init&sessid=" + "0" * 32) == f"failure\n{words.OTHER_SESSION}"


def test_neither_tables_nor_logs_have_a_secret(server, connection, caplog):
    caplog.set_level(logging.DEBUG)
    session = server.log_in()
    token = session["Cookie"].partition("=")[2]
    server.ask(session, "mode=init&version=3.1")
    server.ask(session, "mode=file&filename=..%2Fx%0Ay.xml", b"1")
    kept = str(connection.execute("select * from onec.exchange_sessions").fetchall())
    for secret in (token, PASSWORD, session["Authorization"].split()[1]):
        assert secret not in caplog.text
        assert secret not in kept
    assert r"../x\ny.xml" in caplog.text


# --- what comes


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("name", ["../x.xml", "a/../../x.xml", "%2Fetc%2Fpasswd", "C:%5Cx.xml", ".htaccess", ""])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_kept(server, name):
    answer = server.ask(server.log_in(), f"mode=file&filename={name}", b"1")
    assert answer.startswith("failure\nНедопустимое имя файла: ")
    assert server.kept() == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_a_name_is_read_in_either_encoding(server, encoding):
    name = quote("import_files/Фото.jpg".encode(encoding))
    assert server.ask(server.log_in(), f"mode=file&filename={name}", b"1") == "success"
    (part,) = server.service.incoming.iterdir()
    assert list(Inbox(part, 1000).refresh().files) == ["import_files/Фото.jpg"]


@pytest.mark.usefixtures("whole")
def test_a_program_is_refused_and_the_session_says_so_again(server):
    session = server.log_in()
    refused = "failure\nФайлы такого вида не принимаются: import_files/ab/shell.php."
    assert server.ask(session, "mode=file&filename=import_files/ab/shell.php", b"<?php") == refused
    assert server.ask(session, "mode=file&filename=import.xml", goods("1").encode()) == refused
    assert server.ask(session, "mode=import&filename=import.xml") == refused
    assert server.ask(session, "mode=import&filename=offers.xml") == refused


def test_who_is_still_sending_reads_why_it_is_refused(start):
    server = start(chunk=8 * 2**20)
    body = b"x" * 8 * 2**20
    assert server.ask({}, "mode=file&filename=a.xml", body) == f"failure\n{words.NO_SESSION}"


def test_a_harmless_file_is_taken_and_not_kept(server):
    assert server.ask(server.log_in(), "mode=file&filename=import_files/manual.pdf", b"1") == "success"
    assert server.kept() == []


@pytest.mark.usefixtures("whole")
def test_a_body_above_the_limit_is_refused_whether_it_says_its_length_or_not(server):
    refused = "failure\nЧасть файла больше разрешённого (file_limit=1000)."
    assert server.ask(server.log_in(), "mode=file&filename=a.xml", b"x" * 1001) == refused
    assert server.ask(server.log_in(), "mode=file&filename=a.xml", iter([b"x" * 600] * 2)) == refused


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_body_up_to_the_limit_is_taken(server, size):
    session = server.log_in()
    assert server.ask(session, "mode=file&filename=import_files/a.jpg", b"x" * size) == "success"
    (part,) = server.service.incoming.iterdir()
    assert Inbox(part, 1000).refresh().files["import_files/a.jpg"].size == size


def test_a_session_above_its_limit_is_refused(start):
    server = start(max_bytes=1500)
    session = server.log_in()
    assert server.ask(session, "mode=file&filename=a.xml", b"x" * 1000) == "success"
    assert server.ask(session, "mode=file&filename=b.xml", b"x" * 600).startswith(
        "failure\nВыгрузка больше разрешённого"
    )


def test_where_the_disk_is_full_it_says_so_before_it_reads(start):
    server = start(reserve=2**60)
    answer = server.ask(server.log_in(), "mode=file&filename=import0_1.xml", b"1")
    assert answer == (
        "failure\nНа сервере не хватает места на диске. Файл import0_1.xml не принят, обмен нужно повторить."
    )


@pytest.mark.usefixtures("whole")
def test_a_body_that_breaks_off_is_no_part_of_its_file(server):
    session = server.log_in()
    head = "\r\n".join(
        [
            "POST /1c_exchange?type=catalog&mode=file&filename=a.xml HTTP/1.1",
            "Host: x",
            f"Authorization: {session['Authorization']}",
            f"Cookie: {session['Cookie']}",
            "Content-Length: 900",
            "",
            "only a part",
        ]
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
    assert server.ask(session, "mode=import&filename=a.xml") == "failure\nФайл a.xml не был получен в этом сеансе."


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("name", "content", "answer"),
    [
        ("v8.zip", b"PK\3\4 damaged", r"Архив v8\.zip повреждён или передан не полностью \(получено 12 байт\)\."),
        ("import0_1.xml", b"<a", r"Файл import0_1\.xml не читается как XML.*"),
        (
            "something.xml",
            b"<a/>",
            r"В файле something\.xml нет товаров, предложений, цен, остатков или контрагентов\.",
        ),
    ],
)
def test_what_cannot_be_imported_is_told_at_the_import_and_not_kept(server, name, content, answer):
    session = server.log_in()
    assert server.ask(session, f"mode=file&filename={name}", content) == "success"
    for asked in ("import0_1.xml", "offers0_1.xml"):
        assert re.fullmatch(f"failure\n{answer}", server.ask(session, f"mode=import&filename={asked}"))
    assert server.kept() == []


def test_an_import_of_what_has_not_come_is_told(server):
    session = server.log_in()
    answer = "failure\nФайл import0_1.xml не был получен в этом сеансе."
    assert server.ask(session, "mode=import&filename=import0_1.xml") == answer


def test_a_hundred_sessions_at_once_do_not_touch_each_other(server, export):
    roots = [export({"import0_1.xml": goods(str(n), catalog=f"c{n}")}, str(n)) for n in range(100)]
    clients = [server.client() for _ in roots]
    with ThreadPoolExecutor(100) as pool:
        assert all(pool.map(lambda pair: pair[0].session(pair[1], files_of(pair[1])), zip(clients, roots, strict=True)))
    fulls = server.records.packages("kind = 'portion'", {}, "catalog")
    assert len(fulls) == 100
    for package in fulls:
        content = (server.service.packages / str(package.directory) / "import0_1.xml").read_text()
        assert f"<Ид>{package.catalog}</Ид>" in content


# --- the server


def test_an_address_without_a_path_is_the_one_that_1c_asks_for(server):
    client = Client(f"http://127.0.0.1:{server.port}", USER, PASSWORD)
    client.check()
    client.close()


def test_another_address_says_where_the_exchange_is(server):
    status, _, body = server.raw("GET", "/index.php")
    assert (status, body.decode()) == (404, f"failure\n{words.ABSENT}")


def test_answers_are_in_windows_1251_where_a_setting_says_so(start):
    server = start(charset="windows-1251")
    _, headers, body = server.raw("GET", CHECK)
    assert headers["content-type"] == "text/plain; charset=windows-1251"
    assert body.decode("windows-1251") == f"failure\n{words.NO_HEADER}"


def test_health_is_that_of_the_database(server):
    assert server.raw("GET", "/healthz")[0] == 200


def test_a_database_that_is_away_is_told(server):
    session = server.log_in()
    there = server.service.records
    server.service.records = Records("postgresql://nobody@127.0.0.1:1/nothing")
    assert server.ask(session, "mode=init") == f"failure\n{words.NO_DATABASE}"
    assert server.raw("GET", "/healthz")[0] == 503
    server.service.records = there
    assert server.raw("GET", "/healthz")[0] == 200


def test_a_session_goes_on_when_the_database_is_back(server, server_url):
    session, body = server.log_in(), goods(*map(str, range(20))).encode()
    assert server.ask(session, "mode=file&filename=import0_1.xml", body[:1000]) == "success"
    name = urlsplit(server.records.url).path.removeprefix("/")
    with connect(server_url) as postgres:
        postgres.execute(f'alter database "{name}" with allow_connections false')
        postgres.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        assert server.ask(session, "mode=import&filename=import0_1.xml") == f"failure\n{words.NO_DATABASE}"
        assert said(server, CHECK, **basic()) == f"failure\n{words.NO_DATABASE}"
        postgres.execute(f'alter database "{name}" with allow_connections true')
    for piece in (body[1000:2000], body[2000:]):
        assert server.ask(session, "mode=file&filename=import0_1.xml", piece) == "success"
    assert server.ask(session, "mode=import&filename=import0_1.xml") == "success"
    assert (server.service.packages / "2" / "import0_1.xml").read_bytes() == body


@pytest.mark.slow
def test_ten_thousand_files_in_one_session_are_all_there(server):
    client = server.client()
    client.check()
    client.init()
    for number in range(10_000):
        told = client.ask(
            f"type=catalog&mode=file&filename=import_files/{number % 100:02}/{number}.jpg", b"%d" % number
        )
        assert told.text == "success"
    client.ask("type=catalog&mode=file&filename=import0_1.xml", goods("1").encode())
    assert client.let_import("import0_1.xml")
    images = server.service.packages / "2" / "import_files"
    assert {path.name: path.read_bytes() for path in images.rglob("*.jpg")} == {
        f"{number}.jpg": b"%d" % number for number in range(10_000)
    }


def test_a_defect_has_a_number_that_stands_in_the_log(server, connection, caplog):
    connection.execute("drop table onec.exchange_logins")
    answer = said(server, CHECK, **basic())
    number = re.fullmatch(
        r"failure\nВнутренняя ошибка сервера, номер ([0-9a-f]{8})\. Сообщите его администратору сайта\.", answer
    )
    assert number
    assert f"defect {number[1]}" in caplog.text


def test_a_message_is_what_the_client_of_1c_shows(server):
    with pytest.raises(ExchangeError, match="Сеанс обмена не найден или истёк"):
        server.client().send("a.xml", Path(__file__), 10**6)

"""What no 1C sends: requests that are none, or lie. Each is answered, or hung up on; none is a defect."""

import socket
from contextlib import suppress

import pytest

from onec_pipelines.exchange import words
from onec_pipelines.exchange.client import files_of
from onec_pipelines_tests.exchange.conftest import PASSWORD, USER, basic, goods

CHECK = "/1c_exchange?type=catalog&mode=checkauth"
FILE = "POST /1c_exchange?type=catalog&mode=file&filename=import_files/a.jpg HTTP/1.1"


@pytest.fixture(autouse=True)
def unharmed(server, export, caplog):
    """Afterwards 1C comes through, and the log has no defect."""
    yield
    root = export({"import0_1.xml": goods("1")}, "afterwards")
    assert server.client().session(root, files_of(root))
    assert "defect" not in caplog.text


def sent(server, *lines: str, body: bytes = b"") -> str:
    """The answer to raw lines: status line, headers and text; empty where it hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "Host: x", "Connection: close", "", ""]).encode("latin-1") + body)
        answer = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    return answer.decode("utf-8", "replace")


def headers(session: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in session.items()]


@pytest.mark.parametrize("user", ["a\0b", "x" * 5000, "\ud7ff\uffff", "' or 1=1 --"])
def test_a_user_of_any_characters_has_a_wrong_name(server, user):
    assert server.raw("GET", CHECK, **basic(user))[2].decode() == f"failure\n{words.WRONG_LOGIN}"


def test_a_password_of_any_characters_is_wrong(server):
    for password in ("\0", "x" * 10_000, PASSWORD + "\0"):
        assert server.raw("GET", CHECK, **basic(USER, password))[2].decode() == f"failure\n{words.WRONG_LOGIN}"


@pytest.mark.parametrize(
    "cookie", ["onec_exchange=\xff\xfe", "; ; =;", "onec_exchange=a; " * 500, 'onec_exchange="\\"']
)
def test_an_odd_cookie_is_no_session(server, cookie):
    said = sent(server, "GET /1c_exchange?type=catalog&mode=init HTTP/1.1", *headers(basic()), f"Cookie: {cookie}")
    assert said.endswith(f"failure\n{words.NO_SESSION}")


@pytest.mark.parametrize(
    "stated",
    [
        ["Content-Length: 5", "Content-Length: 3"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
        ["Content-Length: 5x"],
        ["Transfer-Encoding: gzip"],
        ["X: " + "y" * 200_000],
        ["Content-Length: " + "9" * 5000],
    ],
    ids=["two lengths", "negative", "signed", "no number", "another encoding", "huge header", "huge length"],
)
def test_a_request_that_is_none_keeps_nothing(server, stated):
    said = sent(server, FILE, *headers(server.log_in()), *stated, body=b"12345")
    assert "success" not in said
    assert server.kept() == []


def test_a_length_that_no_disk_has_is_refused_before_the_body_comes(server):
    said = sent(server, FILE, *headers(server.log_in()), "Content-Length: 99999999999999999999", body=b"12345")
    assert "Часть файла больше разрешённого" in said
    assert server.kept() == []


def test_a_chunked_body_that_breaks_off_is_no_part_of_its_file(server):
    sent_ = [FILE, *headers(server.log_in()), "Transfer-Encoding: chunked"]
    assert "success" not in sent(server, *sent_, body=b"5\r\n12345\r\nzz\r\n")
    assert server.kept() in ([], ["journal"])


@pytest.mark.parametrize(
    "name", ["a%00.xml", "a%0A.xml", "a%1B[31m.xml", "%E2%80%AEgpj.xml", "..%5C..%5Cx.xml", "%FF%FE"]
)
def test_a_name_with_what_steers_a_terminal_or_a_path_is_refused_or_shown_as_text(server, name, caplog):
    said = server.ask(server.log_in(), f"mode=file&filename={name}", b"1")
    assert not set("\0\x1b\u202e\r") & set(said + caplog.text)


def test_a_flood_of_parameters_is_a_command_like_another(server):
    said = server.raw("GET", "/1c_exchange?" + "a=1&" * 10_000 + "type=x&mode=y", **basic())[2].decode()
    assert said == "failure\nНеизвестная команда: type=x, mode=y."


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_another_method_does_nothing(server, method):
    status, _, _ = server.raw(method, "/1c_exchange?type=catalog&mode=file&filename=a.xml", b"1", **server.log_in())
    assert status == 405
    assert server.kept() == []

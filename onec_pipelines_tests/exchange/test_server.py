"""A server, real sockets, and 1C on the other side."""

import psycopg
import pytest

from onec_pipelines.exchange.client import ExchangeError, files_of, portions_of
from onec_pipelines_tests.exchange.conftest import DAY1, DAY2, basic, goods


def packages(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Kind, state, catalogue, date and number of files of each package."""
    return connection.execute(
        "select kind, state, catalog, exported_at, files from onec.exchange_packages order by id"
    ).fetchall()


def land(connection: psycopg.Connection, state: str = "landed", message: str = "") -> None:
    """What a run does to what is sealed."""
    connection.execute(
        "update onec.exchange_packages set state = %s, message = %s, run_id = '1a2b3c4d5e', ended_at = now() "
        "where state in ('sealed', 'running')",
        [state, message],
    )


def test_a_login_is_answered_in_five_lines_without_a_newline_at_the_end(server):
    status, headers, body = server.raw("GET", "/1c_exchange?type=catalog&mode=checkauth", **basic())
    lines = body.decode().split("\n")
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert headers["content-length"] == str(len(body))
    assert lines[:2] == ["success", "onec_exchange"]
    assert len(lines) == 5
    assert lines[3].startswith("sessid=")
    assert lines[4].startswith("timestamp=")


def test_a_session_of_changes_waits_for_its_run_and_then_succeeds(server, export, connection):
    client, root = server.client(), export({"import0_1.xml": goods("1", changes=True)})
    client.check()
    is_zip, limit = client.init()
    assert (is_zip, limit) == (True, 1000)
    client.send("import0_1.xml", root / "import0_1.xml", limit)
    assert client.ask("type=catalog&mode=import&filename=import0_1.xml").text == (
        "progress\nВыгрузка принята и ждёт загрузки."
    )
    assert packages(connection) == [("changes", "sealed", "cat-1", DAY1, 1)]
    land(connection)
    assert client.ask("type=catalog&mode=import&filename=import0_1.xml").text == "success"


def test_a_run_that_failed_is_told_with_its_number_and_told_again(server, export, connection):
    client, root = server.client(), export({"import0_1.xml": goods("1", changes=True), "offers0_1.xml": goods("2")})
    client.check()
    client.init()
    client.send("import0_1.xml", root / "import0_1.xml", 1000)
    client.ask("type=catalog&mode=import&filename=import0_1.xml")
    land(connection, "failed", "Каталог товаров пуст.")
    for name in ("import0_1.xml", "import0_1.xml"):
        assert client.ask(f"type=catalog&mode=import&filename={name}").text == (
            "failure\nКаталог товаров пуст. Запуск 1a2b3c4d."
        )


def test_a_full_export_in_portions_is_sealed_as_a_whole_by_the_next_key(server, export, connection):
    root = export(
        {
            "import0_1.xml": goods("1", "2"),
            "import0_2.xml": goods("3", changes=True),
            "import_files/ab/p.jpg": b"picture",
        }
    )
    for files in portions_of(files_of(root)):
        assert server.client().session(root, files)
    assert [row[:2] for row in packages(connection)] == [("full", "open"), ("portion", "open"), ("portion", "open")]
    later = export({"import0_1.xml": goods("1", date=DAY2, changes=True)}, "later")
    client = server.client()
    client.check()
    client.init()
    client.send("import0_1.xml", later / "import0_1.xml", 1000)
    assert client.ask("type=catalog&mode=import&filename=import0_1.xml").word == "progress"
    assert packages(connection) == [
        ("full", "sealed", "cat-1", DAY1, 3),
        ("portion", "merged", "cat-1", DAY1, 2),
        ("portion", "merged", "cat-1", DAY1, 1),
        ("changes", "sealed", "cat-1", DAY2, 1),
    ]
    full = server.service.packages / "1"
    assert sorted(path.name for path in full.rglob("*") if path.is_file()) == [
        ".manifest.json", "import0_1.xml", "import0_2.xml", "p.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_arrives_is_what_was_sent(start, export, is_zip):
    server = start(is_zip=is_zip)
    picture = bytes(range(256)) * 20
    root = export({"import0_1.xml": goods(*map(str, range(50))), "import_files/ab/a.b.jpg": picture})
    assert server.client().session(root, files_of(root))
    package = server.service.packages / "2"
    assert (package / "import0_1.xml").read_bytes() == (root / "import0_1.xml").read_bytes()
    assert (package / "import_files" / "ab" / ("a.b.jpg" if is_zip else "a.b")).read_bytes() == picture
    assert server.kept() == []


def test_wrong_words_are_told_and_after_five_of_them_a_wait(server):
    wrong = server.client()
    wrong.password = "other"
    for _ in range(5):
        with pytest.raises(ExchangeError, match="Неверное имя пользователя или пароль"):
            wrong.check()
    with pytest.raises(ExchangeError, match=r"Слишком много неудачных попыток входа. Повторите через \d+ с."):
        wrong.check()

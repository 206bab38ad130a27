"""A server, real sockets, and 1C on the other side."""

import time

import psycopg
import pytest

from onec_pipelines.exchange.client import ExchangeError, files_of, portions_of
from onec_pipelines_tests.exchange.conftest import DAY1, DAY2, basic, goods, offers


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


def test_a_later_portion_with_a_date_of_its_own_does_not_end_a_full_export(server, export, connection):
    root = export({"import0_1.xml": goods("1", "2"), "import0_2.xml": goods("3", date=DAY2, changes=True)})
    for files in portions_of(files_of(root)):
        assert server.client().session(root, files)
    assert [row[:2] for row in packages(connection)] == [("full", "open"), ("portion", "open"), ("portion", "open")]


def test_offers_that_name_no_catalogue_are_portions_of_the_full_export_of_their_date(server, export, connection):
    root = export(
        {
            "import0_1.xml": goods("1"),
            "offers0_1.xml": offers("1"),
            "offers0_2.xml": offers("2", date=DAY2, changes=True),
        }
    )
    for files in portions_of(files_of(root)):
        assert server.client().session(root, files)
    assert [row[:2] for row in packages(connection)] == [("full", "open"), *[("portion", "open")] * 3]


def test_changes_that_name_no_catalogue_come_after_the_full_export_before_them(server, export, connection):
    root = export({"import0_1.xml": goods("1"), "offers0_1.xml": offers("1", date=DAY2, changes=True)})
    for files in portions_of(files_of(root)):
        server.client(asks_import=False).session(root, files)
        for session in server.records.quiet_sessions(-1):
            server.service.seal(session)
    assert [row[:2] for row in packages(connection)] == [
        ("full", "sealed"),
        ("portion", "merged"),
        ("changes", "sealed"),
    ]


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


def test_what_is_never_asked_to_be_imported_is_sealed_after_a_quiet_time(start, export, connection, wait_until):
    server = start(quiet=1)
    root = export({"import0_1.xml": goods("1", changes=True)})
    assert server.client(asks_import=False).session(root, files_of(root))
    assert packages(connection) == []
    wait_until(lambda: packages(connection) == [("changes", "sealed", "cat-1", DAY1, 1)], 15)


def test_a_full_export_is_over_when_nothing_has_come_for_long_enough(start, export, connection, wait_until):
    server = start(settle=1)
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    wait_until(lambda: packages(connection)[0][:2] == ("full", "sealed"), 15)


@pytest.mark.parametrize("mode", ["complete", "deactivate"])
def test_a_full_export_is_over_when_1c_says_so(server, export, connection, mode):
    root = export({"import0_1.xml": goods("1")})
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", (root / "import0_1.xml").read_bytes())
    assert server.ask(session, "mode=import&filename=import0_1.xml") == "success"
    assert server.ask(session, f"mode={mode}&timestamp=1") == "success"
    assert packages(connection)[0][:2] == ("full", "sealed")


PARTS = {
    "goods/goods_1.xml": goods("1"),
    "offers/offers_1.xml": offers("1"),
    "prices/prices_1.xml": offers("1"),
    "rests/rests_1.xml": offers("1"),
}


@pytest.mark.parametrize("mode", ["complete", "deactivate"])
def test_a_full_export_of_3_1_that_lacks_a_directory_is_told_in_the_words_of_the_preflight(server, connection, mode):
    session = server.log_in()
    for name in ("goods/goods_1.xml", "offers/offers_1.xml"):
        server.ask(session, f"mode=file&filename={name}", PARTS[name].encode())
    assert (
        server.ask(session, "mode=import&filename=goods/goods_1.xml") == "success"
    )  # more may come in a later session
    told = (
        f"failure\nОтсутствуют обязательные поддиректории в {server.service.packages / '1'}: prices, rests. "
        "Убедитесь, что данные выгружены из 1С в правильной структуре."
    )
    assert server.ask(session, f"mode={mode}&timestamp=1") == told
    assert server.ask(session, "mode=complete") == told
    assert [row[:2] for row in packages(connection)] == [("full", "failed"), ("portion", "merged")]


def test_what_a_full_export_of_3_1_lacks_may_come_in_a_later_session(server, connection):
    for name, content in PARTS.items():
        session = server.log_in()
        server.ask(session, f"mode=file&filename={name}", content.encode())
        assert server.ask(session, f"mode=import&filename={name}") == "success"
    assert server.ask(session, "mode=complete") == "success"
    assert packages(connection)[0][:2] == ("full", "sealed")


def test_a_full_export_of_goods_alone_is_one_where_its_files_lie_beside_each_other(server, connection):
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", goods("1").encode())
    assert server.ask(session, "mode=complete") == "success"
    assert packages(connection)[0][:2] == ("full", "sealed")


def test_what_cannot_be_imported_is_told_where_1c_asks_for_no_import_first(server, connection):
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", b"<a")
    assert server.ask(session, "mode=complete").startswith("failure\nФайл import0_1.xml не читается как XML")
    assert packages(connection) == []


def test_a_run_of_a_portion_that_failed_is_told_when_1c_says_that_it_is_done(server, connection):
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", goods("1").encode())
    server.ask(session, "mode=import&filename=import0_1.xml")
    connection.execute("update onec.exchange_packages set state = 'sealed' where kind = 'portion'")
    land(connection, "failed", "Каталог товаров пуст.")
    assert server.ask(session, "mode=complete") == "failure\nКаталог товаров пуст. Запуск 1a2b3c4d."


def test_a_run_of_another_portion_that_failed_is_told_when_1c_says_that_it_is_done(server, connection):
    for number in "12":
        session = server.log_in()
        server.ask(session, f"mode=file&filename=import0_{number}.xml", goods(number).encode())
        assert server.ask(session, f"mode=import&filename=import0_{number}.xml") == "success"
    connection.execute(
        "update onec.exchange_packages set state = 'failed', message = 'Диск полон.', run_id = '1a2b3c4d5e', "
        "ended_at = now() where id = (select min(id) from onec.exchange_packages where kind = 'portion')"
    )
    assert server.ask(session, "mode=complete") == "failure\nДиск полон. Запуск 1a2b3c4d."


def test_a_full_export_is_over_when_orders_are_asked_for(server, export, connection):
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    server.client().check("sale")
    assert packages(connection)[0][:2] == ("full", "sealed")


def test_a_full_export_that_broke_off_takes_nothing_away(server, export, connection):
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    session = server.log_in()
    server.ask(session, "mode=file&filename=shell.php", b"1")
    server.service.end_fulls(server.service.settings.user)
    assert [row[:2] for row in packages(connection)] == [("full", "failed"), ("portion", "sealed")]


def test_another_catalogue_does_not_end_a_full_export(server, export, connection):
    for number, catalog in enumerate(("cat-1", "cat-2")):
        root = export({"import0_1.xml": goods("1", catalog=catalog)}, str(number))
        server.client().session(root, files_of(root))
    assert [row[:2] for row in packages(connection) if row[0] == "full"] == [("full", "open")] * 2


def test_a_progress_is_held_back_until_there_is_something_to_say(start, export):
    server = start(hold=2.0)
    client, root = server.client(), export({"import0_1.xml": goods("1", changes=True)})
    client.check()
    client.init()
    client.send("import0_1.xml", root / "import0_1.xml", 1000)
    began = time.monotonic()
    assert client.ask("type=catalog&mode=import&filename=import0_1.xml").word == "progress"
    assert 1.0 < time.monotonic() - began < 4.0


def test_a_progress_says_how_far_the_run_is(server, export, connection):
    client, root = server.client(), export({"import0_1.xml": goods("1", changes=True)})
    client.check()
    client.init()
    client.send("import0_1.xml", root / "import0_1.xml", 1000)
    client.ask("type=catalog&mode=import&filename=import0_1.xml")
    connection.execute("update onec.exchange_packages set state = 'running', progress = '120/800'")
    assert client.ask("type=catalog&mode=import&filename=import0_1.xml").rest == "Загружается: 120 из 800."


def test_who_has_waited_for_too_long_is_told_that_nothing_is_lost(start, export):
    server = start(wait=1, hold=2.0)
    client, root = server.client(), export({"import0_1.xml": goods("1", changes=True)})
    assert not client.session(root, files_of(root))
    assert client.message.startswith("Выгрузка принята и сохранена, но за 1 мин не загружена.")


def test_files_after_an_import_are_another_package(server, connection):
    session = server.log_in()
    for number in "12":
        server.ask(session, f"mode=file&filename=import{number}.xml", goods(number).encode())
        assert server.ask(session, f"mode=import&filename=import{number}.xml") == "success"
    assert [row[0] for row in packages(connection)] == ["full", "portion", "portion"]


def test_a_server_that_was_started_again_goes_on_with_the_session(start):
    first = start()
    session = first.log_in()
    body = goods(*map(str, range(20))).encode()
    assert first.ask(session, "mode=file&filename=import0_1.xml", body[:1000]) == "success"
    second = start()
    assert second.ask(session, "mode=file&filename=import0_1.xml", body[1000:2000]) == "success"
    assert second.ask(session, "mode=file&filename=import0_1.xml", body[2000:]) == "success"
    assert second.ask(session, "mode=import&filename=import0_1.xml") == "success"
    assert (second.service.packages / "2" / "import0_1.xml").read_bytes() == body


def test_old_packages_are_removed_but_for_the_newest_full_one(server, export, connection):
    for day in ("01", "02", "03"):
        root = export({"import0_1.xml": goods("1", date=f"2026-11-{day}T10:00:00")}, day)
        server.client().session(root, files_of(root))
    server.service.end_fulls(server.service.settings.user)
    land(connection)
    connection.execute("update onec.exchange_packages set ended_at = now() - interval '8 days'")
    server.service.remove_old()
    assert [path.name for path in server.service.packages.iterdir()] == ["5"]
    assert server.records.find_package(5).kind == "full"


def test_a_slow_body_is_no_quiet_time(start, connection):
    server = start(quiet=3, chunk=10_000)
    session = server.log_in()
    assert server.ask(session, "mode=file&filename=import_files/a.jpg", b"1") == "success"

    def slowly():
        for number in range(7):
            time.sleep(1)
            yield str(number).encode()

    assert server.ask(session, "mode=file&filename=import.xml", slowly()) == "success"
    assert packages(connection) == []


def test_what_comes_after_a_quiet_time_is_not_lost(start, connection, wait_until):
    server = start(quiet=1)
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", goods("1", changes=True).encode())
    wait_until(lambda: packages(connection), 15)
    server.ask(session, "mode=file&filename=import0_2.xml", goods("2", changes=True).encode())
    wait_until(lambda: len(packages(connection)) == 2, 15)


def test_a_full_export_is_closed_again_where_a_server_was_killed_before_anybody_knew(server, export, connection):
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    left = server.service.packages / "1"
    left.mkdir()
    (left / "half.xml").write_text("<")
    server.service.end_fulls(server.service.settings.user)
    assert packages(connection)[0][:2] == ("full", "sealed")
    assert sorted(path.name for path in left.iterdir()) == [".manifest.json", "import0_1.xml"]

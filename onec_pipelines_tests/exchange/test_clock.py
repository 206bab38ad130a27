"""A clock that is set between two requests: all that was is on record as of another time."""

import os

import pytest

from onec_pipelines.exchange import service
from onec_pipelines.exchange.client import files_of
from onec_pipelines_tests.exchange.conftest import DAY2, basic, goods

TIMES = {
    "exchange_sessions": ["opened_at", "seen_at"],
    "exchange_packages": ["received_at", "touched_at", "sealed_at", "ended_at"],
    "exchange_logins": ["failed_at"],
}
CHECK = "/1c_exchange?type=catalog&mode=checkauth"


@pytest.fixture
def set_clock(connection):
    """Set the clock of the database on, or back, by so many hours."""

    def change(hours: int) -> None:
        for table, columns in TIMES.items():
            moved = ", ".join(f"{column} = {column} - make_interval(hours => {hours})" for column in columns)
            connection.execute(f"update onec.{table} set {moved}".encode())

    return change


@pytest.fixture
def every_look(monkeypatch):
    """Nothing that is known of a session is believed without a look at its row."""
    monkeypatch.setattr(service, "TRUSTED_SECONDS", 0.0)


@pytest.mark.usefixtures("every_look")
@pytest.mark.parametrize("hours", [3, -3])
def test_a_session_goes_on_and_its_file_is_whole(start, set_clock, hours):
    server = start(quiet=60)
    session, body = server.log_in(), goods(*map(str, range(20)), changes=True).encode()
    assert server.ask(session, "mode=file&filename=import0_1.xml", body[:1000]) == "success"
    set_clock(hours)
    server.service.tidy()
    assert server.ask(session, "mode=file&filename=import0_1.xml", body[1000:2000]) == "success"
    assert server.ask(session, "mode=file&filename=import0_1.xml", body[2000:]) == "success"
    server.ask(session, "mode=import&filename=import0_1.xml")
    assert (server.service.packages / "1" / "import0_1.xml").read_bytes() == body


@pytest.mark.parametrize("hours", [3, -3])
def test_a_full_export_is_not_over_between_two_portions(start, set_clock, export, hours):
    server = start(quiet=60, settle=600)
    for number in (1, 2):
        root = export({f"import0_{number}.xml": goods(str(number), changes=number > 1)}, str(number))
        assert server.client().session(root, files_of(root))
        server.service.tidy()
        set_clock(hours)
        server.service.tidy()
    full, *portions = server.records.packages("true", {}, "id")
    assert (full.kind, full.state) == ("full", "open")
    assert {portion.full_id for portion in portions} == {full.id}


@pytest.mark.parametrize("hours", [3, -3])
def test_a_full_export_is_over_when_nothing_more_has_come(start, set_clock, export, wait_until, hours):
    server = start(settle=3)
    root = export({"import0_1.xml": goods("1")})
    server.client().session(root, files_of(root))
    set_clock(hours)
    wait_until(lambda: server.records.packages("kind = 'full' and state = 'sealed'", {}), 20)


def test_what_is_never_asked_to_be_imported_is_sealed_though_the_clock_was_set_back(start, set_clock, wait_until):
    server = start(quiet=1)
    session = server.log_in()
    server.ask(session, "mode=file&filename=import0_1.xml", goods("1", changes=True).encode())
    set_clock(-3)
    wait_until(lambda: server.records.packages("state = 'sealed'", {}), 20)


def test_nobody_waits_for_hours_because_the_clock_was_set_back(server, set_clock):
    for _ in range(5):
        server.raw("GET", CHECK, **basic("somebody", "wrong"))
    set_clock(-3)
    server.service.tidy()
    told = server.raw("GET", CHECK, **basic("somebody", "wrong"))[2].decode()
    assert int("".join(filter(str.isdecimal, told))) <= 60


def test_a_server_that_stood_still_for_days_loses_nothing_that_was_answered_with_success(start, set_clock):
    first = start()
    session = first.log_in()
    body = goods("1", date=DAY2, changes=True).encode()
    assert first.ask(session, "mode=file&filename=import0_1.xml", body) == "success"
    set_clock(72)
    for part in first.service.incoming.iterdir():
        os.utime(part, (0, 0))
    second = start()
    second.service.remove_old()
    second.service.tidy()
    (package,) = second.records.packages("true", {})
    assert (second.service.packages / str(package.directory) / "import0_1.xml").read_bytes() == body

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import binaries, embedded

AS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not AS_ROOT, reason="only root can be several users")
START = """
import pathlib, sys
from onec_pipelines.postgres import embedded
print(embedded.start(pathlib.Path(sys.argv[1])))
"""
KILL_AND_START_AGAIN = """
import ctypes, os, pathlib, signal, sys
from onec_pipelines.postgres import embedded

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
home = pathlib.Path(sys.argv[1])
embedded.start(home)
pid = int((embedded.data_directory(home) / "postmaster.pid").read_text().splitlines()[0])
os.kill(pid, signal.SIGKILL)
embedded.start(home)
assert pathlib.Path(f"/proc/{pid}").exists()
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A home with a server, for tests that only look."""
    directory = tmp_path_factory.mktemp("running")
    yield directory / "home", embedded.start(directory / "home")
    embedded.stop(directory / "home")
    shutil.rmtree(embedded.data_directory(directory / "home"))


def ask(url: str, question: str) -> object:
    with connect(url) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def refusal(home: Path, options: dict[str, str] | None = None) -> str:
    with pytest.raises(DatabaseError) as caught:
        embedded.start(home, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def postmaster(home: Path) -> int:
    return int((embedded.data_directory(home) / "postmaster.pid").read_text().splitlines()[0])


def socket_directory(url: str) -> Path:
    return Path(url.partition("host=")[2].partition("&")[0])


def owner_of_servers() -> tuple[int, int]:
    account = binaries.server_account()
    return (account.uid, account.gid) if account else (os.geteuid(), os.getegid())


def become(account: binaries.Account) -> None:
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)


def foreign_cluster(home: Path, version: str) -> Path:
    data = home / "postgres"
    data.mkdir(parents=True, mode=0o700)
    (data / "PG_VERSION").write_text(f"{version}\n")
    os.chown(data, *owner_of_servers())
    return data


def test_starting_twice_gives_the_same_url(running):
    home, url = running
    pid = postmaster(home)
    assert embedded.start(home) == url
    assert postmaster(home) == pid


def test_the_database_is_utf8_sorted_by_no_language_in_utc_and_durable(running):
    _, url = running
    assert ask(url, "select getdatabaseencoding()") == "UTF8"
    assert ask(url, "select datlocale from pg_database where datname = current_database()") == "C.UTF-8"
    assert ask(url, "select upper('ёж')") == "ЁЖ"
    assert ask(url, "show timezone") == "UTC"
    assert ask(url, "show fsync") == "on"


def test_the_only_way_in_is_a_private_socket_with_a_short_path(running):
    _, url = running
    directory = socket_directory(url)
    assert ask(url, "show listen_addresses") == ""
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert directory.stat().st_uid == owner_of_servers()[0]
    assert len(os.fsencode(directory / ".s.PGSQL.5432.lock")) <= 107


def test_all_local_state_is_private(running):
    home, _ = running
    data = embedded.data_directory(home)
    for path in (home / "postgres.lock", data, data / "server.log", data / "postgresql.conf"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_server_has_a_session_of_its_own_so_that_ctrl_c_spares_it(running):
    home, _ = running
    assert os.getsid(postmaster(home)) == postmaster(home)


def test_a_failed_statement_is_not_repeated_in_the_log(running):
    home, url = running
    with connect(url) as connection:
        connection.execute("create temp table numbers (number integer)")
        connection.execute("create temp table texts as select 'Иванов' as text")
        with pytest.raises(psycopg.DataError, match="Иванов"):
            connection.execute("insert into numbers select text::integer from texts -- Петров")
    log = (embedded.data_directory(home) / "server.log").read_text()
    assert "Иванов" not in log
    assert "Петров" not in log


def test_variables_of_the_environment_for_postgresql_change_nothing(home, monkeypatch):
    for name, value in {"PGPORT": "6543", "PGHOST": "nowhere", "PGDATA": "/nowhere", "PGUSER": "nobody"}.items():
        monkeypatch.setenv(name, value)
    assert ask(embedded.start(home), "select current_user::text") == "onec"


def test_a_killed_server_is_started_again_with_its_data(home):
    url = embedded.start(home)
    with connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
        os.kill(postmaster(home), signal.SIGKILL)
    assert embedded.start(home) == url
    assert ask(url, "select answer from kept") == 42


def test_a_killed_server_that_nobody_reaps_is_started_again(home):
    # As in a container whose first process reaps nobody: the dead postmaster stays in the process table.
    subprocess.run([sys.executable, "-c", KILL_AND_START_AGAIN, str(home)], check=True, timeout=30)
    assert embedded.is_running(home)


def test_a_lock_file_whose_process_is_another_program_by_now_is_no_server(home):
    url = embedded.start(home)
    embedded.stop(home)
    uid, gid = owner_of_servers()
    with subprocess.Popen(["sleep", "60"], user=uid, group=gid, extra_groups=[] if AS_ROOT else None) as other:
        lock = embedded.data_directory(home) / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{lock.parent}\n1\n5432\n\n\n\n")
        assert embedded.start(home) == url
        other.kill()


def test_a_server_that_still_runs_elsewhere_over_the_same_files_is_not_disturbed(home, monkeypatch):
    url = embedded.start(home)
    pid = postmaster(home)
    moved = home.with_name("moved")
    home.rename(moved)  # its socket is found by the path, so it cannot be found any more
    monkeypatch.setattr(embedded, "START_SECONDS", 0)
    assert "does not start: " in (said := refusal(moved))
    assert "end the PostgreSQL that still runs over that directory" in said
    assert postmaster(moved) == pid
    assert ask(url, "select 1") == 1
    embedded.stop(moved)
    moved.rename(home)


def test_a_home_deleted_under_its_server_gets_a_new_cluster(home):
    url = embedded.start(home)
    with connect(url) as connection:
        connection.execute("create table gone ()")
    shutil.rmtree(home)
    assert embedded.start(home) == url
    assert ask(url, "select to_regclass('gone')") is None


def test_two_processes_at_once_get_the_same_url(home):
    command = [sys.executable, "-c", START, str(home)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    urls = {process.communicate(timeout=60)[0].strip() for process in both}
    assert urls == {embedded.start(home)}


def test_a_server_outlives_the_process_that_started_it_and_stops_only_when_told(home):
    subprocess.run([sys.executable, "-c", START, str(home)], check=True, stdout=subprocess.DEVNULL)
    assert embedded.is_running(home)
    directory = socket_directory(embedded.start(home))
    embedded.stop(home)
    assert not embedded.is_running(home)
    assert not directory.exists()
    embedded.stop(home)


def test_stopping_ends_connections(home):
    with connect(embedded.start(home)) as connection:
        embedded.stop(home)
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            connection.execute("select 1")


def test_a_home_that_is_not_there_is_not_running_and_not_made_by_looking(home):
    assert not embedded.is_running(home)
    embedded.stop(home)
    assert not home.exists()


def test_an_empty_home_is_not_running(home):
    home.mkdir()
    assert not embedded.is_running(home)


def test_what_a_killed_initdb_left_is_made_anew(home):
    unfinished = home / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    embedded.start(home)
    assert embedded.is_running(home)
    assert not unfinished.exists()


def test_an_initdb_that_fails_leaves_no_cluster(home, monkeypatch):
    monkeypatch.setitem(embedded.CLUSTER_SETTINGS, "max_connections", "many")
    said = refusal(home)
    assert said.startswith("The embedded PostgreSQL cannot be made in ")
    assert not (home / "postgres").exists()


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(home):
    began = time.monotonic()
    said = refusal(home, {"shared_buffers": "nonsense"})
    assert 'does not start: FATAL:  invalid value for parameter "shared_buffers": "nonsense"' in said
    assert f"(log: {embedded.data_directory(home) / 'server.log'}); correct that, or set ONEC_DATABASE_URL" in said
    assert time.monotonic() - began < embedded.START_SECONDS
    embedded.start(home, {"fsync": "off"})


@pytest.mark.parametrize("version", ["15", "19"])
def test_a_cluster_of_another_major_version_is_refused_and_not_touched(home, version):
    data = foreign_cluster(home, version)
    said = refusal(home)
    assert f"{data} is a cluster of PostgreSQL {version}, and the one installed here is 18" in said
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_directory_with_something_else_in_it_is_not_touched(home):
    data = foreign_cluster(home, "18")
    (data / "PG_VERSION").rename(data / "notes.txt")
    assert "is not a PostgreSQL cluster and not empty" in refusal(home)
    assert [path.name for path in data.iterdir()] == ["notes.txt"]


def test_a_link_to_a_cluster_that_is_gone_is_not_replaced_by_an_empty_one(home):
    home.mkdir()
    (home / "postgres").symlink_to("/nowhere/cluster")
    assert "links to /nowhere/cluster, which is gone" in refusal(home)


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    assert f"The embedded PostgreSQL of {tmp_path / 'file/home'} cannot be used: " in refusal(tmp_path / "file/home")


def test_a_socket_directory_that_others_can_enter_is_refused(home):
    directory = socket_directory(embedded.start(home))
    embedded.stop(home)
    directory.mkdir()
    directory.chmod(0o755)
    try:
        assert f"{directory}, where the socket of the embedded PostgreSQL belongs, is not a private" in refusal(home)
        assert not embedded.is_running(home)
    finally:
        directory.rmdir()


@as_root
def test_a_socket_directory_of_another_user_is_refused(home):
    directory = socket_directory(embedded.start(home))
    embedded.stop(home)
    directory.mkdir(mode=0o700)
    os.chown(directory, 1, 1)
    try:
        assert "belongs to daemon: remove it" in refusal(home)
    finally:
        directory.rmdir()


@as_root
def test_for_root_an_unprivileged_user_runs_the_server(home):
    embedded.start(home)
    data = embedded.data_directory(home)
    assert data == home / "postgres"
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == owner_of_servers()[0] == data.stat().st_uid != 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o710


@as_root
def test_below_a_directory_closed_to_that_user_the_cluster_is_elsewhere_and_linked(home, monkeypatch):
    home.parent.chmod(0o700)
    shared = Path("/var/tmp") / home.parent.name
    monkeypatch.setattr(binaries, "SHARED", shared)
    try:
        url = embedded.start(home)
        assert embedded.data_directory(home).parent == shared
        assert (home / "postgres").is_symlink()
        assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
        assert embedded.start(home) == url
        embedded.stop(home)
        shutil.rmtree(home)
        assert embedded.start(home) == url
    finally:
        embedded.stop(home)
        shutil.rmtree(shared)


@as_root
def test_a_user_who_cannot_read_the_programs_gets_a_copy_that_only_root_can_change(tmp_path, monkeypatch):
    nobody = binaries.Account(65534, 65534)
    hidden = tmp_path / "site-packages"  # below pytest's own 0700 directory
    for name in (binaries.PACKAGE, binaries.LIBRARIES):
        shutil.copytree(binaries._wheel() / name, hidden / name)
    shared = Path("/var/tmp") / f"onec-test-{os.getpid()}"
    monkeypatch.setattr(binaries, "SHARED", shared)
    monkeypatch.setattr(binaries, "_wheel", lambda: hidden)
    try:
        for _ in range(2):
            assert "PostgreSQL" in binaries.run("postgres", "--version", account=nobody).stdout
            assert "PostgreSQL" in binaries.run("psql", "--version", account=nobody).stdout
        (copy,) = shared.iterdir()
        assert not any(path.stat().st_uid or path.stat().st_mode & 0o022 for path in (copy, *copy.rglob("*")))
        copy.chmod(0o777)
        with pytest.raises(DatabaseError, match="nobody else can write to"):
            binaries.run("postgres", "--version", account=nobody)
    finally:
        shutil.rmtree(shared)


@as_root
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_an_ordinary_user_runs_its_own_server_which_root_can_use_and_start_again(home):
    nobody = binaries.Account(65534, 65534)
    if not binaries.allowed(nobody, binaries._wheel() / binaries.PACKAGE / "pginstall", binaries.READABLE):
        pytest.skip("the venv cannot be read by other users")
    home.mkdir()
    os.chown(home, nobody.uid, nobody.gid)
    child = os.fork()  # not a subprocess: the interpreter may stand below /root, where nobody could not start it
    if child == 0:
        try:
            become(nobody)
            embedded.start(home)
            embedded.stop(home)
            embedded.start(home)
            os._exit(0 if embedded.is_running(home) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == nobody.uid
    assert embedded.is_running(home)
    embedded.stop(home)
    assert ask(embedded.start(home), "select current_user::text") == "onec"
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == nobody.uid


@as_root
def test_a_cluster_of_root_is_refused(home):
    data = foreign_cluster(home, "18")
    os.chown(data, 0, 0)
    assert f"{data} belongs to the user root" in refusal(home)


# --- the URL, asked for with each connection


def answers(url: str) -> bool:
    with connect(url) as connection:
        return connection.execute("select true").fetchone() == (True,)


def test_the_url_starts_a_server_that_is_not_there(home):
    assert answers(embedded.url(home))


def test_the_url_of_a_server_that_answers_is_given_without_connecting_to_it(home):
    url = embedded.url(home)
    sessions = "select pg_stat_force_next_flush(), sessions from pg_stat_database where datname = current_database()"
    with connect(url) as connection:
        before = connection.execute(sessions).fetchone()
        assert [embedded.url(home) for _ in range(20)] == [url] * 20
        time.sleep(0.2)
        assert connection.execute(sessions).fetchone() == before


def test_a_server_that_was_stopped_is_started_again_by_who_asks_for_the_url(home):
    embedded.url(home)
    embedded.stop(home)
    assert answers(embedded.url(home))


def test_a_server_that_was_killed_is_started_again_some_seconds_later(home, monkeypatch):
    embedded.url(home)
    pid = int((embedded.data_directory(home) / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    monkeypatch.setattr(embedded, "ASKED_EVERY_SECONDS", 0.0)
    assert answers(embedded.url(home))

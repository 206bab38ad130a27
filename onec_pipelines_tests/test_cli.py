"""The command `onec` as people use it: exit codes, what is printed where, and never a traceback."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onec_pipelines import cli
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock, run_lock
from onec_pipelines.database.migrate import migrate
from onec_pipelines.demo import write_demo
from onec_pipelines.postgres import embedded
from onec_pipelines.settings import PROJECT_ROOT, Settings

Onec = Callable[..., Result]
CUT_XML = "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>g</Ид>"
DELIVERY = "insert into onec.exchange_packages (user_name, kind, state, catalog) values ('1c', 'changes', %s, '')"
HTML = "<!DOCTYPE html><html><head><title>502</title></head><body><br>Bad Gateway</body></html>"


@pytest.fixture(scope="session")
def written_demo(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("cli") / "import_1c"
    write_demo(directory)
    return directory


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "ONEC_DATA_DIR": str(settings.data_dir),
        "ONEC_DATABASE_URL": settings.database_url or "",
        "ONEC_MEDIA_URL": settings.media_url,
        "ONEC_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


@pytest.fixture(scope="module")
def shared_database_url(new_database) -> Iterator[str]:
    """One database for all tests of this module: Dagster needs a second to make its tables."""
    with new_database() as url:
        yield url


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """The database without a row of ours or of Dagster's."""
    migrate(shared_database_url)
    with connect(shared_database_url) as connection:
        tables = connection.execute(
            "select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables "
            "where schemaname in ('onec', 'dagster') "
            "and tablename not in ('schema_migrations', 'alembic_version', 'secondary_indexes')"
        ).fetchone()
        connection.execute(f"truncate {tables[0]} restart identity cascade")
    return shared_database_url


@pytest.fixture
def data_dir(settings: Settings, written_demo: Path) -> Path:
    """The demo export, a copy of which belongs to the test."""
    shutil.copytree(written_demo, settings.data_dir)
    return settings.data_dir


@pytest.fixture
def onec(settings: Settings, monkeypatch) -> Onec:
    """The command in this process: `onec("import", "all")`."""
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.main, arguments)

    return run


def refused(result: Result) -> str:
    """The one thing said on stderr by a command that failed for a reason, without the mark before it."""
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("✗ ")
    return line.removeprefix("✗ ")


def failed(result: Result) -> str:
    """What an import says that began and failed: its report, on stdout."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.stdout


def sessions(onec: Onec, *arguments: str) -> list[dict]:
    return json.loads(onec("sessions", "--json", *arguments).stdout)


# --- the commands there are


def test_the_commands_of_the_contract_are_there():
    assert cli.main.commands.keys() >= {"check", "import", "sessions", "demo", "migrate"}


def test_every_command_is_in_the_readme_and_every_command_of_the_readme_is_there():
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bonec ([a-z]+(?:-[a-z]+)?)\b", text)) == cli.main.commands.keys()


def test_the_help_cuts_nothing_and_fits_a_terminal_of_80_columns(onec):
    said = onec("--help").stdout
    assert max(map(len, said.splitlines())) <= 80
    together = re.sub(r"\s+", " ", said)
    for command in cli.main.commands.values():
        assert re.sub(r"\s+", " ", command.help.partition("\n\n")[0]) in together


def test_every_command_has_help(onec):
    for name in cli.main.commands:
        assert "Usage: main" in onec(name, "--help").stdout
        assert cli.main.commands[name].help


def test_an_unknown_type_lists_the_types(onec):
    result = onec("import", "everything")
    assert result.exit_code == 2
    assert "'all', 'catalog', 'stocks', 'prices', 'customers', 'images'" in result.stderr


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_a_number_from_one(onec, limit):
    assert onec("sessions", "--limit", limit).exit_code == 2


# --- check


def test_an_export_that_can_be_imported_is_said_so(onec, data_dir):
    result = onec("check")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"✓ {data_dir}: можно импортировать (all).\n", "")


def test_a_type_can_be_checked_alone(onec, data_dir):
    shutil.rmtree(data_dir / "contragents")
    assert onec("check").exit_code == 0
    assert refused(onec("check", "customers")) == (
        f"Директория контрагентов не найдена: {data_dir / 'contragents'}. Убедитесь, что данные выгружены из 1С."
    )


@pytest.mark.usefixtures("data_dir")
def test_what_needs_products_cannot_be_imported_first(onec):
    assert refused(onec("check", "prices")).endswith("каталог товаров пуст. Сначала импортируйте полный каталог.")


def test_all_problems_are_listed(onec, data_dir):
    shutil.rmtree(data_dir / "rests")
    result = onec("check", "stocks")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.usefixtures("data_dir")
def test_checking_writes_nothing(onec, settings, connection):
    connection.execute("drop schema onec cascade")
    assert onec("check").exit_code == 0
    assert connection.execute("select to_regnamespace('onec')").fetchone() == (None,)
    assert not settings.home.exists()


@pytest.fixture
def read_only(connection) -> Iterator[None]:
    """No session that begins from now on may write into the database."""
    name = connection.info.dbname
    connection.execute(f'alter database "{name}" set default_transaction_read_only to on')
    yield
    connection.execute(f'alter database "{name}" reset default_transaction_read_only')


@pytest.mark.usefixtures("data_dir", "read_only")
def test_what_an_import_may_not_write_is_said_by_the_check(onec, connection):
    said = refused(onec("check"))
    assert said.startswith(f'The database "{connection.info.dbname}" is read-only for the user ')
    assert refused(onec("import", "catalog")) == said


@pytest.mark.usefixtures("data_dir")
def test_that_the_run_history_cannot_be_made_is_said_by_the_check(onec, connection, database_url, monkeypatch):
    connection.execute("drop schema if exists dagster cascade")
    connection.execute("create role clerk login")
    try:
        separator = "&" if "?" in database_url else "?"
        monkeypatch.setenv("ONEC_DATABASE_URL", f"{database_url}{separator}user=clerk")
        connection.execute("grant pg_read_all_data, pg_write_all_data to clerk")
        connection.execute("grant create on schema onec_staging to clerk")
        assert "may not create schemas in the database" in refused(onec("check"))
        connection.execute("create schema dagster")
        assert onec("check").exit_code == 0
    finally:
        connection.execute("drop schema if exists dagster cascade")
        connection.execute("drop owned by clerk")
        connection.execute("drop role clerk")


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize(("setting", "needed_by"), [("ONEC_MEDIA_URL", "all"), ("DAGSTER_HOME", "prices")])
def test_a_place_that_an_import_may_not_write_is_said_by_the_check(onec, tmp_path, monkeypatch, setting, needed_by):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(setting, str(tmp_path / "file" / "below"))
    said = onec("check", needed_by).stderr.splitlines()[0]
    assert said == (
        f"✗ {setting} is {tmp_path}/file/below, which cannot be written: {tmp_path}/file is no directory; let the user "
        "who runs the import write there, or name another place."
    )


@pytest.mark.usefixtures("data_dir")
def test_prices_need_no_media_store(onec, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ONEC_MEDIA_URL", str(tmp_path / "file"))
    assert "ONEC_MEDIA_URL" not in onec("check", "prices").stderr
    monkeypatch.setenv("ONEC_MEDIA_URL", "memory://media")
    assert onec("check").exit_code == 0


@pytest.mark.usefixtures("data_dir")
def test_a_remote_media_store_is_no_directory_of_this_machine(onec, tmp_path, monkeypatch):
    (tmp_path / "memory:").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEC_MEDIA_URL", "memory://media")
    assert onec("check").exit_code == 0


@pytest.mark.usefixtures("data_dir")
def test_a_home_that_is_named_by_a_relative_path_lies_in_the_project(onec, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "file/below")
    assert onec("check").exit_code == 0


# --- import and sessions


@pytest.mark.usefixtures("data_dir")
def test_a_second_import_says_that_nothing_changed_unless_it_is_forced_to_read_again(onec):
    first, second, forced = (
        onec("import", "customers"),
        onec("import", "customers"),
        onec("import", "customers", "--force"),
    )
    assert (first.exit_code, second.exit_code, forced.exit_code) == (0, 0, 0)
    assert (first.stderr, second.stderr) == ("", "")
    assert [line.rstrip() for line in first.stdout.splitlines()[:2]] == [
        "asset      total  processed  created  updated  skipped  errors",
        "customers     12         12       11        0        1       0",
    ]
    assert "customers: Nothing has changed since the last import" in second.stdout
    assert "Nothing has changed" not in onec("sessions").stdout
    assert "Nothing has changed" not in first.stdout + forced.stdout
    assert [session["counters"]["customers"]["created"] for session in sessions(onec)] == [0, 0, 11]


@pytest.mark.usefixtures("data_dir")
def test_sessions_can_be_filtered_and_limited(onec):
    for import_type in ("customers", "catalog"):
        onec("import", import_type)
    assert [session["import_type"] for session in sessions(onec)] == ["catalog", "customers"]
    assert [session["import_type"] for session in sessions(onec, "--type", "customers")] == ["customers"]
    assert [session["import_type"] for session in sessions(onec, "--limit", "1")] == ["catalog"]
    table = onec("sessions", "--type", "customers").stdout
    assert table.splitlines()[0].split() == ["id", "type", "status", "progress", "started", "took"]
    assert "████ 12/12" in table


def test_without_sessions_the_first_command_is_named_and_json_is_an_empty_list(onec):
    assert onec("sessions").stdout == "No import has run yet: onec import all\n"
    assert sessions(onec) == []


def test_of_a_type_that_was_never_imported_no_other_is_shown(onec):
    onec("import", "catalog")
    assert onec("sessions", "--type", "stocks").stdout == "No import of stocks has run yet.\n"
    assert sessions(onec, "--type", "stocks") == []


def test_for_programs_the_list_is_json_also_where_it_is_to_be_watched(onec):
    assert sessions(onec, "--watch") == []


def test_a_full_refresh_tells_beforehand_and_afterwards_what_it_does_without(onec, data_dir):
    shutil.rmtree(data_dir / "contragents")
    missing = f"Директория контрагентов не найдена: {data_dir}/contragents. Убедитесь, что данные выгружены из 1С."
    assert onec("check").stdout.splitlines()[1:] == [f"! Без customers: {missing}"]
    onec("import", "all")
    said = [line.strip() for line in onec("sessions").stdout.splitlines()]
    assert said[said.index("customers was passed over.") + 1] == f"customers: {missing}"


# --- another directory


def test_another_directory_can_be_imported_from_where_the_person_stands(onec, data_dir, monkeypatch, tmp_path):
    data_dir.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert onec("import", "customers", "--data", "elsewhere").exit_code == 0
    (session,) = sessions(onec)
    assert session["counters"]["customers"]["created"] == 11


def test_a_directory_that_is_not_there_is_named_and_leaves_no_run(onec, tmp_path):
    absent = tmp_path / "absent"
    assert refused(onec("import", "all", "--data", str(absent))) == (
        f"Директория данных 1С не найдена: {absent}. Убедитесь, что данные выгружены из 1С."
    )
    assert sessions(onec) == []


@pytest.mark.parametrize("layout", ["3.1", "2.07"])
def test_what_the_preflight_has_looked_at_the_import_does_not_look_at_again(onec, settings, layout, reads):
    write_demo(settings.data_dir, layout=layout)
    assert onec("import", "customers").exit_code == 0
    assert sorted(reads.opens.values()) == [*[1] * (len(reads.opens) - 1), 2]
    for path in settings.data_dir.rglob("*.xml"):
        assert reads.bytes[path.name] == reads.opens[path.name] * path.stat().st_size


# --- bad input


def missing(data_dir: Path) -> str:
    shutil.rmtree(data_dir)
    return f"Директория данных 1С не найдена: {data_dir}. Убедитесь, что данные выгружены из 1С."


def empty(data_dir: Path) -> str:
    shutil.rmtree(data_dir)
    data_dir.mkdir()
    return f"Отсутствуют обязательные поддиректории в {data_dir}: goods, offers, prices, rests. "


def a_file(data_dir: Path) -> str:
    shutil.rmtree(data_dir)
    data_dir.write_text("")
    return f"Директория данных 1С не найдена: {data_dir}. Убедитесь, что данные выгружены из 1С."


def without_offers(data_dir: Path) -> str:
    shutil.rmtree(data_dir / "offers")
    return f"Отсутствуют обязательные поддиректории в {data_dir}: offers. "


@pytest.mark.parametrize("spoil", [missing, empty, a_file, without_offers])
def test_what_the_preflight_refuses_is_one_sentence_and_leaves_no_run(onec, data_dir, spoil):
    said = spoil(data_dir)
    assert refused(onec("import", "all")).startswith(said)
    assert refused(onec("check")).startswith(said)
    assert sessions(onec) == []


@pytest.mark.parametrize("content", [CUT_XML, HTML, "", "\0\1\2"], ids=["truncated", "html", "empty", "binary"])
def test_a_file_that_is_no_whole_xml_is_named_and_nothing_is_written(onec, data_dir, connection, content):
    file = min((data_dir / "goods").glob("*.xml"))
    file.write_text(content, encoding="utf-8")
    said = failed(onec("import", "catalog"))
    assert f"goods/{file.name}" in said
    assert connection.execute("select count(*) from onec.products").fetchone() == (0,)
    (session,) = sessions(onec)
    assert session["status"] == "failed"
    assert session["error_message"] in said
    assert "\n" not in session["error_message"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_data_directory_that_cannot_be_read_is_named(onec, data_dir):
    data_dir.chmod(0)
    try:
        assert refused(onec("import", "all")).startswith(f"Директорию данных 1С не удалось прочитать: {data_dir}")
    finally:
        data_dir.chmod(0o700)


def test_a_data_directory_that_cannot_be_listed_is_named(onec, monkeypatch):
    monkeypatch.setenv("ONEC_DATA_DIR", "/tmp/" + "x" * 300)
    assert refused(onec("check")).startswith("Директорию данных 1С не удалось прочитать: /tmp/xxx")


@pytest.mark.usefixtures("data_dir")
def test_a_media_directory_that_cannot_be_written_is_refused_before_there_is_a_run(onec, settings):
    onec("import", "catalog")
    Path(settings.media_url).write_text("in the way")
    assert refused(onec("import", "images")).startswith(f"ONEC_MEDIA_URL is {settings.media_url}, which cannot be wri")
    assert [session["import_type"] for session in sessions(onec)] == ["catalog"]


COMMANDS = [("check",), ("import", "all"), ("sessions",), ("rejected",), ("status",), ("migrate",)]


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ONEC_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/db", "PostgreSQL cannot be reached: connecting to "),
        ("ONEC_DATABASE_URL", "postgresql://u:se@cret@h/db", "The database URL is malformed"),
        ("ONEC_DATABASE_URL", "mysql://u:secret@h/db", "ONEC_DATABASE_URL is not a PostgreSQL URL"),
        ("ONEC_TIMEZONE", "Moscow", "ONEC_TIMEZONE names no time zone: 'Moscow'"),
        ("ONEC_NIGHTLY_CRON", "nightly", "ONEC_NIGHTLY_CRON is not a cron expression"),
    ],
)
def test_a_wrong_setting_is_one_sentence_without_its_password(onec, monkeypatch, command, variable, value, said):
    monkeypatch.setenv(variable, value)
    line = refused(onec(*command))
    assert line.startswith(said)
    assert "secret" not in line


@pytest.mark.usefixtures("data_dir")
def test_a_cron_expression_that_names_no_time_is_one_sentence(onec, monkeypatch):
    monkeypatch.setenv("ONEC_NIGHTLY_CRON", "61 2 * * *")
    assert refused(onec("import", "all")).startswith("ONEC_NIGHTLY_CRON is not a cron expression: '61 2 * * *'")
    assert sessions(onec) == []


# --- demo, migrate, ui


@pytest.mark.parametrize(("layout", "encoding"), [("3.1", "utf-8"), ("2.09", "utf-8-sig"), ("2.07", "windows-1251")])
def test_a_demo_is_written_and_described(onec, tmp_path, layout, encoding):
    result = onec("demo", str(tmp_path / "demo"), "--layout", layout, "--encoding", encoding)
    files = len(list((tmp_path / "demo").rglob("*.xml")))
    assert result.stdout == f"{tmp_path / 'demo'}: {files} XML files, 57 products, layout {layout}, {encoding}.\n"


def test_a_demo_overwrites_nothing_that_is_not_its_own(onec, tmp_path):
    (tmp_path / "mine.txt").touch()
    assert "holds files that are not the demo's" in refused(onec("demo", str(tmp_path)))


def test_a_demo_that_cannot_be_written_is_one_sentence(onec):
    assert refused(onec("demo", "/proc/self/demo")).startswith("/proc/self/demo cannot be used: ")


def test_migrations_are_named_when_they_are_applied_and_once(onec, connection):
    connection.execute("drop schema onec cascade")
    connection.execute("drop schema if exists onec_staging cascade")
    assert re.fullmatch(r"Applied: 0001_\w+\.sql(, \d{4}_\w+\.sql)*\.\n", onec("migrate").stdout)
    assert onec("migrate").stdout == "The schema is up to date.\n"


def test_the_ui_does_not_start_where_a_server_listens_already(onec):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refused(onec("ui", "--port", str(port))).startswith(f"Port {port} of 127.0.0.1 is in use")


def test_stopping_a_server_that_does_not_run_is_no_error(onec):
    assert onec("stop").stdout == "The embedded PostgreSQL is stopped.\n"


def test_the_server_is_not_stopped_under_an_import_unless_that_is_forced(onec, home, monkeypatch):
    monkeypatch.setenv("ONEC_HOME", str(home))
    url = embedded.start(home)
    with import_lock(url, "catalog"):
        assert refused(onec("stop")).startswith("An import is under way: import catalog; wait until it has ended")
        with run_lock(url, "6f1c2b9a-0d3e-4f5a-8b7c-9d0e1f2a3b4c"), run_lock(url, "11111111"):
            assert refused(onec("stop")) == (
                "An import is under way: run 11111111, run 6f1c2b9a-0d3e-4f5a-8b7c-9d0e1f2a3b4c; wait until it has "
                "ended (onec sessions shows it), or stop the server all the same, which undoes what is not finished: "
                "onec stop --force."
            )
            assert embedded.is_running(home)
            assert onec("stop", "--force").stdout == "The embedded PostgreSQL is stopped.\n"
    assert not embedded.is_running(home)


def test_the_server_is_stopped_after_an_import(onec, home, monkeypatch):
    monkeypatch.setenv("ONEC_HOME", str(home))
    url = embedded.start(home)
    with import_lock(url, "catalog"), run_lock(url, "11111111"):
        pass
    assert onec("stop").stdout == "The embedded PostgreSQL is stopped.\n"
    assert not embedded.is_running(home)


def test_quickstart_leaves_an_export_that_is_there_alone(onec, data_dir):
    shutil.rmtree(data_dir / "goods")
    before = sorted(data_dir.rglob("*"))
    assert refused(onec("quickstart")).startswith(f"Отсутствуют обязательные поддиректории в {data_dir}: goods.")
    assert sorted(data_dir.rglob("*")) == before


def test_quickstart_writes_the_sample_into_a_directory_that_is_empty(onec, settings, monkeypatch):
    settings.data_dir.mkdir()
    monkeypatch.setenv("ONEC_MEDIA_URL", "/dev/null/media")  # so that nothing is imported
    assert onec("quickstart").stdout == f"Wrote the sample export into {settings.data_dir}.\n"
    assert (settings.data_dir / "goods").is_dir()


def test_quickstart_whose_import_fails_tells_it_by_its_exit_code(onec, data_dir):
    min((data_dir / "goods").glob("*.xml")).write_text(CUT_XML, encoding="utf-8")
    assert "catalog: Файл goods/" in failed(onec("quickstart"))


def test_quickstart_does_not_take_a_file_for_a_directory(onec, settings):
    settings.data_dir.write_text("")
    assert refused(onec("quickstart")).startswith(f"Директория данных 1С не найдена: {settings.data_dir}.")


# --- status


def status(onec) -> dict:
    return json.loads(onec("status", "--json").stdout)


def test_the_status_before_any_import_knows_what_1c_has_left(onec, data_dir):
    found = status(onec)
    assert (found["export"]["directory"], found["export"]["files"], found["export"]["images"]) == (
        str(data_dir),
        18,
        95,
    )
    assert found["export"]["exported_at"] == "2026-01-15T03:00:00"
    assert found["export"]["problems"] == []
    assert set(found["imports"].values()) == {None}
    assert (found["pending"], found["rejected"], found["daemon_is_alive"]) == ({}, {}, False)


@pytest.mark.usefixtures("data_dir")
def test_the_status_tells_the_last_import_of_each_type_and_what_has_not_landed(onec):
    onec("import", "all")
    (everything,) = sessions(onec)
    onec("import", "prices")
    found = status(onec)
    assert found["imports"]["catalog"] == {
        "run_id": everything["run_id"],
        "status": "completed",
        "at": everything["finished_at"][:19] + "+00:00",
        "came_to": "1 error, 182 created, 1 skipped",
    }
    assert found["imports"]["prices"]["run_id"] == sessions(onec)[0]["run_id"]
    assert found["pending"] == {"catalog": 1, "prices": 2, "stocks": 2}
    assert found["rejected"] == {"catalog": 1, "images": 4, "prices": 1}
    assert (found["published_images"], found["active_products"]) == (91, 56)


def test_the_status_tells_what_was_passed_over_and_what_stands_against_the_next_import(onec, data_dir):
    shutil.rmtree(data_dir / "contragents")
    onec("import", "all")
    shutil.rmtree(data_dir / "prices")
    found = status(onec)
    assert found["imports"]["customers"]["came_to"] == "passed over"
    (problem,) = found["export"]["problems"]
    assert problem.startswith(f"Отсутствуют обязательные поддиректории в {data_dir}: prices.")


def test_the_status_is_lines_for_people(onec, data_dir, settings):
    onec("import", "catalog")
    said = onec("status").stdout
    assert f"media     {settings.media_url}, 0 images\nexport    {data_dir}\n" in said
    assert re.search(
        r"^imports   catalog    completed    [0-9: -]{16}  1 error, 182 created, 1 skipped$", said, re.MULTILINE
    )
    assert "\n          prices     never\n" in said
    assert re.search(r"^daemon    none: make ui, or onec daemon\nnext      [0-9-]{10} 02:00$", said, re.MULTILINE)


def test_the_status_tells_what_1c_has_pushed_where_that_is_switched_on(onec, connection, monkeypatch):
    assert status(onec)["exchange"] is None
    monkeypatch.setenv("ONEC_EXCHANGE_USER", "1c")
    monkeypatch.setenv("ONEC_EXCHANGE_PASSWORD_HASH", "hash")
    assert "exchange  port 3001, deliveries: none" in onec("status").stdout
    for state in ("landed", "landed", "failed"):
        connection.execute(DELIVERY, [state])
    assert status(onec)["exchange"]["deliveries"] == {"failed": 1, "landed": 2}
    assert "exchange  port 3001, deliveries: 1 failed, 2 landed; the last came 20" in onec("status").stdout


def test_the_url_is_the_one_of_the_settings(onec, database_url):
    assert onec("url").stdout == f"{database_url}\n"


# --- as a program of its own


def program(*arguments: str, cwd: Path = PROJECT_ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onec_pipelines.cli", *arguments],
        cwd=cwd,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the program shows on a terminal of 80 columns."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-m", "onec_pipelines.cli", *arguments]
    environment = clean_environment() | {"TERM": "xterm-256color", **environment}
    with subprocess.Popen(command, env=environment, cwd=PROJECT_ROOT, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux tells so that nobody holds the other end any more
            while piece := os.read(ours, 65536):
                shown += piece
    os.close(ours)
    return shown.decode()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_"))}


def test_an_import_on_a_terminal_draws_a_bar_for_each_asset_while_it_goes(home, data_dir):
    shown = on_a_terminal("import", "all", ONEC_HOME=str(home), ONEC_DATA_DIR=str(data_dir))
    for bar in ("catalog", "product images"):
        assert re.search(rf"{bar}[^\n]*━[^\n]*\d+/\d+", shown), shown
    assert shown.rindex("━") < shown.index("processed")  # the report comes when the bars are drawn


def test_quickstart_on_a_fresh_machine_imports_the_sample_and_the_other_commands_see_it(
    home, tmp_path, onec, monkeypatch
):
    environment = {"ONEC_HOME": str(home), "ONEC_DATA_DIR": str(tmp_path / "import_1c")}

    started = program("quickstart", **environment)
    assert (started.returncode, started.stderr) == (0, "")
    lines = [line.rstrip() for line in started.stdout.splitlines()]
    assert lines[0] == f"Wrote the sample export into {tmp_path / 'import_1c'}."
    assert lines[1] == "asset           total  processed  created  updated  skipped  errors"
    assert [line.split()[0] for line in lines[2:7]] == ["catalog", "stocks", "prices", "customers", "product_images"]
    assert re.fullmatch(r"completed in \d+\.\d s, run [0-9a-f-]{36}", lines[7])
    assert "████ 809/809" in started.stdout
    assert lines[-1] == "The UI: make ui, then http://127.0.0.1:3000"
    assert (home / "dagster.yaml").exists()

    for name, value in {**environment, "ONEC_DATABASE_URL": "", "ONEC_MEDIA_URL": "", "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    (session,) = sessions(onec)
    assert (session["import_type"], session["status"]) == ("all", "completed")
    assert lines[7].endswith(session["run_id"])
    assert len(list((home / "media").rglob("*.*"))) == session["counters"]["product_images"]["copied"]

    assert onec("stop").stdout == "The embedded PostgreSQL is stopped.\n"
    assert not embedded.is_running(home)


def test_the_env_file_of_the_project_is_read_and_its_paths_start_at_the_project(tmp_path, settings):
    shutil.copytree(PROJECT_ROOT / "onec_pipelines", tmp_path / "onec_pipelines")
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".env").write_text(f"ONEC_DATA_DIR=exports\nONEC_DATABASE_URL={settings.database_url}\n")
    (tmp_path / "elsewhere").mkdir()
    done = program("check", cwd=tmp_path / "elsewhere", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == (
        f"✗ Директория данных 1С не найдена: {tmp_path / 'exports'}. Убедитесь, что данные выгружены из 1С."
    )


def test_the_environment_goes_before_the_env_file(tmp_path, settings):
    shutil.copytree(PROJECT_ROOT / "onec_pipelines", tmp_path / "onec_pipelines")
    (tmp_path / ".env").write_text(f"ONEC_DATA_DIR=exports\nONEC_DATABASE_URL={settings.database_url}\n")
    done = program("check", cwd=tmp_path, ONEC_DATA_DIR="/absent")
    assert "Директория данных 1С не найдена: /absent." in done.stderr


@pytest.fixture
def waiting_import(settings: Settings, data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """An import in a process of its own that has begun and waits for a lock."""
    with connect(settings.database_url) as other, other.transaction():
        other.execute("lock table onec.import_states in access exclusive mode")
        process = subprocess.Popen(
            [sys.executable, "-m", "onec_pipelines.cli", "import", "catalog"],
            cwd=PROJECT_ROOT,
            env=clean_environment() | environment_of(settings) | {"ONEC_DATA_DIR": str(data_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with connect(settings.database_url) as observer:
            waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            deadline = time.monotonic() + 30
            while not observer.execute(waits).fetchone():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield process
        process.kill()
        process.communicate()


def test_an_import_in_progress_is_listed_keeps_others_of_its_kind_away_and_can_be_interrupted(waiting_import, onec):
    (session,) = sessions(onec)
    assert (session["status"], session["finished_at"], session["error_message"]) == ("in_progress", None, None)
    assert refused(onec("import", "catalog")).startswith("An import of catalog is already running")

    waiting_import.send_signal(signal.SIGINT)
    out, err = waiting_import.communicate(timeout=30)

    assert waiting_import.returncode == 1
    assert "The run was interrupted." in out
    assert "Traceback" not in out + err
    (session,) = sessions(onec)
    assert (session["status"], session["error_message"]) == ("failed", "The run was interrupted.")


def test_the_command_shows_step_by_step_what_an_import_does(settings, data_dir):
    command = [sys.executable, "-m", "onec_pipelines.cli", "--debug", "import", "customers"]
    environment = clean_environment() | environment_of(settings)
    said = subprocess.run(
        command, cwd=data_dir.parent, env=environment, capture_output=True, text=True, check=True
    ).stderr
    assert re.search(r"onec_pipelines\.commerceml\.snapshot: .*contragents/\S+\.xml: opened, \d+ bytes", said)
    assert re.search(r"onec_pipelines\.database\.merging: .*upsert customers.*'customers created': 11", said)


# --- personal data

LISTED = "<КоммерческаяИнформация><Контрагенты>{}</Контрагенты></КоммерческаяИнформация>"
NAMED = LISTED.format("<Контрагент><Ид>c</Ид><Наименование>ИП {}</Наименование></Контрагент>")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (NAMED.format("<Секретова> Анна"), 1),
        (NAMED.format("Секретова & дочь"), 1),
        (NAMED.format("&Секретова;"), 1),
        (NAMED.format("\x02Секретова"), 0),
        (NAMED.format("<![CDATA[Секретова"), 1),
        (NAMED.format("<Секретова:Анна/>"), 1),
        (NAMED.format("<Анна Секретова=1/>"), 1),
        (NAMED.format("Секретова") * 2, 1),
        ("<!DOCTYPE Секретова>" + NAMED, 1),
        ("<Секретова/>", 1),
        ("Секретова", 1),
        (NAMED.format("Секретова").replace("<Ид>c</Ид>", ""), 0),
        (NAMED.format("Секретова").replace("<Ид>c</Ид>", f"<Ид>{'Секретова' * 200}</Ид>"), 0),
        (LISTED.format("<Контрагент><Ид>c</Ид><Секретова>1</Секретова><ИНН>Секретова</ИНН></Контрагент>"), 0),
        (LISTED.format("<Контрагент><Ид>Секретова</Ид><Роль>Секретова</Роль></Контрагент>"), 0),
    ],
)
def test_no_fault_in_a_list_of_contragents_names_a_person(document, code, onec, data_dir, database_url, settings):
    for file in (data_dir / "contragents").iterdir():
        file.write_text(document, encoding="utf-8")
    said = [onec("check", "customers"), onec("import", "customers"), onec("sessions"), onec("sessions", "--json")]
    said += [onec("rejected"), onec("rejected", "--json")]
    assert said[1].exit_code == code, said[1].output
    assert "Секретова" not in "".join(result.output for result in said)
    with connect(database_url) as connection:
        connection.execute("update onec.rejected_records set payload = '{}'")
        connection.execute("delete from onec.customers")
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('onec', 'dagster')"
        ).fetchall()
        recorded = "".join(
            row for (table,) in tables for (row,) in connection.execute(f"select t::text from {table} t")
        )
    assert '"STEP_' in recorded
    written = "".join(path.read_text(errors="replace") for path in settings.home.rglob("*") if path.is_file())
    for text in (recorded, written):
        assert "Секретова" not in text
        assert json.dumps("Секретова")[1:-1] not in text


def test_a_check_says_of_a_file_that_breaks_off_that_it_does(onec, data_dir):
    file = next((data_dir / "goods").glob("*.xml"))
    file.write_bytes(file.read_bytes()[:-40])
    said = onec("check", "catalog")
    assert said.exit_code == 1
    assert "вероятно, он выгружен не до конца" in said.output


def test_a_check_says_of_bad_markup_in_a_whole_file_what_the_import_would(onec, data_dir):
    file = next((data_dir / "goods").glob("*.xml"))
    file.write_text(file.read_text(encoding="utf-8").replace("<Наименование>", "<Наименование", 1), encoding="utf-8")
    said = onec("check", "catalog")
    assert "не читается как XML" in refused(said)
    assert refused(said) in " ".join(onec("import", "catalog").output.split())


@pytest.mark.usefixtures("settled", "data_dir")
def test_a_check_opens_no_file_that_has_landed(onec, reads):
    onec("import", "all")
    reads.opens.clear()
    assert onec("check").exit_code == 0
    assert reads.opens == {}

"""The command `onec`: check, import, sessions, rejected and pending rows, demo, migrate, the UI and the daemon.

Each command is a facade; what it prints is for people. An error that has a reason is one sentence on stderr and
exit code 1, never a traceback. Not here: what an import does (importing), what a session is (orchestration).
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TextIO
from zoneinfo import ZoneInfo

import click
from dotenv import load_dotenv
from rich.console import Console
from rich.progress import track

from onec_pipelines.commerceml.preflight import broken_files, preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import ALL, BY_NAME, IMPORT_TYPES
from onec_pipelines.errors import ImportBusyError, OnecError
from onec_pipelines.places import write_problems
from onec_pipelines.settings import PROJECT_ROOT, Settings
from onec_pipelines.shown import counted, in_json, visible

if TYPE_CHECKING:
    from onec_pipelines.importing.past import Import, Since
    from onec_pipelines.importing.report import Changes
    from onec_pipelines.importing.unlanded import Fate
    from onec_pipelines.orchestration.runs.history import Session

P = ParamSpec("P")
ROOMS = ("commerceml", "database", "exchange", "images", "importing", "orchestration", "postgres")
TYPE = click.Choice([ALL, *IMPORT_TYPES])
SESSION_TYPE = click.Choice([ALL, *BY_NAME])
SHOWN_ROWS = 20


def in_sentences(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose expected errors are one sentence and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except OnecError as error:
            refuse([str(error)])
        except BrokenPipeError:
            raise  # whoever read what we print has gone, and click knows what to do
        except OSError as error:
            refuse([f"{error.filename or 'A file'} cannot be used: {error.strerror or error}."])

    return run


def refuse(problems: list[str]) -> NoReturn:
    """Print what stands in the way, and end with exit code 1."""
    for problem in problems:
        click.echo(click.style("✗ ", fg="red") + visible(problem), err=True)
    sys.exit(1)


def refuse_unless_ready(settings: Settings, export: ExportSnapshot, import_type: str, *, force: bool = False) -> None:
    """What may not be written, and the preflight over an export and the settings' database: end with what they say."""
    from onec_pipelines.database.connection import connect, database_url  # noqa: PLC0415 - keeps --help fast
    from onec_pipelines.database.migrate import denied  # noqa: PLC0415
    from onec_pipelines.database.privileges import denied_history  # noqa: PLC0415
    from onec_pipelines.importing.dataset import problems_of  # noqa: PLC0415

    with connect(database_url(settings)) as connection:
        denial = denied(connection) or denied_history(connection)
        of_export = (
            preflight(export, import_type, has_products=True)
            if denial
            else problems_of(connection, export, import_type, force=force)
        )
    problems = [*filter(None, [denial]), *write_problems(places_written(settings, import_type)), *of_export]
    if problems:
        refuse(problems)


def places_written(settings: Settings, import_type: str) -> dict[str, Path]:
    """The directories of this machine that an import writes into, by the setting that names each."""
    stated = os.environ.get("DAGSTER_HOME", "").strip()
    places = {"DAGSTER_HOME": PROJECT_ROOT / stated} if stated else {"ONEC_HOME": settings.home}
    if import_type in {"all", "images"} and "://" not in settings.media_url:
        places["ONEC_MEDIA_URL"] = Path(settings.media_url)
    return places


class Commands(click.Group):
    """The commands, of which the help says the first sentence whole: click cuts it to what is left of a line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them."""
        told = [(name, (self.commands[name].help or "").partition("\n\n")[0]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(told)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="onec-pipelines")
@click.option(
    "--debug", is_flag=True, help="Say on stderr, and in the log of the run, what is done and what is passed over."
)
def main(*, debug: bool) -> None:
    """Import 1C:Enterprise exports (CommerceML) into PostgreSQL and a media store."""
    if debug:
        logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
        for room in ROOMS:  # Dagster sets the level of the package itself, as dagster.yaml says
            logging.getLogger(f"onec_pipelines.{room}").setLevel(logging.DEBUG)
    load_dotenv(PROJECT_ROOT / ".env")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


@main.command()
@click.argument("import_type", type=TYPE, default="all", metavar="[TYPE]")
@in_sentences
def check(import_type: str) -> None:
    """Say whether the export can be imported: all of it, or one TYPE."""
    settings = Settings.from_environment()
    export = ExportSnapshot(settings.data_dir)
    refuse_unless_ready(settings, export, import_type)
    if broken := broken_files(export, import_type, thoroughly=True):
        refuse(broken)
    click.echo(f"{click.style('✓', fg='green')} {visible(str(export.root))}: можно импортировать ({import_type}).")
    for part in IMPORT_TYPES[1:] if import_type == "all" else ():
        missing = preflight(export, part, has_products=True)
        if missing:
            click.echo(f"{click.style('!', fg='yellow')} Без {part}: {visible(' '.join(missing))}")


@main.command("import")
@click.argument("import_type", type=TYPE, metavar="TYPE")
@click.option("--force", is_flag=True, help="Read every file again, even if nothing has changed.")
@click.option("--data", type=click.Path(path_type=Path), help="The directory to import, in place of ONEC_DATA_DIR.")
@click.option(
    "--plan", "plan_file", type=click.File(), help="Only if all is as it was for this plan (onec plan --json FILE)."
)
@in_sentences
def import_(import_type: str, *, force: bool, data: Path | None, plan_file: TextIO | None) -> None:
    """Import TYPE: all, catalog, stocks, prices, customers or images."""
    settings = Settings.from_environment()
    export = export_of(settings, data)
    if plan_file:
        refuse_another_state(settings, export, import_type, plan_file)
    session = run_import(settings, export, import_type, force=force)
    if session.status != "completed":
        sys.exit(1)


def export_of(settings: Settings, data: Path | None) -> ExportSnapshot:
    """The export in the directory that somebody names, else in that of the settings."""
    return ExportSnapshot(data.expanduser().absolute() if data else settings.data_dir)


def refuse_another_state(settings: Settings, export: ExportSnapshot, import_type: str, plan_file: TextIO) -> None:
    """End where the export or the database is not as it was for a plan."""
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.importing.dataset import Request  # noqa: PLC0415
    from onec_pipelines.importing.planning import refuse_unless_planned  # noqa: PLC0415

    try:
        planned = json.load(plan_file)
    except ValueError:
        planned = None
    if not isinstance(planned, dict):
        refuse([f"{visible(plan_file.name)} is no plan: onec plan --json FILE writes one."])
    refuse_unless_planned(Request(export, database_url(settings)), import_type, planned)


@main.command()
@click.argument("import_type", type=TYPE, default="all", metavar="[TYPE]")
@click.option("--data", type=click.Path(path_type=Path), help="The directory to look at, in place of ONEC_DATA_DIR.")
@click.option("--force", is_flag=True, help="As if every file were new.")
@click.option("--samples", type=click.IntRange(min=0), default=10, show_default=True, help="How many rows are shown.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), metavar="FILE", help="The plan for programs; - is stdout."
)
@in_sentences
def plan(import_type: str, *, data: Path | None, force: bool, samples: int, file: Path | None) -> None:
    """Say what an import of all, or of one TYPE, would do; nothing is changed.

    The exit code is 0 if it would write nothing, 2 if it would write something or a guard would keep rows, and 1 if it
    cannot be imported.
    """
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.importing.dataset import Request  # noqa: PLC0415
    from onec_pipelines.importing.planning import plan_import  # noqa: PLC0415
    from onec_pipelines.terminal import print_plan  # noqa: PLC0415

    settings = Settings.from_environment()
    request = Request(
        export_of(settings, data),
        database_url(settings),
        force=force,
        max_deactivation=settings.max_deactivation,
        history_days=settings.history_days,
        timezone=settings.timezone,
    )
    planned = plan_import(import_type, request, settings.media_url, phone_region=settings.phone_region, samples=samples)
    if file == Path("-"):
        click.echo(in_json(planned.as_json()))
    else:
        if file:
            file.write_text(in_json(planned.as_json()), "utf-8")
        print_plan(Console(), planned, samples)
    sys.exit(2 if planned.writes or planned.kept else 0)


def run_import(settings: Settings, export: ExportSnapshot, import_type: str, *, force: bool = False) -> "Session":
    """Run the job of an import type in this process, with a progress bar, and print its report.

    The preflight comes first, and what it refuses leaves no run.
    """
    refuse_unless_ready(settings, export, import_type, force=force)
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.definitions import build_definitions  # noqa: PLC0415
    from onec_pipelines.orchestration.machinery.instance import open_instance  # noqa: PLC0415 - Dagster takes a second
    from onec_pipelines.orchestration.machinery.launch import execute  # noqa: PLC0415
    from onec_pipelines.orchestration.machinery.liveness import make_way  # noqa: PLC0415
    from onec_pipelines.terminal import print_report, progress_bars  # noqa: PLC0415

    with open_instance(settings) as instance:
        make_way(instance, database_url(settings), import_type)
        with progress_bars() as show:
            definitions = build_definitions({"watch": show}, settings)
            session = execute(instance, definitions, import_type, force=force, export=export)
        print_report(Console(), session)
    return session


@main.command()
@click.option("--type", "import_type", type=SESSION_TYPE, help="Only sessions of this type.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, for programs.")
@click.option("--watch", is_flag=True, help="Show the list again and again, until every import in it has ended.")
@in_sentences
def sessions(import_type: str | None, limit: int, *, as_json: bool, watch: bool) -> None:
    """List import sessions: type, status, progress, duration, counters, error."""
    from onec_pipelines.orchestration.machinery.instance import open_instance  # noqa: PLC0415
    from onec_pipelines.orchestration.runs.history import list_sessions  # noqa: PLC0415
    from onec_pipelines.terminal import print_sessions, watch_sessions  # noqa: PLC0415

    settings = Settings.from_environment()
    with open_instance(settings) as instance:
        if watch and not as_json:
            watch_sessions(
                Console(), lambda: list_sessions(instance, import_type=import_type, limit=limit), settings.timezone
            )
            return
        found = list_sessions(instance, import_type=import_type, limit=limit)
    if import_type and not found and not as_json:
        click.echo(f"No import of {import_type} has run yet.")
    elif as_json:
        click.echo(in_json([session.as_json(settings.ui_url) for session in found]))
    else:
        print_sessions(Console(), found, settings.timezone)


def rows_options(command: Callable[P, None]) -> Callable[P, None]:
    """The options of the commands that list rows."""
    options = (
        click.option("--type", "import_type", type=SESSION_TYPE, default=ALL, help="Only rows of this type."),
        click.option("--csv", "file", type=click.Path(path_type=Path), metavar="FILE", help="All of them, for Excel."),
        click.option("--json", "as_json", is_flag=True, help="All of them as a JSON list, for programs."),
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@main.command()
@rows_options
@in_sentences
def rejected(import_type: str, file: Path | None, *, as_json: bool) -> None:
    """List the rows that are rejected, the newest first: why, article, name, file and line."""
    show_rows("rejected", import_type, file, as_json=as_json)


@main.command()
@rows_options
@in_sentences
def pending(import_type: str, file: Path | None, *, as_json: bool) -> None:
    """List the rows that are pending, the oldest first: what they wait for, article, name, file and line."""
    show_rows("pending", import_type, file, as_json=as_json)


def show_rows(fate: "Fate", import_type: str, file: Path | None, *, as_json: bool) -> None:
    """The rows that have not landed: all of them in a file or as JSON, else the first ones."""
    from onec_pipelines.database.connection import connect, database_url, losses_told  # noqa: PLC0415
    from onec_pipelines.importing.unlanded import count_unlanded, has_tables, read_unlanded, write_csv  # noqa: PLC0415
    from onec_pipelines.terminal import NO_IMPORT, print_unlanded  # noqa: PLC0415

    if file and as_json:
        raise click.UsageError("--csv and --json exclude each other.")
    settings = Settings.from_environment()
    limit = None if file or as_json else SHOWN_ROWS
    with (
        losses_told("the reading of a list", "it is not whole"),
        connect(database_url(settings)) as connection,
        closing(read_unlanded(connection, fate, import_type, limit)) as found,
    ):
        total = count_unlanded(connection, fate, import_type) if has_tables(connection) else None
        rows = found if total else iter(())
        if file:
            click.echo(f"{visible(str(file))}: {counted(write_csv(rows, file, settings.timezone), 'row')}.")
        elif as_json:
            echo_list(row.as_json() for row in rows)
        elif total:
            print_unlanded(Console(), [*rows], total, settings.timezone)
        else:
            of_type = "" if import_type == ALL else f" of {import_type}"
            click.echo(NO_IMPORT if total is None else f"No row{of_type} is {fate}.")


def echo_list(values: Iterable[object]) -> None:
    """A JSON list, one value at a time."""
    before = "["
    for value in values:
        click.echo(before + in_json(value), nl=False)
        before = ",\n"
    click.echo("[]" if before == "[" else "]")


@main.command()
@click.argument("words", metavar="ARTICLE")
@click.option("--prices", "only", flag_value="prices", help="Only prices.")
@click.option("--stocks", "only", flag_value="stocks", help="Only stocks.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, for programs.")
@in_sentences
def history(words: str, only: str | None, *, as_json: bool) -> None:
    """Say what a good cost and how many there were, and since when: by ARTICLE, 1C's id or barcode."""
    from onec_pipelines.database.connection import connect, database_url  # noqa: PLC0415
    from onec_pipelines.importing.changes import DATASETS  # noqa: PLC0415
    from onec_pipelines.importing.past import find_goods, versions_of  # noqa: PLC0415
    from onec_pipelines.terminal import print_history  # noqa: PLC0415

    settings = Settings.from_environment()
    with connect(database_url(settings)) as connection:
        found = {
            good: versions_of(connection, good, [only] if only else DATASETS) for good in find_goods(connection, words)
        }
    if as_json:
        click.echo(in_json([asdict(good) | {"versions": [v.as_json() for v in of]} for good, of in found.items()]))
    else:
        print_history(Console(), found, settings.timezone)


@main.command()
@click.option(
    "--since", metavar="WHEN", help="All that changed since a date or a time, such as 2026-03-01 or 2026-03-01T12:00."
)
@click.option(
    "--import", "import_id", type=click.IntRange(min=1), metavar="N", help="What import N of the register changed."
)
@click.option(
    "--largest", type=click.IntRange(min=0), default=20, show_default=True, help="How many of the largest changes."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list, for programs.")
@in_sentences
def changes(since: str | None, import_id: int | None, largest: int, *, as_json: bool) -> None:
    """Say how prices and stocks changed: by the newest imports of them, by one import, or since a time."""
    from onec_pipelines.database.connection import connect, database_url  # noqa: PLC0415
    from onec_pipelines.importing.past import changes_by, changes_since, imports_of  # noqa: PLC0415
    from onec_pipelines.terminal import print_changes  # noqa: PLC0415

    if since and import_id:
        raise click.UsageError("--since and --import exclude each other.")
    settings = Settings.from_environment()
    with connect(database_url(settings)) as connection:
        told: list[tuple[Import | Since, Changes | None]]
        if since:
            told = [*changes_since(connection, moment_of(since, settings.timezone), largest)]
        else:
            told = [(by, changes_by(connection, by, largest)) for by in imports_of(connection, import_id)]
    if as_json:
        click.echo(in_json([by.as_json() | {"changes": came and came.as_json()} for by, came in told]))
    else:
        print_changes(Console(), told, settings.timezone)


def moment_of(when: str, timezone: str) -> datetime:
    """A point in time from what somebody writes in ISO 8601; without a zone that of the settings."""
    try:
        stated = datetime.fromisoformat(when)
    except ValueError:
        raise click.BadParameter(f"{when!r} is no date or time such as 2026-03-01 or 2026-03-01T12:00.") from None
    return stated if stated.tzinfo else stated.replace(tzinfo=ZoneInfo(timezone))


@main.command()
@click.argument("words", metavar="ARTICLE|ID|BARCODE")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, for programs.")
@in_sentences
def explain(words: str, *, as_json: bool) -> None:
    """Say of a good where each value comes from, and why something of it is not there."""
    from onec_pipelines.database.connection import connect, database_url  # noqa: PLC0415
    from onec_pipelines.importing import explaining  # noqa: PLC0415
    from onec_pipelines.importing.past import find_goods  # noqa: PLC0415
    from onec_pipelines.terminal import print_explanation  # noqa: PLC0415

    settings = Settings.from_environment()
    export = ExportSnapshot(settings.data_dir)
    with connect(database_url(settings)) as connection:
        told = [explaining.explain(connection, export, good) for good in find_goods(connection, words)]
    if as_json:
        click.echo(in_json([explanation.as_json() for explanation in told]))
        return
    for explanation in told:
        print_explanation(Console(), explanation, settings.timezone)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON object, for programs.")
@in_sentences
def status(*, as_json: bool) -> None:
    """Say where everything is and how it is: database, media, export, imports, daemon."""
    from onec_pipelines.database.connection import connect, database_url  # noqa: PLC0415
    from onec_pipelines.orchestration.machinery.instance import open_instance  # noqa: PLC0415
    from onec_pipelines.orchestration.status import look  # noqa: PLC0415
    from onec_pipelines.terminal import print_status  # noqa: PLC0415

    settings = Settings.from_environment()
    with open_instance(settings) as instance, connect(database_url(settings)) as connection:
        found = look(settings, instance, connection)
    if as_json:
        click.echo(in_json(found.as_json()))
    else:
        print_status(Console(), found, settings.timezone)


@main.command()
@in_sentences
def url() -> None:
    """Print the URL of the database, for psql and other programs; it may hold a password."""
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415

    click.echo(database_url(Settings.from_environment()))


@main.command()
@click.option("--keep-days", type=click.IntRange(min=1), required=True, help="Runs that ended since then stay.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@in_sentences
def prune(keep_days: int, *, dry_run: bool) -> None:
    """Remove old runs from the history, with their events and what they printed.

    Kept is each run that holds the newest of an asset, a check or an import.
    """
    from onec_pipelines.orchestration.machinery.instance import open_instance  # noqa: PLC0415
    from onec_pipelines.orchestration.machinery.pruning import old_runs, remove  # noqa: PLC0415

    before = datetime.now(UTC) - timedelta(days=keep_days)
    errors = Console(stderr=True)
    with open_instance(Settings.from_environment()) as instance:
        old = old_runs(instance, before)
        due = () if dry_run else old.due
        shown = track(due, "Removing", console=errors, transient=True, disable=not errors.is_terminal)
        events = sum(remove(instance, run_id) for run_id in shown)
    verb = "Would remove" if dry_run else "Removed"
    said = f"{verb}: {counted(len(old.due), 'run')} that ended before {before:%Y-%m-%d}"
    said += "" if dry_run else f", with {counted(events, 'event')}"
    said += f"; kept: {old.kept} that hold the newest of an asset, a check or an import" if old.kept else ""
    click.echo(f"{said}.")


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--layout", type=click.Choice(["3.1", "2.09", "2.07"]), default="3.1", show_default=True)
@click.option(
    "--encoding", type=click.Choice(["utf-8", "utf-8-sig", "windows-1251"]), default="utf-8", show_default=True
)
@in_sentences
def demo(directory: Path, layout: str, encoding: str) -> None:
    """Write a small export with deliberate oddities into DIRECTORY."""
    from onec_pipelines.demo import write_demo  # noqa: PLC0415

    written = write_demo(directory, layout=layout, encoding=encoding)
    said = (
        f"{counted(written.xml_files, 'XML file')}, {counted(written.products, 'product')}, layout {layout}, {encoding}"
    )
    click.echo(f"{visible(str(directory))}: {said}.")


@main.command()
@in_sentences
def migrate() -> None:
    """Bring the database up to date: Dagster's tables, then the catalogue's."""
    from onec_pipelines.database import migrate as migrations  # noqa: PLC0415
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.orchestration.machinery.schema import settle  # noqa: PLC0415

    url = database_url(Settings.from_environment())
    place = settle(url)
    if place.moved_from:
        click.echo(f"Dagster's tables were moved from the schema {place.moved_from} to {place.schema}.")
    applied = migrations.migrate(url)
    click.echo(f"Applied: {', '.join(applied)}." if applied else "The schema is up to date.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--read-only", is_flag=True, help="For those who look: nothing can be started or changed; no daemon.")
@click.option("--no-daemon", is_flag=True, help="Only the UI, where a daemon runs by itself (onec daemon).")
@in_sentences
def ui(host: str, port: int, *, read_only: bool, no_daemon: bool) -> None:
    """Start Dagster's UI over the same state, and the daemon unless one is at work already."""
    from onec_pipelines.orchestration.machinery.webserver import serve_ui  # noqa: PLC0415

    if not is_free(host, port):
        refuse([f"Port {port} of {host} is in use: the UI may be running there already; else: onec ui --port N."])
    settings = Settings.from_environment()
    os.chdir(PROJECT_ROOT)
    serve_ui(settings, host, port, read_only=read_only, with_daemon=not (no_daemon or read_only))


@main.command()
@in_sentences
def daemon() -> None:
    """Run the daemon: the schedule, the sensors and the queue. There is one at a time."""
    from onec_pipelines.orchestration.machinery.daemon import run_daemon  # noqa: PLC0415

    settings = Settings.from_environment()
    os.chdir(PROJECT_ROOT)
    run_daemon(settings)


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there: an old server that answers would look like the new one."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return True
    return False


@main.command()
@click.option("--force", is_flag=True, help="Also under an import: what it has not finished is undone.")
@in_sentences
def stop(*, force: bool) -> None:
    """Stop the embedded PostgreSQL; the next command starts it again."""
    from onec_pipelines.database.connection import connect  # noqa: PLC0415
    from onec_pipelines.database.locks import under_way  # noqa: PLC0415
    from onec_pipelines.postgres import embedded  # noqa: PLC0415

    home = Settings.from_environment().home
    if not force and embedded.is_running(home):
        with connect(embedded.start(home)) as connection:
            imports = under_way(connection)
        if imports:
            raise ImportBusyError(
                f"An import is under way: {', '.join(imports)}; wait until it has ended (onec sessions shows it), or "
                "stop the server all the same, which undoes what is not finished: onec stop --force."
            )
    embedded.stop(home)
    click.echo("The embedded PostgreSQL is stopped.")


@main.command()
@in_sentences
def quickstart() -> None:
    """Write the sample export if there is none, import everything, and show the sessions."""
    settings = Settings.from_environment()
    if holds_nothing(settings.data_dir):
        from onec_pipelines.demo import write_demo  # noqa: PLC0415

        write_demo(settings.data_dir)
        click.echo(f"Wrote the sample export into {visible(str(settings.data_dir))}.")
    session = run_import(settings, ExportSnapshot(settings.data_dir), ALL)
    sessions.callback(import_type=None, limit=5, as_json=False, watch=False)  # type: ignore[misc]
    click.echo("\nThe UI: make ui, then http://127.0.0.1:3000")
    if session.status != "completed":
        sys.exit(1)


def holds_nothing(directory: Path) -> bool:
    """Whether a directory is absent or empty, so that the sample export may be written into it."""
    return not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))


# --- 1C pushes by itself


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), help="In place of ONEC_EXCHANGE_PORT.")
@in_sentences
def exchange(host: str, port: int | None) -> None:
    """Serve «Обмен с сайтом»: receive what 1C pushes. The daemon imports it."""
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415 - keeps --help fast
    from onec_pipelines.database.migrate import migrate as migrate_database  # noqa: PLC0415
    from onec_pipelines.exchange.app import serve  # noqa: PLC0415
    from onec_pipelines.exchange.passwords import is_hash  # noqa: PLC0415

    settings = Settings.from_environment()
    told = settings.exchange
    if not told.is_on:
        refuse(
            ["ONEC_EXCHANGE_USER and ONEC_EXCHANGE_PASSWORD_HASH are not set: onec exchange-password prints a hash."]
        )
    if not is_hash(told.password_hash):
        refuse(["ONEC_EXCHANGE_PASSWORD_HASH is no hash of a password: onec exchange-password prints one."])
    if problems := write_problems({"ONEC_EXCHANGE_DIR": told.directory}):
        refuse(problems)
    if not is_free(host, port or told.port):
        refuse([f"Port {port or told.port} of {host} is in use; another one: onec exchange --port N."])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    url = database_url(settings)
    migrate_database(url)
    click.echo(f"The exchange: http://{host}:{port or told.port}/1c_exchange (Ctrl-C ends it)")
    serve(told, url, host, port or told.port)


@main.command("exchange-password")
@in_sentences
def exchange_password() -> None:
    """Ask for a password, and print its hash for ONEC_EXCHANGE_PASSWORD_HASH."""
    from onec_pipelines.exchange.passwords import hash_password  # noqa: PLC0415

    click.echo(hash_password(asked_password(twice=True)))


def asked_password(*, twice: bool = False) -> str:
    """A password, asked for on the terminal; a program writes it to stdin as a line."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True))
    return sys.stdin.readline().rstrip("\n")


@main.command("exchange-try")
@click.argument("url")
@click.option("--data", type=click.Path(path_type=Path), help="The directory to send, in place of ONEC_DATA_DIR.")
@click.option("--user", help="In place of ONEC_EXCHANGE_USER.")
@click.option("--portions", is_flag=True, help="Each XML in a session of its own, as УТ 11.5 does.")
@click.option("--no-import", is_flag=True, help="Send, and do not ask for the import.")
@click.option("--pause", type=float, default=0.0, help="Seconds between two questions: УНФ waits 5, УТ does not.")
@click.option("--v31", is_flag=True, help="As the module of 1C-Bitrix for 3.1.")
@click.option("--check", "only_check", is_flag=True, help="Only log in: «Проверить соединение».")
@in_sentences
def exchange_try(url: str, data: Path | None, user: str | None, **how: object) -> None:
    """Send an export to URL as 1C would, and print what its log would show."""
    from onec_pipelines.exchange.client import Client, ExchangeError, files_of, portions_of  # noqa: PLC0415

    settings = Settings.from_environment()
    client = Client(
        url,
        user or settings.exchange.user,
        asked_password(),
        pause=float(str(how["pause"])),
        asks_import=not how["no_import"],
        is_3_1=bool(how["v31"]),
        say=lambda line: click.echo(visible(line)),
    )
    root = data.expanduser().absolute() if data else settings.data_dir
    try:
        if how["only_check"]:
            client.check()
            return
        files = files_of(root)
        sessions = list(portions_of(files)) if how["portions"] else [files]
        if not all(client.session(root, each) for each in sessions):
            refuse([client.message])
    except ExchangeError as error:
        refuse([str(error)])
    finally:
        client.close()


@main.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, for programs.")
@in_sentences
def exchanges(limit: int, *, as_json: bool) -> None:
    """List what 1C has delivered: when, who, how much, state, run."""
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.exchange.deliveries import as_values, lines_of, list_deliveries  # noqa: PLC0415

    settings = Settings.from_environment()
    found = list_deliveries(database_url(settings), limit)
    if as_json:
        echo_list(map(as_values, found))
    for line in () if as_json else lines_of(found, settings.timezone):
        click.echo(line)


@main.command("exchange-retry")
@click.argument("delivery", type=int, metavar="ID")
@in_sentences
def exchange_retry(delivery: int) -> None:
    """Import a delivery again that failed; the daemon does it."""
    from onec_pipelines.database.connection import database_url  # noqa: PLC0415
    from onec_pipelines.exchange.deliveries import retry  # noqa: PLC0415

    retry(database_url(Settings.from_environment()), delivery)
    click.echo(f"Delivery {delivery} waits for its run: onec exchanges shows it.")


if __name__ == "__main__":
    main()

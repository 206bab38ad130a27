"""Where everything is and how it is: what `onec status` says. It looks and changes nothing."""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import psycopg

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.tree import images_of, state_of
from onec_pipelines.datasets import ALL, IMPORTED
from onec_pipelines.errors import OnecError
from onec_pipelines.images.store import shown_url
from onec_pipelines.importing.dataset import problems_of
from onec_pipelines.importing.report import came_to
from onec_pipelines.importing.unlanded import has_tables
from onec_pipelines.orchestration.machinery.one_daemon import FRESH_SECONDS, last_heartbeat
from onec_pipelines.orchestration.private import schedule_execution_time_iterator
from onec_pipelines.orchestration.runs.history import list_sessions
from onec_pipelines.settings import Settings

SCHEDULE = "nightly_refresh"
STANDS = "select (select count(*) from onec.product_images), (select count(*) from onec.products where is_active)"
DELIVERIES = "select state, count(*), max(received_at) from onec.exchange_packages group by 1 order by 1"
UNLANDED = "select import_type, count(*) from onec.{}_records group by 1 order by 1"


@dataclass(frozen=True, slots=True)
class ExportState:
    """What 1C has left: `exported_at` is its `ДатаФормирования`, local time; `problems` stand against an import."""

    directory: str
    files: int
    images: int
    changed_at: datetime | None
    exported_at: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastImport:
    """The newest import of a type: `came_to` is what it came to, or why it failed."""

    run_id: str
    status: str
    at: datetime | None
    came_to: str


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """What 1C has pushed: how many deliveries are in which state, and when the last one came."""

    port: int
    deliveries: dict[str, int]
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole of it; times are in UTC.

    `next_refresh` is None where the schedule is stopped, `exchange` where that is off.
    """

    database: str
    server_version: str
    media: str
    published_images: int
    active_products: int
    export: ExportState
    imports: dict[str, LastImport | None]
    pending: dict[str, int]
    rejected: dict[str, int]
    daemon_seen_at: datetime | None
    daemon_is_alive: bool
    next_refresh: datetime | None
    exchange: ExchangeState | None = None

    def as_json(self) -> dict[str, Any]:
        """The status for programs; times in ISO 8601."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON may hold
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def look(settings: Settings, instance: dg.DagsterInstance, connection: psycopg.Connection) -> Status:
    """See how everything is, over an instance and a connection to the database of the settings."""
    tables = has_tables(connection)
    images, products = (connection.execute(STANDS).fetchone() or (0, 0)) if tables else (0, 0)
    info = connection.info
    seen = last_heartbeat(instance)
    return Status(
        database=f"{info.host}:{info.port}/{info.dbname}" if settings.database_url else f"embedded in {settings.home}",
        server_version=".".join(str(part) for part in divmod(info.server_version, 10_000)),
        media=shown_url(settings.media_url),
        published_images=images,
        active_products=products,
        export=_export(settings, connection),
        imports={dataset.name: _last_import(instance, dataset.name, dataset.asset) for dataset in IMPORTED},
        pending=_count(connection, "pending") if tables else {},
        rejected=_count(connection, "rejected") if tables else {},
        daemon_seen_at=datetime.fromtimestamp(seen, UTC) if seen else None,
        daemon_is_alive=time.time() - seen < FRESH_SECONDS,
        next_refresh=_next_refresh(settings, instance),
        exchange=_exchange(settings, connection) if settings.exchange.is_on else None,
    )


def _exchange(settings: Settings, connection: psycopg.Connection) -> ExchangeState:
    there = connection.execute("select to_regclass('onec.exchange_packages') is not null").fetchone()
    rows = connection.execute(DELIVERIES).fetchall() if there == (True,) else []
    deliveries = {state: number for state, number, _ in rows}
    return ExchangeState(settings.exchange.port, deliveries, max((at for *_, at in rows), default=None))


def _export(settings: Settings, connection: psycopg.Connection) -> ExportState:
    export = ExportSnapshot(settings.data_dir)
    problems = problems_of(connection, export, ALL)
    try:
        files = export.files
    except OnecError:
        files = ()
    xml = state_of((file.name, file.size, file.mtime_ns) for file in files)
    images = state_of(images_of(export.root))
    changed_ns = max(xml.changed_ns, images.changed_ns)
    return ExportState(
        directory=str(export.root),
        files=xml.files,
        images=images.files,
        changed_at=datetime.fromtimestamp(changed_ns / 10**9, UTC) if changed_ns else None,
        exported_at=max(map(export.exported_at, files), default=""),
        problems=tuple(problems),
    )


def _last_import(instance: dg.DagsterInstance, import_type: str, asset: str) -> LastImport | None:
    """The newest session of a type, or of all types."""
    found = [each for name in (import_type, ALL) for each in list_sessions(instance, import_type=name, limit=1)]
    if not found:
        return None
    session = max(found, key=lambda each: each.started_at or datetime.now(UTC))
    if asset in session.counters:
        said = ", ".join(came_to(session.counters[asset]))
    else:
        said = session.error_message or ("passed over" if session.status == "completed" else "")
    return LastImport(session.run_id, session.status, session.finished_at or session.started_at, said)


def _count(connection: psycopg.Connection, fate: str) -> dict[str, int]:
    return dict(connection.execute(UNLANDED.format(fate).encode()).fetchall())


def _next_refresh(settings: Settings, instance: dg.DagsterInstance) -> datetime | None:
    stopped = any(
        state.name == SCHEDULE and state.status.value == "STOPPED" for state in instance.all_instigator_state()
    )
    ticks = schedule_execution_time_iterator(time.time(), settings.nightly_cron, settings.timezone)
    return None if stopped else next(ticks).astimezone(UTC)

"""What an import would do: the import itself, rolled back. Another way of finding that out would tell another thing.

Files are read and staged before the merge lock is taken, as in an import, so that imports of other types go on. Nothing
stays but rows that PostgreSQL has to clean up, which is done at the end.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module

import psycopg
from psycopg import sql

from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import losses_told
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import import_lock
from onec_pipelines.database.migrate import is_current
from onec_pipelines.datasets import ALL, CATALOG, IMAGES, imported_by
from onec_pipelines.errors import DatabaseError, ExportError
from onec_pipelines.images.scan import scan
from onec_pipelines.images.store import UnwrittenStore, open_store
from onec_pipelines.importing.dataset import (
    Request,
    number,
    problems_of,
    ready_to_land,
    refuse_unless_ready,
    report_of,
)
from onec_pipelines.importing.history import keep_history
from onec_pipelines.importing.images.collecting import merge_images
from onec_pipelines.importing.images.planning import decide
from onec_pipelines.importing.images.publishing import publish_files
from onec_pipelines.importing.images.stored_plan import counters_of, refuse_beside_another
from onec_pipelines.importing.ledger import digest_of, fingerprint
from onec_pipelines.importing.reading import DatasetImport
from onec_pipelines.importing.report import Guard, ImportReport
from onec_pipelines.importing.steps import statement
from onec_pipelines.importing.unlanded import count_unlanded
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

SAMPLES = 10
RUN = "plan"
"""What a plan signs its images with."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What an import of one dataset would do; `samples` are sentences about some of its rows."""

    report: ImportReport
    writes: bool
    samples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        report, counters = self.report, self.report.counters
        return {
            "writes": self.writes,
            "export_kind": report.export_kind,
            "counters": {name: getattr(counters, name) for name in COUNTED},
            "pending": report.details.get("pending", 0),
            "guards": [
                {"entity": g.entity, "before": g.before, "removed": g.removed, "allows": g.allows}
                for g in report.guards
            ],
            "changes": report.changes.as_json() if report.changes else None,
            "samples": list(self.samples),
            "notices": list(report.notices),
        }


COUNTED = ("total", "created", "updated", "skipped", "errors", "removed")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do, of each dataset, and what it was made from.

    `absent` says why a dataset would be passed over; `newest_import` is the newest of the register.
    """

    import_type: str
    directory: str
    made_from: Mapping[str, str]
    newest_import: int
    planned: Mapping[str, Planned] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether the import would write anything."""
        return any(planned.writes for planned in self.planned.values())

    @property
    def kept(self) -> list[Guard]:
        """The guards that would keep rows."""
        return [guard for planned in self.planned.values() for guard in planned.report.guards if not guard.allows]

    def as_json(self) -> dict[str, object]:
        """The plan for programs, and for `onec import --plan`."""
        return {
            "import_type": self.import_type,
            "directory": self.directory,
            "made_from": dict(self.made_from),
            "newest_import": self.newest_import,
            "writes": self.writes,
            "planned": {name: planned.as_json() for name, planned in self.planned.items()},
            "absent": dict(self.absent),
        }


def plan_import(
    import_type: str, request: Request, media_url: str, *, phone_region: str, samples: int = SAMPLES
) -> Plan:
    """What an import of a type, or of all, would do; nothing on record is changed.

    Raises:
        ExportError: the export cannot be imported.
        ImportBusyError: an import of one of these types is running.
        DatabaseError: the database cannot be used, or its schema is an older one: a plan does not migrate.
    """
    datasets = [dataset.name for dataset in imported_by(import_type)]
    request = replace(request, workers=1, run_id=RUN)
    with losses_told(f"the plan of {import_type}"), ExitStack() as held, lend(request.database_url) as connection:
        for name in datasets:
            held.enter_context(import_lock(request.database_url, name))
        if not is_current(connection):
            raise DatabaseError("The schema of the database is not that of this version: run onec migrate, then plan.")
        refuse_unless_ready(connection, request, import_type)
        made_from = export_state(request.export, datasets)
        newest = newest_import(connection)
        keep_history(connection, request.history_days)
        with connection.transaction(force_rollback=True):
            planned, absent = _Planning(connection, request, media_url, phone_region, samples).plan(datasets)
        _clean_up(connection)
    return Plan(import_type, str(request.export.root), made_from, newest, planned, absent)


class _Planning:
    """The imports of a plan, one after another in one transaction."""

    def __init__(
        self, connection: psycopg.Connection, request: Request, media_url: str, phone_region: str, samples: int
    ) -> None:
        self._connection = connection
        self._request = request
        self._media_url = media_url
        self._phone_region = phone_region
        self._samples = samples

    def plan(self, datasets: Sequence[str]) -> tuple[dict[str, Planned], dict[str, str]]:
        """What each dataset would do, and why one would be passed over: as in a full refresh, a part may be absent."""
        planned: dict[str, Planned] = {}
        absent: dict[str, str] = {}
        with ExitStack() as staged:
            ready = {}
            for dataset in self._xml(datasets):
                problems = self._problems(dataset.name) if len(datasets) > 1 and dataset.about is not CATALOG else []
                if problems:
                    absent[dataset.name] = " ".join(problems)
                else:
                    ready[dataset.name] = (
                        dataset,
                        staged.enter_context(ready_to_land(dataset, self._connection, self._request)),
                    )
            for name, (dataset, land) in ready.items():
                started = time.monotonic()
                report = report_of(dataset, self._connection, self._request, land(), started)
                planned[name] = self._planned(report)
        if IMAGES.name in datasets:
            problems = problems_of(self._connection, self._request.export, IMAGES.name)
            if problems and len(datasets) > 1:
                absent[IMAGES.name] = " ".join(problems)
            elif problems:
                raise ExportError(" ".join(problems))
            else:
                planned[IMAGES.name] = self._planned(self._images())
        return planned, absent

    def _xml(self, datasets: Sequence[str]) -> Iterator[DatasetImport]:
        for name in datasets:
            if name != IMAGES.name:
                module = import_module(f"onec_pipelines.importing.{name}")
                yield module.with_region(self._phone_region) if hasattr(module, "with_region") else module.DATASET

    def _problems(self, name: str) -> list[str]:
        """What stands against a part of a full refresh: its catalogue lands first, so there will be products."""
        return preflight(self._request.export, name, has_products=True)

    def _images(self) -> ImportReport:
        """Images are read and checked as in an import, and none is written into the media store."""
        connection, request = self._connection, self._request
        store = UnwrittenStore(open_store(self._media_url))
        refuse_beside_another(connection, RUN)
        decide(connection, request, lambda: store)
        for shard in range(1, number(connection, "select count(*) from onec_staging.images_shards") + 1):
            publish_files(connection, request, store, shard)
        counted = counters_of(connection)
        counts, guard = merge_images(connection, request)
        counters = replace(
            counted,
            removed=counts["images no longer listed"],
            errors=count_unlanded(connection, "rejected", IMAGES.name),
        )
        return ImportReport(
            import_type=IMAGES.name,
            table=IMAGES.table,
            row_count=0,
            export_kind="",
            fingerprint="",
            counters=counters,
            duration_seconds=0,
            guards=(guard,),
            notices=() if guard.allows else (str(guard),),
        )

    def _planned(self, report: ImportReport) -> Planned:
        """What would be written, before the temporary tables go that the next merge makes anew."""
        registered = "select count(*) from onec.imports where at = now() and import_type = %s"
        writes = bool(number(self._connection, registered, report.import_type))
        samples: tuple[str, ...] = ()
        if report.import_type == CATALOG.name and self._samples:
            rows = self._connection.execute(statement("queries/past", "samples"), {"limit": self._samples}).fetchall()
            samples = tuple(" ".join(map(str, filter(None, row))) for row in rows)
        self._connection.execute("discard temp")
        return Planned(report, writes, samples)


def export_state(export: ExportSnapshot, datasets: Sequence[str]) -> dict[str, str]:
    """A digest of the files of each dataset: of XML by content, of images by name, size and time."""
    state = {name: digest_of(export.files_of(name)) for name in datasets if name != IMAGES.name}
    if IMAGES.name in datasets:
        index = scan(export.root, export.image_bases)
        found = ((path, index.get(path)) for path in sorted(index))
        state[IMAGES.name] = fingerprint(f"{path} {stat}" for path, stat in found)
    return state


def newest_import(connection: psycopg.Connection) -> int:
    """The number of the newest import of the register, 0 where there is none."""
    return number(connection, "select coalesce(max(id), 0) from onec.imports")


def refuse_unless_planned(request: Request, import_type: str, plan: Mapping[str, object]) -> None:
    """Raise ExportError where the files, the type or the newest import are not those of a plan.

    `plan` is what `Plan.as_json` gives.
    """
    with lend(request.database_url) as connection:
        problems_of(connection, request.export, import_type)
        newest = newest_import(connection)
    datasets = [dataset.name for dataset in imported_by(import_type)]
    changed = [
        what
        for what, planned, found in (
            ("the import type", plan.get("import_type"), import_type),
            ("the files", plan.get("made_from"), export_state(request.export, datasets)),
            ("the newest import", plan.get("newest_import"), newest),
        )
        if planned != found
    ]
    if changed:
        raise ExportError(
            f"The plan is of another state: {', '.join(changed)} changed since; nothing was imported: plan again."
        )


def _clean_up(connection: psycopg.Connection) -> None:
    """Let the rows go that were rolled back: of tables that have many of them the statistics tell."""
    tables = sorted({table for dataset in imported_by(ALL) for table in dataset.tables})
    with tolerated(log, "autovacuum cleans up after the plan", psycopg.Error):
        for table in tables:
            connection.execute(sql.SQL("vacuum (skip_locked) {}").format(sql.Identifier("onec", table)))

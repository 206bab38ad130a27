"""Asset checks: what a person must look at after an import that went through. The queries are in importing/checks.

`deactivation_guard` fails, with severity ERROR, where a full export left out more than may go at once: then
everything else has landed, and nothing was deactivated or removed. The asset's own run reports it.

The others run as one step after each asset, without holding up what is downstream. They warn; only an image
whose file has gone from the media store is an error. Where an asset was passed over they do not run, and a check
that cannot look, as the store is out of reach, says so and fails no run: the import has landed by then.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import first_line
from onec_pipelines.database.lending import lend
from onec_pipelines.database.locks import run_lock
from onec_pipelines.datasets import ASSETS, BY_ASSET, CATALOG, Check
from onec_pipelines.errors import OnecError
from onec_pipelines.images.store import open_store
from onec_pipelines.importing.checking import SHOWN, Findings, count_rows, find, read_rows
from onec_pipelines.importing.known_files import recall
from onec_pipelines.importing.unlanded import count_unlanded
from onec_pipelines.orchestration.definitions.freshness import GRACE, longest_pause
from onec_pipelines.orchestration.private import AssetCheckExecutionRecord, AssetCheckExecutionRecordStatus
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.export import data_dir_of, looked_at_by
from onec_pipelines.settings import Settings
from onec_pipelines.shown import in_markdown, visible

ROW_COUNT_DROP = "row_count_drop"
REJECTED_ROWS = "rejected_rows"
MISSING_MEDIA = "missing_media"
EXPORT_IS_FRESH = "export_is_fresh"
FRESH = "1C has exported since the schedule imported the export before, by the date that 1C states."
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
SUDDEN = 0.3
"""The largest share of the rows that may go from one import to the next without a warning."""
LOOKED_BACK = (2, 20)
"""Evaluations of a check among which the one of the import before is looked for: first these, then those."""
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A check that warns where a count of an asset is worse than on the import before; `says` tells both."""

    name: str
    description: str
    count: Callable[[psycopg.Connection, str], int]
    is_worse: Callable[[int, int], bool]
    says: str


def is_sudden(rows: int, before: int) -> bool:
    """Whether more than a tolerable share of the rows is gone."""
    return before - rows > before * SUDDEN


COMPARISONS = (
    Comparison(
        ROW_COUNT_DROP,
        f"No more than {SUDDEN:.0%} of the rows are gone since the import before.",
        count_rows,
        is_sudden,
        "Rows that are left: {rows}; after the import before: {before}.",
    ),
    Comparison(
        REJECTED_ROWS,
        "No more rows are rejected than after the import before.",
        lambda connection, asset: count_unlanded(connection, "rejected", BY_ASSET[asset].name),
        operator.gt,
        "Rejected rows: {rows}; after the import before: {before}. onec rejected lists them, the newest first.",
    ),
)


def build_checks(asset: str) -> dg.AssetChecksDefinition:
    """The checks of an asset as one step: they share a connection, and each is one query."""
    of_rows = BY_ASSET[asset].checks
    specs = [
        *(dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in of_rows),
        *(dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in COMPARISONS),
        *([dg.AssetCheckSpec(EXPORT_IS_FRESH, asset=asset, description=FRESH)] if asset == CATALOG.asset else []),
    ]

    @dg.multi_asset_check(name=f"{asset}_checks", specs=specs, can_subset=True)
    def run_checks(context: dg.AssetCheckExecutionContext, onec: Onec) -> Iterator[dg.AssetCheckResult]:
        names = {key.name for key in context.selected_asset_check_keys}
        yield from look_at(context, onec, asset, names)

    return run_checks


def look_at(
    context: dg.AssetCheckExecutionContext, onec: Onec, asset: str, names: set[str]
) -> Iterator[dg.AssetCheckResult]:
    """The results of some checks of an asset."""
    try:
        settings, url = onec.settings(), onec.database_url()
        with run_lock(url, context.run.run_id), lend(url) as connection:
            of_rows = (check for check in BY_ASSET[asset].checks if check.name in names)
            results = [rows_result(connection, settings, asset, check) for check in of_rows]
            compared = (check for check in COMPARISONS if check.name in names)
            results += [comparison_result(connection, context.instance, asset, check) for check in compared]
            if EXPORT_IS_FRESH in names:
                results.append(freshness_result(context, connection, settings, asset))
    except OnecError as error:
        results = [not_looked_at(asset, name, str(error)) for name in sorted(names)]
    yield from results


def rows_result(connection: psycopg.Connection, settings: Settings, asset: str, check: Check) -> dg.AssetCheckResult:
    """A check that lists the rows that fail it."""
    try:
        findings = (
            missing_media(connection, settings.media_url)
            if check.name == MISSING_MEDIA
            else find(connection, asset, check.name, {"pending_days": settings.pending_days})
        )
    except (OnecError, psycopg.Error) as error:
        return not_looked_at(asset, check.name, first_line(str(error)))
    metadata: dict[str, dg.MetadataValue] = {"count": dg.MetadataValue.int(findings.total)}
    if findings.rows:
        metadata["rows"] = rows_table(findings, settings.timezone)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check.name,
        passed=not findings.total,
        severity=ERROR if check.is_error else WARN,
        description=check.said_of(findings.total) if findings.total else None,
        metadata=metadata,
    )


def missing_media(connection: psycopg.Connection, media_url: str) -> Findings:
    """The images on record whose file is gone: one walk of the store, one of the records.

    Raises:
        MediaStoreError: the store cannot be listed.
    """
    stored = open_store(media_url).listing()
    total, shown = 0, []
    for row in read_rows(connection, "product_images", MISSING_MEDIA):
        if row["media_path"] not in stored:
            total += 1
            shown += [row] if total <= SHOWN else []
    return Findings(total, tuple(shown))


def rows_table(findings: Findings, zone: str) -> dg.MetadataValue:
    """The first rows of a finding as a table."""
    records = [dg.TableRecord({column: cell(value, zone) for column, value in row.items()}) for row in findings.rows]
    columns = [dg.TableColumn(column) for column in findings.rows[0]]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def cell(value: object, zone: str) -> str | int | None:
    """A value as tables of metadata hold it: numbers exact and as text, times in the zone of the settings."""
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, int) else visible(str(value))


def comparison_result(
    connection: psycopg.Connection, instance: dg.DagsterInstance, asset: str, check: Comparison
) -> dg.AssetCheckResult:
    """A check that compares a count with that of the import before; the first import is compared with none."""
    try:
        rows = check.count(connection, asset)
    except psycopg.Error as error:
        return not_looked_at(asset, check.name, first_line(str(error)))
    before = rows_before(instance, asset, check.name)
    is_worse = before is not None and check.is_worse(rows, before)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check.name,
        passed=not is_worse,
        severity=WARN,
        description=check.says.format(rows=rows, before=before) if is_worse else None,
        metadata={"count": rows} if before is None else {"count": rows, "count_before": before},
    )


def rows_before(instance: dg.DagsterInstance, asset: str, check: str) -> int | None:
    """The count that a check noted on the import before; None where there is none yet.

    It is not `dagster/row_count`, as that counts the inactive products and customers, too. What was noted on the
    latest materialization itself is passed over, so that a check that is run again says the same again.
    """
    key = dg.AssetKey(asset)
    latest = instance.fetch_materializations(key, limit=1).records
    latest_id = latest[0].storage_id if latest else None
    for record in history_of(instance, dg.AssetCheckKey(key, check)):
        evaluation = record.evaluation
        target = evaluation.target_materialization_data if evaluation else None
        if evaluation and target and target.storage_id != latest_id and "count" in evaluation.metadata:
            return int(str(evaluation.metadata["count"].value))
    return None


def history_of(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Iterator[AssetCheckExecutionRecord]:
    """The evaluations of a check, the latest first; each is a whole event, and the first few nearly always do."""
    cursor = None
    for limit in LOOKED_BACK:
        page = instance.event_log_storage.get_asset_check_execution_history(
            key, limit=limit, cursor=cursor, status=EVALUATED
        )
        yield from page
        if len(page) < limit:
            return
        cursor = page[-1].id


def freshness_result(
    context: dg.AssetCheckExecutionContext, connection: psycopg.Connection, settings: Settings, asset: str
) -> dg.AssetCheckResult:
    """A check of the date that 1C itself gives its export; one that gives none passes."""
    export = ExportSnapshot(data_dir_of(context.run, context.instance, settings), looked_at_by(context.run.run_id))
    try:
        recall(connection, export)
        exported = export.newest_export(settings.timezone)
    except (OnecError, psycopg.Error) as error:
        return not_looked_at(asset, EXPORT_IS_FRESH, first_line(str(error)))
    allowed = longest_pause(settings.nightly_cron, settings.timezone) + GRACE
    is_fresh = exported is None or datetime.now(UTC) - exported <= allowed
    stated = "" if exported is None else exported.astimezone(ZoneInfo(settings.timezone)).isoformat(timespec="minutes")
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=EXPORT_IS_FRESH,
        passed=is_fresh,
        severity=WARN,
        description=None if is_fresh else f"1C exported this at {stated}: since then it has not exported anew.",
        metadata={"exported_at": stated or "1C states no date"},
    )


def not_looked_at(asset: str, name: str, reason: str) -> dg.AssetCheckResult:
    """A check that could not be evaluated: that is worth a look, and no reason to fail a run whose import landed.

    The UI takes the description of a result for Markdown.
    """
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=False,
        severity=WARN,
        description=f"This could not be looked at: {in_markdown(reason)}",
    )


checks = [build_checks(asset) for asset in ASSETS]
"""One definition for each asset."""

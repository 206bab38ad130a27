"""Asset checks: what a person must look at after an import that went through. The queries are in database/checks.

`deactivation_guard` fails, with severity ERROR, where a full export left out more than may go at once: then
everything else has landed, and nothing was deactivated or removed. The asset's own run reports it.

The others run as one step after each asset, without holding up what is downstream. They warn; only a picture
whose file has gone from the media store is an error. Where an asset was passed over they do not run, and a check
that cannot look, as the store is out of reach, says so and fails no run: the import has landed by then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg

from onec_pipelines.database.checking import SHOWN, Findings, count_rows, find, read_rows
from onec_pipelines.database.connection import connect, first_line
from onec_pipelines.database.locks import run_lock
from onec_pipelines.errors import OnecError
from onec_pipelines.images.store import open_store
from onec_pipelines.importing import Guard
from onec_pipelines.orchestration.definitions.resources import Onec
from onec_pipelines.orchestration.private import AssetCheckExecutionRecordStatus
from onec_pipelines.settings import Settings

GUARD = "deactivation_guard"
GUARDED = frozenset({"catalog", "stocks", "prices", "customers"})
"""Assets of which a full export may take rows away."""
ROW_COUNT_DROP = "row_count_drop"
MISSING_MEDIA = "missing_media"
SUDDEN = 0.3
"""The largest share of the rows that may go from one import to the next without a warning."""
LOOKED_BACK = 20
"""Evaluations of a check among which the one of the import before is looked for."""
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Check:
    """A check of rows: its name is that of its query, `found` says what its rows are."""

    name: str
    description: str
    found: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


WAIT = "longer than ONEC_PENDING_DAYS"
CHECKS: Mapping[str, Sequence[Check]] = {
    "catalog": [
        Check("pending_offers", f"No offer waits for its product {WAIT}.", f"offers wait for their product {WAIT}"),
        Check("products_without_category", "Every active product has a category.", "products have no category"),
    ],
    "stocks": [
        Check("pending_stocks", f"No stock waits for its offer {WAIT}.", f"offers' stocks wait {WAIT}"),
        Check("negative_stocks", "No stock of an active offer is below zero.", "stocks are below zero"),
    ],
    "prices": [
        Check("pending_prices", f"No price waits for its offer {WAIT}.", f"offers' prices wait {WAIT}"),
        Check("prices_not_positive", "Every price of an active offer is above zero.", "prices are zero or below"),
        Check("products_without_price", "Every active product has a price.", "products have no price"),
    ],
    "customers": [],
    "product_images": [
        Check("products_without_image", "Every active product has an image.", "products have no image"),
        Check(
            MISSING_MEDIA,
            "Every image on record is in the media store.",
            "images are on record and gone from the media store: import images from an export that holds them",
            dg.AssetCheckSeverity.ERROR,
        ),
    ],
}
"""Asset -> its checks; each asset has `row_count_drop` besides."""


def guard_spec(asset: str) -> dg.AssetCheckSpec:
    """The check that an asset's own run reports."""
    return dg.AssetCheckSpec(
        GUARD,
        asset=asset,
        description="A full export names enough of what is known: no more than ONEC_MAX_DEACTIVATION would go.",
    )


def guard_result(asset: str, guards: tuple[Guard, ...]) -> dg.AssetCheckResult:
    """The decisions of an import as a check: passed where each allows, or where there was none to take."""
    blocked = [guard for guard in guards if not guard.allows]
    rows = [
        dg.TableRecord(
            {
                "entity": guard.entity,
                "before": guard.before,
                "not named": guard.gone,
                "share": round(guard.gone / guard.before, 3) if guard.before else 0.0,
                "allowed": guard.limit,
            }
        )
        for guard in guards
    ]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=GUARD,
        passed=not blocked,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(str(guard) for guard in blocked) or None,
        metadata={"decisions": dg.MetadataValue.table(rows)} if rows else {},
    )


def build_checks(asset: str) -> dg.AssetChecksDefinition:
    """The checks of an asset as one step: they share a connection, and each is one query."""
    drop = f"No more than {SUDDEN:.0%} of the rows are gone since the import before."
    specs = [
        *(dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in CHECKS[asset]),
        dg.AssetCheckSpec(ROW_COUNT_DROP, asset=asset, description=drop),
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
        with run_lock(url, context.run.run_id), connect(url) as connection:
            results = [
                rows_result(connection, settings, asset, check) for check in CHECKS[asset] if check.name in names
            ]
            if ROW_COUNT_DROP in names:
                results.append(drop_result(connection, context.instance, asset))
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
        severity=check.severity,
        description=f"{findings.total} {check.found}." if findings.total else None,
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
    """A value as tables of metadata hold it: exact numbers as text, times in the zone of the settings."""
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, int) else None if value is None else str(value)


def drop_result(connection: psycopg.Connection, instance: dg.DagsterInstance, asset: str) -> dg.AssetCheckResult:
    """Whether too many rows are gone since the import before."""
    try:
        rows = count_rows(connection, asset)
    except psycopg.Error as error:
        return not_looked_at(asset, ROW_COUNT_DROP, first_line(str(error)))
    before = rows_before(instance, asset)
    dropped = before is not None and is_sudden(rows, before)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=ROW_COUNT_DROP,
        passed=not dropped,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{rows} rows are left of the {before} of the import before." if dropped else None,
        metadata={"count": rows} if before is None else {"count": rows, "count_before": before},
    )


def is_sudden(rows: int, before: int) -> bool:
    """Whether more than a tolerable share of the rows is gone."""
    return before - rows > before * SUDDEN


def rows_before(instance: dg.DagsterInstance, asset: str) -> int | None:
    """The count that this check noted on the import before; None where there is none yet.

    It is not `dagster/row_count`, as that counts the inactive products and customers, too. What was noted on the
    latest materialization itself is passed over, so that a check that is run again says the same again.
    """
    key = dg.AssetKey(asset)
    latest = instance.fetch_materializations(key, limit=1).records
    latest_id = latest[0].storage_id if latest else None
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(key, ROW_COUNT_DROP), limit=LOOKED_BACK, status=EVALUATED
    )
    for record in history:
        evaluation = record.evaluation
        target = evaluation.target_materialization_data if evaluation else None
        if evaluation and target and target.storage_id != latest_id and "count" in evaluation.metadata:
            return int(str(evaluation.metadata["count"].value))
    return None


def not_looked_at(asset: str, name: str, reason: str) -> dg.AssetCheckResult:
    """A check that could not be evaluated: that is worth a look, and no reason to fail a run whose import landed."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"This could not be looked at: {reason}",
    )


checks = [build_checks(asset) for asset in CHECKS]
"""One definition for each asset."""

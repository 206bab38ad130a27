"""An ImportReport as Dagster metadata: ImportSession.report_details of the run history. Pure functions.

Counters are plain numbers under few and stable keys, because the UI draws one plot a key.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.images.contact_sheet import as_markdown
from onec_pipelines.importing import Counters, ImportReport, UnlandedRow
from onec_pipelines.importing.report import Change, Changes, number_text, shown_of
from onec_pipelines.shown import visible

BAR_WIDTH = 20
TABLES = {
    "products": "products",
    "product_variants": "variants",
    "categories": "categories",
    "units": "units",
    "properties": "properties",
    "property_values": "property values",
    "brands": "brands",
    "warehouses": "warehouses",
    "price_types": "price types",
    "price_tiers": "price tiers",
}
BREAKDOWN = {
    **{f"{name}_{verb}": f"{label} {verb}" for name, label in TABLES.items() for verb in ("created", "updated")},
    "products_no_longer_named": "products no longer named",
    "offers_no_longer_named": "variants no longer named",
    "categories_no_longer_named": "categories no longer named",
    "types_no_longer_sent": "prices of types no longer sent",
    "prices_of_offers_no_longer_named": "prices of offers no longer named",
    "tiers_no_longer_sent": "price tiers no longer sent",
    "stocks_no_longer_sent": "stocks no longer sent",
    "stocks_of_offers_whose_list_is_empty": "stocks of offers with an empty list",
    "totals_beside_warehouses": "totals replaced by warehouses",
    "customers_no_longer_named": "customers no longer named",
    "customers_who_are_no_buyers_any_more": "customers who are no buyers any more",
    "pending": "pending",
    "not_for_us": "not for us",
    "thumbnails_made": "thumbnails made",
    "files_removed": "files removed",
    **{fate: fate for fate in ("published", "unchanged", "without_images", "not_shipped", "missing", "corrupt")},
}
"""What else an import counts, as it is called where people see it: the README explains each."""
NOTICES = "notices"
PASSED_OVER = "passed_over"
"""On the observation of an asset that a full refresh did without: why."""
CHANGE_COLUMNS = ("change", "was", "becomes", "article", "name", "of")
COLUMNS = [
    dg.TableColumn(name, "int" if name == "line" else "string")
    for name in ("reason", "article", "name", "file", "line", "id")
]


def counter_values(asset: str, counters: Counters) -> dict[str, int]:
    """The counters under the keys of an asset."""
    return {key: getattr(counters, name) for key, name in BY_ASSET[asset].counters.items()}


def counters_of(asset: str, values: Mapping[str, int]) -> Counters:
    """The counters of an asset from under its keys."""
    return Counters(**{name: values[key] for key, name in BY_ASSET[asset].counters.items() if key in values})


def report_metadata(asset: str, report: ImportReport, zone: str) -> dict[str, dg.MetadataValue]:
    """The metadata of a materialization."""
    metadata: dict[str, dg.MetadataValue] = {
        key: dg.MetadataValue.int(value) for key, value in counter_values(asset, report.counters).items()
    }
    metadata |= {
        "last_updated": dg.MetadataValue.text(now(zone)),
        "duration_seconds": dg.MetadataValue.float(round(report.duration_seconds, 2)),
        "dagster/row_count": dg.MetadataValue.int(report.row_count),
        "dagster/table_name": dg.MetadataValue.text(report.table),
        "export_fingerprint": dg.MetadataValue.text(report.fingerprint),
        "export_kind": dg.MetadataValue.text(report.export_kind),
    }
    if report.changes:
        metadata |= changes_metadata(report.changes)
    if told := {label: report.details[name] for name, label in BREAKDOWN.items() if name in report.details}:
        metadata["breakdown"] = breakdown_table(told)
    if report.rejected:
        metadata["rejected"] = shown_text("rejected", len(report.rejected), report.counters.errors, report.import_type)
        metadata["rejected_rows"] = rejected_table(report.rejected)
    if report.pending:
        total = report.details["pending"]
        metadata["pending"] = shown_text("pending", len(report.pending), total, report.import_type)
        metadata["pending_rows"] = pending_table(report.pending, zone)
    if report.contact_sheet:
        metadata["contact_sheet"] = dg.MetadataValue.md(as_markdown(report.contact_sheet))
    if report.notices:
        metadata[NOTICES] = dg.MetadataValue.text("\n".join(map(visible, report.notices)))
    return metadata


def changes_metadata(changes: Changes) -> dict[str, dg.MetadataValue]:
    """How prices or stocks changed: two plots or three, and a table of the largest changes."""
    metadata: dict[str, dg.MetadataValue] = {
        "raised": dg.MetadataValue.int(changes.raised),
        "lowered": dg.MetadataValue.int(changes.lowered),
    }
    if changes.median_percent is not None:
        metadata["median_change_pct"] = dg.MetadataValue.float(changes.median_percent)
    if changes.largest:
        metadata["largest_changes"] = dg.MetadataValue.table(
            [dg.TableRecord(change_cells(change)) for change in changes.largest],
            schema=dg.TableSchema([dg.TableColumn(name, "string") for name in CHANGE_COLUMNS]),
        )
    return metadata


def change_cells(change: Change) -> dict[str, str]:
    """The cells of a change under `CHANGE_COLUMNS`."""
    percent = "" if change.percent is None else f"{change.percent:+.1f} %"
    stated = (percent, number_text(change.was), number_text(change.becomes), change.article, change.name, change.of)
    return dict(zip(CHANGE_COLUMNS, (visible(text or "") for text in stated), strict=True))


def breakdown_table(details: Mapping[str, int]) -> dg.MetadataValue:
    """Further counts as a table, so that they make no plots of their own."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"what": name, "rows": rows}) for name, rows in details.items()],
        schema=dg.TableSchema([dg.TableColumn("what", "string"), dg.TableColumn("rows", "int")]),
    )


def shown_text(command: str, shown: int, total: int, import_type: str) -> dg.MetadataValue:
    """The heading of a table of rows."""
    return dg.MetadataValue.text(shown_of(shown, total, f"onec {command} --type {import_type} --csv FILE"))


def rejected_table(rejected: Sequence[UnlandedRow]) -> dg.MetadataValue:
    """The first rejected rows; the reason and what 1C's people search by stand before the place."""
    return dg.MetadataValue.table([dg.TableRecord(cells(row)) for row in rejected], schema=dg.TableSchema(COLUMNS))


def pending_table(pending: Sequence[UnlandedRow], zone: str) -> dg.MetadataValue:
    """The first pending rows, likewise, and since when they wait."""
    return dg.MetadataValue.table(
        [dg.TableRecord(cells(row) | {"waiting_since": in_zone(row.first_seen_at, zone)}) for row in pending],
        schema=dg.TableSchema([*COLUMNS, dg.TableColumn("waiting_since")]),
    )


def cells(row: UnlandedRow) -> dict[str, str | int | None]:
    """The cells of a row under `COLUMNS`."""
    stated = (row.reason, row.article, row.name, row.file, row.line, row.onec_id)
    shown = (visible(value) if isinstance(value, str) else value for value in stated)
    return dict(zip((column.name for column in COLUMNS), shown, strict=True))


def failure_metadata(asset: str, message: str, counters: Counters) -> dict[str, dg.MetadataValue]:
    """The metadata of a failed import: the sentence, and the counters it had reached."""
    reached = {key: dg.MetadataValue.int(value) for key, value in counter_values(asset, counters).items()}
    return {"error_message": dg.MetadataValue.text(visible(message)), **reached}


def bar_text(counters: Counters) -> str:
    """`[#####---------------] 25% 500/2000`."""
    share = counters.processed / counters.total if counters.total else 0.0
    filled = min(BAR_WIDTH, int(share * BAR_WIDTH))
    bar = "#" * filled + "-" * (BAR_WIDTH - filled)
    return f"[{bar}] {share:.0%} {counters.processed}/{counters.total}"


def now(zone: str) -> str:
    """The time in ISO 8601 with its zone."""
    return in_zone(datetime.now(UTC), zone)


def in_zone(time: datetime, zone: str) -> str:
    """A time in ISO 8601 with the zone of the settings."""
    return time.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")

"""An ImportReport as Dagster metadata: ImportSession.report_details of the run history. Pure functions.

Counters are plain numbers under few and stable keys, because the UI draws one plot a key.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from onec_pipelines.datasets import BY_ASSET
from onec_pipelines.images.contact_sheet import as_markdown
from onec_pipelines.importing import Counters, ImportReport, RejectedRow
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
    if told := {label: report.details[name] for name, label in BREAKDOWN.items() if name in report.details}:
        metadata["breakdown"] = breakdown_table(told)
    if report.rejected:
        metadata["rejected_rows"] = rejected_table(report.rejected)
    if report.contact_sheet:
        metadata["contact_sheet"] = dg.MetadataValue.md(as_markdown(report.contact_sheet))
    if report.notices:
        metadata[NOTICES] = dg.MetadataValue.text("\n".join(map(visible, report.notices)))
    return metadata


def breakdown_table(details: Mapping[str, int]) -> dg.MetadataValue:
    """Further counts as a table, so that they make no plots of their own."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"what": name, "rows": rows}) for name, rows in details.items()],
        schema=dg.TableSchema([dg.TableColumn("what", "string"), dg.TableColumn("rows", "int")]),
    )


def rejected_table(rejected: tuple[RejectedRow, ...]) -> dg.MetadataValue:
    """The first rejected rows: file, line, id, reason."""
    columns = [dg.TableColumn("file"), dg.TableColumn("line", "int"), dg.TableColumn("id"), dg.TableColumn("reason")]
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "file": visible(row.file),
                    "line": row.line,
                    "id": row.onec_id and visible(row.onec_id),
                    "reason": visible(row.reason),
                }
            )
            for row in rejected
        ],
        schema=dg.TableSchema(columns),
    )


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
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")

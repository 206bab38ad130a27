"""The demo export says the same in every layout and encoding, and as much as its summary promises."""

import pytest

from onec_pipelines.demo import write_demo
from onec_pipelines_tests.demo_summary import summarize

FORMS = [(layout, encoding) for layout in ("3.1", "2.09", "2.07") for encoding in ("utf-8", "windows-1251")]


@pytest.fixture(scope="module")
def reference():
    """What the tables held after the first form, for the others to equal."""
    return {}


@pytest.mark.parametrize(("layout", "encoding"), FORMS)
def test_every_form_gives_the_same_tables_and_the_promised_numbers(
    layout, encoding, reference, export, imports, contents, connection, rows, tmp_path
):
    export.root = tmp_path / "demo"
    summary = summarize(write_demo(export.root, layout=layout, encoding=encoding))
    reports = {kind: imports(kind, max_deactivation=0) for kind in ("catalog", "stocks", "prices", "customers")}

    held = contents(connection)
    assert held == reference.setdefault("tables", held)
    assert len(held["categories"]) == summary.categories
    assert len(held["brands"]) == summary.brands
    assert len(held["units"]) == summary.units
    assert len(held["properties"]) == summary.properties
    assert len(held["property_values"]) == summary.property_values
    assert len(held["products"]) == summary.products
    assert len(held["product_categories"]) == summary.product_categories
    assert len(held["product_variants"]) == summary.variants
    assert len(held["price_types"]) == summary.price_types
    assert len(held["prices"]) == summary.prices
    assert len(held["warehouses"]) == summary.warehouses
    assert len(held["stocks"]) == summary.stocks
    assert len(held["customers"]) == summary.customers
    assert len(held["image_references"]) == summary.image_references
    assert rows("select count(*) from onec.image_references where variant_id is not null") == [
        summary.image_references_of_variants
    ]
    assert rows("select count(*) from onec.products where not is_active") == [summary.inactive_products]
    assert rows("select count(*) from onec.product_variants where not is_active") == [summary.inactive_variants]
    assert rows("select count(*) from onec.product_variants where is_default") == [summary.default_variants]
    kinds = dict(connection.execute("select kind, count(*) from onec.customers group by kind").fetchall())
    assert kinds == summary.customers_by_kind
    assert {kind: report.counters.errors for kind, report in reports.items()} == summary.rejected
    pending = {kind: reports[kind].details["pending"] for kind in summary.pending}
    assert pending == summary.pending
    assert reports["stocks"].counters.total == summary.stock_cells
    assert reports["prices"].counters.total == summary.price_cells
    assert reports["customers"].counters.total == summary.contragents
    assert reports["customers"].counters.skipped == summary.suppliers
    assert all(report.export_kind == "full" for report in reports.values())

"""What a person must look at after an import: each check over rows made for it, and the checks within real runs."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest
from dagster._serdes import serialize_value

from onec_pipelines.database.connection import connect
from onec_pipelines.datasets import ASSETS, BY_ASSET
from onec_pipelines.demo import build_shop
from onec_pipelines.importing.steps import read_steps
from onec_pipelines.orchestration.definitions.assets import assets, export_specs
from onec_pipelines.orchestration.definitions.checks import (
    EXPORT_IS_FRESH,
    REJECTED_ROWS,
    ROW_COUNT_DROP,
    checks,
    is_sudden,
)
from onec_pipelines.orchestration.runs.guards import GUARD

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
ROW_CHECKS = [(asset, check.name) for asset in ASSETS for check in BY_ASSET[asset].checks]
COMPARISONS = [(asset, name) for asset in ASSETS for name in (ROW_COUNT_DROP, REJECTED_ROWS)]
FRESH = ("catalog", EXPORT_IS_FRESH)
MEDIA = "missing_media"
ERRORS = {MEDIA, GUARD}

SOUND_SHOP = """
insert into onec.categories (onec_id, name) values ('c', 'Мебель');
insert into onec.price_types (onec_id, name, currency) values ('retail', 'Розничная', 'руб');
insert into onec.warehouses (onec_id, name) values ('w', 'Склад');
insert into onec.products (onec_id, article, name, category_id)
    select 'p' || n, 'A-' || n, 'Стул ' || n, (select id from onec.categories) from generate_series(1, {products}) n;
insert into onec.product_variants (onec_id, product_id) select onec_id || '#1', id from onec.products;
insert into onec.prices select v.id, t.id, 100, 'руб' from onec.product_variants v, onec.price_types t;
insert into onec.stocks select v.id, w.id, 3 from onec.product_variants v, onec.warehouses w;
insert into onec.product_images (product_id, position, is_main, source_path, media_path, sha256, size_bytes,
        source_mtime_ns, width, height, format)
    select id, 0, true, 'import_files/' || onec_id || '.jpg', onec_id || '.jpg', 'sha', 4, 0, 1, 1, 'JPEG'
    from onec.products;
insert into onec.customers (onec_id, kind, name) select 'k' || n, 'individual', 'Мария' from generate_series(1, 20) n;
"""
PRODUCTS = 20


def waiting(import_type: str, payload: object, days: int) -> str:
    """A record that has waited for its parent for some days."""
    return (
        "insert into onec.pending_records "
        "(import_type, entity, onec_id, payload, source_file, source_line, first_seen_at) "
        f"values ('{import_type}', 'record', 'lost', '{json.dumps(payload)}', 'offers/1.xml', 7, "
        f"now() - interval '{days} days')"
    )


def only_file_of(export: Path) -> Path:
    """Where the only file of an export is to be written; what lay there is gone."""
    shutil.rmtree(export)
    (export / "goods").mkdir(parents=True)
    return export / "goods/goods_1_1.xml"


@pytest.fixture
def shop(project) -> Iterator[psycopg.Connection]:
    """Twenty products with which nothing is wrong, their pictures in the media store, and as many customers."""
    media = Path(project.settings.media_url)
    media.mkdir()
    for number in range(1, PRODUCTS + 1):
        (media / f"p{number}.jpg").write_bytes(b"JPEG")
    only_file_of(project.settings.data_dir).write_text("<КоммерческаяИнформация/>", "utf-8")
    with connect(project.settings.database_url) as connection:
        connection.execute(SOUND_SHOP.format(products=PRODUCTS).encode())
        yield connection


def evaluations(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """The checks of a run by asset and name."""
    found = result.get_asset_check_evaluations()
    return {(evaluation.asset_key.to_user_string(), evaluation.check_name): evaluation for evaluation in found}


def look(project) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Run all the checks and import nothing, as the button of the checks does."""
    keys = [key for definition in checks for key in definition.check_keys]
    look = dg.define_asset_job("look", selection=dg.AssetSelection.checks(*keys))
    definitions = dg.Definitions(
        [*assets, *export_specs], asset_checks=checks, jobs=[look], resources=project.definitions().resources
    )
    result = definitions.resolve_job_def("look").execute_in_process(instance=project.instance)
    assert result.success
    return evaluations(result)


def imported(project, asset: str) -> None:
    """Note that an import of the asset has ended, as a run does."""
    project.instance.report_runless_asset_event(dg.AssetMaterialization(asset))


def rows_of(evaluation: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    return [dict(record.data) for record in evaluation.metadata["rows"].records]


# --- what there is


def test_every_check_is_described_and_holds_nothing_up():
    specs = [spec for definition in [*assets, *checks] for spec in definition.check_specs]
    assert {(bool(spec.description), spec.blocking) for spec in specs} == {(True, False)}


@pytest.mark.parametrize("asset", ASSETS)
def test_the_job_of_an_asset_runs_its_checks(project, asset):
    job = {"product_images": "images_import"}.get(asset, f"{asset}_import")
    selected = project.definitions().resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
    assert {(key.asset_key.to_user_string(), key.name) for key in selected} == {
        (asset, name)
        for name in {*(check.name for check in BY_ASSET[asset].checks), ROW_COUNT_DROP, REJECTED_ROWS, GUARD}
        | ({EXPORT_IS_FRESH} if asset == "catalog" else set())
    }


def test_the_only_checks_that_are_errors_are_the_guard_and_what_is_gone_from_the_media_store():
    assert [check.name for asset in ASSETS for check in BY_ASSET[asset].checks if check.is_error] == [MEDIA, GUARD]


# --- the rows that fail


@pytest.mark.usefixtures("shop")
def test_a_sound_shop_passes_every_check(project):
    found = look(project)
    assert {key for key, evaluation in found.items() if not evaluation.passed} == set()
    assert found.keys() == {*ROW_CHECKS, *COMPARISONS, FRESH}


OFFER = {"article": "A-7", "name": "Стул"}
PRICES = [{"value": "100.50", "price_type_onec_id": "t"}, {"value": "90", "price_type_onec_id": "u"}]
STOCKS = [{"quantity": "-3", "warehouse_onec_id": "w"}]
SOURCE = {"source_file": "offers/1.xml", "source_line": 7}
SPOILED = {
    "pending_offers": (waiting("catalog", OFFER, 8), {"onec_id": "lost", "article": "A-7", "name": "Стул"} | SOURCE),
    "pending_prices": (waiting("prices", PRICES, 8), {"onec_id": "lost", "value": '["100.50", "90"]'} | SOURCE),
    "pending_stocks": (waiting("stocks", STOCKS, 8), {"onec_id": "lost", "value": '["-3"]'} | SOURCE),
    "products_without_category": (
        "update onec.products set category_id = null, group_onec_ids = '{g1,g2}' where onec_id = 'p3'",
        {"product_id": 3, "onec_id": "p3", "article": "A-3", "name": "Стул 3", "groups_in_1c": "g1, g2"},
    ),
    "negative_stocks": (
        "update onec.stocks set quantity = -2.5 where variant_id = 3",
        {"variant_id": 3, "onec_id": "p3#1", "article": "A-3", "name": "Стул 3", "warehouse": "Склад", "value": "-2.5"},
    ),
    "prices_not_positive": (
        "update onec.prices set value = 0 where variant_id = 3",
        {"onec_id": "p3#1", "article": "A-3", "name": "Стул 3", "price_type": "Розничная", "value": "0"},
    ),
    "products_without_price": (
        "delete from onec.prices where variant_id = 3",
        {"product_id": 3, "onec_id": "p3", "article": "A-3", "name": "Стул 3"},
    ),
    "products_without_image": (
        "delete from onec.product_images where product_id = 3",
        {"product_id": 3, "onec_id": "p3", "article": "A-3", "name": "Стул 3"},
    ),
    MEDIA: (
        "update onec.product_images set media_path = 'gone.jpg' where product_id = 3",
        {
            "image_id": 3,
            "onec_id": "p3",
            "article": "A-3",
            "name": "Стул 3",
            "media_path": "gone.jpg",
            "source_file": "import_files/p3.jpg",
        },
    ),
    GUARD: (
        "insert into onec.guarded_rows values ('images', 'images', 3, 0)",
        {
            "image_id": 3,
            "onec_id": "p3",
            "article": "A-3",
            "name": "Стул 3",
            "media_path": "p3.jpg",
            "source_file": "import_files/p3.jpg",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asset", "check"), ROW_CHECKS)
def test_a_row_that_fails_a_check_is_counted_and_shown_and_no_other_check_minds_it(project, shop, asset, check):
    spoil, shown = SPOILED[check]
    shop.execute(spoil.encode())
    found = look(project)
    assert {key for key, evaluation in found.items() if not evaluation.passed} == {(asset, check)}
    evaluation = found[asset, check]
    assert evaluation.severity is (ERROR if check in ERRORS else WARN)
    assert evaluation.metadata["count"].value == 1
    assert evaluation.description.startswith("1 ")
    (row,) = rows_of(evaluation)
    assert row | shown == row


@pytest.mark.parametrize(
    ("asset", "check", "spoil"),
    [
        ("catalog", "products_without_category", "update onec.products set category_id = null"),
        ("stocks", "negative_stocks", "update onec.stocks set quantity = -1"),
        ("prices", "prices_not_positive", "update onec.prices set value = -1"),
        ("prices", "products_without_price", "delete from onec.prices"),
        ("product_images", "products_without_image", "delete from onec.product_images"),
    ],
)
def test_what_is_inactive_is_nobodys_concern(project, shop, asset, check, spoil):
    shop.execute(spoil.encode())
    shop.execute("update onec.products set is_active = false")
    assert look(project)[asset, check].passed


def test_a_price_of_zero_and_one_below_are_both_shown_the_lowest_first(project, shop):
    shop.execute("update onec.prices set value = -variant_id + 3 where variant_id between 3 and 5")
    values = [row["value"] for row in rows_of(look(project)["prices", "prices_not_positive"])]
    assert values == ["-2", "-1", "0"]


def test_a_price_of_an_inactive_type_or_variant_is_none(project, shop):
    shop.execute("update onec.product_variants set is_active = false where id = 3")
    assert [row["onec_id"] for row in rows_of(look(project)["prices", "products_without_price"])] == ["p3"]
    shop.execute("update onec.price_types set is_active = false")
    assert look(project)["prices", "products_without_price"].metadata["count"].value == PRODUCTS


def test_ten_rows_are_shown_and_all_are_counted(project, shop):
    shop.execute("update onec.products set category_id = null")
    shop.execute("update onec.product_images set media_path = 'gone/' || media_path")
    found = look(project)
    for key in (("catalog", "products_without_category"), ("product_images", MEDIA)):
        assert found[key].metadata["count"].value == PRODUCTS
        assert [row["onec_id"] for row in rows_of(found[key])] == [f"p{number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("setting", "days", "passes"), [("7", 6, True), ("7", 8, False), ("30", 8, True), ("0", 0, False)]
)
def test_a_record_may_wait_for_as_long_as_the_setting_says(project, shop, monkeypatch, setting, days, passes):
    monkeypatch.setenv("ONEC_PENDING_DAYS", setting)
    for import_type, payload in (("catalog", OFFER), ("prices", PRICES), ("stocks", STOCKS)):
        shop.execute(waiting(import_type, payload, days).encode())
    found = look(project)
    for asset, check in (("catalog", "pending_offers"), ("prices", "pending_prices"), ("stocks", "pending_stocks")):
        assert found[asset, check].passed is passes


def test_the_time_since_when_a_record_waits_is_shown_in_the_zone_of_the_settings(project, shop):
    shop.execute(waiting("catalog", OFFER, 8).encode())
    (row,) = rows_of(look(project)["catalog", "pending_offers"])
    assert str(row["waiting_since"]).endswith("+03:00")


# --- a sudden drop


@pytest.mark.parametrize(
    ("before", "rows", "sudden"),
    [(100, 100, False), (100, 250, False), (100, 70, False), (100, 69, True), (1, 0, True), (0, 0, False)],
)
def test_a_drop_is_sudden_beyond_three_tenths(before, rows, sudden):
    assert is_sudden(rows, before) is sudden


TAKEN_AWAY = {
    "catalog": "update onec.products set is_active = false where id <= 7",
    "stocks": "delete from onec.stocks where variant_id <= 7",
    "prices": "delete from onec.prices where variant_id <= 7",
    "customers": "update onec.customers set is_active = false where id <= 7",
    "product_images": "delete from onec.product_images where product_id <= 7",
}


@pytest.mark.parametrize("asset", ASSETS)
def test_a_drop_since_the_import_before_is_a_warning_with_both_counts(project, shop, asset):
    key = (asset, ROW_COUNT_DROP)
    imported(project, asset)
    first = look(project)[key]
    shop.execute(TAKEN_AWAY[asset].encode())
    imported(project, asset)
    dropped, again = look(project)[key], look(project)[key]
    imported(project, asset)
    settled = look(project)[key]
    assert (first.passed, dropped.passed, again.passed, settled.passed) == (True, False, False, True)
    assert "count_before" not in first.metadata
    assert (dropped.metadata["count"].value, dropped.metadata["count_before"].value) == (13, PRODUCTS)
    assert dropped.severity is WARN
    assert dropped.description == "Rows that are left: 13; after the import before: 20."


# --- more rejected rows


def rejected(asset: str, rows: int) -> bytes:
    """An import that rejects so many rows of an asset."""
    return (
        f"delete from onec.rejected_records where import_type = '{BY_ASSET[asset].name}';"
        "insert into onec.rejected_records (import_type, entity, reason, source_file) "
        f"select '{BY_ASSET[asset].name}', 'record', 'нет Ид', '1.xml' from generate_series(1, {rows})"
    ).encode()


@pytest.mark.parametrize("asset", ASSETS)
def test_more_rejected_rows_than_after_the_import_before_are_a_warning_with_both_counts(project, shop, asset):
    found = []
    for rows in (3, 3, 4, 1):
        shop.execute(rejected(asset, rows))
        imported(project, asset)
        found.append(look(project)[asset, REJECTED_ROWS])
    assert [evaluation.passed for evaluation in found] == [True, True, False, True]
    assert (found[2].metadata["count"].value, found[2].metadata["count_before"].value) == (4, 3)
    assert found[2].severity is WARN
    assert found[2].description == (
        "Rejected rows: 4; after the import before: 3. onec rejected lists them, the newest first."
    )


def test_rejected_rows_of_another_type_are_no_concern_of_an_asset(project, shop):
    imported(project, "prices")
    look(project)
    shop.execute(rejected("stocks", 5))
    imported(project, "prices")
    assert look(project)["prices", REJECTED_ROWS].passed


# --- the date that 1C states


@pytest.mark.parametrize(
    ("days", "passed"), [(0, True), (1, True), (2, False)], ids=["today", "yesterday", "the day before"]
)
@pytest.mark.usefixtures("shop")
def test_an_export_that_1c_has_not_made_anew_since_the_night_before_is_a_warning(project, days, passed):
    exported = datetime.now(ZoneInfo("Europe/Moscow")).replace(tzinfo=None, microsecond=0) - timedelta(days=days)
    file = only_file_of(project.settings.data_dir)
    file.write_text(f'<КоммерческаяИнформация ДатаФормирования="{exported.isoformat()}"/>', "utf-8")
    found = look(project)[FRESH]
    assert (found.passed, found.severity) == (passed, WARN)
    assert found.metadata["exported_at"].value == f"{exported.isoformat(timespec='minutes')}+03:00"
    assert (found.description or "").startswith("" if passed else "1C exported this at ")


@pytest.mark.usefixtures("shop")
def test_an_export_without_a_date_is_not_judged(project):
    assert look(project)[FRESH].metadata["exported_at"].value == "1C states no date"


@pytest.mark.usefixtures("shop")
def test_an_export_that_is_gone_is_no_reason_for_the_other_checks_not_to_look(project):
    shutil.rmtree(project.settings.data_dir)
    found = look(project)
    assert (found[FRESH].passed, found["catalog", REJECTED_ROWS].passed) == (False, True)


# --- in runs


def test_a_full_refresh_evaluates_every_check(refreshed):
    found = evaluations(refreshed.result)
    guards = {(asset, GUARD) for asset in ASSETS}
    assert found.keys() == {*ROW_CHECKS, *COMPARISONS, FRESH, *guards}
    assert not [key for key, evaluation in found.items() if not evaluation.passed and evaluation.severity is ERROR]


def test_the_checks_of_what_was_passed_over_do_not_run_and_the_refresh_succeeds(project, remove):
    remove("contragents")
    remove("goods/import_files")
    result = project.run("full_refresh")
    assert result.success
    assert {asset for asset, name in evaluations(result) if name != GUARD} == {"catalog", "stocks", "prices"}


def test_a_file_that_vanished_from_the_media_store_fails_the_check_and_not_the_run(project):
    project.run("full_refresh")
    shutil.rmtree(project.settings.data_dir / "goods/import_files")
    (project.settings.data_dir / "goods/import_files").mkdir()
    (project.settings.data_dir / "goods/import_files/other.jpg").write_bytes(b"")
    (gone, *_) = sorted(path for path in Path(project.settings.media_url).rglob("*") if path.is_file())
    gone.unlink()
    result = project.run("images_import")
    assert result.success
    evaluation = evaluations(result)["product_images", MEDIA]
    assert not evaluation.passed
    assert {row["media_path"] for row in rows_of(evaluation)} == {
        gone.relative_to(project.settings.media_url).as_posix()
    }


@pytest.mark.usefixtures("shop")
def test_a_media_store_that_cannot_be_read_is_said_and_fails_nothing(project, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("ONEC_MEDIA_URL", str(tmp_path / "file"))
    evaluation = look(project)["product_images", MEDIA]
    assert (evaluation.passed, evaluation.severity) == (False, WARN)
    assert evaluation.description.startswith("This could not be looked at: ` The media store")


def test_a_table_that_is_not_there_is_said_and_fails_nothing(project, shop):
    shop.execute("alter view onec.current_stocks rename to elsewhere")
    try:
        evaluation = look(project)["stocks", "negative_stocks"]
    finally:
        shop.execute("alter view onec.elsewhere rename to current_stocks")
    assert (evaluation.passed, evaluation.severity) == (False, WARN)
    assert evaluation.description == 'This could not be looked at: ` relation "onec.current_stocks" does not exist `'


def test_a_database_that_is_down_is_said_of_each_check_and_fails_nothing(project, monkeypatch):
    monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/db")
    found = look(project)
    assert len(found) == len([*ROW_CHECKS, *COMPARISONS, FRESH])
    for evaluation in found.values():
        assert not evaluation.passed
        assert evaluation.description.startswith("This could not be looked at: ` PostgreSQL cannot be reached")
        assert "hunter2" not in evaluation.description


def test_nothing_of_a_customer_but_how_many_there_are_is_in_a_check(refreshed):
    found = evaluations(refreshed.result)
    assert [found["customers", name].metadata.keys() for name in (ROW_COUNT_DROP, REJECTED_ROWS)] == [{"count"}] * 2
    recorded = "".join(serialize_value(evaluation) for evaluation in found.values())
    customers = build_shop().contragents
    assert customers
    assert [one.name for one in customers if one.name and one.name in recorded] == []


# --- what they cost


@pytest.mark.parametrize("asset", ASSETS)
def test_no_check_runs_a_query_for_each_row_of_a_table(shop, asset):
    shop.execute("delete from onec.product_images where product_id <= 10; delete from onec.prices where variant_id > 5")
    shop.execute("analyze")
    for step in read_steps(f"checks/{asset}"):
        plan = shop.execute(f"explain {step.statement}".encode(), {"pending_days": 7}).fetchall()
        assert "SubPlan" not in str(plan), step.name

"""What a run of our assets leaves behind: metadata, tags, events, failures. Real runs over the demo export."""

import json
import re
import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from onec_pipelines.database.connection import connect
from onec_pipelines.datasets import ASSETS, BY_ASSET, IMPORTED
from onec_pipelines.demo import build_shop
from onec_pipelines.orchestration.definitions.assets import assets, export_specs
from onec_pipelines.orchestration.runs.step import locked_tag

KEYS = {asset: tuple(BY_ASSET[asset].counters) for asset in ASSETS}
CORRUPT = "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>g"


def rows(project, query: str) -> list[tuple]:
    with connect(project.settings.database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def failure_of(result) -> dict[str, object]:
    """The metadata of the one step that failed."""
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return {key: value.value for key, value in event.step_failure_data.user_failure_data.metadata.items()}


def counts(project) -> dict[str, int]:
    """How many rows each table of `onec` holds."""
    tables = rows(project, "select tablename from pg_tables where schemaname = 'onec' and tablename !~ 'migrations'")
    return {table: rows(project, f"select count(*) from onec.{table}")[0][0] for (table,) in tables}


# --- metadata


@pytest.mark.parametrize("asset", KEYS)
def test_counters_are_plain_integers_under_the_keys_of_the_contract(refreshed, asset):
    metadata = refreshed.metadata(asset)
    assert {key: type(metadata[key]) for key in KEYS[asset]} == dict.fromkeys(KEYS[asset], dg.IntMetadataValue)
    assert {type(metadata[key].value) for key in KEYS[asset]} == {int}


def test_the_keys_are_those_of_the_contract():
    items = ("total_items", "processed_items", "created", "updated", "skipped", "errors", "removed")
    assert {
        "catalog": items,
        "stocks": items,
        "prices": items,
        "customers": ("total_customers", "processed", "created", "updated", "skipped", "errors", "removed"),
        "product_images": ("total_products", "processed", "copied", "skipped", "errors", "removed"),
    } == KEYS


def test_counters_are_those_of_the_demos_records(refreshed, demo):
    summary = demo.summary
    created = {asset: refreshed.metadata(asset)["created"].value for asset in ("stocks", "prices", "customers")}
    assert created == {"stocks": summary.stocks, "prices": summary.prices, "customers": summary.customers}
    errors = {asset: refreshed.metadata(asset)["errors"].value for asset in KEYS}
    assert errors == {**summary.rejected, "product_images": summary.missing_images + summary.corrupt_images}


@pytest.mark.parametrize("asset", [asset for asset in KEYS if asset != "product_images"])
def test_created_updated_skipped_and_errors_add_up_to_what_was_processed(refreshed, asset):
    total, processed, *parts = (refreshed.metadata(asset)[key].value for key in KEYS[asset])
    assert sum(parts) == processed == total


@pytest.mark.parametrize("asset", KEYS)
def test_the_table_its_rows_and_the_export_are_named(refreshed, asset):
    metadata = refreshed.metadata(asset)
    table = metadata["dagster/table_name"].value
    assert metadata["dagster/row_count"].value == rows(refreshed.project, f"select count(*) from {table}")[0][0] > 0
    assert type(metadata["dagster/row_count"].value) is int
    assert re.fullmatch(r"[0-9a-f]{16}", metadata["export_fingerprint"].value)
    assert metadata["export_kind"].value == "full"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00", metadata["last_updated"].value)
    assert metadata["duration_seconds"].value > 0


@pytest.mark.parametrize("asset", KEYS)
def test_the_column_schema_has_a_comment_for_each_column(refreshed, asset):
    columns = refreshed.metadata(asset)["dagster/column_schema"].value.columns
    assert {"id", "updated_at"} - {column.name for column in columns} <= {"id"}
    assert all(column.description for column in columns)
    assert all(column.type for column in columns)


def test_the_column_schema_tells_which_columns_may_be_null(refreshed):
    columns = {c.name: c for c in refreshed.metadata("prices")["dagster/column_schema"].value.columns}
    assert (columns["value"].type, columns["value"].constraints.nullable) == ("numeric", False)


def test_rejected_rows_are_a_table_of_what_1cs_people_search_by_and_of_the_place(refreshed):
    (record,) = refreshed.metadata("catalog")["rejected_rows"].records
    assert record.data | {"file": "", "line": 0} == {
        "reason": "нет Ид", "article": "ODD-NO-ID", "name": "Товар без Ид", "file": "", "line": 0, "id": None
    }  # fmt: skip
    assert record.data["file"].startswith("goods/")
    assert type(record.data["line"]) is int


def test_pending_rows_are_a_table_that_says_what_they_wait_for(refreshed):
    assert refreshed.metadata("prices")["pending"].text == "2 of 2"
    records = [record.data for record in refreshed.metadata("prices")["pending_rows"].records]
    assert [(record["reason"].partition(":")[0], record["article"]) for record in records] == [
        ("нет вида цен", "ODD-PRICES"), ("нет товара", None)
    ]  # fmt: skip


def test_no_more_than_ten_refused_rows_are_shown(project):
    goods = "".join(f"<Товар><Наименование>{number}</Наименование></Товар>" for number in range(12))
    write_goods(project.settings.data_dir, goods + "<Товар><Ид>g</Ид><Наименование>Стул</Наименование></Товар>")
    result = project.run("catalog_import")
    (materialization,) = result.asset_materializations_for_node("catalog")
    assert len(materialization.metadata["rejected_rows"].records) == 10
    assert materialization.metadata["errors"].value == 12


def write_goods(data_dir: Path, goods: str) -> None:
    """One file of goods in place of those of the demo."""
    shutil.rmtree(data_dir / "goods")
    (data_dir / "goods").mkdir()
    xml = (
        "<КоммерческаяИнформация><Каталог СодержитТолькоИзменения='true'><Товары>"
        f"{goods}</Товары></Каталог></КоммерческаяИнформация>"
    )
    (data_dir / "goods/goods_1_1.xml").write_text(xml, encoding="utf-8")


def test_a_breakdown_has_plain_labels_and_tells_products_from_variants(refreshed):
    shown = {r.data["what"]: r.data["rows"] for r in refreshed.metadata("catalog")["breakdown"].records}
    assert shown == {
        "products created": refreshed.metadata("catalog")["dagster/row_count"].value,
        "variants created": 125,
        "categories created": 17,
        "units created": 4,
        "properties created": 12,
        "property values created": 27,
        "brands created": 6,
        "pending": 1,
    }


def test_the_breakdown_of_pictures_stands_beside_the_counters(refreshed, demo):
    shown = {r.data["what"]: r.data["rows"] for r in refreshed.metadata("product_images")["breakdown"].records}
    assert shown["published"] == demo.summary.publishable_images
    assert (shown["missing"], shown["corrupt"]) == (demo.summary.missing_images, demo.summary.corrupt_images)


# --- tags


def test_the_tags_of_a_full_refresh_make_it_an_import_session(refreshed):
    tags = refreshed.project.tags(refreshed.result)
    total = sum(refreshed.metadata(asset)[KEYS[asset][0]].value for asset in KEYS)
    assert tags["onec/import_type"] == "all"
    assert tags["onec/progress"] == f"{total}/{total}"
    errors = {asset: refreshed.metadata(asset)["errors"].value for asset in KEYS}
    assert errors["product_images"] == max(errors.values())
    assert tags["onec/result"] == f"{sum(errors.values())} errors (images {errors['product_images']})"


def test_the_result_of_images_tells_errors_first(project, demo):
    project.run("catalog_import")
    result = project.run("images_import")
    errors = demo.summary.missing_images + demo.summary.corrupt_images
    copied = demo.summary.publishable_images
    assert project.tags(result) == {
        "onec/import_type": "images",
        "onec/progress": "56/56",
        "onec/result": f"{errors} errors, {copied} copied",
    }


@pytest.mark.parametrize(("asset", "import_type"), [(dataset.asset, dataset.name) for dataset in IMPORTED])
def test_a_run_that_was_launched_without_a_job_gets_the_type_of_its_asset(project, asset, import_type):
    result = materialize(project, [asset])
    assert project.tags(result)["onec/import_type"] == import_type


def materialize(project, selection: list[str]) -> dg.ExecuteInProcessResult:
    """What the button Materialize does: a run of some assets that is none of our jobs."""
    return dg.materialize(
        [*assets, *export_specs],
        instance=project.instance,
        selection=selection,
        resources=project.definitions().resources,
        raise_on_error=False,
    )


def test_a_run_of_all_five_assets_without_a_job_is_of_the_type_all(project):
    assert project.tags(materialize(project, list(KEYS)))["onec/import_type"] == "all"


def test_a_run_of_some_assets_is_of_the_type_of_the_first_and_tells_of_all(project):
    tags = project.tags(materialize(project, ["prices", "stocks", "catalog"]))
    assert tags["onec/import_type"] == "catalog"
    assert tags["onec/progress"] == "741/741"
    assert tags["onec/result"] == "2 errors (catalog 1)"


def test_a_re_execution_shows_its_own_progress_and_result_and_not_those_of_its_parent(project):
    inherited = {"onec/import_type": "all", "onec/progress": "400/809", "onec/result": "catalog: failed"}
    tags = project.tags(project.run("full_refresh", tags=inherited))
    assert tags["onec/progress"] == "809/809"
    assert "failed" not in tags["onec/result"]


def test_a_re_execution_is_not_taken_for_dead_by_the_tag_that_it_has_from_its_parent(project):
    assert project.run("catalog_import", tags=locked_tag("the run that it repeats")).success


# --- what an export does not hold


@pytest.mark.parametrize(
    ("part", "asset", "message"),
    [
        ("contragents", "customers", "Директория контрагентов не найдена"),
        ("goods/import_files", "product_images", "Директория изображений не найдена"),
    ],
)
def test_a_full_refresh_imports_the_rest_and_says_what_it_passed_over(project, remove, part, asset, message):
    remove(part)
    result = project.run("full_refresh")
    assert result.success
    materialized = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert materialized == set(KEYS) - {asset}
    assert "error" in project.tags(result)["onec/result"]
    assert [text for text in project.messages(result) if text.startswith(message)]
    said, why = project.session(result).notices
    assert said == f"{asset} was passed over."
    assert why.startswith(f"{asset}: {message}")


def test_a_directory_whose_name_acts_is_shown_where_something_is_passed_over(project, remove, monkeypatch):
    remove("contragents")
    acts = project.settings.data_dir.rename(project.settings.data_dir.with_name("\x1b[2J"))
    monkeypatch.setenv("ONEC_DATA_DIR", str(acts))
    (said,) = [text for text in project.messages(project.run("full_refresh")) if "не найдена" in text]
    assert r"/\x1b[2J/contragents" in said


def test_a_full_refresh_never_does_without_its_catalogue(project, remove):
    remove("prices")
    result = project.run("full_refresh")
    assert not result.success
    assert project.tags(result)["onec/result"] == "Отсутствуют обязате…"


def test_the_same_part_alone_is_refused(project, remove):
    remove("contragents")
    result = project.run("customers_import")
    assert not result.success


# --- failures


def test_a_failure_carries_the_preflights_sentence_and_writes_nothing(project, remove):
    remove("prices")
    before = counts(project)
    result = project.run("catalog_import")
    message = (
        f"Отсутствуют обязательные поддиректории в {project.settings.data_dir}: prices. "
        "Убедитесь, что данные выгружены из 1С в правильной структуре."
    )
    assert failure_of(result) == {"error_message": message, **dict.fromkeys(KEYS["catalog"], 0)}
    assert project.instance.get_run_by_id(result.run_id).status is dg.DagsterRunStatus.FAILURE
    assert counts(project) == before


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("stocks_import", "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный"),
        ("prices_import", "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный"),
        ("images_import", "Невозможно загрузить изображения: каталог товаров пуст. Сначала импортируйте полный"),
    ],
)
def test_without_products_an_import_that_needs_them_is_refused(project, job, message):
    result = project.run(job)
    assert failure_of(result)["error_message"] == f"{message} каталог."
    assert project.tags(result)["onec/result"] == f"{message[:19].rstrip()}…"
    assert not any(counts(project).values())


def test_a_failure_is_not_tried_again(project, remove):
    remove("prices")
    result = project.run("catalog_import", tags={"dagster/max_retries": "3"})
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]


def test_a_failure_in_a_full_refresh_leaves_what_is_downstream_untouched_and_imports_the_rest(project):
    (project.settings.data_dir / "goods/goods_1_1.xml").write_text(CORRUPT, encoding="utf-8")
    result = project.run("full_refresh")
    assert not result.success
    materialized = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert materialized == {"customers"}
    assert project.tags(result)["onec/result"] == "не читается как XML"
    assert project.session(result).error_message.startswith("catalog: Файл goods/goods_1_1.xml")


def test_a_failure_carries_the_counters_reached(project):
    project.run("catalog_import")
    Path(project.settings.media_url).write_text("in the way")
    result = project.run("images_import")
    assert failure_of(result)["total_products"] == 56
    assert project.tags(result)["onec/progress"] == "0/56"


def test_an_import_that_cannot_show_how_far_it_is_goes_on_and_lands(project, monkeypatch):
    def lose_the_server(_asset, _counters):
        monkeypatch.setenv("ONEC_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/onec")

    result = project.run("catalog_import", watch=lose_the_server)
    assert result.success
    assert project.session(result).counters["catalog"]["created"] == 182
    with connect(project.settings.database_url) as connection:
        assert connection.execute("select count(*) > 0 from onec.products").fetchone() == (True,)


def test_a_defect_is_told_in_its_first_line_and_keeps_its_traceback(project):
    def broken(_asset, _counters):
        raise ValueError("first line\nsecond line")

    result = project.run("catalog_import", watch=broken)
    assert failure_of(result)["error_message"] == "ValueError: first line"
    (failure,) = result.get_step_failure_events()
    assert "in broken" in failure.step_failure_data.error.cause.to_string()


def test_a_defect_whose_message_quotes_what_acts_is_recorded_with_all_of_its_lines_and_does_not_act(project):
    def broken(_asset, _counters):
        raise ValueError("name \x9b2J\nDETAIL: \u202ename")

    result = project.run("catalog_import", watch=broken)
    recorded = everything_recorded(project, result)
    assert r"ValueError: name \\u009b2J\nDETAIL: \\u202ename" in recorded
    assert not {"\x9b", "\u202e"} & {*recorded}


def test_a_defect_in_the_import_of_customers_tells_no_value(project):
    name = build_shop().contragents[0].name

    def broken(_asset, _counters):
        raise ValueError(f"invalid literal: {name}")

    result = project.run("customers_import", watch=broken)
    assert failure_of(result)["error_message"] == "ValueError"
    assert "in broken" in result.get_step_failure_events()[0].step_failure_data.error.cause.to_string()
    assert name not in everything_recorded(project, result)


# --- personal data


def personal_data() -> set[str]:
    """Every name, number, address and contact of the demo's contragents."""
    found: set[str] = set()
    for one in build_shop().contragents:
        found |= {one.name, one.full_name, one.inn, one.kpp, one.okpo, one.address, one.account, one.representative}
        found |= {value for _, value in one.contacts}
    return {text for text in found if text}


def everything_recorded(project, result) -> str:
    """All that the instance knows of a run, as it is stored."""
    run = project.instance.get_run_by_id(result.run_id)
    records = [serialize_value(run), *(serialize_value(entry) for entry in project.instance.all_logs(result.run_id))]
    return json.dumps([json.loads(record) for record in records], ensure_ascii=False)


def test_what_is_recorded_can_be_searched_for_russian_words(refreshed):
    reason = refreshed.metadata("catalog")["rejected_rows"].records[0].data["reason"]
    assert re.search("[а-я]", reason)
    assert reason in everything_recorded(refreshed.project, refreshed.result)


def test_no_personal_data_of_customers_is_in_any_event_tag_or_log(refreshed):
    recorded = everything_recorded(refreshed.project, refreshed.result)
    assert len(personal_data()) > 40
    assert sorted(text for text in personal_data() if text in recorded) == []


def test_no_personal_data_is_recorded_when_customers_are_refused_or_cannot_be_read(project):
    (file,) = (project.settings.data_dir / "contragents").iterdir()
    whole = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"<Ид>[^<]*</Ид>", "<Ид></Ид>", whole), encoding="utf-8")
    refused = project.run("customers_import")
    file.write_text(whole[: len(whole) // 2], encoding="utf-8")
    failed = project.run("customers_import")
    assert not failed.success
    for result in (refused, failed):
        assert sorted(text for text in personal_data() if text in everything_recorded(project, result)) == []


# --- force


def test_force_reads_every_file_again(project):
    project.run("catalog_import")
    job = project.definitions().resolve_job_def("catalog_import")
    config = {"ops": {"catalog": {"config": {"force": True}}}}
    again = job.execute_in_process(instance=project.instance)
    forced = job.execute_in_process(instance=project.instance, run_config=config)
    assert any("Nothing has changed" in text for text in project.messages(again))
    assert not any("Nothing has changed" in text for text in project.messages(forced))

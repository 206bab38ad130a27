"""What Dagster loads: the names of the contract, their dependencies, and that loading does no work."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.definitions import build_definitions
from onec_pipelines.errors import SettingsError
from onec_pipelines.settings import PROJECT_ROOT, Settings

SETTINGS = Settings.from_environment({})
ASSETS = ("catalog", "stocks", "prices", "customers", "product_images")
JOBS = {
    "full_refresh": {*ASSETS},
    "catalog_import": {"catalog"},
    "stocks_import": {"stocks"},
    "prices_import": {"prices"},
    "customers_import": {"customers"},
    "images_import": {"product_images"},
}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_definitions(settings=SETTINGS)


@pytest.fixture(scope="module")
def specs(defs) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_the_assets_are_our_five_with_thumbnails_and_what_1c_exports(defs, specs):
    ours = {*ASSETS, "product_thumbnails"}
    assert {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys} == ours
    assert {key.to_user_string() for key in defs.resolve_asset_graph().external_asset_keys} == specs.keys() - ours


@pytest.mark.parametrize(
    ("asset", "upstream"),
    [
        ("catalog", {"export_1c/goods_xml", "export_1c/offers_xml"}),
        ("stocks", {"catalog", "export_1c/rests_xml"}),
        ("prices", {"catalog", "export_1c/prices_xml"}),
        ("customers", {"export_1c/contragents_xml"}),
        ("product_images", {"catalog", "export_1c/import_files"}),
        ("product_thumbnails", {"product_images"}),
        ("price_history", {"prices"}),
        ("stock_history", {"stocks"}),
    ],
)
def test_an_asset_stands_below_the_catalogue_it_needs_and_its_part_of_the_export(specs, asset, upstream):
    assert {dep.asset_key.to_user_string() for dep in specs[asset].deps} == upstream


def test_everything_in_the_lineage_is_described_owned_grouped_and_of_a_kind(specs):
    for spec in specs.values():
        assert (bool(spec.description), bool(spec.owners), bool(spec.kinds), bool(spec.group_name)) == (True,) * 4, spec


def test_no_two_of_them_are_called_alike_where_the_lineage_shows_the_last_part_of_a_key(specs):
    assert len({spec.key.path[-1] for spec in specs.values()}) == len(specs)


def test_they_are_one_group_because_the_lineage_folds_several(specs):
    assert {spec.group_name for spec in specs.values()} == {"onec"}


@pytest.mark.parametrize("asset", [*ASSETS, "product_thumbnails"])
def test_a_line_of_the_catalog_begins_with_what_an_asset_does(specs, asset):
    assert specs[asset].description.partition(" ")[0] in {"Imports", "Checks", "Makes"}


def test_no_description_has_backticks_which_the_catalog_shows_as_they_are(specs):
    assert [name for name, spec in specs.items() if "`" in spec.description] == []


@pytest.mark.parametrize(
    ("asset", "table"),
    [
        ("catalog", "onec.products"),
        ("stocks", "onec.stocks"),
        ("prices", "onec.prices"),
        ("customers", "onec.customers"),
        ("product_images", "onec.product_images"),
        ("product_thumbnails", "onec.product_thumbnails"),
    ],
)
def test_the_definition_of_an_asset_says_where_its_rows_are(specs, asset, table):
    assert specs[asset].metadata["dagster/table_name"] == table


@pytest.mark.parametrize(
    ("asset", "file"),
    [
        ("catalog", "importing/catalog.py"),
        ("stocks", "importing/stocks.py"),
        ("prices", "importing/prices.py"),
        ("customers", "importing/customers.py"),
        ("product_images", "importing/images/__init__.py"),
        ("product_thumbnails", "importing/thumbnails/__init__.py"),
    ],
)
def test_the_definition_of_an_asset_leads_to_its_code(specs, asset, file):
    (reference,) = specs[asset].metadata["dagster/code_references"].code_references
    assert Path(reference.file_path) == PROJECT_ROOT / "onec_pipelines" / file


@pytest.mark.parametrize(("job", "selected"), JOBS.items())
def test_a_job_runs_its_assets(defs, job, selected):
    keys = defs.resolve_job_def(job).asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in keys} == selected


@pytest.mark.parametrize("job", JOBS)
def test_a_job_bears_its_import_type_as_a_tag_and_a_description(defs, job):
    import_type = "all" if job == "full_refresh" else job.removesuffix("_import")
    assert defs.resolve_job_def(job).tags == {"onec/import_type": import_type}
    assert defs.resolve_job_def(job).description


def test_the_jobs_the_sensor_and_the_schedule_bear_the_names_of_the_contract(defs):
    repository = defs.get_repository_def()
    assert {job for job in repository.job_names if not job.startswith("__")} == {*JOBS, "plan"}
    assert "import_files_sensor" in {sensor.name for sensor in repository.sensor_defs}
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly_refresh"]


def test_all_of_it_can_be_loaded(defs):
    dg.Definitions.validate_loadable(defs)


def test_an_asset_runs_in_the_process_of_its_run_one_of_a_kind_at_a_time(defs):
    assert defs.resolve_job_def("full_refresh").executor_def.name == "in_process"
    pools = [op.pool for op in defs.resolve_job_def("full_refresh").all_node_defs if isinstance(op, dg.OpDefinition)]
    assert {f"onec_{asset}" for asset in ASSETS} == {pool for pool in pools if pool}


def test_the_sensor_runs_by_default_and_starts_the_import_of_images(defs):
    sensor = defs.resolve_sensor_def("import_files_sensor")
    assert sensor.job_name == "images_import"
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_the_schedule_runs_by_default_at_the_time_of_the_settings():
    settings = Settings.from_environment({"ONEC_TIMEZONE": "Asia/Omsk", "ONEC_NIGHTLY_CRON": "30 4 * * 1"})
    schedule = build_definitions(settings=settings).resolve_schedule_def("nightly_refresh")
    assert schedule.job_name == "full_refresh"
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * 1", "Asia/Omsk")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_cron_expression_that_names_no_time_is_one_sentence():
    settings = Settings.from_environment({"ONEC_NIGHTLY_CRON": "61 2 * * *"})
    with pytest.raises(SettingsError, match=r"^ONEC_NIGHTLY_CRON is not a cron expression: '61 2 \* \* \*'; .*\.$"):
        build_definitions(settings=settings)


def test_a_resource_can_be_replaced():
    def watch(_asset, _counters): ...

    assert (build_definitions({"watch": watch}, SETTINGS).resources or {})["watch"] is watch


IMPORT = """
import os, sys
import dagster

def refuse(event, args):
    if event in {"socket.connect", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.mkdir"}:
        sys.exit(f"importing did {event} {args}")

sys.addaudithook(refuse)
from onec_pipelines.definitions import build_definitions
del os.environ["ONEC_DATABASE_URL"]
build_definitions()
print("done")
"""
"""Once with a database in the environment, once with the embedded one."""


def in_a_new_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **environment},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_loading_the_definitions_contacts_no_database_and_starts_and_makes_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as database:
        url = f"postgresql://nobody:x@127.0.0.1:{database.getsockname()[1]}/nothing"
        done = in_a_new_process(IMPORT, ONEC_DATABASE_URL=url, ONEC_HOME=str(tmp_path / "home"))
        database.settimeout(0)
        with pytest.raises(BlockingIOError):
            database.accept()
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_wrong_setting_is_one_sentence_at_the_end_of_what_dagster_shows():
    done = in_a_new_process("import onec_pipelines.definitions", ONEC_TIMEZONE="Moscow")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "SettingsError: ONEC_TIMEZONE names no time zone: 'Moscow'; use a name such as Europe/Moscow."
    )


@pytest.mark.parametrize("package", ["pandas", "apprise", "dagster_graphql"])
def test_what_few_processes_need_is_imported_where_it_is_used(package):
    asked = f"import onec_pipelines.definitions, sys; print({package!r} in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"

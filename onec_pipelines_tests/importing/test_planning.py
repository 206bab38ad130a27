"""`onec plan`: what an import would do, told by the import itself, of which nothing stays."""

import json
import threading
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from onec_pipelines import cli
from onec_pipelines.errors import DatabaseError, ExportError, ImportBusyError
from onec_pipelines.importing import ExportSnapshot, import_images
from onec_pipelines.importing.dataset import Request
from onec_pipelines.importing.planning import plan_import
from onec_pipelines_tests.importing.test_any_export import exports, write


@pytest.fixture
def shop(export, xml):
    """Chairs a to h for ten roubles each, of which there are five each."""
    goods = "abcdefgh"
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    export.goods("".join(xml.good(good, more=f"<Артикул>{good.upper()}</Артикул>") for good in goods))
    export.prices("".join(xml.prices(good, retail=10) for good in goods))
    export.rests("".join(xml.rests(good, main=5) for good in goods))
    return export


@pytest.fixture
def plan(export, database_url, tmp_path):
    """The plan of an import of a type, or of all."""

    def run(import_type: str = "all", **options):
        request = replace(Request(ExportSnapshot(export.root), database_url, max_deactivation=1.0), **options)
        return plan_import(import_type, request, str(tmp_path / "media"), phone_region="RU")

    return run


@pytest.fixture
def onec(export, database_url, tmp_path, monkeypatch):
    """The command in this process."""
    monkeypatch.setenv("ONEC_DATA_DIR", str(export.root))
    monkeypatch.setenv("ONEC_DATABASE_URL", database_url)
    monkeypatch.setenv("ONEC_MEDIA_URL", str(tmp_path / "media"))
    monkeypatch.setenv("ONEC_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


def counted(planned) -> dict[str, tuple[int, ...]]:
    """Created, updated, removed and rejected of each dataset of a plan."""
    found = {name: one.report.counters for name, one in planned.planned.items()}
    return {name: (c.created, c.updated, c.removed, c.errors) for name, c in found.items()}


@pytest.mark.usefixtures("shop")
def test_a_plan_of_everything_counts_what_needs_the_catalogue_that_it_has_not_imported(plan):
    assert counted(plan()) == {"catalog": (8, 0, 0, 0), "stocks": (8, 0, 0, 0), "prices": (8, 0, 0, 0)}


@pytest.mark.usefixtures("shop")
def test_a_plan_changes_no_row_of_any_table(plan, imports):
    before = imports.versions()
    plan()
    assert imports.versions() == before
    imports.everything()
    before = imports.versions()
    plan(force=True)
    assert imports.versions() == before


def test_a_plan_tells_what_would_change_up_and_down(shop, xml, plan, imports):
    imports.everything()
    shop.prices(
        "".join(
            xml.prices(good, retail=price) for good, price in zip("abcdefg", (11, 8, 12, 10, 10, 10, 10), strict=True)
        )
    )
    planned = plan("prices")
    assert counted(planned) == {"prices": (0, 3, 1, 0)}
    changes = planned.planned["prices"].report.changes
    assert (changes.raised, changes.lowered, changes.removed) == (2, 1, 1)
    assert changes == imports.prices().changes


def test_a_plan_of_nothing_new_writes_nothing(shop, plan, imports):  # noqa: ARG001 - what is planned
    imports.everything()
    assert not plan("catalog").writes
    assert not plan("prices").writes


def test_a_plan_names_some_of_the_products_that_come_change_and_go(shop, xml, plan, imports):
    imports.everything()
    shop.goods(
        xml.good("a", "Кресло", more="<Артикул>A</Артикул>") + xml.good("new", "Стол", more="<Артикул>N</Артикул>")
    )
    samples = plan("catalog").planned["catalog"].samples
    assert samples[:2] == ("new N Стол", "changed A Кресло (name)")
    assert samples[2].startswith("inactive ")


def test_a_plan_says_what_a_guard_would_keep_and_goes_on(shop, xml, plan, imports):
    imports.everything()
    shop.goods(xml.good("a", more="<Артикул>A</Артикул>"))
    planned = plan("catalog", max_deactivation=0.1)
    assert [(guard.entity, guard.removed) for guard in planned.kept] == [("goods", 7)]
    assert planned.planned["catalog"].report.counters.removed == 0


def test_a_plan_says_what_is_rejected_and_what_waits(shop, xml, plan):
    shop.prices(xml.prices("a", retail="дорого", undeclared=5))
    planned = plan()
    assert counted(planned)["prices"] == (0, 0, 0, 1)
    assert planned.planned["prices"].report.details["pending"] == 1


def test_a_plan_of_an_export_that_cannot_be_imported_is_refused_as_the_import_is(shop, plan):
    (shop.root / "goods/goods_1_1.xml").write_text("<КоммерческаяИнформация><Каталог>", "utf-8")
    with pytest.raises(ExportError, match=r"goods_1_1\.xml"):
        plan()


def test_a_plan_does_not_migrate(shop, plan, connection):  # noqa: ARG001 - what is planned
    connection.execute("update onec.schema_migrations set version = 99 where version = 1")
    try:
        with pytest.raises(DatabaseError, match="run onec migrate"):
            plan()
    finally:
        connection.execute("update onec.schema_migrations set version = 1 where version = 99")


def test_imports_of_other_types_go_on_while_a_plan_reads(shop, xml, plan, imports):
    imports.everything()
    shop.prices("".join(xml.prices(good, retail=11) for good in "abcdefgh"))
    shop.rests("".join(xml.rests(good, main=6) for good in "abcdefgh"))
    landed = []

    def import_meanwhile(_counters):
        if not landed:
            landed.append(imports.stocks())

    planned = plan("prices", progress=import_meanwhile)
    assert landed[0].counters.updated == 8
    assert counted(planned)["prices"] == (0, 8, 0, 0)


def test_an_import_of_the_type_that_is_planned_is_refused_meanwhile(shop, xml, plan, imports):
    imports.everything()
    shop.prices(xml.prices("a", retail=11))
    refused = []

    def import_meanwhile(_counters):
        if not refused:
            with pytest.raises(ImportBusyError) as error:
                imports.prices()
            refused.append(error)

    plan("prices", progress=import_meanwhile)
    assert len(refused) == 1


def test_no_sequence_is_lost_and_no_lock_is_left_by_a_plan_that_is_killed(shop, plan, imports, connection):  # noqa: ARG001
    imports.everything()
    before = imports.versions()

    def kill(_counters):
        mine = "application_name = 'onec_pipelines' and pid <> pg_backend_pid() and datname = current_database()"
        connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {mine}")

    with pytest.raises(DatabaseError, match="the plan of prices"):
        plan("prices", progress=kill, force=True)
    assert imports.versions() == before
    plan("prices", force=True)


def test_the_exit_code_says_whether_something_would_change(shop, onec, imports):
    assert onec("plan", "--data", f"{shop.root}-away").exit_code == 1
    assert onec("plan").exit_code == 2
    assert onec("plan", "prices").exit_code == 1  # the catalogue is empty
    imports.everything()
    assert onec("plan", "catalog").exit_code == 0


def test_images_that_would_be_written_once_more_are_no_change(shop, xml, onec, imports, database_url, tmp_path):
    shop.goods(xml.good("a", more="<Картинка>import_files/a.jpg</Картинка>"))
    picture = shop.root / "goods/import_files/a.jpg"
    picture.parent.mkdir()
    Image.new("RGB", (30, 20)).save(picture)
    imports.everything()
    assert onec("plan", "images").stdout.splitlines()[-2:] == [
        "images     1 published",
        "This is a plan: nothing was changed.",
    ]
    import_images(ExportSnapshot(shop.root), database_url, str(tmp_path / "media"))
    assert onec("plan", "images", "--force").stdout.splitlines()[-2:] == [
        "images     1 published again",
        "The import would change nothing.",
    ]


def test_what_a_guard_would_keep_is_listed(shop, xml, onec, imports):
    imports.everything()
    shop.goods(xml.good("a", more="<Артикул>A</Артикул>"))
    result = onec("plan", "catalog")
    assert result.exit_code == 2
    assert "В полной выгрузке нет 7 из 8 товаров" in result.stdout
    assert result.stdout.splitlines()[-1] == "This is a plan: nothing was changed."


def test_an_import_by_a_plan_is_refused_when_a_file_or_the_newest_import_is_another(shop, xml, onec, imports, tmp_path):
    imports.everything()
    file = tmp_path / "plan.json"
    assert onec("plan", "prices", "--json", str(file)).exit_code == 0
    assert json.loads(file.read_text("utf-8"))["planned"]["prices"]["writes"] is False
    shop.prices(xml.prices("a", retail=11))
    refused = onec("import", "prices", "--plan", str(file))
    assert (refused.exit_code, "the files changed since; nothing was imported" in refused.stderr) == (1, True)
    assert onec("plan", "prices", "--json", str(file)).exit_code == 2
    imports.prices()
    assert "the newest import changed since" in onec("import", "prices", "--plan", str(file)).stderr
    assert "the import type" in onec("import", "stocks", "--plan", str(file)).stderr
    file.write_text("[]", "utf-8")
    assert "is no plan" in onec("import", "prices", "--plan", str(file)).stderr


def test_a_plan_of_a_delta_beside_customers_counts_them_alone(shop, xml, plan):
    shop.contragents(xml.customer("c"))
    assert counted(plan("customers")) == {"customers": (1, 0, 0, 0)}
    assert "customers" in counted(plan())


bounded = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@bounded
@given(steps=st.lists(st.tuples(exports(), st.booleans(), st.sampled_from([0.0, 0.3, 1.0])), min_size=3, max_size=12))
def test_whatever_is_planned_the_import_then_does(steps, shop, plan, imports, connection, emptied, contents):
    emptied(connection)
    for elements, delta, limit in steps:
        write(shop, elements, [], delta=delta)
        before = contents(connection)
        planned = plan(max_deactivation=limit)
        assert contents(connection) == before
        for name, one in planned.planned.items():
            report = imports(name, max_deactivation=limit)
            assert report.counters == one.report.counters
            assert report.guards == one.report.guards
            assert report.changes == one.report.changes
            assert report.notices == one.report.notices


def test_a_plan_holds_no_thread(plan, shop):  # noqa: ARG001 - what is planned
    before = threading.active_count()
    plan()
    assert threading.active_count() == before

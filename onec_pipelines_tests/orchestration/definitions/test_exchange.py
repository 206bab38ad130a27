"""What 1C has pushed becomes runs: real sockets, real packages, and the sensor's ticks over them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from onec_pipelines.database.locks import import_lock
from onec_pipelines.exchange.client import files_of, portions_of
from onec_pipelines.exchange.queue import opened
from onec_pipelines.exchange.records import Records
from onec_pipelines.exchange.service import Service
from onec_pipelines.importing import import_catalog, import_prices, import_stocks
from onec_pipelines.orchestration.definitions.exchange import (
    NOTHING,
    OFF,
    OURS,
    build_exchange_sensor,
    run_of,
    russian,
)
from onec_pipelines.orchestration.definitions.schedules import build_nightly_refresh
from onec_pipelines.orchestration.definitions.sensors import FED, export_sensor, import_files_sensor
from onec_pipelines.orchestration.machinery.launch import QUIET
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.settings import Settings
from onec_pipelines_tests.exchange.conftest import DAY2, HASH, USER, Running, goods, running

RESTS = (
    '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08" '
    'ДатаФормирования="2026-11-20T10:00:00"><ПакетПредложений СодержитТолькоИзменения="true"><Ид>p</Ид>'
    "<ИдКаталога>cat-1</ИдКаталога><Предложения><Предложение><Ид>1</Ид><Количество>5</Количество></Предложение>"
    "</Предложения></ПакетПредложений></КоммерческаяИнформация>"
)


@dataclass
class Shop:
    """A server, 1C on one side of it and Dagster's ticks on the other."""

    server: Running
    settings: Settings
    instance: dg.DagsterInstance
    project: object
    days: Iterator[int] = field(default_factory=lambda: iter(range(1, 28)))

    def push(self, files: dict[str, str]) -> None:
        """A session of 1C that does not wait for its import; then the session is sealed."""
        root = self.settings.home / f"from_1c_{next(self.days)}"
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        self.push_directory(root)

    def push_directory(self, root: Path, **options: object) -> None:
        self.server.client(asks_import=False, **options).session(root, files_of(root))
        for session in self.server.records.quiet_sessions(-1):
            self.server.service.seal(session)

    def tick(self) -> dg.RunRequest | str:
        sensor = build_exchange_sensor(self.settings)
        with dg.build_sensor_context(
            instance=self.instance, resources={"onec": Onec()}, definitions=self.project.definitions()
        ) as context:
            data = sensor.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else data.skip_message

    def run(self, request: dg.RunRequest | str) -> dg.ExecuteInProcessResult:
        """What the daemon does with a request."""
        assert isinstance(request, dg.RunRequest), request
        job = self.project.definitions().resolve_job_def("full_refresh")
        return job.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            tags=request.tags,
            run_config={"loggers": QUIET},
            asset_selection=request.asset_selection,
        )

    def states(self) -> list[tuple[str, str]]:
        return [(package.kind, package.state) for package in self.server.records.packages("true", {}, "id")]

    def message(self, package: int) -> str:
        found = self.server.records.find_package(package)
        assert found
        return found.message


@pytest.fixture
def shop(project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("ONEC_EXCHANGE_USER", USER)
    monkeypatch.setenv("ONEC_EXCHANGE_PASSWORD_HASH", HASH)
    monkeypatch.delenv("ONEC_DATA_DIR")
    settings = Settings.from_environment()
    told = replace(settings.exchange, quiet=3600, settle=3600)
    with running(Service(told, Records(str(settings.database_url)), reserve=0), hold=0.2) as server:
        yield Shop(server, settings, project.instance, project)


def names(connection: psycopg.Connection) -> list[str]:
    """The active goods."""
    query = "select onec_id from onec.products where is_active order by onec_id"
    return [row[0] for row in connection.execute(query)]


def rows_of(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """What an import has made, by what 1C calls it."""
    queries = {
        "products": "select onec_id, name, article, is_active from onec.products order by 1",
        "variants": "select onec_id, name, article, is_active from onec.product_variants order by 1",
        "prices": "select v.onec_id, t.onec_id, p.value from onec.prices p join onec.product_variants v on v.id = "
        "p.variant_id join onec.price_types t on t.id = p.price_type_id order by 1, 2",
        "stocks": "select v.onec_id, w.onec_id, s.quantity from onec.stocks s join onec.product_variants v on v.id = "
        "s.variant_id join onec.warehouses w on w.id = s.warehouse_id order by 1, 2",
    }
    return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def test_a_full_export_of_3_1_lands_as_from_a_directory(shop, demo, connection, new_database):
    shop.push_directory(demo.path, is_3_1=True)
    request = shop.tick()
    assert request.asset_selection is None
    assert {key: request.tags[key] for key in ("onec/package", "onec/package_kind", "onec/user")} == {
        "onec/package": "1",
        "onec/package_kind": "full",
        "onec/user": USER,
    }
    result = shop.run(request)
    assert result.success
    assert shop.tick() == NOTHING
    assert shop.states() == [("full", "landed"), ("portion", "merged")]
    assert shop.project.session(result).source == f"delivery 1 of {USER}"
    assert shop.settings.data_dir.resolve() == shop.server.service.packages / "1"
    with new_database() as url, psycopg.connect(url, autocommit=True) as other:
        for import_ in (import_catalog, import_stocks, import_prices):
            import_(demo.path, url)
        assert rows_of(connection) == rows_of(other)


def test_a_run_tells_where_and_how_much_1c_has_exported(shop, demo):
    shop.push_directory(demo.path, is_3_1=True)
    shop.run(shop.tick())
    (record,) = shop.instance.fetch_observations(dg.AssetKey(["export_1c", "goods_xml"]), limit=1).records
    told = record.asset_observation.metadata
    assert told["directory"].value.endswith("exchange/packages/1")
    assert told["bytes"].value > 0


def test_changes_run_only_what_they_hold(shop, connection):
    shop.push({"import.xml": goods("1", "2")})
    shop.server.service.end_fulls(USER)
    shop.run(shop.tick())
    shop.push({"rests.xml": RESTS})
    request = shop.tick()
    assert {key.to_user_string() for key in request.asset_selection} == {"stocks"}
    assert shop.run(request).success
    assert shop.tick() == NOTHING
    assert shop.states()[-1] == ("changes", "landed")
    assert connection.execute("select quantity from onec.stocks").fetchall() == [(5,)]


def test_a_portion_takes_nothing_away_and_the_whole_export_does(shop, connection):
    shop.push({"import.xml": goods(*"123456")})
    shop.server.service.end_fulls(USER)
    shop.run(shop.tick())
    shop.push({"import0_1.xml": goods("1", "2", date=DAY2)})
    connection.execute("update onec.exchange_packages set touched_at = now() - interval '50 minutes' where id = 3")
    Service(replace(shop.settings.exchange, settle=3600), shop.server.records).tidy()
    request = shop.tick()
    assert request.tags["onec/package_kind"] == "portion"
    assert shop.run(request).success
    assert names(connection) == [*"123456"]
    shop.push({"import0_2.xml": goods("3", date=DAY2, changes=True)})
    shop.server.service.end_fulls(USER)
    assert isinstance(shop.tick(), dg.RunRequest)
    assert shop.states()[-3:] == [("full", "running"), ("portion", "landed"), ("portion", "merged")]


def test_the_whole_export_is_judged_over_all_its_portions(shop, connection):
    shop.push({"import.xml": goods(*"123456")})
    shop.server.service.end_fulls(USER)
    shop.run(shop.tick())
    shop.push({"import0_1.xml": goods("1", "2", date=DAY2)})
    shop.push({"import0_2.xml": goods("3", date=DAY2, changes=True)})
    shop.server.service.end_fulls(USER)
    shop.run(shop.tick())
    assert shop.tick() == NOTHING
    assert names(connection) == [*"123"]


def contragents(*ids: str) -> str:
    """A list that says it is full."""
    listed = "".join(f"<Контрагент><Ид>{id_}</Ид><Наименование>{id_}</Наименование></Контрагент>" for id_ in ids)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08">'
        f'<Контрагенты СодержитТолькоИзменения="false">{listed}</Контрагенты></КоммерческаяИнформация>'
    )


def customers(connection: psycopg.Connection) -> list[str]:
    """The active customers."""
    return [row[0] for row in connection.execute("select onec_id from onec.customers where is_active order by 1")]


def test_a_full_list_of_contragents_takes_away_whom_it_does_not_name(shop, connection):
    for ids in (["a", "b"], ["a"]):
        shop.push({"contragents.xml": contragents(*ids)})
        assert shop.run(shop.tick()).success
        shop.tick()
    assert customers(connection) == ["a"]


@pytest.mark.parametrize("with_goods", [False, True], ids=["alone", "in a full export"])
def test_a_full_list_of_contragents_takes_nobody_away_once_two_users_deliver(shop, connection, with_goods):
    shop.push({"contragents.xml": contragents("a", "b")})
    assert shop.run(shop.tick()).success
    shop.tick()
    told = replace(shop.settings.exchange, user="second", quiet=3600, settle=3600)
    with running(Service(told, shop.server.records, reserve=0), hold=0.2) as shop.server:
        shop.push({"contragents.xml": contragents("c"), **({"import.xml": goods("1")} if with_goods else {})})
        shop.server.service.end_fulls("second")
        assert shop.run(shop.tick()).success
        assert customers(connection) == ["a", "b", "c"]


def test_what_cannot_be_imported_is_kept_with_its_reason_and_the_next_goes_on(shop):
    shop.push({"rests.xml": RESTS})
    shop.push({"import.xml": goods("1", changes=True)})
    assert shop.tick().tags["onec/package"] == "2"
    assert shop.states() == [("changes", "failed"), ("changes", "running")]
    assert shop.message(1) == (
        "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный каталог."
    )


def test_a_run_that_failed_leaves_its_sentence_and_its_number(shop):
    shop.push({"import.xml": goods("1", changes=True)})
    request = shop.tick()
    (shop.server.service.packages / "1" / "import.xml").write_text("<КоммерческаяИнформация>")
    run_id = shop.run(request).run_id
    shop.tick()
    assert shop.states() == [("changes", "failed")]
    assert "import.xml" in shop.message(1)
    assert shop.server.records.find_package(1).run_id == run_id


def test_a_broken_run_is_told_in_russian():
    assert (
        russian("catalog: Файл a.xml обрывается. stocks: Файл b.xml пуст.") == "Файл a.xml обрывается. Файл b.xml пуст."
    )
    assert russian("KeyError: 'x'") == OURS


def test_a_package_whose_lock_is_busy_keeps_its_place(shop):
    shop.push({"import.xml": goods("1", changes=True)})
    with import_lock(str(shop.settings.database_url), "catalog"):
        assert not shop.run(shop.tick()).success
    shop.tick()
    assert shop.states() == [("changes", "sealed")]


def test_the_catalogue_of_a_delivery_is_shown_where_there_are_several(shop):
    shop.push({"import.xml": goods("1", changes=True)})
    assert "onec/catalog" not in shop.tick().tags
    shop.push({"import.xml": goods("2", changes=True, catalog="cat-2")})
    with opened(str(shop.settings.database_url), shop.settings.exchange.directory) as queue:
        assert run_of(queue, shop.server.records.find_package(2)).tags["onec/catalog"] == "cat-2"


def test_one_package_is_imported_at_a_time(shop):
    shop.push({"import.xml": goods("1", changes=True)})
    shop.push({"import.xml": goods("2", changes=True)})
    assert isinstance(shop.tick(), dg.RunRequest)
    assert shop.tick() == "Выгрузка 1 ждёт своего запуска."
    assert shop.states() == [("changes", "running"), ("changes", "sealed")]


def test_without_a_user_the_sensor_says_that_the_exchange_is_off(shop, monkeypatch):
    monkeypatch.delenv("ONEC_EXCHANGE_USER")
    assert shop.tick() == OFF


def test_a_second_portion_is_no_run_of_its_own_when_the_export_is_over(shop, export_of):
    for files in portions_of(files_of(export_of)):
        shop.server.client().session(export_of, files)
    shop.server.service.end_fulls(USER)
    assert shop.states() == [("full", "sealed"), ("portion", "merged"), ("portion", "merged")]


@pytest.fixture
def export_of(tmp_path: Path) -> Path:
    root = tmp_path / "in_portions"
    root.mkdir()
    (root / "import0_1.xml").write_text(goods("1"))
    (root / "import0_2.xml").write_text(goods("2", changes=True))
    return root


@pytest.mark.parametrize("sensor", [import_files_sensor, export_sensor])
def test_nothing_else_looks_for_what_1c_pushes(shop, sensor):
    with dg.build_sensor_context(
        instance=shop.instance, resources={"onec": Onec()}, definitions=shop.project.definitions()
    ) as context:
        assert sensor.evaluate_tick(context).skip_message == FED


def test_the_night_has_nothing_to_do_where_1c_pushes(shop):
    schedule = build_nightly_refresh(shop.settings)
    with dg.build_schedule_context(instance=shop.instance, resources={"onec": Onec()}) as context:
        assert schedule.evaluate_tick(context).skip_message == FED


def test_a_directory_that_is_named_is_looked_at_as_before(shop, demo, monkeypatch):
    monkeypatch.setenv("ONEC_DATA_DIR", str(demo.path))
    schedule = build_nightly_refresh(shop.settings)
    with dg.build_schedule_context(instance=shop.instance, resources={"onec": Onec()}) as context:
        assert len(schedule.evaluate_tick(context).run_requests) == 1


def test_changes_with_one_picture_keep_the_pictures_of_all_other_goods(shop, demo, connection, tmp_path):
    shop.push_directory(demo.path, is_3_1=True)
    assert shop.run(shop.tick()).success
    images = "select source_path, sha256 from onec.product_images order by 1, 2"
    before = connection.execute(images).fetchall()
    changed = tmp_path / "changed"
    for path in (demo.path / "goods").glob("*.xml"):
        text = path.read_text()
        (changed / "goods").mkdir(parents=True, exist_ok=True)
        (changed / "goods" / path.name).write_text(
            text.replace('СодержитТолькоИзменения="false"', 'СодержитТолькоИзменения="true"')
        )
    picture = next((demo.path / "goods" / "import_files").rglob("*.jpg"))
    to = changed / picture.relative_to(demo.path)
    to.parent.mkdir(parents=True)
    to.write_bytes(picture.read_bytes())
    shop.tick()
    shop.push_directory(changed)
    request = shop.tick()
    assert {key.to_user_string() for key in request.asset_selection} == {"catalog", "product_images"}
    assert shop.run(request).success
    assert connection.execute(images).fetchall() == before

"""What 1C pushes, from its own side to the Runs page: our client, `onec exchange`, and `onec ui` with its daemon.

The tests follow one another: a full export in five portions, then changes, then what cannot be imported.
"""

import copy
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from lxml import etree
from playwright.sync_api import expect

from onec_pipelines.database.connection import connect
from onec_pipelines.demo import write_demo
from onec_pipelines.exchange.client import Client, ExchangeError, files_of, portions_of
from onec_pipelines.importing import import_catalog, import_customers, import_images, import_prices, import_stocks
from onec_pipelines_tests.browser.conftest import UI, free_port
from onec_pipelines_tests.exchange.conftest import HASH, PASSWORD, USER

pytestmark = pytest.mark.slow

expect.set_options(timeout=45_000)

SIZE = {"width": 1440, "height": 900}
LISTS = {"import0_1.xml": ("Товары", 3), "offers0_1.xml": ("Предложения", 2)}
NOT_OF_1C = "^(schema_migrations|data_versions|landed_|known_files|import_|imports$|past_|entity_changes|exchange_)"
VOLATILE = [
    "id",
    "created_at",
    "updated_at",
    "first_seen_at",
    "run_id",
    "source_file",
    "source_line",
    "heard_at",
    "noted_at",
    "source_mtime_ns",
]
MEANT = {
    "product_id": "products",
    "variant_id": "product_variants",
    "price_type_id": "price_types",
    "warehouse_id": "warehouses",
    "category_id": "categories",
    "parent_id": "categories",
    "brand_id": "brands",
    "unit_id": "units",
    "property_id": "properties",
}
"""Surrogate keys, and the tables whose rows they mean."""


@pytest.fixture(scope="module")
def further_settings() -> dict[str, str]:
    """1C alone feeds it."""
    return {
        "ONEC_DATA_DIR": "",
        "ONEC_EXCHANGE_USER": USER,
        "ONEC_EXCHANGE_PASSWORD_HASH": HASH,
        "ONEC_EXCHANGE_QUIET": "600",
        "ONEC_EXCHANGE_CHUNK": "65536",
    }


# --- what 1C exports


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, as 1C exports it into a directory."""
    root = tmp_path_factory.mktemp("whole") / "import_1c"
    write_demo(root, layout="2.07")
    return root


@pytest.fixture(scope="module")
def in_portions(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a size of portion: of three files of goods and two of offers the first says that it is full."""
    root = tmp_path_factory.mktemp("in_portions") / "import_1c"
    shutil.copytree(whole, root)
    for name, (list_, number) in LISTS.items():
        document = etree.parse(root / name)
        for part in range(number):
            (root / name.replace("_1", f"_{part + 1}")).write_bytes(portion(document, list_, part, number))
    return root


def portion(document: etree._ElementTree, list_: str, part: int, number: int) -> bytes:
    """A part of a document, counted from 0, with its share of a list."""
    cut = copy.deepcopy(document)
    items = next(cut.iter(f"{{*}}{list_}"))
    share = -(-len(items) // number)
    for index, item in enumerate(list(items)):
        if index // share != part:
            items.remove(item)
    stated = "СодержитТолькоИзменения"
    for element in cut.iter("{*}*"):
        if part and stated in element.attrib:
            element.set(stated, "true")
    return etree.tostring(cut, xml_declaration=True, encoding="UTF-8")


CHANGES = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.07" ДатаФормирования="2026-01-16T{hour}:00:00">
<Каталог СодержитТолькоИзменения="true"><Ид>6b76173b-57cd-5bac-aba3-b2343c570b43</Ид><Товары>
<Товар><Ид>{id}</Ид><Наименование>{name}</Наименование></Товар>
</Товары></Каталог></КоммерческаяИнформация>"""


# --- who sends it


@dataclass
class OneC:
    """1C on the other side of a running server, with what its log shows, and after how many seconds."""

    port: int
    root: Path
    log: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def client(self) -> Client:
        url = f"http://127.0.0.1:{self.port}"
        return Client(url, USER, PASSWORD, say=self.say)

    def say(self, line: str) -> None:
        self.log.append(f"{time.monotonic() - self.began:6.1f} s  {line}")

    def export(self, root: Path, files: list[Path]) -> Client:
        """A session, to its end; the client has the message of its log."""
        client = self.client()
        client.session(root, files)
        return client

    def check(self, type_: str = "catalog") -> None:
        """«Проверить соединение»."""
        client = self.client()
        try:
            client.check(type_)
        finally:
            client.close()

    def change(self, name: str, content: str) -> Client:
        root = self.root / name
        root.mkdir()
        (root / "import0_1.xml").write_text(content)
        return self.export(root, files_of(root))


@pytest.fixture(scope="module")
def one_c(ui: UI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneC]:
    """The server, started as its service does, and 1C; its log is kept beside the pictures."""
    port = free_port()
    with ui.start_onec("exchange", "--port", str(port)) as process:
        one_c = OneC(port, tmp_path_factory.mktemp("from_1c"))
        for _ in range(300):
            try:
                one_c.check()
            except ExchangeError:
                time.sleep(0.1)
            else:
                break
        one_c.log.clear()
        yield one_c
        process.terminate()
        process.wait(20)
    keep("exchange.log", "\n".join(one_c.log) + "\n")


def keep(name: str, text: str) -> None:
    """Keep what was shown beside the pictures of the pages."""
    if directory := os.environ.get("ONEC_SCREENSHOTS"):
        (Path(directory) / name).write_text(text)


@pytest.fixture(scope="module")
def shop(ui: UI) -> Iterator[psycopg.Connection]:
    with connect(ui.database_url) as connection:
        yield connection


def rows_of(connection: psycopg.Connection) -> dict[str, list[object]]:
    """All that the imports have made of an export, without the numbers that a database gives, and times."""
    columns = (
        "select table_name, array_agg(column_name::text) from information_schema.columns "
        "join pg_tables on schemaname = table_schema and tablename = table_name "
        "where table_schema = 'onec' and table_name !~ %s group by 1"
    )
    found = {}
    for table, names in connection.execute(columns, [NOT_OF_1C]).fetchall():
        keys = [name for name in names if name in MEANT]
        meant = "".join(f", (select onec_id from onec.{MEANT[key]} m where m.id = t.{key})" for key in keys)
        query = f"select to_jsonb(t) - %s::text[]{meant} from onec.{table} t"
        found[table] = sorted(connection.execute(query.encode(), [[*VOLATILE, *keys]]).fetchall(), key=repr)
    return found


def test_a_full_export_in_five_portions_lands_as_the_same_from_a_directory(
    one_c, shop, in_portions, whole, wait_until, new_database, tmp_path
):
    pictures_and_lists, *portions = portions_of(files_of(in_portions))
    portions[0] = [*portions[0], *pictures_and_lists]
    assert [files[0].name for files in portions] == [
        "import0_1.xml", "import0_2.xml", "import0_3.xml", "offers0_1.xml", "offers0_2.xml",
    ]  # fmt: skip
    for files in portions:
        assert one_c.export(in_portions, files).message == ""
    one_c.check("sale")  # УТ asks for orders next
    state = "select state from onec.exchange_packages where kind = 'full'"
    wait_until(lambda: shop.execute(state).fetchall() == [("landed",)], 60, "the full export never landed")
    one_c.say("(the full export has landed)")
    with new_database() as url, connect(url) as other:
        for import_ in (import_catalog, import_stocks, import_prices, import_customers):
            import_(whole, url)
        import_images(whole, url, str(tmp_path))
        found, expected = rows_of(shop), rows_of(other)
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert min(len(expected[table]) for table in ("products", "prices", "stocks", "customers", "product_images")) > 0


def test_1c_is_told_success_when_its_changes_have_landed(one_c, shop):
    began = time.monotonic()
    (onec_id,) = shop.execute("select onec_id from onec.products where is_active order by 1 limit 1").fetchone()
    client = one_c.change("changes", CHANGES.format(id=onec_id, hour=10, name="Новое имя"))
    one_c.say(f"(from checkauth to a landed delta: {time.monotonic() - began:.1f} s)")
    assert (client.message, client.polls < 10) == ("", True)
    assert shop.execute("select name from onec.products where onec_id = %s", [onec_id]).fetchone() == ("Новое имя",)


def test_1c_is_told_what_is_wrong_with_a_broken_file(one_c, shop):
    before = rows_of(shop)
    client = one_c.change("broken", CHANGES.format(id="1", hour=12, name="Новый")[:-30])
    assert client.message.startswith("Файл import0_1.xml не читается как XML")
    assert rows_of(shop) == before


def test_1c_is_told_that_a_run_has_failed_and_which(one_c, shop):
    shop.execute("alter table onec.products add constraint nobody check (name <> 'Никто')")
    client = one_c.change("failing", CHANGES.format(id="1", hour=13, name="Никто"))
    run_id = shop.execute("select run_id from onec.exchange_packages order by id desc limit 1").fetchone()[0]
    assert client.message == f"Загрузка не выполнена из-за ошибки на сайте. Запуск {run_id[:8]}."


def test_the_list_of_deliveries_says_who_what_and_how_it_ended(ui):
    said = subprocess.run(
        [*ui.onec, "exchanges"], cwd=ui.cwd, env=ui.environment, capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in said.splitlines()[1:-1]]
    assert [(*row[3:6], row[8]) for row in rows if row[0].isdecimal()] == [
        (USER, "changes", "1", "failed"),
        (USER, "changes", "1", "landed"),
        (USER, "full", "101", "landed"),
    ]
    keep("exchanges.txt", said)


def test_the_runs_page_reads_like_a_list_of_deliveries(chromium, ui, window_at):
    with window_at(chromium.new_page(viewport=SIZE), f"{ui.url}/runs") as window:
        expect(window.page.get_by_role("link", name="exchange_sensor")).to_have_count(3)
        window.picture("deliveries")
        shown = re.findall(r"^onec/.*", window.page.locator("body").inner_text(), re.MULTILINE)
    *_, full = [shown[at : at + 5] for at in range(0, len(shown), 5)]
    assert [*full[:3], full[4]] == [
        "onec/import_type: all",
        "onec/package: 1",
        "onec/package_kind: full",
        f"onec/user: {USER}",
    ]
    assert not [tag for tag in shown if "/packages/" in tag]

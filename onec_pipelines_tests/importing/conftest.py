"""The words in which the tests of the imports are written: an export, imports of it, and rows of tables.

    export.goods("<Товар><Ид>g</Ид><Наименование>Стул</Наименование></Товар>")
    imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]

`xml` writes what a test needs and is not about: `xml.good("g")`, `xml.offer("g#1")`, `xml.prices("g#1", retail=5)`.

Every import is followed by what holds for each: its counters add up and nothing is left in staging. Every test is
followed by its last import once more, with every file read again: that must not write a single row.
"""

import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import pytest

from onec_pipelines.commerceml.export import ExportFile, list_files
from onec_pipelines.database.connection import connect
from onec_pipelines.importing import (
    ImportReport,
    import_catalog,
    import_customers,
    import_prices,
    import_stocks,
)

CATALOG, OFFERS, CLASSIFIER = "Каталог", "ПакетПредложений", "Классификатор"
IMPORTS = {
    "catalog": import_catalog,
    "stocks": import_stocks,
    "prices": import_prices,
    "customers": import_customers,
}
Rows = Callable[..., list[tuple]]


@dataclass
class Export:
    """An export directory in the 3.1 layout; `delta` says that a file states changes only."""

    root: Path
    clock: Iterator[int] = field(default_factory=lambda: iter(range(1_700_000_000, 1_800_000_000)))

    def __post_init__(self):
        for directory in ("goods", "offers", "prices", "rests"):
            self.write(f"{directory}/{directory}_1_0.xml", "<Каталог/>")

    def write(self, name: str, content: str, *, encoding: str = "utf-8") -> Path:
        """Write a file with the content of the root element; no two writes have one modification time."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        declaration = f'<?xml version="1.0" encoding="{encoding}"?>\n'
        text = f"{declaration}<КоммерческаяИнформация>\n{content}\n</КоммерческаяИнформация>"
        path.write_bytes(text.encode(encoding))
        moment = next(self.clock)
        os.utime(path, (moment, moment))
        return path

    def package(self, directory: str, container: str, inside: str, content: str, *, segment: int, delta: bool) -> Path:
        """Write one segment: `<container flag><inside>content</inside></container>`."""
        flag = "true" if delta else "false"
        return self.write(
            f"{directory}/{directory}_1_{segment}.xml",
            f'<{container} СодержитТолькоИзменения="{flag}"><{inside}>\n{content}\n</{inside}></{container}>',
        )

    def goods(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("goods", CATALOG, "Товары", content, segment=segment, delta=delta)

    def offers(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("offers", OFFERS, "Предложения", content, segment=segment, delta=delta)

    def prices(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("prices", OFFERS, "Предложения", content, segment=segment, delta=delta)

    def rests(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("rests", OFFERS, "Предложения", content, segment=segment, delta=delta)

    def groups(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("groups", CLASSIFIER, "Группы", content, segment=segment, delta=delta)

    def properties(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("propertiesGoods", CLASSIFIER, "Свойства", content, segment=segment, delta=delta)

    def units(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("units", CLASSIFIER, "ЕдиницыИзмерения", content, segment=segment, delta=delta)

    def price_types(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("priceLists", CLASSIFIER, "ТипыЦен", content, segment=segment, delta=delta)

    def warehouses(self, content: str, *, segment: int = 1, delta: bool = False) -> Path:
        return self.package("storages", CLASSIFIER, "Склады", content, segment=segment, delta=delta)

    def contragents(self, content: str, *, segment: int = 1, delta: bool | None = False) -> Path:
        """Write a list of contragents; `delta` None: it does not say which it is."""
        flag = "" if delta is None else f' СодержитТолькоИзменения="{str(delta).lower()}"'
        return self.write(f"contragents/contragents_{segment}.xml", f"<Контрагенты{flag}>\n{content}\n</Контрагенты>")


class Xml:
    """Elements of an export, as short as 1C would accept them."""

    @staticmethod
    def good(onec_id: str, name: str = "Стул", more: str = "") -> str:
        return f"<Товар><Ид>{onec_id}</Ид><Наименование>{name}</Наименование>{more}</Товар>"

    @staticmethod
    def offer(onec_id: str, name: str = "Стул, синий", more: str = "") -> str:
        return f"<Предложение><Ид>{onec_id}</Ид><Наименование>{name}</Наименование>{more}</Предложение>"

    @staticmethod
    def prices(onec_id: str, **prices: object) -> str:
        cells = "".join(
            f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена>"
            for kind, value in prices.items()
        )
        return f"<Предложение><Ид>{onec_id}</Ид><Цены>{cells}</Цены></Предложение>"

    @staticmethod
    def rests(onec_id: str, **quantities: object) -> str:
        cells = "".join(
            f"<Остаток><Склад><Ид>{place}</Ид><Количество>{quantity}</Количество></Склад></Остаток>"
            for place, quantity in quantities.items()
        )
        return f"<Предложение><Ид>{onec_id}</Ид><Остатки>{cells}</Остатки></Предложение>"

    @staticmethod
    def price_type(onec_id: str, currency: str = "RUB") -> str:
        return f"<ТипЦены><Ид>{onec_id}</Ид><Наименование>{onec_id}</Наименование><Валюта>{currency}</Валюта></ТипЦены>"

    @staticmethod
    def warehouse(onec_id: str) -> str:
        return f"<Склад><Ид>{onec_id}</Ид><Наименование>{onec_id}</Наименование></Склад>"

    @staticmethod
    def group(onec_id: str, inside: str = "", name: str = "Мебель") -> str:
        nested = f"<Группы>{inside}</Группы>" if inside else ""
        return f"<Группа><Ид>{onec_id}</Ид><Наименование>{name}</Наименование>{nested}</Группа>"

    @staticmethod
    def customer(onec_id: str, more: str = "<Наименование>Покупатель</Наименование>") -> str:
        return f"<Контрагент><Ид>{onec_id}</Ид>{more}</Контрагент>"


@pytest.fixture(scope="session")
def xml() -> type[Xml]:
    return Xml


@dataclass
class Imports:
    """Imports of one export into one database; `max_deactivation` is 1 unless a test is about the guard."""

    export: Export
    database_url: str
    connection: psycopg.Connection
    last: tuple[tuple[ExportFile, ...], str, dict, ImportReport] | None = None

    def __call__(self, import_type: str, **options) -> ImportReport:
        """One import, and what holds for the report of each."""
        report = IMPORTS[import_type](self.export.root, self.database_url, **{"max_deactivation": 1.0, **options})
        self.check(report)
        options.pop("progress", None)
        self.last = (list_files(self.export.root)[1], import_type, options, report)
        return report

    def again(self) -> None:
        """The last import once more, with every file read again: nothing is written."""
        if self.last and self.last[0] == list_files(self.export.root)[1]:
            _, import_type, options, report = self.last
            before = self.versions()
            again = self(import_type, **{**options, "force": True})
            assert (again.counters.created, again.counters.updated) == (0, 0)
            assert again.counters.errors == report.counters.errors
            assert self.versions() == before

    def __getattr__(self, import_type: str) -> Callable[..., ImportReport]:
        if import_type not in IMPORTS:
            raise AttributeError(import_type)
        return partial(self, import_type)

    def everything(self, **options) -> dict[str, ImportReport]:
        return {import_type: self(import_type, **options) for import_type in ("catalog", "stocks", "prices")}

    def check(self, report: ImportReport) -> None:
        counters = report.counters
        assert counters.created + counters.updated + counters.skipped + counters.errors == counters.processed
        assert counters.processed == counters.total
        assert min(counters.created, counters.updated, counters.skipped, counters.errors) >= 0
        rejected = "select count(*) from onec.rejected_records where import_type = %s"
        assert counters.errors == self.rows(rejected, report.import_type)[0][0]
        assert len(report.rejected) == min(counters.errors, 10)
        assert self.rows("select relname from pg_class where relnamespace = 'onec_staging'::regnamespace") == []

    def rows(self, query: str, *values: object) -> list[tuple]:
        return self.connection.execute(query, values or None).fetchall()

    def versions(self) -> dict[str, list[tuple]]:
        """The xmin of every row of every table of `onec`: it moves whenever a row is written."""
        tables = self.rows("select tablename from pg_tables where schemaname = 'onec' order by 1")
        return {table: self.rows(f"select xmin::text, ctid::text from onec.{table} order by 2") for (table,) in tables}


@pytest.fixture(scope="session")
def imports_url(new_database) -> Iterator[str]:
    """One database for all tests of this room: to empty it takes a tenth of the time that a new one takes."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def emptied() -> Callable[[psycopg.Connection], psycopg.Connection]:
    """A database as the migrations left it."""

    def empty(connection: psycopg.Connection) -> psycopg.Connection:
        names = connection.execute(
            "select string_agg('onec.' || tablename, ', ') from pg_tables "
            "where schemaname = 'onec' and tablename <> 'schema_migrations'"
        ).fetchone()
        connection.execute(f"truncate {names[0]} restart identity cascade")
        staged = connection.execute(
            "select format('drop table onec_staging.%I', tablename) from pg_tables where schemaname = 'onec_staging'"
        )
        for (drop,) in staged.fetchall():
            connection.execute(drop)
        return connection

    return empty


@pytest.fixture
def database_url(imports_url: str, emptied: Callable) -> str:
    with connect(imports_url) as connection:
        emptied(connection)
    return imports_url


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path / "import_1c")


@pytest.fixture
def imports(export: Export, database_url: str, connection: psycopg.Connection) -> Iterator[Imports]:
    imports = Imports(export, database_url, connection)
    yield imports
    imports.again()


@pytest.fixture
def rows(connection: psycopg.Connection) -> Rows:
    """What a query finds; a single column comes without its tuples."""

    def find(query: str, *values: object) -> list:
        found = connection.execute(query, values or None).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    return find


TABLES = {
    "categories": """
        select c.onec_id, p.onec_id, c.name, c.description, c.is_active
        from onec.categories c left join onec.categories p on p.id = c.parent_id
    """,
    "brands": "select onec_id, name, is_active from onec.brands",
    "units": "select onec_id, name, full_name, is_active from onec.units",
    "properties": "select onec_id, name, value_type, is_active from onec.properties",
    "property_values": """
        select p.onec_id, v.onec_id, v.value from onec.property_values v join onec.properties p on p.id = v.property_id
    """,
    "products": """
        select p.onec_id, p.article, p.name, p.description, p.barcode, c.onec_id, b.onec_id, u.onec_id, p.vat_rate,
            p.country, p.manufacturer, p.properties::text, p.requisites::text, p.is_active
        from onec.products p
        left join onec.categories c on c.id = p.category_id
        left join onec.brands b on b.id = p.brand_id
        left join onec.units u on u.id = p.unit_id
    """,
    "product_categories": """
        select p.onec_id, c.onec_id
        from onec.product_categories pc
        join onec.products p on p.id = pc.product_id
        join onec.categories c on c.id = pc.category_id
    """,
    "product_variants": """
        select v.onec_id, p.onec_id, v.article, v.name, v.barcode, v.characteristics::text, v.is_default, v.is_active
        from onec.product_variants v join onec.products p on p.id = v.product_id
    """,
    "price_types": "select onec_id, name, currency, is_active from onec.price_types",
    "prices": """
        select v.onec_id, t.onec_id, x.value, x.currency
        from onec.prices x
        join onec.product_variants v on v.id = x.variant_id
        join onec.price_types t on t.id = x.price_type_id
    """,
    "price_tiers": """
        select v.onec_id, t.onec_id, x.unit, x.factor, x.min_quantity, x.value, x.currency
        from onec.price_tiers x
        join onec.product_variants v on v.id = x.variant_id
        join onec.price_types t on t.id = x.price_type_id
    """,
    "warehouses": "select onec_id, name, is_active from onec.warehouses",
    "stocks": """
        select v.onec_id, w.onec_id, x.quantity
        from onec.stocks x
        join onec.product_variants v on v.id = x.variant_id
        join onec.warehouses w on w.id = x.warehouse_id
    """,
    "customers": """
        select onec_id, kind, name, full_name, inn, kpp, okpo, email, phone, roles, addresses::text, contacts::text,
            bank_accounts::text, representatives::text, extra::text, is_active
        from onec.customers
    """,
    "image_references": """
        select p.onec_id, v.onec_id, r.position, r.path
        from onec.image_references r
        left join onec.products p on p.id = r.product_id
        left join onec.product_variants v on v.id = r.variant_id
    """,
    "pending_records": "select import_type, entity, onec_id from onec.pending_records",
    "rejected_records": "select import_type, entity, onec_id, reason from onec.rejected_records",
}
"""The tables as people compare them: without surrogate keys, times and places in files."""


@pytest.fixture(scope="session")
def contents() -> Callable[[psycopg.Connection], dict[str, list[tuple]]]:
    """What all tables hold, with 1C's identifiers in place of surrogate keys."""

    def read(connection: psycopg.Connection) -> dict[str, list[tuple]]:
        return {table: sorted(connection.execute(query).fetchall(), key=repr) for table, query in TABLES.items()}

    return read


class Files:
    """Whether this process may open files; those that are open are not concerned."""

    def __init__(self) -> None:
        self.limit, self.most = resource.getrlimit(resource.RLIMIT_NOFILE)

    def deny(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, self.most))  # a poll of one file must be allowed

    def allow(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.limit, self.most))


@pytest.fixture
def files() -> Iterator[Files]:
    files = Files()
    yield files
    files.allow()

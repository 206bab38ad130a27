"""A shop in two versions, processes that import it and stop where a test says, and what they may leave behind.

driver.order(shop.order("catalog", "b"), at=17, then="kill")
assert shop.contents() == before
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from PIL import Image

from onec_pipelines.database.connection import connect
from onec_pipelines.database.lending import close_idle
from onec_pipelines.database.migrate import migrate
from onec_pipelines.errors import DatabaseError
from onec_pipelines.postgres import embedded

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("driver.py")
GOODS, IMAGES = 260, 48
VOLATILE = ["id", "created_at", "updated_at", "imported_at", "first_seen_at", "changed_at", "run_id"]
"""Columns that say when and by whom, not what 1C states."""


def document(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация>{content}</КоммерческаяИнформация>\n'


def package(inside: str, content: str, container: str = "ПакетПредложений") -> str:
    return document(f'<{container} СодержитТолькоИзменения="false"><{inside}>{content}</{inside}></{container}>')


def image(seed: str) -> bytes:
    """A JPEG of some 4 KB."""
    noise = random.Random(seed).randbytes(60 * 40 * 3)  # noqa: S311
    file = io.BytesIO()
    Image.frombytes("RGB", (60, 40), noise).save(file, "JPEG")
    return file.getvalue()


def write_shop(root: Path, version: str, *, goods: int = GOODS, images: int = IMAGES) -> Path:
    """A full export in which each value of a record names the version; `b` lacks the last ten goods of `a`."""
    ids = [f"good-{number:03}" for number in range(goods if version == "a" else goods - 10)]
    cost = len(version) + ord(version[0])
    files = {
        "groups/groups_1_1.xml": package(
            "Группы", f"<Группа><Ид>g</Ид><Наименование>Мебель {version}</Наименование></Группа>", "Классификатор"
        ),
        **{
            f"goods/goods_1_{segment}.xml": package(
                "Товары",
                "".join(
                    f"<Товар><Ид>{good}</Ид><Наименование>Стул {version}</Наименование><Группы><Ид>g</Ид></Группы>"
                    f"<Описание>{version * 900}</Описание>"
                    + (f"<Картинка>import_files/{good}.jpg</Картинка>" if int(good[5:]) < images else "")
                    + "</Товар>"
                    for good in ids[segment - 1 :: 2]
                ),
                "Каталог",
            )
            for segment in (1, 2)
        },
        "offers/offers_1_1.xml": package(
            "Предложения",
            "".join(
                f"<Предложение><Ид>{good}#{colour}</Ид><Наименование>Стул {colour} {version}</Наименование>"
                "</Предложение>"
                for good in ids
                for colour in ("red", "blue")
            ),
        ),
        "priceLists/priceLists_1_1.xml": package(
            "ТипыЦен",
            "".join(
                f"<ТипЦены><Ид>{kind}</Ид><Наименование>{kind} {version}</Наименование><Валюта>RUB</Валюта></ТипЦены>"
                for kind in ("retail", "trade")
            ),
            "Классификатор",
        ),
        "storages/storages_1_1.xml": package(
            "Склады",
            "".join(f"<Склад><Ид>{place}</Ид><Наименование>{place} {version}</Наименование></Склад>" for place in "мн"),
            "Классификатор",
        ),
        "prices/prices_1_1.xml": package(
            "Предложения",
            "".join(
                f"<Предложение><Ид>{good}#{colour}</Ид><Цены>"
                + "".join(
                    f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{cost}</ЦенаЗаЕдиницу></Цена>"
                    for kind in ("retail", "trade")
                )
                + "</Цены></Предложение>"
                for good in ids
                for colour in ("red", "blue")
            ),
        ),
        "rests/rests_1_1.xml": package(
            "Предложения",
            "".join(
                f"<Предложение><Ид>{good}#{colour}</Ид><Остатки>"
                + "".join(
                    f"<Остаток><Склад><Ид>{place}</Ид><Количество>{cost}</Количество></Склад></Остаток>"
                    for place in "мн"
                )
                + "</Остатки></Предложение>"
                for good in ids
                for colour in ("red", "blue")
            ),
        ),
        "contragents/contragents_1.xml": document(
            '<Контрагенты СодержитТолькоИзменения="false">'
            + "".join(
                f"<Контрагент><Ид>{good}</Ид><Наименование>ООО Стул {version}</Наименование><Роль>Покупатель</Роль>"
                "</Контрагент>"
                for good in ids
            )
            + "</Контрагенты>"
        ),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "goods/import_files").mkdir(exist_ok=True)
    for number in range(images):
        (root / f"goods/import_files/good-{number:03}.jpg").write_bytes(image(f"{version}{number}"))
    return root


@pytest.fixture(scope="session", name="write_shop")
def writing() -> Callable[..., Path]:
    """Write an export of one's own."""
    return write_shop


@pytest.fixture(scope="session", name="image")
def drawing() -> Callable[[str], bytes]:
    """The bytes of an image, another for each word."""
    return image


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The export directories of both versions; nobody writes into them."""
    directory = tmp_path_factory.mktemp("shop")
    return {version: write_shop(directory / version, version) for version in "ab"}


# --- processes


@dataclass
class Driver:
    """A process of `driver.py`: imports that stop where a test says."""

    process: subprocess.Popen[str]
    is_busy: bool = False

    @classmethod
    def start(cls) -> Self:
        return cls(
            subprocess.Popen(
                [sys.executable, str(DRIVER)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )

    def order(self, order: dict[str, Any], **more: object) -> dict[str, Any]:
        self.send(order, **more)
        return self.answer()

    def send(self, order: dict[str, Any], **more: object) -> None:
        self.say(json.dumps(order | more, default=str))

    def go_on(self) -> dict[str, Any]:
        """Let a paused import go on, and wait for its end."""
        self.say("go on")
        return self.answer()

    def say(self, line: str) -> None:
        self.is_busy = True
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the driver is gone"
        answer = json.loads(line)
        self.is_busy = "paused" in answer
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def idle_drivers() -> Iterator[list[Driver]]:
    """They start once for all tests: to load Python takes longer than an import."""
    idle: list[Driver] = []
    yield idle
    for driver in idle:
        driver.stop()


@pytest.fixture
def another_driver(idle_drivers: list[Driver]) -> Iterator[Callable[[], Driver]]:
    """Take one more driver. One whose import did not end with the test is stopped."""
    taken: list[Driver] = []

    def take() -> Driver:
        taken.append(idle_drivers.pop() if idle_drivers else Driver.start())
        return taken[-1]

    yield take
    for driver in taken:
        if driver.is_busy:
            driver.stop()
        else:
            idle_drivers.append(driver)


@pytest.fixture
def driver(another_driver: Callable[[], Driver]) -> Driver:
    return another_driver()


def environment(**settings: object) -> dict[str, str]:
    """The environment of this process without what concerns us, and these settings."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_"))}
    return known | {"DAGSTER_DISABLE_TELEMETRY": "yes"} | {name: str(value) for name, value in settings.items()}


@pytest.fixture
def onec() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command `onec` with these settings, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **settings: object) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "onec_pipelines.cli", *arguments],
                cwd=ROOT,
                env=environment(**settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


# --- what is there


LEFT_BEHIND = """
select 'connection ' || application_name from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
union all
select 'lock ' || locktype from pg_locks
where pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())
union all
select 'table ' || relname from pg_class
where relnamespace = 'onec_staging'::regnamespace or relpersistence = 't'
"""

LEFT_TO_THE_NEXT = ("table images_", "table thumbnails_", "table product_thumbnails")
"""The plan of an import of images, and what has been made of thumbnails."""


@dataclass
class Shop:
    """A database and a media store, and orders to import either version into them."""

    versions: dict[str, Path]
    database_url: str
    media: Path
    connection: psycopg.Connection

    def order(self, import_type: str, version: str, **options: object) -> dict[str, Any]:
        """An order for a driver."""
        return {
            "import": import_type,
            "data_dir": str(self.versions[version]),
            "database_url": self.database_url,
            "media_url": str(self.media),
            "options": options,
        }

    def contents(self) -> dict[str, list[Any]]:
        """Every row of every table of `onec`, without the times and numbers that each import gives anew.

        `landed_images` is left out: it tells of the last import of images alone. So is the past, which only grows.
        """
        past = "^(imports$|import_sources|past_|entity_changes)"
        tables = self.rows(
            f"select tablename from pg_tables where schemaname = 'onec' and tablename !~ '{past}' order by 1"
        )
        return {
            table: self.connection.execute(
                f"select to_jsonb(t) - %s::text[] from onec.{table} t order by 1", [VOLATILE]
            ).fetchall()
            for table in tables
            if table not in {"schema_migrations", "landed_images", "known_files"}
        }

    def files(self) -> dict[str, str]:
        """The digest of each file of the media store by its path."""
        return {
            path.relative_to(self.media).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.media.rglob("*")
            if path.is_file()
        }

    def registered(self) -> int:
        """How many imports the register has."""
        return self.rows("select count(*) from onec.imports")[0]

    def past(self) -> list[Any]:
        """How many versions have ended."""
        return [
            self.rows(f"select count(*) from onec.{table}")[0]
            for table in ("past_prices", "past_stocks", "entity_changes")
        ]

    def rows(self, query: str) -> list[Any]:
        return [row[0] if len(row) == 1 else row for row in self.connection.execute(query.encode())]

    def settle(self, seconds: float = 10.0, *, planned: bool = False) -> None:
        """Wait until PostgreSQL has noticed that whoever was connected is gone, and has cleared up.

        What a killed run over images has planned, or has made, may stand until the next one, where it is `planned`.
        """
        close_idle()  # what this process keeps is meant to be there
        deadline = time.monotonic() + seconds
        while left := [
            thing for thing in self.rows(LEFT_BEHIND) if not (planned and thing.startswith(LEFT_TO_THE_NEXT))
        ]:
            assert time.monotonic() < deadline, left
            time.sleep(0.01)


@pytest.fixture
def shop_at(versions: dict[str, Path], tmp_path: Path) -> Iterator[Callable[[str], Shop]]:
    """The shop of a test in the database of this URL."""
    with ExitStack() as stack:
        yield lambda url: Shop(versions, url, tmp_path / "media", stack.enter_context(connect(url)))


@pytest.fixture
def shop(versions: dict[str, Path], database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """An empty database and an empty media store."""
    with connect(database_url) as connection:
        yield Shop(versions, database_url, tmp_path / "media", connection)


# --- a server that may be harmed


@dataclass
class Server:
    """An embedded PostgreSQL of its own in an ONEC_HOME."""

    home: Path

    @property
    def data(self) -> Path:
        return embedded.data_directory(self.home)

    def start(self) -> str:
        return embedded.start(self.home)

    def stop(self) -> None:
        """As an administrator does it: `pg_ctl stop --mode=fast`."""
        embedded.stop(self.home)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """kill -9 of the postmaster, and wait for its children: they notice and go, but may end a statement first."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        children = postmaster.children()
        postmaster.kill()
        assert not psutil.wait_procs(children, timeout=30)[1]

    def new_database(self) -> str:
        url = self.start()
        name = f"shop_{uuid.uuid4().hex}"
        with connect(url) as server:
            server.execute(f"create database {name}")
        url = urlsplit(url)._replace(path=f"/{name}").geturl()
        migrate(url)
        return url


@contextmanager
def server_below(directory: Path) -> Iterator[Server]:
    server = Server(directory / "home")
    yield server
    with suppress(DatabaseError):  # a cluster that the test spoiled runs no server
        server.stop()
    shutil.rmtree(server.data, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for the tests of a module, each of which may stop or kill it."""
    with tempfile.TemporaryDirectory(prefix="onec-faults-") as directory:
        Path(directory).chmod(0o711)  # whoever runs PostgreSQL for root can pass through
        with server_below(Path(directory)) as server:
            yield server

"""A running server of the exchange: real sockets, a real PostgreSQL, a directory of its own."""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
import uvicorn

from onec_pipelines.exchange.app import build_app, config_of
from onec_pipelines.exchange.client import Client
from onec_pipelines.exchange.passwords import hash_password
from onec_pipelines.exchange.records import Records
from onec_pipelines.exchange.service import Service
from onec_pipelines.settings import ExchangeSettings

USER, PASSWORD = "обмен", "секрет: 1"
HASH = hash_password(PASSWORD)
DAY1, DAY2 = "2026-11-20T10:00:00", "2026-11-21T10:00:00"


def goods(*ids: str, date: str = DAY1, changes: bool = False, catalog: str = "cat-1") -> str:
    """`import.xml` of 1C: a classifier and goods."""
    listed = "".join(f"<Товар><Ид>{id_}</Ид><Наименование>Товар {id_}</Наименование></Товар>" for id_ in ids)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08" ДатаФормирования="{date}">'
        f'<Каталог СодержитТолькоИзменения="{str(changes).lower()}"><Ид>{catalog}</Ид><Товары>{listed}</Товары>'
        "</Каталог></КоммерческаяИнформация>"
    )


def offers(*ids: str, date: str = DAY1, changes: bool = False) -> str:
    """`offers.xml` of a 1C that does not say of which catalogue its offers are."""
    listed = "".join(f"<Предложение><Ид>{id_}</Ид><Количество>5</Количество></Предложение>" for id_ in ids)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08" ДатаФормирования="{date}">'
        f'<ПакетПредложений СодержитТолькоИзменения="{str(changes).lower()}"><Ид>p</Ид><Предложения>{listed}'
        "</Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )


@dataclass
class Running:
    """A server: where it listens, its service, and who asks it."""

    url: str
    port: int
    service: Service
    clients: list[Client] = field(default_factory=list)

    @property
    def records(self) -> Records:
        return self.service.records

    def client(self, **options: object) -> Client:
        self.clients.append(Client(self.url, self.service.settings.user, PASSWORD, **options))  # type: ignore[arg-type]
        return self.clients[-1]

    def raw(
        self, method: str, target: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and bytes of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def log_in(self) -> dict[str, str]:
        """The headers of a session."""
        lines = self.raw("GET", "/1c_exchange?type=catalog&mode=checkauth", **basic())[2].decode().split("\n")
        return {**basic(), "Cookie": f"{lines[1]}={lines[2]}"}

    def ask(self, session: dict[str, str], query: str, body: bytes | None = None) -> str:
        return self.raw("GET" if body is None else "POST", f"/1c_exchange?type=catalog&{query}", body, **session)[
            2
        ].decode()

    def kept(self) -> list[str]:
        """Every file below `incoming/`."""
        return sorted(path.name for path in self.service.incoming.rglob("*") if path.is_file())


def basic(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@contextmanager
def running(service: Service, hold: float) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(config_of(build_app(service, hold=hold), "127.0.0.1", port))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        found = Running(f"http://127.0.0.1:{port}/1c_exchange", port, service)
        yield found
        for client in found.clients:
            client.close()
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def exchange_settings(tmp_path: Path) -> ExchangeSettings:
    return ExchangeSettings(
        user=USER, password_hash=HASH, directory=tmp_path / "exchange", chunk=1000, quiet=3600, settle=3600
    )


@pytest.fixture
def start(exchange_settings: ExchangeSettings, database_url: str) -> Iterator[Callable[..., Running]]:
    """Start a server: `start(quiet=1).url`."""
    with ExitStack() as stack:

        def started(*, hold: float = 2.0, reserve: int = 0, **changes: object) -> Running:
            service = Service(replace(exchange_settings, **changes), Records(database_url), reserve=reserve)  # type: ignore[arg-type]
            return stack.enter_context(running(service, hold))

        yield started


@pytest.fixture
def server(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Write an export: `export({"import0_1.xml": goods("1")})`."""

    def write(files: dict[str, str | bytes], name: str = "from_1c") -> Path:
        for file, content in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return write

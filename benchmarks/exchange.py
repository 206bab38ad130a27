"""The exchange on loopback: a large file, many small ones, and many who wait.

    python -m benchmarks.exchange

A server of its own (`onec exchange`, zip=no, pieces of 10 MB) over an embedded PostgreSQL; the client is ours that
behaves as 1C does. Beside the large file stands what writing and fsyncing the same pieces costs without a server.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from onec_pipelines.exchange.client import Client, ExchangeError
from onec_pipelines.exchange.passwords import hash_password
from onec_pipelines.postgres import embedded

PORT, USER, PASSWORD = 38444, "1c", "bench"
LARGE, PICTURES, PICTURE, WAITING, WAIT_SECONDS = 410_000_000, 10_000, 50_000, 50, 20
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08" '
    'ДатаФормирования="{date}"><Каталог СодержитТолькоИзменения="{changes}"><Ид>c</Ид><Товары>'
)
TAIL = "</Товары></Каталог></КоммерческаяИнформация>"
GOOD = "<Товар><Ид>{}</Ид><Наименование>Товар</Наименование><Описание>{}</Описание></Товар>"


@dataclass
class Server:
    """The process of the server, with its peak of memory in bytes."""

    process: psutil.Process
    base: int
    peak: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.ended.wait(0.05):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def cpu(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def above(self) -> str:
        return f"{max(0, self.peak - self.base) / 2**20:.0f} MB above its start"


def client() -> Client:
    """1C, logged in."""
    found = Client(f"http://127.0.0.1:{PORT}", USER, PASSWORD)
    for _ in range(300):
        with suppress(ExchangeError):
            found.check()
            return found
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def write_large(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD.format(changes="false", date="2026-11-20T10:00:00"))
        number = 0
        while file.tell() < LARGE:
            file.write(GOOD.format(number, "текст " * 100))
            number += 1
        file.write(TAIL)


def plain_seconds(source: Path, to: Path, piece: int) -> float:
    """What writing and fsyncing the pieces costs by itself."""
    with source.open("rb") as read, to.open("wb") as write:
        spent = 0.0
        while block := read.read(piece):
            began = time.perf_counter()
            write.write(block)
            write.flush()
            os.fsync(write.fileno())
            spent += time.perf_counter() - began
    return spent


def measure_large(server: Server, work: Path) -> None:
    write_large(work / "import0_1.xml")
    size = (work / "import0_1.xml").stat().st_size / 1e6
    session = client()
    _, piece = session.init()
    plain = plain_seconds(work / "import0_1.xml", work / "plain", piece)
    began = time.perf_counter()
    session.send("import0_1.xml", work / "import0_1.xml", piece)
    took = time.perf_counter() - began
    print(f"{size:.0f} MB: {size / took:.0f} MB/s; written and fsynced alone {size / plain:.0f}; {server.above()}")
    began = time.perf_counter()
    session.let_import("import0_1.xml")
    print(f"proved and sealed in {time.perf_counter() - began:.1f} s; {server.above()}")
    session.close()


def measure_pictures(server: Server) -> None:
    session, picture = client(), os.urandom(PICTURE)
    session.init()
    began = time.perf_counter()
    for number in range(PICTURES):
        name = f"import_files/{number % 97:02}/{number}.jpg"
        assert session.ask(f"type=catalog&mode=file&filename={name}", picture).text == "success"  # noqa: S101
    print(f"{PICTURES} pictures: {PICTURES / (time.perf_counter() - began):.0f} a second; {server.above()}")
    session.close()


def measure_waiting(server: Server) -> None:
    """CPU of the server while many sessions of changes wait for runs that nobody starts."""
    sessions = [client() for _ in range(WAITING)]
    body = (HEAD.format(changes="true", date="2026-11-21T10:00:00") + GOOD.format(1, "") + TAIL).encode()
    for session in sessions:
        session.init()
        session.ask("type=catalog&mode=file&filename=import0_1.xml", body)
    ask = "type=catalog&mode=import&filename=import0_1.xml"
    with ThreadPoolExecutor(WAITING) as pool:
        asked = [pool.submit(session.ask, ask) for session in sessions]
        time.sleep(WAIT_SECONDS / 4)  # sealing is not waiting
        spent, began = server.cpu(), time.perf_counter()
        time.sleep(WAIT_SECONDS / 2)
        share = (server.cpu() - spent) / (time.perf_counter() - began)
        said = {reply.result().text for reply in asked}
        assert {text.partition("\n")[0] for text in said} == {"progress"}, said  # noqa: S101
    print(f"{WAITING} who wait: {share:.1%} of a core")
    for session in sessions:
        session.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="onec-bench-") as directory:
        work = Path(directory)
        work.chmod(0o755)
        told = {
            "ONEC_HOME": str(work / "home"),
            "ONEC_DATABASE_URL": embedded.start(work / "home"),
            "ONEC_EXCHANGE_USER": USER,
            "ONEC_EXCHANGE_PASSWORD_HASH": hash_password(PASSWORD),
            "ONEC_EXCHANGE_ZIP": "0",
        }
        command = [sys.executable, "-m", "onec_pipelines.cli", "exchange", "--port", str(PORT)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env={**os.environ, **told}, **quiet)  # type: ignore[call-overload]
        try:
            client().close()
            found = psutil.Process(process.pid)
            server = Server(found, found.memory_info().rss)
            threading.Thread(target=server.watch, daemon=True).start()
            measure_large(server, work)
            measure_pictures(server)
            measure_waiting(server)
            server.ended.set()
        finally:
            process.terminate()
            process.wait()
            embedded.stop(work / "home")


if __name__ == "__main__":
    main()

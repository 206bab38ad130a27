"""Hostile XML through a whole import: refused by name, in bounded time and memory; nothing is fetched.

How a reader takes each form of it stands in commerceml/test_xml.py; here a process with 1 GB of address space
imports a file and must say one sentence, within a minute, with the tables as they were.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

pytestmark = pytest.mark.slow

MB = 1024 * 1024
ADDRESS_SPACE = 1024 * MB
PEAK_KB = 400 * 1024
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
OPEN = "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>good-001</Ид><Наименование>Стул"
CLOSE = "</Наименование></Товар></Товары></Каталог></КоммерческаяИнформация>"
IMPORT = """
import json, pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]), int(sys.argv[3])))
from onec_pipelines.errors import OnecError
from onec_pipelines.importing import import_catalog
try:
    said = import_catalog(pathlib.Path(sys.argv[1]), sys.argv[2]).counters.errors
except OnecError as error:
    said = str(error)
peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(json.dumps([said, int(peak)]))
"""


def text_of_1_gb(file: BinaryIO) -> None:
    file.write(f"{HEAD}{OPEN}".encode())
    file.writelines(b"x" * MB for _ in range(1024))
    file.write(CLOSE.encode())


def laughs(file: BinaryIO) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    file.write(f'{HEAD}<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]>{OPEN}&l11;{CLOSE}'.encode())


def nesting(file: BinaryIO) -> None:
    deep = "<Группы><Группа>" * 50_000
    file.write(f"{HEAD}<КоммерческаяИнформация><Классификатор>{deep}".encode())


def repeated(file: BinaryIO) -> None:
    flood = ' a="1"' * 300_000
    file.write(f"{HEAD}{OPEN.replace('<Товар>', f'<Товар {flood}>')}{CLOSE}".encode())


def invalid_utf8(file: BinaryIO) -> None:
    file.write(f"{HEAD}{OPEN}".encode() + b"\xff\xc0\x80\xed\xa0\x80" + CLOSE.encode())


def another_encoding(file: BinaryIO) -> None:
    file.write(f"{HEAD}{OPEN}{CLOSE}".encode("cp1251"))


def undeclared_utf8(file: BinaryIO) -> None:
    file.write(f"{HEAD.replace('UTF-8', 'windows-1251')}{OPEN}{CLOSE}".encode())


def no_encoding(file: BinaryIO) -> None:
    file.write(f"{HEAD.replace('UTF-8', 'x-user-defined')}{OPEN}{CLOSE}".encode())


HOSTILE = {
    "a text node of 1 GB": text_of_1_gb,
    "a billion laughs": laughs,
    "100,000 levels": nesting,
    "the same attribute 300,000 times": repeated,
    "invalid UTF-8": invalid_utf8,
    "windows-1251 that is declared UTF-8": another_encoding,
    "UTF-8 that is declared windows-1251": undeclared_utf8,
    "an encoding that there is not": no_encoding,
}


def imported(export: Path, url: str) -> int | str:
    """What a process with bounded memory and time has to say of an import: its errors, or a sentence."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(export), url, str(ADDRESS_SPACE)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, peak = json.loads(done.stdout)
    assert peak < PEAK_KB
    return said


@pytest.fixture
def refused(shop, driver, tmp_path, write_shop):
    """Import a hostile file into a shop in version `a`; what was said, with the tables as they were."""
    driver.order(shop.order("catalog", "a"))
    before = shop.contents()
    export = write_shop(tmp_path / "export", "b", goods=20, images=0)
    path = export / "goods/goods_1_7.xml"

    def run(write: Callable[[BinaryIO], None]) -> str:
        with path.open("wb") as file:
            write(file)
        said = imported(export, shop.database_url)
        assert str(said).startswith("Файл goods/goods_1_7.xml"), said
        assert len(said) < 500
        assert shop.contents() == before
        shop.settle()
        return said

    yield run
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_by_name_in_bounded_memory(kind, refused):
    refused(HOSTILE[kind])


def test_a_flood_of_attributes_is_read_in_bounded_memory(shop, write_shop, tmp_path):
    """Each has another name: well-formed, so the good lands, and the flood is rejected."""
    flood = " ".join(f'a{number}="{number}"' for number in range(300_000))
    export = write_shop(tmp_path / "export", "b", goods=20, images=0)
    document = f"{HEAD}{OPEN.replace('<Товар>', f'<Товар {flood}>')}{CLOSE}"
    (export / "goods/goods_1_7.xml").write_text(document, encoding="utf-8")
    assert imported(export, shop.database_url) == 1
    assert shop.rows("select name from onec.products where onec_id = 'good-001'") == ["Стул"]
    assert shop.rows("select onec_id, cell from onec.rejected_records") == [("good-001", "extra")]
    shop.settle()


def test_a_good_of_a_million_properties_is_rejected_in_bounded_memory_and_the_others_land(shop, write_shop, tmp_path):
    export = write_shop(tmp_path / "export", "b", goods=20, images=0)
    with (export / "goods/goods_1_7.xml").open("w", encoding="utf-8") as file:
        file.write(f"{HEAD}{OPEN.replace('good-001', 'endless')}</Наименование><ЗначенияСвойств>")
        for number in range(1_000_000):
            file.write(f"<ЗначенияСвойства><Ид>{number}</Ид><Значение>{number}</Значение></ЗначенияСвойства>")
        file.write(f"</ЗначенияСвойств>{CLOSE.removeprefix('</Наименование>')}")
    assert imported(export, shop.database_url) == 1
    assert shop.rows("select onec_id, reason from onec.rejected_records") == [("endless", "Товар: длиннее 32 МБ")]
    assert shop.rows("select count(*) from onec.products") == [10]
    shop.settle()


def test_goods_of_10_mb_each_are_imported_in_bounded_memory(shop, write_shop, tmp_path):
    export = write_shop(tmp_path / "export", "b", goods=20, images=0)
    with (export / "goods/goods_1_7.xml").open("w", encoding="utf-8") as file:
        file.write(f"{HEAD}<КоммерческаяИнформация><Каталог><Товары>")
        for number in range(60):
            file.write(f"<Товар><Ид>large-{number}</Ид><Наименование>Стул</Наименование><Описание>")
            file.writelines("x" * MB for _ in range(9))
            file.write("</Описание></Товар>")
        file.write("</Товары></Каталог></КоммерческаяИнформация>")
    assert imported(export, shop.database_url) == 0
    assert shop.rows("select count(*) from onec.products where length(description) = 9 * 1024 * 1024") == [60]
    shop.settle()


@pytest.mark.parametrize("scheme", ["http", "ftp", "file"])
def test_an_external_entity_fetches_nothing_and_reads_nothing(scheme, refused, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("тайна за семью печатями")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        place = {"file": f"file://{secret}"}.get(scheme, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/e")
        document = (
            f'{HEAD}<!DOCTYPE a SYSTEM "{place}" [<!ENTITY % p SYSTEM "{place}"> %p; <!ENTITY e SYSTEM "{place}">]>'
        )
        said = refused(lambda file: file.write(f"{document}{OPEN}&e;{CLOSE}".encode()))
        assert "тайна" not in said
        with pytest.raises(TimeoutError):
            listener.accept()

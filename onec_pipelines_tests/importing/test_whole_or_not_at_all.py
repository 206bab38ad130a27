"""An import lands whole or not at all, one of a kind at a time, whatever becomes of its files or its process."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import import_lock, merge_lock
from onec_pipelines.errors import DatabaseError, ExportError, ImportBusyError
from onec_pipelines.importing import import_catalog, import_customers, import_prices, import_stocks

TRUNCATED = """<?xml version="1.0" encoding="utf-8"?>
<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>n</Ид><Наименование>Новый</Наименование></Товар><Товар><Ид>"""
NAMES = "select name from onec.products where is_active order by onec_id"


@pytest.fixture
def shop(export, imports, xml):
    """A shop of two goods, imported, and an export that renames them."""
    export.goods(xml.good("g", "Старый") + xml.good("h", "Старый"))
    imports.catalog()
    export.goods(xml.good("g", "Новый") + xml.good("h", "Новый"))
    return export


def fails_untouched(imports, import_type="catalog", **options) -> str:
    before = imports.versions()
    with pytest.raises(ExportError) as caught:
        imports(import_type, **options)
    assert imports.versions() == before
    assert imports.rows("select relname from pg_class where relnamespace = 'onec_staging'::regnamespace") == []
    return str(caught.value)


# Broken files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TRUNCATED.encode(), "выгружен не до конца"),
        (TRUNCATED[:60].encode(), "выгружен не до конца"),
        (b"", "пуст"),
        (b"PK\x03\x04 and more", "ZIP"),
        (b"<!DOCTYPE html><html><body>502</body></html>", "HTML"),
        ('<?xml version="1.0"?><Товары/>'.encode(), "не похож на выгрузку 1С"),
    ],
)
def test_a_broken_segment_fails_the_whole_import(content, said, shop, imports):
    (shop.root / "goods/goods_1_2.xml").write_bytes(content)
    message = fails_untouched(imports)
    assert "goods/goods_1_2.xml" in message
    assert said in message


def test_a_broken_file_of_another_kind_is_that_imports_business(shop, imports, rows):
    broken = "<КоммерческаяИнформация><ПакетПредложений><Предложения><Предложение><Ид>g</Ид><Остат"
    (shop.root / "rests/rests_1_1.xml").write_text(broken, encoding="utf-8")
    imports.catalog()
    assert rows(NAMES) == ["Новый", "Новый"]
    assert "rests/rests_1_1.xml" in fails_untouched(imports, "stocks")


def test_side_by_side_a_broken_file_may_be_of_any_kind(tmp_path, imports, xml):
    imports.export.root = tmp_path / "flat"
    imports.export.write("import.xml", f"<Каталог><Товары>{xml.good('g')}</Товары></Каталог>")
    imports.export.write("orders.xml", "<Документ><Ид>d</Ид></Документ>")
    imports.catalog()
    (imports.export.root / "offers.xml").write_bytes(TRUNCATED[:60].encode())
    assert "offers.xml" in fails_untouched(imports)


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("windows-1251", "utf-8-sig"),
        ("windows-1251", "windows-1251"),
        ("x-cp1251", "windows-1251"),
        ("win-1251", "windows-1251"),
        ("cp-1251", "windows-1251"),
    ],
)
def test_side_by_side_a_file_is_read_whatever_it_calls_its_encoding(declared, encoding, tmp_path, imports, rows, xml):
    imports.export.root = tmp_path / "flat"
    imports.export.write("import.xml", f"<Каталог><Товары>{xml.good('g')}</Товары></Каталог>")
    offers = f"<ПакетПредложений><Предложения>{xml.offer('g#1')}</Предложения></ПакетПредложений>"
    document = f'<?xml version="1.0" encoding="{declared}"?><КоммерческаяИнформация>{offers}</КоммерческаяИнформация>'
    (imports.export.root / "offers.xml").write_bytes(document.encode(encoding))
    imports.catalog()
    assert rows("select onec_id from onec.product_variants") == ["g#1"]


@pytest.mark.parametrize("declared", ["windows-1252", "my-1251", "1251"])
def test_side_by_side_a_file_in_an_encoding_that_there_is_not_is_refused(declared, tmp_path, imports, xml):
    imports.export.root = tmp_path / "flat"
    imports.export.write("import.xml", f"<Каталог><Товары>{xml.good('g')}</Товары></Каталог>")
    offers = f"<ПакетПредложений><Предложения>{xml.offer('g#1')}</Предложения></ПакетПредложений>"
    document = f'<?xml version="1.0" encoding="{declared}"?><КоммерческаяИнформация>{offers}</КоммерческаяИнформация>'
    (imports.export.root / "offers.xml").write_bytes(document.encode("windows-1251"))
    assert "offers.xml" in fails_untouched(imports)


def test_a_missing_export_is_one_sentence(tmp_path, imports):
    imports.export.root = tmp_path / "nowhere"
    assert "Директория данных 1С не найдена" in fails_untouched(imports)


def test_prices_before_products_are_refused(export, imports, xml):
    export.prices(xml.prices("g", retail=5))
    assert "каталог товаров пуст" in fails_untouched(imports, "prices")


# 1C still writes --------------------------------------------------------------------------------------------------


def while_reading(change):
    """A progress function that changes something once, when the import has begun to read."""
    done = []

    def progress(_counters):
        if not done:
            done.append(change())

    return progress


def test_a_file_that_is_touched_during_the_import_fails_it(shop, imports):
    path = shop.root / "goods/goods_1_1.xml"
    message = fails_untouched(imports, progress=while_reading(lambda: os.utime(path)))
    assert "goods/goods_1_1.xml" in message
    assert "1С ещё выгружает данные" in message


def test_a_file_that_grows_vanishes_or_appears_during_the_import_fails_it(shop, imports, rows, xml):
    second = shop.root / "goods/goods_1_2.xml"
    for change in (
        lambda: shop.goods(xml.good("i"), segment=2),
        lambda: shop.goods(xml.good("i") + xml.good("j"), segment=2),
        second.unlink,
    ):
        assert "goods/goods_1_2.xml" in fails_untouched(imports, progress=while_reading(change), force=True)
    imports.catalog()
    assert rows(NAMES) == ["Новый", "Новый"]


@pytest.mark.parametrize("renamed", [".", "goods"], ids=["the export", "a directory of it"])
def test_an_export_that_is_renamed_during_the_import_is_no_matter_of_rights(shop, imports, xml, renamed):
    shop.goods(xml.good("i"), segment=2)
    here = shop.root / renamed
    away = shop.root.parent / "away"
    message = fails_untouched(imports, progress=while_reading(lambda: here.rename(away)))
    away.rename(here)
    assert message.startswith("Файл goods/goods_1_1.xml не удалось прочитать: он исчез, выгрузку переименовали")
    assert "Повторите импорт после окончания выгрузки." in message
    assert "права" not in message


def test_a_file_of_another_kind_may_change(shop, imports, xml):
    imports.catalog(progress=while_reading(lambda: shop.contragents(xml.customer("c"))))


# Readers and other imports ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shop")
def test_readers_see_the_old_state_until_everything_has_landed(imports, database_url):
    seen = []
    with connect(database_url) as blocker, connect(database_url) as reader:
        with blocker.transaction():
            blocker.execute("lock table onec.pending_records in share mode")  # one of the last tables of the merge
            importing = threading.Thread(target=imports.catalog)
            importing.start()
            while not reader.execute("select from pg_locks where not granted").fetchall():
                time.sleep(0.005)
            seen += reader.execute(NAMES).fetchall()
        importing.join()
        seen += reader.execute(NAMES).fetchall()
    assert [name for (name,) in seen] == ["Старый", "Старый", "Новый", "Новый"]


def test_two_imports_of_one_kind_at_once_the_second_is_told(shop, imports, database_url):
    told = []

    def second():
        with pytest.raises(ImportBusyError) as caught:
            import_catalog(shop.root, database_url)
        told.append(str(caught.value))
        shop.contragents("")
        import_customers(shop.root, database_url)

    imports.catalog(progress=while_reading(second))
    assert "catalog is already running" in told[0]


@pytest.mark.usefixtures("shop")
def test_an_import_may_follow_another_at_once(imports, database_url):
    for _ in range(30):
        with import_lock(database_url, "catalog"):
            pass
    imports.catalog()


def test_imports_of_different_kinds_at_once_all_land(export, imports, database_url, rows, xml):
    names = [f"g{number}" for number in range(50)]
    export.goods("".join(map(xml.good, names)))
    imports.catalog()
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main"))
    export.prices("".join(xml.prices(name, retail=1) for name in names))
    export.rests("".join(xml.rests(name, main=1) for name in names))
    with ThreadPoolExecutor() as pool:
        running = [
            pool.submit(run, export.root, database_url, force=True)
            for run in (import_catalog, import_prices, import_stocks)
        ]
    assert [done.result().counters.total for done in running] == [50, 50, 50]
    for table in ("product_variants", "prices", "stocks"):
        assert rows(f"select count(*) from onec.{table}") == [50]


def test_the_guard_counts_what_another_import_commits_meanwhile(export, imports, database_url, rows, xml):
    export.goods(xml.good("g") + xml.good("h"))
    export.offers(xml.offer("g") + xml.offer("h"))
    export.warehouses(xml.warehouse("main"))
    export.rests(xml.rests("g", main=1))
    imports.catalog()
    imports.stocks()
    export.rests(xml.rests("g", main=2))
    with connect(database_url) as other, connect(database_url) as reader, ThreadPoolExecutor() as pool:
        with other.transaction():
            merge_lock(other)
            importing = pool.submit(imports.stocks, max_deactivation=0)
            while not reader.execute("select from pg_locks where not granted").fetchall():
                time.sleep(0.005)
            other.execute("""
                insert into onec.stocks (variant_id, warehouse_id, quantity)
                select v.id, w.id, 5 from onec.product_variants v, onec.warehouses w where v.onec_id = 'h'
            """)
        (guard,) = importing.result().guards
    assert (guard.before, guard.removed, guard.allows) == (2, 1, False)
    assert rows("select quantity from onec.stocks order by 1") == [2, 5]


# Failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shop")
def test_a_callers_failure_leaves_everything_as_it_was(imports):
    before = imports.versions()

    def fail(_counters):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.catalog(progress=fail)
    assert imports.versions() == before
    imports.catalog()


@pytest.mark.usefixtures("shop")
def test_a_connection_that_is_cut_is_one_sentence(imports, connection, rows):
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'onec_pipelines' and pid <> %s"
    )

    def cut_all():
        connection.execute(cut, [connection.info.backend_pid])

    with pytest.raises(DatabaseError) as caught:
        imports.catalog(progress=while_reading(cut_all))
    assert str(caught.value).startswith("PostgreSQL gave up during the import of catalog: ")
    assert rows(NAMES) == ["Старый", "Старый"]
    imports.catalog()


IMPORT = """
import pathlib, sys
from onec_pipelines.importing import import_catalog
import_catalog(pathlib.Path(sys.argv[1]), sys.argv[2], force=True, progress=lambda counters: print("read", flush=True))
"""


def test_a_killed_import_leaves_the_old_state_or_the_new_and_the_next_one_completes(
    export, imports, database_url, rows, xml
):
    def write(name):
        for segment in range(3):
            export.goods("".join(xml.good(f"g{segment}-{number}", name) for number in range(400)), segment=segment)

    write("0")
    imports.catalog()
    delay = random.Random(7)  # noqa: S311
    for attempt in range(1, 6):
        write(str(attempt))
        command = [sys.executable, "-c", IMPORT, str(export.root), database_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(delay.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
        assert rows("select distinct name from onec.products") in ([str(attempt - 1)], [str(attempt)])
        imports.catalog()
        assert rows("select name, count(*) from onec.products group by 1") == [(str(attempt), 1200)]


def test_a_database_that_is_down_is_one_sentence(export):
    with pytest.raises(DatabaseError):
        import_catalog(export.root, "postgresql://nobody@localhost:1/nothing")


@pytest.mark.usefixtures("shop")
def test_no_statement_of_an_import_waits_in_a_transaction_after_it(imports, database_url):
    imports.catalog()
    with psycopg.connect(database_url) as connection:
        others = (
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
        )
        assert connection.execute(others).fetchone() == (0,)

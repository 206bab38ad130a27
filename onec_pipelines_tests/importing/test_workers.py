"""Several processes read the files of an import; what comes of it is what one process makes of them."""

from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database import locks
from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import worker_lock
from onec_pipelines.demo import write_demo
from onec_pipelines.errors import DatabaseError, ExportError, ImportBusyError
from onec_pipelines.importing import parallel
from onec_pipelines.importing.catalog import DATASET as CATALOG

KINDS = ("catalog", "stocks", "prices", "customers")
STAGED = "select relname from pg_class where relnamespace = 'onec_staging'::regnamespace"
LEDGER = (
    "select import_type, path, size_bytes, sha256, rows from onec.import_files order by 1, 2",
    "select * from onec.import_states order by 1",
    "select import_type, entity, onec_id, payload, source_file, source_line from onec.pending_records order by 1, 2, 3",
    "select import_type, entity, onec_id, cell, reason, source_line, payload from onec.rejected_records order by id",
)


@pytest.fixture(autouse=True)
def _small_files_are_worth_a_process(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 0)


@pytest.fixture
def big(export, xml):
    """Two segments of goods that take a while to read."""
    for segment in (1, 2):
        export.goods("".join(xml.good(f"{segment}-{number}") for number in range(5000)), segment=segment)
    return export


def readers():
    """The processes that read for this one and are alive."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):  # it has just ended
            if "onec_pipelines.importing.worker" in process.cmdline():
                found.append(process)
    return found


@pytest.mark.parametrize(("layout", "encoding"), [("3.1", "utf-8"), ("2.09", "windows-1251"), ("2.07", "utf-8")])
def test_two_processes_leave_the_tables_that_one_leaves(
    layout, encoding, export, imports, contents, connection, rows, emptied, tmp_path
):
    export.root = tmp_path / "demo"
    write_demo(export.root, layout=layout, encoding=encoding)
    left = []
    for workers in (1, 2):
        emptied(connection)
        reports = [imports(kind, max_deactivation=0, workers=workers) for kind in KINDS]
        said = [(r.counters, r.details, r.notices, r.guards, r.fingerprint) for r in reports]
        rejected = [replace(row, first_seen_at=None) for r in reports for row in r.rejected]
        left.append((contents(connection), [rows(query) for query in LEDGER], said, rejected))
    assert left[0] == left[1]


def test_the_later_segment_wins_whoever_read_it_first(export, imports, rows, xml):
    export.goods(xml.good("g", "Стул") + "".join(xml.good(f"x{n}") for n in range(3000)), segment=2)
    export.goods(xml.good("g", "Стол"), segment=10)
    imports.catalog(workers=3)
    assert rows("select name from onec.products where onec_id = 'g'") == ["Стол"]


def test_the_first_broken_file_is_the_one_that_is_named(big, imports, rows):
    for segment in (3, 4):
        (big.root / f"goods/goods_1_{segment}.xml").write_text("<КоммерческаяИнформация><Каталог>", encoding="utf-8")
    for workers in (1, 2):
        with pytest.raises(ExportError, match=r"goods/goods_1_3\.xml"):
            imports.catalog(workers=workers)
    assert rows(STAGED) == rows("select onec_id from onec.products") == []


@pytest.mark.usefixtures("big")
def test_the_counters_are_seen_while_they_read(imports):
    seen = []
    imports.catalog(workers=2, progress=seen.append)
    read = [counters.processed for counters in seen]
    assert read == sorted(read)
    assert len({*read}) > 10
    assert read[-1] == seen[-1].total == 10_000


@pytest.mark.usefixtures("big")
def test_a_killed_process_fails_the_import_and_leaves_nothing(imports, rows):
    def kill(counters):
        if counters.processed:
            for process in readers():
                process.kill()

    with pytest.raises(DatabaseError, match=r"A process that read goods/.* was killed by signal 9; nothing was"):
        imports.catalog(workers=2, progress=kill)
    assert rows(STAGED) == rows("select onec_id from onec.products") == []
    assert imports.catalog(workers=2).counters.created == 10_000


DEFECT = """
from onec_pipelines.importing import reading

def stumble(*_arguments):
    raise ValueError(900 * "1")

reading.read_into_staging = stumble
"""


def test_a_defect_in_a_process_is_told_by_its_kind_and_prints_nothing_of_the_row(
    big, imports, tmp_path, monkeypatch, capfd
):
    assert big
    (tmp_path / "sitecustomize.py").write_text(DEFECT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"^ValueError$"):
        imports.catalog(workers=2)
    printed = capfd.readouterr()
    assert "stumble" in printed.err
    assert 100 * "1" not in printed.out + printed.err


def test_a_process_that_has_no_more_to_read_ends_without_a_word(imports, database_url, capfd):
    imports.catalog()
    with parallel._started(1) as [(pipe, process)]:
        pipe.send((CATALOG, database_url))
        pipe.close()
        assert process.wait(timeout=30) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("big")
def test_an_import_that_is_interrupted_ends_its_processes(imports, rows):
    def interrupt(counters):
        if counters.processed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.catalog(workers=2, progress=interrupt)
    assert readers() == []
    assert rows(STAGED) == []


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_killed_import_left_in_staging_is_swept_away(workers, imports, connection):
    connection.execute("create table onec_staging.goods (left_behind text)")
    connection.execute("create view onec_staging.seen as select * from onec_staging.goods")
    assert imports.catalog(workers=workers).counters.created == 10_000


@pytest.mark.usefixtures("big")
def test_a_process_of_a_killed_import_that_still_writes_is_waited_for(imports, database_url, monkeypatch):
    monkeypatch.setattr(locks, "WORKERS_PATIENCE", "100ms")
    refused = pytest.raises(ImportBusyError, match="A process of an earlier import of catalog is still reading files")
    with connect(database_url) as left_behind, worker_lock(left_behind, "catalog"), refused:
        imports.catalog(workers=2)
    assert imports.catalog(workers=2).counters.created == 10_000


def test_small_and_single_files_are_read_by_the_import_itself(big, monkeypatch):
    contents = ExportSnapshot(big.root).contents
    assert parallel.count_workers(8, contents) == len(contents)
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 100_000)
    assert parallel.count_workers(8, contents) == 2
    monkeypatch.setattr(parallel, "WORTH_A_PROCESS", 100_000_000)
    assert parallel.count_workers(8, contents) == 1


def test_several_processes_find_a_row_by_its_id_in_any_case(export, imports, rows, connection, xml):
    onec_id = "a1111111-0000-11e5-8000-00155d000001"
    export.goods(xml.good(onec_id))
    imports.catalog()
    connection.execute("update onec.products set onec_id = upper(onec_id)")
    connection.execute("delete from onec.former_ids")
    export.goods(xml.good(onec_id, "Стол"), segment=1)
    export.goods(xml.good(f"{onec_id}#1"), segment=2)
    imports.catalog(workers=2)
    assert rows("select onec_id from onec.products") == [onec_id.upper()]

"""The rows that have not landed, as `onec rejected` and `onec pending` list them: why, which good, where it stood."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import pytest
from click.testing import CliRunner, Result

from onec_pipelines import cli
from onec_pipelines.database.connection import connect
from onec_pipelines.importing.unlanded import read_unlanded

Onec = Callable[..., Result]
ARTICLE = "<Артикул>A-1</Артикул>"
MOSCOW = "2026-11-20 18:02:00+03"


@pytest.fixture
def onec(database_url: str, monkeypatch, tmp_path) -> Onec:
    """The command over the database of the test: `onec("rejected", "--json")`."""
    monkeypatch.setenv("ONEC_DATABASE_URL", database_url)
    monkeypatch.setenv("ONEC_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


@pytest.fixture
def listed(onec) -> Callable[..., list]:
    """Some columns of the rows that a command lists: `listed("pending", "reason")`."""

    def read(command: str, *columns: str, of: str = "all") -> list:
        rows = json.loads(onec(command, "--json", "--type", of).stdout)
        found = [tuple(row[column] for column in columns) for row in rows]
        return [row[0] for row in found] if len(columns) == 1 else found

    return read


@pytest.fixture
def shop(export, xml):
    export.price_types(xml.price_type("retail"))
    export.warehouses(xml.warehouse("main"))
    export.goods(xml.good("g", more=ARTICLE))
    return export


@pytest.fixture
def chair(connection) -> None:
    """The good g is on record."""
    connection.execute("insert into onec.products (onec_id, article, name) values ('g', 'A-1', 'Стул')")


@pytest.fixture
def reject(connection) -> Callable[..., None]:
    """Put a rejected row on record: `reject(onec_id="g", reason="нет Ид")`."""

    def put(**stated: object) -> None:
        row = {"import_type": "prices", "entity": "price", "reason": "нет Ид", "source_file": "prices/1.xml"}
        row |= {"created_at": MOSCOW} | stated
        row["payload"] = json.dumps(row.get("payload", {}))
        connection.execute(
            "insert into onec.rejected_records (import_type, entity, onec_id, cell, reason, source_file, source_line, "
            "payload, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [row.get(name) for name in ("import_type", "entity", "onec_id", "cell", "reason", "source_file",
                                        "source_line", "payload", "created_at")],
        )  # fmt: skip

    return put


# --- which good, which offer


def test_a_rejected_price_goes_by_article_and_name_of_its_good(shop, imports, listed, xml):
    shop.prices(xml.prices("g", retail="дорого"))
    imports.everything()
    assert listed("rejected", "reason", "article", "name", "cell", "file", "line", "onec_id") == [
        ("ЦенаЗаЕдиницу: не число", "A-1", "Стул", "retail", "prices/prices_1_1.xml", 4, "g")
    ]


def test_one_of_an_offer_goes_by_the_name_of_the_offer_and_the_article_of_its_good(shop, imports, listed, xml):
    shop.offers(xml.offer("g#1", "Стул, синий"))
    shop.rests(xml.rests("g#1", main="нет"))
    imports.everything()
    assert listed("rejected", "article", "name") == [("A-1", "Стул, синий")]


def test_an_offer_with_an_article_goes_by_that(shop, imports, listed, xml):
    shop.offers(xml.offer("g#1", more="<Артикул>A-1-B</Артикул>"))
    shop.rests(xml.rests("g#1", main="нет"))
    imports.everything()
    assert listed("rejected", "article") == ["A-1-B"]


def test_one_of_an_offer_that_never_came_goes_by_its_good(shop, imports, listed, xml):
    shop.prices(xml.prices("g#1", retail="дорого"))
    imports.everything()
    assert listed("rejected", "article", "name") == [("A-1", "Стул")]


def test_what_is_not_on_record_goes_by_what_it_states(export, imports, listed, xml):
    export.goods(xml.good("", "Стул", more=ARTICLE))
    export.offers(xml.offer("h#1", "Стол", more=ARTICLE))
    imports.catalog()
    assert listed("rejected", "reason", "article", "name") == [("нет Ид", "A-1", "Стул")]
    assert listed("pending", "reason", "article", "name") == [("нет товара", "A-1", "Стол")]


@pytest.mark.usefixtures("chair")
def test_a_missing_image_goes_by_its_good_and_its_file_is_no_cell(listed, reject):
    reject(import_type="images", entity="image", onec_id="g", cell="1.jpg", source_file="1.jpg")
    assert listed("rejected", "article", "name", "cell", "file") == [("A-1", "Стул", None, "1.jpg")]


def test_a_cell_is_a_price_type_or_a_warehouse_by_name_or_else_by_id(listed, connection, reject):
    connection.execute("insert into onec.price_types (onec_id, name, currency) values ('1', 'Розничная', 'RUB')")
    connection.execute("insert into onec.warehouses (onec_id, name) values ('1', 'Склад'), ('2', 'Магазин')")
    for cell in ("1", "2"):
        reject(entity="price", cell=cell)
        reject(entity="stock", cell=cell)
    assert listed("rejected", "cell") == ["Розничная", "Склад", "2", "Магазин"]


@pytest.mark.usefixtures("chair")
def test_of_a_customer_nothing_is_shown_but_its_id(listed, onec, reject):
    payload = {"name": "Секретова", "article": "Секретова"}
    reject(import_type="customers", entity="customer", onec_id="g", payload=payload)
    assert listed("rejected", "article", "name", "onec_id") == [(None, None, "g")]
    assert onec("rejected").stdout.splitlines()[3:] == ["    g", "    prices/1.xml"]


@pytest.mark.usefixtures("chair")
def test_what_is_no_good_does_not_go_by_one_of_the_same_id(listed, reject):
    reject(import_type="catalog", entity="category", onec_id="g")
    assert listed("rejected", "article", "name") == [(None, None)]


def test_what_somebody_wrote_at_length_is_cut(listed, connection, reject):
    reject(entity="product", payload={"name": "н" * 1000, "article": "a" * 1000})
    connection.execute(
        "insert into onec.pending_records values ('prices', 'price', 'g', %s, '1.xml', 1)",
        [json.dumps([{"price_type_onec_id": "t" * 1000}])],
    )
    assert [len(text) for text in listed("rejected", "article", "name")[0]] == [200, 200]
    assert [len(text) for text in listed("pending", "reason")] == [200]


# --- what a pending row waits for


@pytest.mark.parametrize(
    ("onec_id", "price_type", "reason"),
    [
        ("h", "retail", "нет товара"),
        ("h#1", "retail", "нет товара"),
        ("g#2", "retail", "нет предложения"),
        ("g", "unknown", "нет вида цен: unknown"),
        ("g#2", "unknown", "нет предложения; нет вида цен: unknown"),
    ],
)
def test_a_pending_price_says_what_it_waits_for(shop, imports, listed, xml, onec_id, price_type, reason):
    shop.prices(xml.prices(onec_id, **{price_type: 5}))
    imports.everything()
    assert listed("pending", "reason", of="prices") == [reason]


def test_the_price_types_that_are_missing_are_named_and_no_others(shop, imports, listed, xml):
    shop.prices(xml.prices("h", b=1, a=2, retail=3))
    imports.everything()
    assert listed("pending", "reason") == ["нет товара; нет вида цен: a, b"]


def test_the_warehouses_that_are_missing_are_named_and_no_others(shop, imports, listed, xml):
    shop.rests(xml.rests("h", b=1, a=2, main=3))
    imports.everything()
    assert listed("pending", "reason") == ["нет товара; нет склада: a, b"]


def test_what_several_cells_wait_for_is_named_once(listed, connection):
    cells = json.dumps([{"price_type_onec_id": "a"}, {"price_type_onec_id": "a", "unit": "кор"}])
    connection.execute("insert into onec.pending_records values ('prices', 'price', 'h', %s, '1.xml', 1)", [cells])
    assert listed("pending", "reason") == ["нет товара; нет вида цен: a"]


def test_a_pending_price_goes_by_its_offer(shop, imports, listed, xml):
    shop.offers(xml.offer("g#1", "Стул, синий", more="<Артикул>A-1-B</Артикул>"))
    shop.prices(xml.prices("g#1", unknown=1))
    imports.everything()
    assert listed("pending", "article", "name") == [("A-1-B", "Стул, синий")]


def test_a_pending_stock_goes_by_its_good(shop, imports, listed, xml):
    shop.rests(xml.rests("g", far=2))
    imports.everything()
    assert listed("pending", "reason", "article", "name") == [("нет склада: far", "A-1", "Стул")]


def test_what_has_arrived_since_lands_with_the_next_import_and_says_so(shop, imports, listed, xml):
    shop.offers(xml.offer("h#1") + xml.offer("i#1"))
    shop.prices(xml.prices("h#1", retail=5) + xml.prices("i", retail=5))
    imports.everything()
    shop.goods(xml.good("h") + xml.good("i"), delta=True)
    imports.catalog()
    assert listed("pending", "onec_id", "reason") == [
        ("h#1", "всё есть, загрузит следующий импорт"),
        ("i", "всё есть, загрузит следующий импорт"),
    ]


# --- which rows, in which order


def test_the_newest_rejected_stands_first_and_those_of_one_import_as_they_stood(listed, reject):
    for onec_id, day in (("b", 1), ("a", 1), ("c", 2)):
        reject(onec_id=onec_id, created_at=f"2026-11-0{day}")
    assert listed("rejected", "onec_id") == ["c", "b", "a"]


def test_the_one_that_has_been_pending_longest_stands_first(listed, connection):
    connection.execute(
        "insert into onec.pending_records (import_type, entity, onec_id, payload, source_file, source_line, "
        "first_seen_at) select 'prices', 'price', id, '[]', '1.xml', 1, day::date from unnest('{b,c,a}'::text[], "
        "'{2026-11-02,2026-11-01,2026-11-02}'::text[]) x (id, day)"
    )
    assert listed("pending", "onec_id") == ["c", "a", "b"]


def test_a_type_can_be_listed_alone(listed, onec, reject, connection):
    reject(onec_id="p", import_type="prices")
    reject(onec_id="t", import_type="thumbnails")
    assert listed("rejected", "onec_id", of="thumbnails") == ["t"]
    assert onec("rejected", "--type", "prices").stdout.startswith("1 of 1\n")
    for import_type in ("prices", "stocks"):
        values = "values (%s, 'price', 'h', '[]', '1.xml', 1)"
        connection.execute(f"insert into onec.pending_records {values}".encode(), [import_type])
    assert listed("pending", "import_type", of="stocks") == ["stocks"]


def test_rows_are_fetched_as_somebody_reads_them(connection, reject):
    reject()
    with closing(read_unlanded(connection, "rejected")) as listing:
        next(listing)
        assert connection.execute("select count(*) from pg_cursors").fetchone() == (1,)


@pytest.mark.usefixtures("onec")
def test_a_server_that_goes_away_in_the_middle_of_a_list_is_a_sentence(connection):
    connection.execute(
        "insert into onec.rejected_records (import_type, entity, reason, source_file, source_line, created_at) "
        "select 'prices', 'price', 'нет Ид', '1.xml', n, now() from generate_series(1, 20000) n"
    )
    command = [sys.executable, "-m", "onec_pipelines.cli", "rejected", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listing:
        listing.stdout.readline()
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where query ~ '^FETCH'")
        _, said = listing.communicate()
    assert listing.returncode == 1
    assert said.startswith("✗ PostgreSQL gave up during the reading of a list: terminating connection")
    assert said.count("\n") == 1


# --- on a terminal


@pytest.mark.usefixtures("chair")
def test_on_a_terminal_the_reason_stands_first_then_the_good_then_the_place(onec, reject):
    place = "prices/prices_1_2_9adcb5a9-bcd2-5f3c-91e5-e4bbd9aa33f6.xml"
    for cell, line in (("retail", 12), ("trade", 13)):
        reject(reason="ЦенаЗаЕдиницу: не число", onec_id="g", cell=cell, source_file=place, source_line=line)
    reject(reason="файла нет", import_type="images", entity="image", source_file=f"import_files/{'x' * 80}.jpg")
    shown = onec("rejected").stdout.splitlines()
    assert "\n".join(line.rstrip() for line in shown) == (
        "3 of 3\n"
        "reason                   since\n"
        "ЦенаЗаЕдиницу: не число  2026-11-20\n"
        "    A-1  Стул  retail\n"
        f"    {place}, line 12\n"
        "    A-1  Стул  trade\n"
        f"    {place}, line 13\n"
        "файла нет                2026-11-20\n"
        f"    import_files/{'x' * 80}.jpg"
    )


def test_a_path_longer_than_the_terminal_is_one_piece_and_a_long_reason_leaves_the_others_their_column(onec, reject):
    reject(reason="файла нет", source_file="x" * 100)
    reject(reason="файл " + "очень " * 20 + "велик", source_file="1.xml")
    shown = onec("rejected").stdout.splitlines()
    assert f"    {'x' * 100}" in shown
    assert f"{'файла нет':<68}  2026-11-20" in shown
    assert max(len(line) for line in shown if line.startswith(("reason", "файла"))) <= 80


def test_the_twenty_newest_rejected_are_shown_and_all_are_counted(onec, connection):
    connection.execute(
        "insert into onec.rejected_records (import_type, entity, reason, source_file, source_line, created_at) "
        "select 'prices', 'price', 'нет Ид', '1.xml', n, '2026-11-01'::date + n / 1000 from generate_series(1, 1234) n"
    )
    heading, _, _, *places = onec("rejected").stdout.splitlines()
    assert heading == "20 of 1,234; all of them: --csv FILE"
    assert places == [f"    1.xml, line {line}" for line in range(1000, 1020)]


def test_the_twenty_that_have_been_pending_longest_are_shown(onec, connection):
    connection.execute(
        "insert into onec.pending_records select 'prices', 'price', n, '[]', '1.xml', n, '2026-11-30'::date - n "
        "from generate_series(1, 25) n"
    )
    heading, *shown = onec("pending").stdout.splitlines()
    assert heading == "20 of 25; all of them: --csv FILE"
    assert [line.split()[-1] for line in shown if "line" in line] == [str(line) for line in range(25, 5, -1)]


def test_the_day_is_that_of_the_time_zone_of_the_settings(onec, reject, monkeypatch):
    monkeypatch.setenv("ONEC_TIMEZONE", "Asia/Vladivostok")
    reject(created_at="2026-11-20 23:00:00+03")
    assert "  2026-11-21\n" in onec("rejected").stdout


def test_nothing_that_1c_wrote_acts_on_the_terminal(onec, reject):
    payload = {"name": "\x1b[2J[red]Стул", "article": "\u202eA"}
    reject(entity="product", reason="не число: '\x9b'", payload=payload, source_file="a\x9b.xml")
    assert onec("rejected").stdout.splitlines()[2:] == [
        r"не число: '\u009b'  2026-11-20", r"    \u202eA  \x1b[2J[red]Стул", r"    a\u009b.xml"
    ]  # fmt: skip


# --- where there is nothing


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("rejected",), "No row is rejected.\n"),
        (("pending",), "No row is pending.\n"),
        (("rejected", "--type", "customers"), "No row of customers is rejected.\n"),
        (("pending", "--json"), "[]\n"),
    ],
)
def test_where_there_is_nothing_one_sentence_says_so(onec, command, said):
    result = onec(*command)
    assert (result.exit_code, result.output) == (0, said)


@pytest.mark.parametrize("command", ["rejected", "pending"])
def test_a_database_without_tables_is_one_that_nobody_has_imported_into(new_database, onec, monkeypatch, command):
    with new_database() as url:
        monkeypatch.setenv("ONEC_DATABASE_URL", url)
        with connect(url) as connection:
            connection.execute("drop schema onec cascade")
        result = onec(command)
        assert (result.exit_code, result.output) == (0, "No import has run yet: onec import all\n")
        assert onec(command, "--json").output == "[]\n"


# --- for programs and for Excel


def test_json_is_a_list_of_all_that_is_shown_of_a_row_with_its_time_in_utc(onec, reject, monkeypatch):
    monkeypatch.setenv("PGTZ", "Asia/Vladivostok")
    reject(onec_id="g#1", cell="retail", source_line=7, payload={"ЦенаЗаЕдиницу": "дорого"})
    reject(onec_id="g#2")
    first, second = json.loads(onec("rejected", "--json").stdout)
    assert second["onec_id"] == "g#2"
    assert first == {
        "reason": "нет Ид",
        "article": None,
        "name": None,
        "cell": "retail",
        "file": "prices/1.xml",
        "line": 7,
        "onec_id": "g#1",
        "import_type": "prices",
        "entity": "price",
        "first_seen_at": "2026-11-20T15:02:00+00:00",
    }


def test_a_csv_opens_in_excel_with_russian_heads(onec, reject, tmp_path):
    file = tmp_path / "rejected.csv"
    reject(entity="product", onec_id="g", source_line=7, payload={"name": 'Стул; "синий"', "article": "A-1"})
    result = onec("rejected", "--csv", str(file))
    assert (result.exit_code, result.output) == (0, f"{file}: 1 row.\n")
    assert file.read_bytes().decode() == (
        "\ufeffПричина;Артикул;Наименование;Вид цен или склад;Файл;Строка;Ид;Впервые\r\n"
        'нет Ид;A-1;"Стул; ""синий""";;prices/1.xml;7;g;2026-11-20 18:02\r\n'
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_name_is_a_formula_in_a_csv(onec, reject, tmp_path, name):
    reject(entity="product", payload={"name": name})
    onec("rejected", "--csv", str(tmp_path / "rejected.csv"))
    cell = (tmp_path / "rejected.csv").read_text(encoding="utf-8-sig").splitlines()[1].split(";")[2]
    assert cell[0] in "'\\"


def test_a_csv_of_nothing_has_the_heads_alone(onec, tmp_path):
    (tmp_path / "old.csv").write_text("of yesterday")
    assert onec("pending", "--csv", str(tmp_path / "old.csv")).output == f"{tmp_path / 'old.csv'}: 0 rows.\n"
    assert len((tmp_path / "old.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_the_name_of_a_csv_does_not_act_on_the_terminal(onec, tmp_path):
    said = onec("rejected", "--csv", str(tmp_path / "\x1b[2J.csv")).output
    assert said == f"{tmp_path}/\\x1b[2J.csv: 0 rows.\n"


def test_a_file_that_cannot_be_written_is_one_sentence(onec, tmp_path):
    result = onec("rejected", "--csv", str(tmp_path))
    assert (result.exit_code, result.output) == (1, f"✗ {tmp_path} cannot be used: Is a directory.\n")


def test_a_disk_that_is_full_is_one_sentence(onec, connection, caplog):
    connection.execute(
        "insert into onec.rejected_records (import_type, entity, reason, source_file) "
        "select 'prices', 'price', 'нет Ид', '1.xml' from generate_series(1, 1000)"
    )
    result = onec("rejected", "--csv", "/dev/full")
    assert (result.exit_code, result.output) == (1, "✗ A file cannot be used: No space left on device.\n")
    assert caplog.text == ""


def test_one_list_is_either_a_csv_or_json(onec, tmp_path):
    result = onec("rejected", "--json", "--csv", str(tmp_path / "rejected.csv"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--csv and --json exclude each other." in result.stderr

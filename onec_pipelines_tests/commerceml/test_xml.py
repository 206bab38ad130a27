"""The parser: namespaces, encodings, lines, flat memory, and files that are broken, hostile or something else."""

import gzip
import re
import subprocess
import sys
import textwrap
import time
import traceback
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from onec_pipelines.commerceml import catalog, customers, prices, stocks, xml
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.commerceml.records import Category, Good, Price, Rejection, Stock
from onec_pipelines.commerceml.xml import read_elements
from onec_pipelines.errors import ExportError

ALL_READERS = (catalog.READERS, catalog.READERS_BESIDE_PRICES, prices.READERS, stocks.READERS, customers.READERS)
GOOD = "<Каталог><Товары><Товар><Ид>137</Ид><Наименование>Мяч №1</Наименование></Товар></Товары></Каталог>"
DOCUMENT = f"<КоммерческаяИнформация>{GOOD}</КоммерческаяИнформация>"


def read(path, readers=catalog.READERS):
    return list(read_file(path, path.name, readers))


def prefixed(prefix):
    """Give each tag of the document the prefix of a namespace."""
    tags = re.sub("<(/?)", rf"<\1{prefix}:", DOCUMENT)
    return tags.replace("ция>", f'ция xmlns:{prefix}="urn:1C.ru:commerceml_2">', 1)


def names(path):
    return [fact.name for fact in read(path) if isinstance(fact, Good)]


# Namespaces, encodings, text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        f'<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_205">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_208">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_210" ВерсияСхемы="2.08">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация xmlns="http://example.com/any">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация ВерсияСхемы="3.1">{GOOD}</КоммерческаяИнформация>',
        f'<КоммерческаяИнформация ДатаФормирования="2022-10-31UTC02:25:50">{GOOD}</КоммерческаяИнформация>',
        prefixed("c"),
        prefixed("к"),
    ],
    ids=["none", "2", "205", "208", "210", "3", "any", "3.1 without one", "odd date", "prefix", "Cyrillic prefix"],
)
def test_a_namespace_makes_no_difference(write, document):
    assert names(write("goods.xml", document)) == ["Мяч №1"]


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "utf-8"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "utf-8-sig"),
        ("<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n", "utf-8"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "utf-8-sig"),
        ('<?xml version="1.0" encoding="x-cp1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="win-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="CP-1251"?>', "windows-1251"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16"),
        ('<?xml version="1.0" encoding="UTF-16"?>', "utf-16-le"),
        ("", "utf-16"),
    ],
)
def test_an_encoding_makes_no_difference(write, declaration, encoding):
    assert names(write("goods.xml", (declaration + DOCUMENT).encode(encoding))) == ["Мяч №1"]


@pytest.mark.parametrize(
    "name",
    [
        "Мяч <!-- размер пять -->№1",
        "<!-- пять -->Мяч №1<!-- пять -->",
        "Мяч <?php echo 5 ?>№1",
        "<![CDATA[Мяч №1]]>",
        "Мяч <![CDATA[№1]]>",
        "М&#x44F;&#1095; №1",
        "\n\tМяч №1\n",
        "\u00a0Мяч №1\u00a0",
    ],
)
def test_comments_and_cdata_do_not_cut_a_text(write, name):
    document = DOCUMENT.replace("Мяч №1", name)
    assert names(write("goods.xml", document)) == ["Мяч №1"]


def test_entities_of_xml_itself_are_text(write):
    document = DOCUMENT.replace("Мяч №1", "&lt;b&gt;Мяч&lt;/b&gt; &amp; &quot;сетка&quot; &#8470;")
    assert names(write("goods.xml", document)) == ['<b>Мяч</b> & "сетка" №']


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("first_line", [1, 1000, 65_530, 65_533, 65_534, 65_535, 65_536, 70_000, 200_000])
def test_a_record_knows_its_line_in_a_file_of_any_length(write, first_line, line_end):
    document = """<КоммерческаяИнформация><Каталог><Товары>{before}<Товар><Ид>0</Ид><Наименование>a</Наименование>
</Товар><Товар>
  <Ид>2</Ид><Наименование>b</Наименование>
</Товар>
<Товар>

  <!-- пояснение -->
  <Ид>5</Ид>
  <Наименование>
    c
  </Наименование>
</Товар>
<Товар><Ид>
13</Ид><Наименование>d</Наименование></Товар><Товар><Ид>14</Ид><Наименование>e</Наименование></Товар>
</Товары></Каталог></КоммерческаяИнформация>"""
    document = document.replace("{before}", "\n" * (first_line - 1)).replace("\n", line_end)
    facts = read(write("goods.xml", document))
    lines = [fact.line - first_line for fact in facts if isinstance(fact, Good)]
    assert lines == [0, 1, 4, 12, 13]


def test_prices_and_stocks_know_their_lines_in_a_long_file(write):
    before = "\n" * 99_999
    path = write(
        "offers.xml",
        f"""<КоммерческаяИнформация><ПакетПредложений><Предложения>{before}
          <Предложение>
            <Ид>1</Ид>
            <Цены>
              <Цена>
                <ИдТипаЦены>r</ИдТипаЦены>
                <ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу>
              </Цена>
            </Цены>
            <Количество>7</Количество>
            <Склад ИдСклада="m" КоличествоНаСкладе="3"/>
            <Склад ИдСклада="s" КоличествоНаСкладе="4"/>
          </Предложение>
          <Предложение>
            <Ид>2</Ид>
            <Склад ИдСклада="m" КоличествоНаСкладе="3"/></Предложение>
        </Предложения></ПакетПредложений></КоммерческаяИнформация>""",
    )
    assert [fact.line for fact in read(path, prices.READERS) if isinstance(fact, Price)] == [100_004]
    assert [fact.line for fact in read(path, stocks.READERS) if isinstance(fact, Stock)] == [100_010, 100_011, 100_015]


# What is not ours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("readers", ALL_READERS)
def test_the_goods_and_contragents_of_an_order_are_its_own(write, readers):
    path = write(
        "orders.xml",
        """<КоммерческаяИнформация>
          <Документ>
            <Ид>42</Ид><Номер>42</Номер><ХозОперация>Заказ товара</ХозОперация>
            <Контрагенты>
              <Контрагент><Ид>1#anna#Анна</Ид><Наименование>Анна</Наименование><Роль>Покупатель</Роль></Контрагент>
            </Контрагенты>
            <Склады><Склад><Ид>m</Ид></Склад></Склады>
            <Товары>
              <Товар><Ид>137</Ид><Наименование>Мяч</Наименование><Количество>2</Количество>
                <Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Товар>
            </Товары>
          </Документ>
        </КоммерческаяИнформация>""",
    )
    assert read(path, readers) == []


def zipped():
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("import.xml", DOCUMENT)
    return stream.getvalue()


LAUGHTER = "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, 10))
LAUGHS = f'<!DOCTYPE a [<!ENTITY l0 "ха">{LAUGHTER}]>'
BROKEN = {
    "empty": (b"", "пуст"),
    "whitespace only": (b" \r\n\t", "пуст"),
    "BOM and nothing": (b"\xef\xbb\xbf", "пуст"),
    "ZIP": (zipped(), "архив ZIP"),
    "gzip": (gzip.compress(DOCUMENT.encode()), "архив gzip"),
    "HTML": (b"<html><body>502 Bad Gateway</body></html>", "страница HTML"),
    "HTML with doctype": (b"\xef\xbb\xbf\r\n<!DOCTYPE html>\n<html lang='ru'></html>", "страница HTML"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "не XML"),
    "text": (b"Fatal error: Allowed memory size exhausted", "не XML"),
    "JSON": (b'{"error": "not found"}', "не XML"),
    "NULs": (b"\0" * 4096, "не XML"),
    "another root": (b"<yml_catalog><shop/></yml_catalog>", "корневой элемент должен быть КоммерческаяИнформация"),
    "another root around ours": (f"<a>{DOCUMENT}</a>".encode(), "корневой элемент должен быть"),
    "an element of ours as the root": (GOOD.encode(), "корневой элемент должен быть"),
    "truncated in a tag": (DOCUMENT.encode()[:-5], "не читается как XML"),
    "truncated in a text": (DOCUMENT[: DOCUMENT.index("№")].encode(), "не читается как XML"),
    "truncated in a letter": (DOCUMENT.encode()[: DOCUMENT.encode().index("М".encode()) + 1], "не читается как XML"),
    "two documents": ((DOCUMENT * 2).encode(), "не читается как XML"),
    "crossed tags": (DOCUMENT.replace("</Ид>", "</Наименование>", 1).encode(), "не читается как XML"),
    "bare ampersand": (DOCUMENT.replace("Мяч", "Мяч & сетка").encode(), "не читается как XML"),
    "invalid UTF-8": (DOCUMENT.encode().replace("Мяч".encode(), b"\xcc\xff\xf7"), "не читается как XML"),
    "windows-1251 declared as UTF-8": (
        f'<?xml version="1.0" encoding="UTF-8"?>{DOCUMENT}'.encode("windows-1251"),
        "не читается как XML",
    ),
    "UTF-8 declared as windows-1251": (
        f'<?xml version="1.0" encoding="windows-1251"?>{DOCUMENT}'.encode(),
        "корневой элемент|не читается как XML",
    ),
    "UTF-8 declared as UTF-16": (f'<?xml version="1.0" encoding="UTF-16"?>{DOCUMENT}'.encode(), "не читается"),
    "unknown encoding": (f'<?xml version="1.0" encoding="1C-8"?>{DOCUMENT}'.encode(), "не читается как XML"),
    "100,000 levels": (f"<КоммерческаяИнформация>{'<a>' * 100_000}".encode(), "не читается как XML"),
    "100,000 groups": (
        f"<КоммерческаяИнформация><Классификатор>{'<Группы><Группа><Ид>1</Ид>' * 100_000}".encode(),
        "не читается как XML",
    ),
    "a text of 11 MB": (DOCUMENT.replace("Мяч", "М" * 5_500_000).encode(), "не читается как XML"),
    "undeclared entity": (DOCUMENT.replace("Мяч", "Мяч&shape;").encode(), "не читается как XML"),
    "billion laughs": ((LAUGHS + DOCUMENT.replace("Мяч", "&l9;")).encode(), "DTD|не читается как XML"),
    "billion laughs in an attribute": (
        (LAUGHS + DOCUMENT.replace("<Товар>", '<Товар Статус="&l9;">')).encode(),
        "DTD|не читается как XML",
    ),
    "internal entity": (f'<!DOCTYPE a [<!ENTITY e "x">]>{DOCUMENT.replace("Мяч", "&e;")}'.encode(), "DTD"),
    "external DTD": (f'<!DOCTYPE КоммерческаяИнформация SYSTEM "a.dtd">{DOCUMENT}'.encode(), "DTD"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_export_is_refused_by_name_with_what_it_is(write, kind):
    content, says = BROKEN[kind]
    path = write("goods.xml", content)
    started = time.monotonic()
    for readers in ALL_READERS:
        with pytest.raises(ExportError, match=says) as refused:
            read(path, readers)
        assert str(refused.value).startswith("Файл goods.xml")
        assert str(refused.value).endswith("Повторите выгрузку из 1С.")
        assert len(str(refused.value)) < 500
    assert time.monotonic() - started < 5


NAMED = "<КоммерческаяИнформация><Контрагенты><Контрагент><Наименование>ИП {}</Наименование>"
"""What stands in it is a person's name, in every place where a file can be wrong."""


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("<Секретова> Анна", "теги закрыты не в том порядке"),
        ("<Секретова", "знак <"),
        ("< Секретова", "знак < или &"),
        ("&Секретова", "знак < или &"),
        ("&Секретова;", ""),
        ("\x02Секретова", "обрывается"),
        ("<Секретова:а/>", ""),
        ("<а Секретова/>", ""),
        ('<а Секретова="1" Секретова="2"/>', ""),
        ('<а б="<Секретова"/>', "знак < или &"),
        ("<![CDATA[Секретова", "обрывается"),
        ("<?Секретова", ""),
        ("<!-- Секретова -- -->", ""),
        ("<!Секретова>", "знак < или &"),
        ("</Секретова>", "теги закрыты не в том порядке"),
    ],
)
def test_no_complaint_quotes_the_file(write, inside, says):
    path = write("contragents.xml", NAMED.format(inside))
    with pytest.raises(ExportError) as refused:
        read(path, customers.READERS)
    assert "Секретова" not in "".join(traceback.format_exception(refused.value))
    assert str(refused.value).startswith("Файл contragents.xml не читается как XML (строка ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "{secret}">]>' + DOCUMENT.replace("Мяч", "&e;"),
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file://{secret}">]>' + DOCUMENT.replace("<Товар>", "<Товар>&e;"),
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "{secret}"> %p;]>' + DOCUMENT,
        '<!DOCTYPE a SYSTEM "{secret}">' + DOCUMENT,
        DOCUMENT.replace("ция>", 'ция xmlns:xi="http://www.w3.org/2001/XInclude">', 1).replace(
            "Мяч", '<xi:include href="{secret}" parse="text"/>'
        ),
        '<?xml-stylesheet href="{secret}"?>' + DOCUMENT,
    ],
    ids=["entity", "file URL", "parameter entity", "external DTD", "XInclude", "stylesheet"],
)
def test_a_file_outside_is_never_read(write, document):
    secret = write("secret.txt", "тайна за семью печатями")
    path = write("goods.xml", document.replace("{secret}", str(secret)))
    try:
        told = repr(read(path))
    except ExportError as error:
        told = str(error)
    assert "тайна" not in told


def test_a_directory_under_the_name_of_a_file_is_said_to_be_unreadable(tmp_path):
    (tmp_path / "x.xml").mkdir()
    with pytest.raises(ExportError, match=r"^Файл x\.xml не удалось прочитать: Is a directory"):
        read(tmp_path / "x.xml")


@pytest.mark.parametrize("name", ["x.xml", "file/x.xml"])
def test_a_file_that_is_gone_is_no_matter_of_rights(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"^Файл x\.xml не удалось прочитать: он исчез, выгрузку") as gone:
        read(tmp_path / name)
    assert "права" not in str(gone.value)


def run_script(script, *arguments):
    """Run a script in a process of its own; give back what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_without_the_right_to_read_it_is_said_to_be_unreadable():
    said = run_script(
        """
        import os, tempfile
        from pathlib import Path
        from onec_pipelines.commerceml import catalog
        from onec_pipelines.commerceml.content import read_content
        from onec_pipelines.commerceml.export import list_files
        from onec_pipelines.commerceml.preflight import preflight
        from onec_pipelines.commerceml.facts import read_file
        from onec_pipelines.commerceml.snapshot import ExportSnapshot
        from onec_pipelines.errors import ExportError

        def said(read):
            try:
                return read()
            except ExportError as error:
                return error

        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            root.chmod(0o755)
            path = root / "import.xml"
            path.write_text("<КоммерческаяИнформация/>")
            path.chmod(0)
            closed = root / "closed"
            closed.mkdir(0)
            if os.geteuid() == 0:
                os.seteuid(65534)
            print(said(lambda: list(read_file(path, "import.xml", catalog.READERS))))
            print(said(lambda: list_files(root)))
            print(preflight(ExportSnapshot(root), "catalog", has_products=False))
            os.seteuid(os.getuid())
            closed.rmdir()
            _, files = list_files(root)
            if os.geteuid() == 0:
                os.seteuid(65534)
            print(said(lambda: read_content(files[0])))
            os.seteuid(os.getuid())
        """
    ).splitlines()
    unreadable = "Файл import.xml не удалось прочитать: Permission denied. Проверьте права доступа к выгрузке."
    assert said[0] == said[3] == unreadable
    assert said[1].startswith("Директорию данных 1С не удалось прочитать: ")
    assert "closed: Permission denied" in said[1]
    assert said[2] == f"[{said[1]!r}]"


def test_a_file_of_60_mb_is_read_in_flat_memory():
    grown, records = run_script(
        """
        import resource, tempfile
        from pathlib import Path
        from onec_pipelines.commerceml import catalog
        from onec_pipelines.commerceml.facts import read_file
        from onec_pipelines.commerceml.records import Good

        def peak():
            status = Path("/proc/self/status")  # getrusage counts the peak of the process that started this one too
            if not status.exists():
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            return int(status.read_text().partition("VmHWM:")[2].split()[0])

        good = "<Товар><Ид>{}</Ид><Наименование>Мяч</Наименование><Описание>" + "Мяч для игры. " * 600
        good += "</Описание><ЗначенияСвойств>" + "<ЗначенияСвойства><Ид>p</Ид><Значение/></ЗначенияСвойства>" * 20
        good += "</ЗначенияСвойств></Товар>\\n"
        order = "<Документ><Товары><Товар><Ид>1</Ид></Товар></Товары></Документ>"
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "goods.xml"
            with path.open("w") as file:
                file.write("<КоммерческаяИнформация><Каталог><Товары>")
                for number in range(4000):
                    file.write(good.format(number))
                file.write("</Товары></Каталог>" + order * 5000 + "</КоммерческаяИнформация>")
            assert path.stat().st_size > 60_000_000
            before = peak()
            goods = sum(isinstance(fact, Good) for fact in read_file(path, "goods.xml", catalog.READERS))
            print(peak() - before, goods)
        """
    ).split()
    assert int(records) == 4000
    assert float(grown) < 60_000


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to see open files in")
def test_a_reading_that_is_given_up_closes_its_file(write):
    path = write("goods.xml", DOCUMENT)
    facts = read_file(path, "goods.xml", catalog.READERS)
    assert isinstance(next(facts), Good)
    facts.close()
    open_files = {link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists()}
    assert path.resolve() not in open_files


# Records that do not end --------------------------------------------------------------------------------------

PROPERTY = "<ЗначенияСвойства><Ид>{0}</Ид><Значение>{0}</Значение></ЗначенияСвойства>"
LONG_PARTS = {
    "different properties": f"<ЗначенияСвойств>{''.join(map(PROPERTY.format, range(20_000)))}</ЗначенияСвойств>",
    "one property of many values": "<ЗначенияСвойств>" + "<Значение>1</Значение>" * 60_000 + "</ЗначенияСвойств>",
    "parts that nobody knows": "<Новинка>да</Новинка>" * 60_000,
    "names of records that are none here": "<Группа><Товар>1</Товар></Группа>" * 30_000,
}


@pytest.fixture
def short_records(monkeypatch):
    """A limit that files of a test may pass."""
    monkeypatch.setattr(xml, "MAX_RECORD_BYTES", 100_000)


def goods(*records):
    inside = "".join(f"<Товар>{record}</Товар>" for record in records)
    return f"<КоммерческаяИнформация><Каталог><Товары>{inside}</Товары></Каталог></КоммерческаяИнформация>"


@pytest.mark.usefixtures("short_records")
@pytest.mark.parametrize("long", LONG_PARTS.values(), ids=LONG_PARTS)
@pytest.mark.parametrize("place", [0, 1], ids=["first", "second"])
def test_a_record_without_end_is_rejected_by_its_id_and_the_others_are_read(write, long, place):
    others = ["<Ид>a</Ид><Наименование>Мяч</Наименование>", "<Ид>b</Ид><Наименование>Стул</Наименование>"]
    others.insert(place, f"<Ид>long</Ид>{long}")
    *facts, _ = read(write("goods.xml", goods(*others)))
    assert [(type(fact), fact.onec_id) for fact in facts] == [
        (Rejection if onec_id == "long" else Good, onec_id)
        for onec_id in (("long", "a", "b") if place == 0 else ("a", "long", "b"))
    ]
    assert facts[place].reason == "Товар: длиннее 32 МБ"


@pytest.mark.usefixtures("short_records")
@pytest.mark.parametrize("long", LONG_PARTS.values(), ids=LONG_PARTS)
def test_no_more_of_a_record_without_end_is_kept_than_its_limit(write, long):
    path = write("goods.xml", goods(f"<Ид>long</Ид>{long}"))
    kept = next(len(list(element.iter())) for name, element in read_elements(path, "", ["Товар"]) if name == "Товар")
    assert kept < 5_000  # of 60,000: what the limit and a chunk of the parser hold


@pytest.mark.usefixtures("short_records")
def test_a_file_of_any_length_is_read_whole_when_its_records_end(write):
    records = [f"<Ид>{number}</Ид><Наименование>Мяч</Наименование>" for number in range(5_000)]
    *facts, _ = read(write("goods.xml", goods(*records)))
    assert [fact.onec_id for fact in facts if isinstance(fact, Good)] == [str(number) for number in range(5_000)]


@pytest.mark.usefixtures("short_records")
def test_a_group_around_many_groups_is_no_long_record(write):
    inner = "".join(f"<Группа><Ид>{n}</Ид><Наименование>Мячи</Наименование></Группа>" for n in range(3_000))
    outer = f"<Группа><Ид>outer</Ид><Наименование>Спорт</Наименование><Группы>{inner}</Группы></Группа>"
    document = f"<Классификатор><Группы>{outer}</Группы></Классификатор>"
    *facts, _ = read(write("groups.xml", f"<КоммерческаяИнформация>{document}</КоммерческаяИнформация>"))
    assert {type(fact) for fact in facts} == {Category}
    assert len(facts) == 3_001


@pytest.mark.usefixtures("short_records")
def test_of_a_group_without_end_only_that_group_is_rejected(write):
    endless = f"<Группа><Ид>long</Ид>{'<Новинка>да</Новинка>' * 60_000}</Группа>"
    outer = f"<Группа><Ид>outer</Ид><Наименование>Спорт</Наименование><Группы>{endless}</Группы></Группа>"
    document = f"<Классификатор><Группы>{outer}</Группы></Классификатор>"
    *facts, _ = read(write("groups.xml", f"<КоммерческаяИнформация>{document}</КоммерческаяИнформация>"))
    assert [(type(fact), fact.onec_id) for fact in facts] == [(Rejection, "long"), (Category, "outer")]


def test_the_parts_of_a_long_file_are_told_as_they_are_read(write, monkeypatch):
    monkeypatch.setattr(xml, "PORTION_BYTES", 100_000)
    path = write("goods.xml", goods(*(f"<Ид>{n}</Ид><Наименование>Мяч</Наименование>" for n in range(10_000))))
    read_so_far, told = [], []
    for fact in read_file(path, "goods.xml", catalog.READERS, lambda: told.append(len(read_so_far))):
        read_so_far.append(fact)  # noqa: PERF402 - its length is told meanwhile
    assert len(told) == path.stat().st_size // 131_072  # the parser takes 32 KB at a time
    assert told == sorted({*told})
    assert told[0] > 500

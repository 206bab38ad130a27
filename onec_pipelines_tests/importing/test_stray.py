"""What lies beside an export and is no part of it; and what is a part of it, and broken."""

import pytest

from onec_pipelines.commerceml.preflight import broken_files, preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.errors import ExportError

ORDER = """
<Документ><Ид>o{0}</Ид><Контрагенты><Контрагент><Ид>c</Ид><Наименование>Анна</Наименование></Контрагент></Контрагенты>
<Товары><Товар><Ид>g</Ид><Наименование>Стул</Наименование><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу><Количество>1</Количество>
</Товар></Товары></Документ>
"""
STRAY = "Файлы не относятся к выгрузке (заказы, пустые или с другим корневым элементом): {}."
HTML = "<html><body>502 Bad Gateway</body></html>"
FOREIGN = {
    "sitemap.xml": '<?xml version="1.0"?>\n<!-- made by hand -->\n<urlset xmlns="http://sitemaps.org"><url/></urlset>',
    "yml.xml": "<!DOCTYPE yml_catalog SYSTEM 'shops.dtd'><yml_catalog><shop/></yml_catalog>",
    "lock.xml": "",
    "0.xml": " \r\n",
    "error.xml": HTML,
    "other/a.xml": "\ufeff<s:Envelope/>",
}


def text(inside):
    return f'<?xml version="1.0" encoding="utf-8"?><КоммерческаяИнформация>{inside}</КоммерческаяИнформация>'


def put(export, name, content):
    path = export.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def classic(export):
    """An export of the classic layout with a good."""
    export.root = export.root.parent / "classic"
    export.root.mkdir()
    put(
        export,
        "import.xml",
        text("<Каталог><Товары><Товар><Ид>g</Ид><Наименование>Стул</Наименование></Товар></Товары></Каталог>"),
    )
    put(export, "offers.xml", text("<ПакетПредложений><Предложения/></ПакетПредложений>"))
    return export


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("layout", ["classic", "3.1"])
def test_a_file_that_promises_nothing_is_no_part_of_an_export(export, request, imports, xml, rows, layout, name):
    if layout == "classic":
        request.getfixturevalue("classic")
    else:
        export.goods(xml.good("g"))
    put(export, name, FOREIGN[name])
    report = imports.catalog()
    assert rows("select onec_id from onec.products") == ["g"]
    assert report.notices == (STRAY.format(name),)


@pytest.mark.parametrize("name", ["import0_1.xml", "offers___5c1f.xml", "Prices.xml", "goods/a.xml", "rests/x.xml"])
@pytest.mark.parametrize("content", ["", HTML, "<yml_catalog/>"])
def test_what_promises_goods_and_is_broken_stops_the_import(classic, imports, rows, name, content):
    put(classic, name, content)
    with pytest.raises(ExportError, match=f"Файл {name}"):
        imports.catalog()
    assert rows("select onec_id from onec.products") == []


def test_a_file_of_1c_that_breaks_off_stops_the_import_whatever_its_name(classic, imports):
    put(classic, "a.xml", text("<Каталог><Товары>")[:-30])
    with pytest.raises(ExportError, match="обрывается"):
        imports.catalog()


@pytest.mark.parametrize("wrap", ["{}", "<Контейнер>{}</Контейнер>"])
def test_the_goods_and_contragents_of_orders_are_none_of_ours(classic, imports, rows, wrap):
    for number in range(7):
        put(classic, f"orders-{number}.xml", text(wrap.format(ORDER.format(number))))
    report = imports.catalog()
    assert rows("select name from onec.products") == ["Стул"]
    named = ", ".join(f"orders-{number}.xml" for number in range(5))
    assert report.notices == (STRAY.format(f"{named} и ещё 2"),)
    with pytest.raises(ExportError, match="нет данных контрагентов"):
        imports.customers()
    assert rows("select file from (select path as file from onec.import_files) f order by 1") == [
        "import.xml",
        "offers.xml",
    ]


def test_many_files_without_a_row_are_counted(classic, imports):
    for number in range(23):
        put(classic, f"import{number}_1.xml", text("<Каталог><Товары><Товар/></Товары></Каталог>"))
    notices = imports.catalog().notices
    assert len(notices) == 21
    assert notices[-1] == "Таких файлов ещё 3."


def test_orders_are_looked_at_once_and_no_further(classic, imports, reads):
    for number in range(50):
        put(classic, f"orders-{number}.xml", text(ORDER.format(number)))
    imports.catalog()
    assert [number for name, number in reads.opens.items() if name.startswith("orders-") and number > 1] == []


def test_a_catalogue_beside_orders_in_one_file_is_imported(classic, imports, xml, rows):
    put(classic, "mixed.xml", text(ORDER.format(1) + f"<Каталог><Товары>{xml.good('h')}</Товары></Каталог>"))
    imports.catalog()
    assert rows("select onec_id from onec.products order by 1") == ["g", "h"]


def test_orders_alone_make_no_catalogue(classic):
    (classic.root / "import.xml").unlink()
    (classic.root / "offers.xml").unlink()
    put(classic, "orders.xml", text(ORDER.format(1) * 20_000))
    (problem,) = preflight(ExportSnapshot(classic.root), "catalog", has_products=True)
    assert "нет ни товаров, ни предложений" in problem


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (text("<Каталог><Товары>")[:-40], "обрывается"),
        (HTML, "страница HTML"),
        (b"PK\x03\x04rest", "архив ZIP"),
        ("", "пуст"),
    ],
)
@pytest.mark.parametrize("name", ["import.xml", "goods/goods_1_1.xml", "goods/1/import___5c1f.xml"])
def test_a_check_says_of_each_broken_file_what_it_is(export, xml, name, content, says):
    if name != "goods/goods_1_1.xml":
        export.goods(xml.good("g"))
    (export.root / name).parent.mkdir(exist_ok=True)
    put(export, name, content)
    (problem,) = broken_files(ExportSnapshot(export.root), "all")
    assert problem.startswith(f"Файл {name}")
    assert says in problem


def test_a_check_says_nothing_of_a_good_export_and_of_strays(export, xml):
    export.goods(xml.good("g", "Ст\x0bул"))
    put(export, "sitemap.xml", FOREIGN["sitemap.xml"])
    assert broken_files(ExportSnapshot(export.root), "all") == []


def test_an_archive_that_lies_alone_is_to_be_unpacked(tmp_path):
    (tmp_path / "v8_3B8F_3e.ZIP").write_bytes(b"PK\x03\x04")
    problems = preflight(ExportSnapshot(tmp_path), "catalog", has_products=True)
    assert "архив (v8_3B8F_3e.ZIP): распакуйте его" in problems[-1]

"""The demo export: the same bytes each time, the same catalogue in every layout, the oddities it promises."""

from collections import Counter
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image

from onec_pipelines import demo
from onec_pipelines.demo import MARKER, write_demo
from onec_pipelines.errors import OnecError
from onec_pipelines_tests.demo_summary import DemoSummary, summarize

LAYOUTS = ("3.1", "2.09", "2.07")
ENCODINGS = ("utf-8", "utf-8-sig", "windows-1251")
Node = etree._Element
Export = tuple[Path, DemoSummary]


@pytest.fixture(scope="module", params=LAYOUTS)
def export(request, tmp_path_factory) -> Export:
    directory = tmp_path_factory.mktemp("demo")
    return directory, summarize(write_demo(directory, layout=request.param))


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> dict[str, Export]:
    written = {}
    for layout in LAYOUTS:
        directory = tmp_path_factory.mktemp("demo")
        written[layout] = (directory, summarize(write_demo(directory, layout=layout)))
    return written


# What stands in the XML, read without any code of the project -----------------------------------------------


def content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def natural(path: Path) -> tuple[str, int]:
    numbers = path.name.split("_")
    return path.parent.name, int(numbers[2]) if len(numbers) == 4 and numbers[2].isdigit() else 0


def documents(directory: Path) -> list[Node]:
    """Parse the XML files in the order of their numbers, without namespaces."""
    return [without_namespace(path) for path in sorted(directory.rglob("*.xml"), key=natural)]


def without_namespace(path: Path) -> Node:
    root = etree.parse(path).getroot()
    for element in root.iter():
        element.tag = etree.QName(element).localname
    return root


def find(roots: list[Node] | Node, path: str) -> list[Node]:
    """Find from anywhere in the documents or the element, `a/b` being a child."""
    return [found for root in (roots if isinstance(roots, list) else [roots]) for found in root.findall(f".//{path}")]


def texts(element: Node, path: str) -> tuple[str, ...]:
    return tuple(found.text or "" for found in element.findall(path))


def text(element: Node, path: str) -> str:
    return next(iter(texts(element, path)), "")


def goods(roots: list[Node]) -> dict[str, tuple[Any, ...]]:
    """Read goods by id, the later winning; the one without an id goes by an empty id."""
    unit_of_code = {text(unit, "Ид").strip(): unit for unit in find(roots, "ЕдиницыИзмерения/ЕдиницаИзмерения")}
    return {text(good, "Ид"): good_facts(good, unit_of_code) for good in find(roots, "Каталог/Товары/Товар")}


def good_facts(good: Node, unit_of_code: dict[str, Node]) -> tuple[Any, ...]:
    (unit,) = find(good, "БазоваяЕдиница")
    code = unit.get("Код", unit.text).strip()
    declared = unit_of_code.get(code)
    named = (
        (unit.text, unit.get("НаименованиеПолное"))
        if declared is None
        else (text(declared, "НаименованиеКраткое"), text(declared, "НаименованиеПолное"))
    )
    plain = ("Артикул", "Наименование", "Штрихкод", "Описание", "Страна", "Изготовитель/Наименование")
    return (
        *(text(good, name) for name in plain),
        text(good, "СтавкиНалогов/СтавкаНалога/Ставка"),
        (code, *named),
        texts(good, "Группы/Ид"),
        texts(good, "Картинка"),
        is_deleted(good),
        property_values(good),
        names_and_values(good, "ЗначенияРеквизитов/ЗначениеРеквизита"),
    )


def is_deleted(element: Node) -> bool:
    return text(element, "ПометкаУдаления") == "true" or element.get("Статус") == "Удален"


def property_values(element: Node) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((text(one, "Ид"), texts(one, "Значение")) for one in find(element, "ЗначенияСвойств/ЗначенияСвойства"))


def names_and_values(element: Node, path: str) -> tuple[tuple[str, str], ...]:
    return tuple((text(one, "Наименование"), text(one, "Значение")) for one in find(element, path))


def offers(roots: list[Node]) -> list[Node]:
    return find(roots, "ПакетПредложений/Предложения/Предложение")


def named_offers(roots: list[Node]) -> dict[str, tuple[Any, ...]]:
    """Read the offers that state more than prices and stock."""
    return {
        text(offer, "Ид"): (
            *(text(offer, name) for name in ("Артикул", "Наименование", "Штрихкод")),
            names_and_values(offer, "ХарактеристикиТовара/ХарактеристикаТовара"),
            property_values(offer),
            texts(offer, "Картинка"),
            is_deleted(offer),
        )
        for offer in offers(roots)
        if texts(offer, "Наименование")
    }


def price_cells(roots: list[Node]) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (text(offer, "Ид"), text(price, "ИдТипаЦены")): (text(price, "ЦенаЗаЕдиницу"), text(price, "Валюта"))
        for offer in offers(roots)
        for price in find(offer, "Цены/Цена")
    }


def stock_cells(roots: list[Node]) -> dict[tuple[str, str], str]:
    cells = {}
    for offer in offers(roots):
        for place in find(offer, "Склад"):
            warehouse = place.get("ИдСклада") or text(place, "Ид")
            cells[text(offer, "Ид"), warehouse] = place.get("КоличествоНаСкладе", text(place, "Количество"))
    return cells


def groups(roots: list[Node]) -> dict[str, tuple[str, str]]:
    """Read groups by id: (name, id of the group around)."""
    return {
        text(group, "Ид"): (text(group, "Наименование"), text(group.getparent().getparent(), "Ид"))
        for group in find(roots, "Группы/Группа")
    }


def dictionaries(roots: list[Node]) -> dict[str, tuple[str, str, frozenset[tuple[str, str]]]]:
    """Read properties with the union of the dictionary parts."""
    found: dict[str, tuple[str, str, frozenset[tuple[str, str]]]] = {}
    for one in find(roots, "Классификатор/Свойства/Свойство"):
        entries = find(one, "ВариантыЗначений/Справочник")
        values = {(text(entry, "ИдЗначения"), text(entry, "Значение")) for entry in entries}
        earlier = found.get(text(one, "Ид"), ("", "", frozenset[tuple[str, str]]()))[2]
        found[text(one, "Ид")] = (text(one, "Наименование"), text(one, "ТипЗначений"), earlier | values)
    return found


def contragents(roots: list[Node]) -> dict[str, Any]:
    """Read contragents as (tag, text) pairs of all their leaves, with the one tag that layouts spell differently."""
    spelling = {"ОКПО": "КодПоОКПО"}
    found = {}
    for root in roots:
        for one in root.findall("Контрагенты/Контрагент"):
            leaves = [(leaf.tag, leaf.text) for leaf in one.iter() if not len(leaf)]
            marks = ("НомерВерсии", "ПометкаУдаления")
            found[text(one, "Ид")] = [(spelling.get(tag, tag), value) for tag, value in leaves if tag not in marks]
    return found


def price_types(roots: list[Node]) -> dict[str, tuple[str, str]]:
    found = find(roots, "ТипыЦен/ТипЦены")
    return {text(kind, "Ид"): (text(kind, "Наименование"), text(kind, "Валюта")) for kind in found}


def warehouses(roots: list[Node]) -> dict[str, str]:
    return {text(place, "Ид"): text(place, "Наименование") for place in find(roots, "Склады/Склад")}


def facts(roots: list[Node]) -> dict[str, Any]:
    readers = (
        goods,
        named_offers,
        price_cells,
        stock_cells,
        groups,
        dictionaries,
        contragents,
        price_types,
        warehouses,
    )
    return {reader.__name__: reader(roots) for reader in readers}


def is_number(written: str) -> bool:
    return written.replace("\u00a0", "").replace(",", "").replace(".", "").removeprefix("-").isdigit()


def valid_inn(inn: str) -> bool:
    weights = {
        10: [(2, 4, 10, 3, 5, 9, 4, 6, 8)],
        12: [(7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)],
    }
    digits = [int(digit) for digit in inn]
    return all(
        sum(weight * digit for weight, digit in zip(row, digits, strict=False)) % 11 % 10 == digits[len(row)]
        for row in weights[len(inn)]
    )


def image_root(directory: Path) -> Path:
    return directory / "goods" if (directory / "goods").is_dir() else directory


# The same each time, everywhere ------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_writes_are_byte_equal(layout, exports, tmp_path):
    directory, summary = exports[layout]

    assert summarize(write_demo(tmp_path / "again", layout=layout)) == summary
    assert content(tmp_path / "again") == content(directory)


def test_all_layouts_state_the_same_catalogue(exports):
    directories, packages, classic = (facts(documents(exports[layout][0])) for layout in LAYOUTS)

    assert packages == directories
    assert classic == directories


def test_all_layouts_ship_the_same_images(exports):
    images = [
        {name: data for name, data in content(image_root(directory)).items() if name.startswith("import_files/")}
        for directory, _ in exports.values()
    ]

    assert images[0] == images[1] == images[2]


def test_all_layouts_promise_the_same_numbers(exports):
    promised = [replace(summary, layout="", xml_files=0) for _, summary in exports.values()]

    assert promised[0] == promised[1] == promised[2]


def test_packages_mean_the_same_in_any_order(exports):
    roots = documents(exports["2.09"][0])

    assert facts(roots[::-1]) == facts(roots)


def test_segments_mean_the_same_only_in_the_order_of_their_numbers(exports):
    directory, _ = exports["3.1"]
    by_name = [without_namespace(path) for path in sorted(directory.rglob("*.xml"))]
    right, wrong = facts(documents(directory)), facts(by_name)

    assert {reader for reader in right if right[reader] != wrong[reader]} == {"goods", "stock_cells"}


# Files and encodings -----------------------------------------------------------------------------------------


def test_each_layout_has_its_files(exports):
    tops = {layout: {path.relative_to(directory).parts[0].split("___")[0] for path in directory.rglob("*.xml")}
            for layout, (directory, _) in exports.items()}  # fmt: skip

    assert tops == {
        "3.1": {"goods", "offers", "prices", "rests", "groups", "priceLists", "storages", "units",
                "propertiesGoods", "propertiesOffers", "contragents"},
        "2.09": {"import", "offers", "prices", "rests", "contragents"},
        "2.07": {"import0_1.xml", "offers0_1.xml", "contragents.xml"},
    }  # fmt: skip


def test_the_root_element_says_the_layout(exports):
    for layout, namespace, version in (
        ("3.1", "urn:1C.ru:commerceml_3", "3.1"),
        ("2.09", "urn:1C.ru:commerceml_210", "2.08"),
        ("2.07", "urn:1C.ru:commerceml_2", "2.07"),
    ):
        for path in exports[layout][0].rglob("*.xml"):
            root = etree.parse(path).getroot()
            assert root.tag == f"{{{namespace}}}КоммерческаяИнформация"
            assert root.get("ВерсияСхемы") == version


def test_everything_is_a_full_export(export):
    directory, _ = export
    marks = [mark for root in documents(directory) for mark in root.xpath("//@СодержитТолькоИзменения")]

    assert set(marks) == {"false"}
    assert len(marks) >= len(documents(directory))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("encoding", "declared", "codec"),
    [("utf-8", "UTF-8", "utf-8"), ("utf-8-sig", "UTF-8", "utf-8-sig"), ("windows-1251", "windows-1251", "cp1251")],
)
def test_an_encoding_is_declared_and_used(layout, encoding, declared, codec, exports, tmp_path):
    write_demo(tmp_path, layout=layout, encoding=encoding)

    for path in tmp_path.rglob("*.xml"):
        raw = path.read_bytes()
        assert raw.decode(codec).startswith(f'<?xml version="1.0" encoding="{declared}"?>\n<Коммерч')
        assert raw.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
        plain = exports[layout][0] / path.relative_to(tmp_path)
        assert etree.tostring(etree.parse(path), method="c14n") == etree.tostring(etree.parse(plain), method="c14n")


# What DemoSummary promises, counted in the XML ---------------------------------------------------------------


def test_the_dictionaries_are_as_many_as_promised(export):
    directory, summary = export
    roots = documents(directory)
    stated = goods(roots)
    properties = dictionaries(roots)

    assert summary.categories == len(groups(roots)) == 17
    assert {len(find(root, "Группы/Группа/Группы/Группа/Группы/Группа")) for root in roots} == {0, 10}
    assert summary.units == len({facts_of_good[7] for facts_of_good in stated.values()}) == 4
    assert summary.properties == len(properties) == 12
    assert summary.property_values == sum(len(values) for _, _, values in properties.values())
    assert summary.brands == len(properties["Бренд"][2])
    assert summary.price_types == len(price_types(roots)) == 4
    assert summary.warehouses == len(warehouses(roots)) == 3


def test_goods_and_offers_are_as_many_as_promised(export):
    directory, summary = export
    roots = documents(directory)
    every_good = goods(roots)
    products = {onec_id: good for onec_id, good in every_good.items() if onec_id}
    stated = {text(offer, "Ид") for offer in offers(roots)} - {""}
    orphans = {onec_id for onec_id in stated if onec_id.partition("#")[0] not in products}
    without_offers = products.keys() - {onec_id.partition("#")[0] for onec_id in stated}

    assert summary.products == len(products) == 57
    assert summary.rejected["catalog"] == len(every_good) - len(products) == 1
    assert summary.inactive_products == sum(good[10] for good in products.values()) == 1
    declared = groups(roots).keys()
    assert summary.product_categories == sum(len(declared & set(good[8])) for good in products.values())
    assert summary.variants_stated == len(stated)
    assert summary.pending["catalog"] == len(orphans) == 1
    assert summary.variants == len(stated) - len(orphans) + len(without_offers)
    assert summary.default_variants == len(products.keys() & stated) + len(without_offers)
    assert summary.inactive_variants == sum(offer[-1] for offer in named_offers(roots).values()) == 2


def test_every_brand_is_the_brand_of_some_good(export):
    roots = documents(export[0])
    used = {dict(good[11]).get("Бренд", ("",))[0] for good in goods(roots).values()}

    assert {onec_id for onec_id, _ in dictionaries(roots)["Бренд"][2]} <= used


def test_prices_are_as_many_as_promised(export):
    directory, summary = export
    roots = documents(directory)
    cells = {cell: value for cell, (value, _) in price_cells(roots).items() if value}
    rejected = {cell for cell, value in cells.items() if not is_number(value)}
    products, kinds = goods(roots), price_types(roots)
    pending = {(offer, kind) for offer, kind in cells if offer.partition("#")[0] not in products or kind not in kinds}

    assert summary.price_cells == len(cells)
    assert summary.rejected["prices"] == len(rejected) == 1
    assert summary.pending["prices"] == len(pending) == 2
    assert summary.prices == len(cells.keys() - rejected - pending)


def test_stocks_are_as_many_as_promised(export):
    directory, summary = export
    roots = documents(directory)
    cells = {cell for cell, quantity in stock_cells(roots).items() if quantity}
    products, places = goods(roots), warehouses(roots)
    pending = {
        (offer, place) for offer, place in cells if offer.partition("#")[0] not in products or place not in places
    }

    assert all(is_number(quantity) for quantity in stock_cells(roots).values() if quantity)
    assert summary.stock_cells == len(cells)
    assert summary.pending["stocks"] == len(pending) == 2
    assert summary.stocks == len(cells - pending)


def test_stock_without_a_warehouse_stands_only_beside_stock_per_warehouse(exports):
    stated = [offer for offer in offers(documents(exports["2.07"][0])) if texts(offer, "Количество")]

    assert stated
    assert all(find(offer, "Склад") for offer in stated)


def test_contragents_are_as_many_as_promised(export):
    directory, summary = export
    stated = contragents(documents(directory))
    roles = {onec_id: {value.lower() for tag, value in leaves if tag == "Роль"} for onec_id, leaves in stated.items()}
    customers = [onec_id for onec_id, own in roles.items() if not own or "покупатель" in own]

    assert summary.contragents == len(stated) == 12
    assert summary.customers == len(customers) == sum(summary.customers_by_kind.values())
    assert summary.suppliers == 1
    assert summary.customers_by_kind["legal_entity"] == sum(
        "ОфициальноеНаименование" in dict(stated[onec_id]) for onec_id in customers
    )


def test_everybody_in_it_is_invented(export):
    stated = contragents(documents(export[0]))
    leaves = [leaf for own in stated.values() for leaf in own]
    numbers = [value for tag, value in leaves if tag == "ИНН"]
    contacts = [value for tag, value in leaves if tag == "Значение" and ("@" in value or value.startswith("+"))]

    assert all(number.startswith("00") for number in numbers)
    assert Counter(valid_inn(number) for number in numbers) == {True: len(numbers) - 1, False: 1}
    assert all(
        value.startswith("+7 000 000-00-") or value.endswith(("@example.com", "@example.org")) for value in contacts
    )


# Images ------------------------------------------------------------------------------------------------------


def test_images_are_as_many_as_promised(export):
    directory, summary = export
    roots = documents(directory)
    of_goods = [path for onec_id, good in goods(roots).items() if onec_id for path in good[9] if path]
    of_offers = [path for offer in named_offers(roots).values() for path in offer[5]]
    references = [image_root(directory) / path for path in (*of_goods, *of_offers)]
    on_disk = [path for path in image_root(directory).glob("import_files/*/*") if path.is_file()]

    assert summary.image_references == len(references) == len(set(references))
    assert summary.image_references_of_variants == len(of_offers)
    assert summary.image_files == len(on_disk)
    assert summary.missing_images == sum(not path.exists() for path in references) == 1
    assert summary.corrupt_images == sum(path.exists() and not opens(path) for path in references) == 3
    assert summary.publishable_images == sum(map(opens, references)) + summary.unlisted_images
    assert 80 <= summary.image_references <= 100


def opens(path: Path) -> bool:
    try:
        with Image.open(BytesIO(path.read_bytes())) as image:
            image.load()
            return image.size == (320, 240)
    except (FileNotFoundError, OSError):
        return False


def test_images_are_named_as_1c_names_them(export):
    directory, _ = export
    known = goods(documents(directory)).keys()
    for path in image_root(directory).glob("import_files/*/*"):
        assert path.name.startswith(path.parent.name)
        assert path.name.split("_")[0] in known
    formats = Counter(path.suffix for path in directory.rglob("import_files/*/*"))

    assert formats.keys() == {".jpg", ".jpeg", ".png", ".webp"}
    assert formats[".webp"] == 1


def test_unlisted_images_stand_beside_a_good_that_lists_none(export):
    directory, summary = export
    (onec_id,) = summary.oddities["image_unlisted"]
    files = sorted(path.name for path in image_root(directory).glob(f"import_files/{onec_id[:2]}/{onec_id}*"))

    assert goods(documents(directory))[onec_id][9] == ()
    assert files == [f"{onec_id}_1.jpg", f"{onec_id}_2.png"]


# Oddities ----------------------------------------------------------------------------------------------------


def test_every_oddity_is_there_and_in_the_docstring(export):
    _, summary = export

    assert all(summary.oddities.values())
    assert [name for name in summary.oddities if f"`{name}`" not in (demo.__doc__ or "")] == []


def test_the_oddities_stand_in_the_xml(export):
    directory, summary = export
    roots = documents(directory)
    odd = summary.oddities
    stated, prices, stocks = goods(roots), price_cells(roots), stock_cells(roots)

    def good(name: str) -> tuple[Any, ...]:
        return stated[odd[name][0]]

    def values(cells: dict[tuple[str, str], Any], name: str) -> list[Any]:
        return [value for (offer, _), value in cells.items() if offer == odd[name][0]]

    assert [len(offer) for offer in offers(roots)].count(0) == 1
    assert {code for unit in find(roots, "БазоваяЕдиница") for code in (unit.get("Код"), unit.text)} >= {"796 "}
    assert odd["good_id_no_guid"] == ("137",)
    assert good("good_in_two_segments")[1] == "Стул, последняя версия"
    assert len([one for one in find(roots, "Товары/Товар") if text(one, "Ид") == odd["good_in_two_segments"][0]]) == 2
    assert not [offer for offer in offers(roots) if text(offer, "Ид").startswith(odd["good_without_offers"][0])]
    assert good("vat_percent")[6] == "20%"
    assert good("vat_none")[6] == "Без НДС"
    assert good("description_html")[3].startswith("<p>")
    assert good("image_empty_element")[9].index("") == 1
    assert ("00000000-0000-0000-0000-000000000000",) in dict(good("property_zero_guid")[11]).values()
    assert ("-999 999 999,9",) in dict(good("property_sentinel")[11]).values()
    assert ("3\u00a0159,50", "руб.") in values(prices, "price_comma_nbsp")
    assert ("120.5", "643") in values(prices, "price_type_twice")
    assert ("", "руб") in values(prices, "price_empty")
    assert ("по запросу", "руб") in values(prices, "price_rejected")
    assert values(prices, "price_without_offer") == [("1490", "руб")]
    assert odd["price_without_offer"][0] not in named_offers(roots)
    assert values(stocks, "stock_negative") == ["-3"]
    assert values(stocks, "stock_fractional") == ["2.75", "0,5"]
    assert values(stocks, "stock_empty") == [""]
    assert values(stocks, "stock_cell_twice") == ["12"]
    assert len(find(roots, "Представители/Представитель/Контрагент")) == 1


# Where it may be written -------------------------------------------------------------------------------------


def test_a_directory_that_holds_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "goods.xml").write_text("от настоящей 1С", encoding="utf-8")

    with pytest.raises(OnecError, match=r"holds files that are not the demo's; name an empty or a new directory\.$"):
        write_demo(tmp_path)

    assert content(tmp_path).keys() == {"goods.xml"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_earlier_demo_is_replaced_whatever_its_layout(layout, exports, tmp_path):
    write_demo(tmp_path, layout="3.1")
    write_demo(tmp_path, layout=layout)

    assert content(tmp_path) == content(exports[layout][0])
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in exports[layout][0].iterdir()}


def test_a_file_that_came_later_stays_and_is_never_overwritten(tmp_path):
    write_demo(tmp_path, layout="2.07")
    (tmp_path / "goods").mkdir()
    (tmp_path / "goods/note.txt").write_text("моё", encoding="utf-8")
    write_demo(tmp_path, layout="3.1")
    (tmp_path / "contragents.xml").write_text("моё", encoding="utf-8")
    before = content(tmp_path)

    with pytest.raises(OnecError, match=r"would overwrite .*contragents\.xml"):
        write_demo(tmp_path, layout="2.07")

    assert content(tmp_path) == before
    assert before["goods/note.txt"] == "моё".encode()


def test_a_marker_reaches_nothing_outside_its_directory(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("не трогать", encoding="utf-8")
    inside = tmp_path / "demo"
    inside.mkdir()
    (inside / MARKER).write_text(f"../outside.txt\n{outside}\n", encoding="utf-8")

    write_demo(inside, layout="2.07")

    assert outside.exists()


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OnecError, match="it is a file, not a directory"):
        write_demo(tmp_path / "file")


def test_an_unknown_layout_or_encoding_is_named(tmp_path):
    with pytest.raises(OnecError, match=r"no layout '4\.0': it is one of 3\.1, 2\.09, 2\.07\."):
        write_demo(tmp_path, layout="4.0")
    with pytest.raises(OnecError, match=r"no encoding 'koi8-r': it is one of utf-8, utf-8-sig, windows-1251\."):
        write_demo(tmp_path, encoding="koi8-r")

    assert content(tmp_path) == {}


def test_every_number_is_described():
    described = DemoSummary.__doc__ or ""
    summary_fields = DemoSummary.__slots__

    assert [name for name in summary_fields if f"        {name}: " not in described] == []

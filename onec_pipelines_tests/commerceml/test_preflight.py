"""The preflight: its words are a part of the contract."""

import pytest

from onec_pipelines.commerceml import preflight as module
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import IMPORT_TYPES

CATALOG = ("goods", "offers", "prices", "rests")
ALL_TYPES = (*IMPORT_TYPES, "all")


def preflight(root, import_type, *, has_products):
    return module.preflight(ExportSnapshot(root), import_type, has_products=has_products)


@pytest.fixture
def export(write, tmp_path):
    """Make a 3.1 export: each name is a directory with an XML file in it, or a file."""

    def export(*names):
        for name in names:
            write(name if "." in name else f"{name}/{name}_1_1_5c1f.xml")
        return tmp_path

    return export


@pytest.mark.parametrize("import_type", ALL_TYPES)
def test_a_whole_export_may_be_imported(export, import_type):
    root = export(*CATALOG, "contragents", "goods/import_files/01/a.jpg")
    assert preflight(root, import_type, has_products=True) == []


@pytest.mark.parametrize("import_type", ALL_TYPES)
def test_the_directory_itself_must_be_there(tmp_path, import_type):
    path = tmp_path / "import_1c"
    assert preflight(path, import_type, has_products=False) == [
        f"Директория данных 1С не найдена: {path}. Убедитесь, что данные выгружены из 1С."
    ]


@pytest.mark.parametrize("import_type", ALL_TYPES)
def test_a_file_is_no_directory(write, import_type):
    path = write("import_1c")
    assert preflight(path, import_type, has_products=True) == [
        f"Директория данных 1С не найдена: {path}. Убедитесь, что данные выгружены из 1С."
    ]


@pytest.mark.parametrize("import_type", ["catalog", "all"])
@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (("offers", "prices", "rests"), "goods"),
        (("goods", "prices", "rests"), "offers"),
        (("goods", "offers", "rests"), "prices"),
        (("goods", "offers", "prices"), "rests"),
        (("goods",), "offers, prices, rests"),
        (("contragents",), "goods, offers, prices, rests"),
        ((), "goods, offers, prices, rests"),
    ],
)
def test_the_catalogue_needs_four_directories(export, import_type, there, missing):
    root = export(*there)
    assert preflight(root, import_type, has_products=False) == [
        (
            f"Отсутствуют обязательные поддиректории в {root}: {missing}. "
            "Убедитесь, что данные выгружены из 1С в правильной структуре."
        )
    ]


@pytest.mark.parametrize(
    ("import_type", "message"),
    [
        ("stocks", "Директория остатков не найдена: {}/rests. Убедитесь, что данные выгружены из 1С."),
        ("prices", "Директория цен не найдена: {}/prices. Убедитесь, что данные выгружены из 1С."),
        ("customers", "Директория контрагентов не найдена: {}/contragents. Убедитесь, что данные выгружены из 1С."),
        (
            "images",
            (
                "Директория изображений не найдена: {}/goods/import_files. "
                "Убедитесь, что данные выгружены из 1С с изображениями товаров."
            ),
        ),
    ],
)
@pytest.mark.parametrize("there", [("goods",), ()])
def test_each_other_import_needs_its_directory(export, there, import_type, message):
    root = export(*there)
    assert preflight(root, import_type, has_products=True) == [message.format(root)]


@pytest.mark.parametrize(
    ("import_type", "message"),
    [
        ("images", "Невозможно загрузить изображения: каталог товаров пуст. Сначала импортируйте полный каталог."),
        ("stocks", "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный каталог."),
        ("prices", "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный каталог."),
    ],
)
def test_images_stocks_and_prices_need_products(export, import_type, message):
    root = export(*CATALOG, "goods/import_files/01/a.jpg")
    assert preflight(root, import_type, has_products=False) == [message]


@pytest.mark.parametrize("import_type", ["catalog", "customers", "all"])
def test_the_others_need_no_products(export, import_type):
    root = export(*CATALOG, "contragents")
    assert preflight(root, import_type, has_products=False) == []


def test_everything_that_stands_against_an_import_is_said_at_once(export):
    root = export("goods")
    assert preflight(root, "stocks", has_products=False) == [
        f"Директория остатков не найдена: {root}/rests. Убедитесь, что данные выгружены из 1С.",
        "Невозможно загрузить остатки/цены: каталог товаров пуст. Сначала импортируйте полный каталог.",
    ]


def test_all_asks_neither_for_contragents_nor_for_images(export):
    assert preflight(export(*CATALOG), "all", has_products=False) == []


@pytest.mark.parametrize(
    ("import_type", "name", "noun"),
    [
        ("stocks", "rests", "остатков"),
        ("prices", "prices", "цен"),
        ("customers", "contragents", "контрагентов"),
    ],
)
def test_a_directory_without_an_xml_file_is_a_problem_too(export, import_type, name, noun):
    root = export("goods", f"{name}/readme.txt")
    assert preflight(root, import_type, has_products=True) == [
        f"Директория {noun} не содержит XML-файлов: {root}/{name}. Убедитесь, что данные выгружены из 1С."
    ]


def test_the_catalogue_tells_missing_directories_from_empty_ones(export):
    root = export("goods", "offers/readme.txt", "prices/readme.txt")
    assert preflight(root, "catalog", has_products=False) == [
        (
            f"Отсутствуют обязательные поддиректории в {root}: rests. "
            "Убедитесь, что данные выгружены из 1С в правильной структуре."
        ),
        (
            f"Обязательные поддиректории в {root} не содержат XML-файлов: offers, prices. "
            "Убедитесь, что данные выгружены из 1С в правильной структуре."
        ),
    ]


# Images -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", ["goods/import_files/01/a.jpg", "goods/import_files/a.jpg"])
def test_images_lie_in_goods_of_3_1(export, image):
    assert preflight(export("goods", image), "images", has_products=True) == []


def test_images_lie_beside_the_files_of_2_x(export):
    assert preflight(export("import.xml", "import_files/01/a.jpg"), "images", has_products=True) == []


def test_images_beside_the_files_of_2_x_are_missed_there(export):
    root = export("import.xml")
    assert preflight(root, "images", has_products=True) == [
        (
            f"Директория изображений не найдена: {root}/import_files. "
            "Убедитесь, что данные выгружены из 1С с изображениями товаров."
        )
    ]


@pytest.mark.parametrize("below", ["", "01"])
def test_a_directory_without_images_is_a_problem(export, below):
    root = export("goods")
    (root / "goods" / "import_files" / below).mkdir(parents=True)
    assert preflight(root, "images", has_products=True) == [
        (
            f"Директория изображений пуста: {root}/goods/import_files. "
            "Убедитесь, что данные выгружены из 1С с изображениями товаров."
        )
    ]


def test_a_file_in_the_place_of_the_images_is_no_directory(export):
    root = export("goods", "goods/import_files.txt")
    (root / "goods" / "import_files.txt").rename(root / "goods" / "import_files")
    (problem,) = preflight(root, "images", has_products=True)
    assert problem.startswith(f"Директория изображений не найдена: {root}/goods/import_files.")


# Outside the 3.1 layout ---------------------------------------------------------------------------------------


def document(inside):
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация>{inside}</КоммерческаяИнформация>'


@pytest.mark.parametrize("import_type", ["catalog", "all"])
@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("import.xml", "<Каталог><Товары><Товар><Ид>1</Ид></Товар></Товары></Каталог>"),
        ("import.xml", "<Каталог><Товары/></Каталог>"),
        ("import.xml", "<Каталог><Товары></Товары></Каталог>"),
        ("offers.xml", "<ПакетПредложений><Предложения/></ПакетПредложений>"),
        ("anything.xml", "<ИзмененияПакетаПредложений><Предложения/></ИзмененияПакетаПредложений>"),
    ],
)
def test_a_file_that_lists_goods_or_offers_makes_a_catalogue_be_the_list_empty(
    write, tmp_path, import_type, name, inside
):
    write("a_first.xml", document("<Классификатор/>"))
    write(name, document(inside))
    assert preflight(tmp_path, import_type, has_products=False) == []


def test_files_without_goods_or_offers_make_no_catalogue(write, tmp_path):
    write("import.xml", document("<Классификатор><Группы/></Классификатор><Каталог><Ид>1</Ид></Каталог>"))
    write("prices.xml", document("<Классификатор><ТипыЦен/></Классификатор>"))
    assert preflight(tmp_path, "catalog", has_products=False) == [
        (
            f"В файлах {tmp_path} (import.xml, prices.xml) нет ни товаров, ни предложений. "
            "Убедитесь, что данные выгружены из 1С в правильной структуре."
        )
    ]


@pytest.mark.parametrize(
    ("import_type", "inside"),
    [
        ("prices", "<ПакетПредложений><ТипыЦен/></ПакетПредложений>"),
        (
            "prices",
            "<ПакетПредложений><Предложения><Предложение><Цены/></Предложение></Предложения></ПакетПредложений>",
        ),
        ("prices", "<Каталог><Товары><Товар><Цены><Цена/></Цены></Товар></Товары></Каталог>"),
        ("stocks", "<ПакетПредложений><Склады/></ПакетПредложений>"),
        ("stocks", "<Предложения><Предложение><Количество>1</Количество></Предложение></Предложения>"),
        ("stocks", '<Предложения><Предложение><Склад ИдСклада="m"/></Предложение></Предложения>'),
        ("stocks", "<Предложения><Предложение><Остатки/></Предложение></Предложения>"),
        ("customers", "<Контрагенты/>"),
    ],
)
def test_a_file_that_states_anything_of_a_dataset_is_enough_for_it(write, tmp_path, import_type, inside):
    write("import.xml", document("<Каталог/>"))
    write("offers.xml", document(inside))
    assert preflight(tmp_path, import_type, has_products=True) == []


@pytest.mark.parametrize(
    ("import_type", "noun"), [("prices", "цен"), ("stocks", "остатков"), ("customers", "контрагентов")]
)
def test_files_that_state_nothing_of_a_dataset_are_a_problem(write, tmp_path, import_type, noun):
    write("import.xml", document("<Каталог><Товары><Товар><Ид>1</Ид></Товар></Товары></Каталог>"))
    assert preflight(tmp_path, import_type, has_products=True) == [
        f"В файлах {tmp_path} нет данных {noun}. Убедитесь, что данные выгружены из 1С."
    ]

"""What goods and offers refer to: groups, units, properties, price types, warehouses."""

from onec_pipelines.demo.records import Group, PriceType, Property, Unit, Warehouse, guid

RETAIL = guid("price type retail")
WHOLESALE_1 = guid("price type wholesale 1")
WHOLESALE_10 = guid("price type wholesale 10")
EXPORT = guid("price type export")
UNDECLARED_PRICE_TYPE = guid("price type nobody declares")

MAIN_WAREHOUSE = guid("warehouse main")
SHOP_WAREHOUSE = guid("warehouse shop")
REMOTE_WAREHOUSE = guid("warehouse remote")
UNDECLARED_WAREHOUSE = guid("warehouse nobody declares")

UNDECLARED_GROUP = guid("group nobody declares")

BRAND = "Бренд"
COLOUR = guid("property colour")
MATERIAL = guid("property material")
PURPOSE = guid("property purpose")
WEIGHT = guid("property weight")
LENGTH = guid("property length")
WARRANTY = guid("property warranty")
CONTENTS = guid("property contents")
MANUAL = guid("property manual")
BESTSELLER = guid("property bestseller")
SIZE = guid("property size")
PACKING = guid("property packing")

BRANDS = ("Ромашка-Спорт", "Северный Склон", "Тестоград", "ДомОбразец", "Primerix", "Kvadro-Test")
COLOURS = ("красный", "синий", "жёлтый", "зелёный", "чёрный", "белый", "серый", "оранжевый")
MATERIALS = ("пластик", "сталь", "хлопок", "резина", "дерево")
PURPOSES = ("дом", "дача", "спортзал", "поход")
SIZES = ("S", "M", "L", "XL")

PRICE_TYPES = (
    PriceType(RETAIL, "Розничная", "RUB"),
    PriceType(WHOLESALE_1, "Опт 1", "RUB"),
    PriceType(WHOLESALE_10, "Опт 10", "RUB"),
    PriceType(EXPORT, "Экспорт", "USD"),
)

WAREHOUSES = (
    Warehouse(MAIN_WAREHOUSE, "1 Главный склад"),
    Warehouse(SHOP_WAREHOUSE, "2 Магазин"),
    Warehouse(REMOTE_WAREHOUSE, "3 Удалённый склад"),
)

UNITS = (
    Unit("796 ", "шт", "Штука"),
    Unit("715", "пар", "Пара"),
    Unit("704", "набор", "Набор"),
    Unit("006", "м", "Метр"),
)

_TREE: dict[str, dict[str, tuple[str, ...]]] = {
    "Спорт": {
        "Фитнес": ("Гантели и гири", "Коврики", "Эспандеры"),
        "Игры": ("Мячи", "Ракетки"),
        "Туризм": ("Рюкзаки", "Верёвки"),
    },
    "Дом": {
        "Кухня": ("Посуда", "Хранение"),
        "Уборка": ("Инвентарь для уборки",),
    },
}


def group_id(name: str) -> str:
    """Give the GUID of the group of that name."""
    return guid(f"group {name}")


def value_id(property_id: str, label: str) -> str:
    """Give the GUID of a dictionary value."""
    return guid(f"value {property_id} {label}")


def build_groups() -> tuple[Group, ...]:
    """Build the tree of 17 groups, three levels deep."""
    return tuple(
        Group(group_id(root), root, tuple(_branch(name, leaves) for name, leaves in branches.items()))
        for root, branches in _TREE.items()
    )


def _branch(name: str, leaves: tuple[str, ...]) -> Group:
    return Group(group_id(name), name, tuple(Group(group_id(leaf), leaf) for leaf in leaves))


def build_properties() -> tuple[Property, ...]:
    """Build 12 properties: two dictionaries in two parts that overlap by one value, two properties of offers."""
    return (
        _dictionary(BRAND, "Бренд", BRANDS, split=True),
        _dictionary(COLOUR, "Цвет", COLOURS, split=True),
        _dictionary(MATERIAL, "Материал", MATERIALS),
        _dictionary(PURPOSE, "Назначение", PURPOSES),
        Property(WEIGHT, "Вес (кг)", "Число"),
        Property(LENGTH, "Длина (см)", "Число"),
        Property(WARRANTY, "Гарантия (мес)", "Число"),
        Property(CONTENTS, "Комплектация", "Строка"),
        Property(MANUAL, "Ссылка на инструкцию", "Строка"),
        Property(BESTSELLER, "Хит продаж", "Строка"),
        _dictionary(SIZE, "Размер", SIZES, of_offers=True),
        Property(PACKING, "Упаковка", "Строка", of_offers=True),
    )


def _dictionary(
    onec_id: str, name: str, labels: tuple[str, ...], *, split: bool = False, of_offers: bool = False
) -> Property:
    values = tuple((value_id(onec_id, label), label) for label in labels)
    middle = len(values) // 2
    parts = (values[: middle + 1], values[middle:]) if split else (values,)
    return Property(onec_id, name, "Справочник", values, parts, of_offers=of_offers)

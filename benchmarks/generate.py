"""Exports of any size for the benchmarks: the 3.1 layout, deterministic, written as fast as a disk takes it.

`lean` goods have about 4 KB, `real` ones 17 KB with 70 properties, most of them empty. Three offers a product,
five price types, two warehouses; segments of 5,000 goods or 15,000 offers.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

PROFILES = {"lean": (8, 500), "real": (70, 2000)}
"""Profile -> number of properties, characters of description."""
OFFERS = 3
PRICE_TYPES = 5
WAREHOUSES = 2
SEGMENT = 5000
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" '
    'ВерсияСхемы="3.1" ДатаФормирования="2026-01-01T00:00:00">\n'
)
TAIL = "</КоммерческаяИнформация>\n"
ZERO = "00000000-0000-0000-0000-000000000000"


def guid(kind: int, number: int) -> str:
    """A GUID made of a kind and a number."""
    return str(uuid.UUID(int=(kind << 96) + number * 0x9E3779B97F4A7C15 % (1 << 96)))


def write_export(directory: Path, products: int, profile: str = "lean") -> None:
    """Write an export of so many products, with three offers each."""
    properties, description = PROFILES[profile]
    _write(directory, "groups", 1, "Классификатор", "Группы", map(_group, range(50)))
    _write(directory, "units", 1, "Классификатор", "ЕдиницыИзмерения", [_unit()])
    _write(directory, "propertiesGoods", 1, "Классификатор", "Свойства", map(_property, range(properties)))
    _write(directory, "priceLists", 1, "Классификатор", "ТипыЦен", map(_price_type, range(PRICE_TYPES)))
    _write(directory, "storages", 1, "Классификатор", "Склады", map(_warehouse, range(WAREHOUSES)))
    for segment, start in enumerate(range(0, products, SEGMENT), 1):
        numbers = range(start, min(start + SEGMENT, products))
        _write(directory, "goods", segment, "Каталог", "Товары", (_good(n, properties, description) for n in numbers))
        for name, entry in (("offers", _offer), ("prices", _prices), ("rests", _rests)):
            entries = (entry(onec_id, number) for onec_id, number in _offers(numbers))
            _write(directory, name, segment, "ПакетПредложений", "Предложения", entries)


def write_changes(directory: Path, offers: int, products: int, raised_by: int) -> None:
    """Write a file of changes alone: the prices of some offers of so many products, each higher by so much."""
    changed = range(0, products, products * OFFERS // offers)
    entries = (_prices(onec_id, number + raised_by) for n in changed for onec_id, number in _offers(range(n, n + 1)))
    _write(directory, "prices", 1, "ИзмененияПакетаПредложений", "Предложения", entries, is_changes=True)


def _write(  # noqa: PLR0913, PLR0917 - the parts of one file
    directory: Path,
    name: str,
    segment: int,
    container: str,
    elements: str,
    entries: Iterator[str] | list[str],
    *,
    is_changes: bool = False,
) -> None:
    path = directory / name / f"{name}_1_{segment}_{guid(99, segment)}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{HEAD}<{container} СодержитТолькоИзменения="{str(is_changes).lower()}"><Ид>1</Ид>\n<{elements}>\n')
        file.writelines(entries)
        file.write(f"</{elements}>\n</{container}>\n{TAIL}")


def _offers(products: range) -> Iterator[tuple[str, int]]:
    for product in products:
        for number in range(product * OFFERS, (product + 1) * OFFERS):
            yield f"{guid(1, product)}#{guid(2, number)}", number


def _group(number: int) -> str:
    return f"<Группа><Ид>{guid(3, number)}</Ид><Наименование>Группа {number}</Наименование></Группа>\n"


def _unit() -> str:
    return (
        "<ЕдиницаИзмерения><Код>796 </Код><НаименованиеКраткое>шт</НаименованиеКраткое>"
        "<НаименованиеПолное>Штука</НаименованиеПолное></ЕдиницаИзмерения>\n"
    )


def _property(number: int) -> str:
    entries = "".join(
        f"<Справочник><ИдЗначения>{guid(5, number * 100 + n)}</ИдЗначения><Значение>Значение {n}</Значение>"
        "</Справочник>\n"
        for n in range(20)
    )
    return (
        f"<Свойство><Ид>{guid(4, number)}</Ид><Наименование>Свойство {number}</Наименование>"
        f"<ТипЗначений>Справочник</ТипЗначений><ВариантыЗначений>\n{entries}</ВариантыЗначений></Свойство>\n"
    )


def _price_type(number: int) -> str:
    return (
        f"<ТипЦены><Ид>{guid(6, number)}</Ид><Наименование>Цена {number}</Наименование><Валюта>RUB</Валюта></ТипЦены>\n"
    )


def _warehouse(number: int) -> str:
    return f"<Склад><Ид>{guid(7, number)}</Ид><Наименование>Склад {number}</Наименование></Склад>\n"


def _good(number: int, properties: int, description: int) -> str:
    onec_id = guid(1, number)
    stated = "".join(
        f"\t\t<ЗначенияСвойства>\n\t\t\t<Ид>{guid(4, n)}</Ид>\n\t\t\t<Значение>"
        f"{guid(5, n * 100 + number % 20) if n % 7 == 0 else ZERO if n % 2 else ''}</Значение>\n"
        "\t\t</ЗначенияСвойства>\n"
        for n in range(properties)
    )
    requisites = "".join(
        f"\t\t<ЗначениеРеквизита>\n\t\t\t<Наименование>Реквизит {n}</Наименование>\n\t\t\t<Значение>{number % 97 * n}"
        "</Значение>\n\t\t</ЗначениеРеквизита>\n"
        for n in range(10)
    )
    text = ("Описание товара, которое занимает место. &lt;br&gt;" * (description // 40))[:description].rsplit("&", 1)[0]
    return (
        f"\t<Товар>\n\t\t<Ид>{onec_id}</Ид>\n\t\t<НомерВерсии>AAAAAAAAAAI=</НомерВерсии>\n"
        "\t\t<ПометкаУдаления>false</ПометкаУдаления>\n\t\t<Штрихкод/>\n"
        f"\t\t<Артикул>A-{number:06}</Артикул>\n\t\t<Наименование>Товар номер {number}</Наименование>\n"
        f"\t\t<БазоваяЕдиница>796 </БазоваяЕдиница>\n\t\t<Группы><Ид>{guid(3, number % 50)}</Ид></Группы>\n"
        f"\t\t<Описание>{text}</Описание>\n"
        f"\t\t<Картинка>import_files/{onec_id[:2]}/{onec_id}_{guid(8, number)}.jpg</Картинка>\n"
        "\t\t<Страна>КИТАЙ</Страна>\n"
        f"\t\t<Изготовитель><Ид>{guid(9, number % 200)}</Ид><Наименование>Изготовитель {number % 200}</Наименование>"
        "</Изготовитель>\n"
        f"\t\t<ЗначенияСвойств>\n{stated}\t\t</ЗначенияСвойств>\n"
        "\t\t<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>"
        f"</СтавкиНалогов>\n\t\t<ЗначенияРеквизитов>\n{requisites}\t\t</ЗначенияРеквизитов>\n"
        "\t\t<Ширина>0</Ширина><Длина>0</Длина><Высота>0</Высота>\n\t</Товар>\n"
    )


def _offer(onec_id: str, number: int) -> str:
    characteristics = "".join(
        f"\t\t\t<ХарактеристикаТовара>\n\t\t\t\t<Наименование>Характеристика {n}</Наименование>\n\t\t\t\t"
        f"<Значение>{number % 31 if n % 2 else ''}</Значение>\n\t\t\t</ХарактеристикаТовара>\n"
        for n in range(10)
    )
    return (
        f"\t\t<Предложение>\n\t\t\t<Ид>{onec_id}</Ид>\n\t\t\t<НомерВерсии>AAAAAAAAAAE=</НомерВерсии>\n"
        f"\t\t\t<ПометкаУдаления>false</ПометкаУдаления>\n\t\t\t<Наименование>Предложение {number}</Наименование>\n"
        f"\t\t\t<ХарактеристикиТовара>\n{characteristics}\t\t\t</ХарактеристикиТовара>\n\t\t</Предложение>\n"
    )


def _prices(onec_id: str, number: int) -> str:
    cells = "".join(
        f"\t\t\t\t<Цена>\n\t\t\t\t\t<Представление>{number % 9000 + n} руб</Представление>\n\t\t\t\t\t"
        f"<ИдТипаЦены>{guid(6, n)}</ИдТипаЦены>\n\t\t\t\t\t<ЦенаЗаЕдиницу>{number % 9000 + n}.5</ЦенаЗаЕдиницу>\n"
        "\t\t\t\t\t<Валюта>руб</Валюта>\n\t\t\t\t</Цена>\n"
        for n in range(PRICE_TYPES)
    )
    return f"\t\t<Предложение>\n\t\t\t<Ид>{onec_id}</Ид>\n\t\t\t<Цены>\n{cells}\t\t\t</Цены>\n\t\t</Предложение>\n"


def _rests(onec_id: str, number: int) -> str:
    cells = "".join(
        f"\t\t\t\t<Остаток>\n\t\t\t\t\t<Склад>\n\t\t\t\t\t\t<Ид>{guid(7, n)}</Ид>\n\t\t\t\t\t\t"
        f"<Количество>{number % 50}</Количество>\n\t\t\t\t\t</Склад>\n\t\t\t\t</Остаток>\n"
        for n in range(WAREHOUSES)
    )
    return (
        f"\t\t<Предложение>\n\t\t\t<Ид>{onec_id}</Ид>\n\t\t\t<Остатки>\n{cells}\t\t\t</Остатки>\n\t\t</Предложение>\n"
    )

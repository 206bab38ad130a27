"""The ordinary part of the shop: ten ranges of four goods, made by arithmetic on their numbers, nothing odd."""

from collections.abc import Iterator
from dataclasses import dataclass

from onec_pipelines.demo.dictionaries import (
    BESTSELLER,
    BRAND,
    BRANDS,
    COLOUR,
    COLOURS,
    EXPORT,
    MAIN_WAREHOUSE,
    MANUAL,
    MATERIAL,
    MATERIALS,
    PACKING,
    REMOTE_WAREHOUSE,
    RETAIL,
    SHOP_WAREHOUSE,
    SIZE,
    WARRANTY,
    WHOLESALE_1,
    WHOLESALE_10,
    group_id,
    value_id,
)
from onec_pipelines.demo.records import DemoImage, Good, Offer, Price, Stock, guid

OFFERS_OF_A_GOOD = (1, 3, 2, 4)
PRICE_CURRENCIES = ("руб", "руб.", "RUB", "643")


@dataclass(frozen=True, slots=True)
class Range:
    """Goods of one group that differ in the same way."""

    code: str
    group: str
    unit: str
    price: int
    characteristic: str
    options: tuple[str, str, str, str]
    names: tuple[str, str, str, str]


_SIZES = ("S", "M", "L", "XL")
_COLOURS = ("красный", "синий", "зелёный", "чёрный")

RANGES = (
    Range("GN", "Гантели и гири", "796 ", 890, "Вес", ("1 кг", "2 кг", "4 кг", "8 кг"),
          ("Гантель виниловая", "Гантель неопреновая", "Гиря чугунная", "Диск обрезиненный")),
    Range("KV", "Коврики", "796 ", 1290, "Цвет", _COLOURS,
          ("Коврик для йоги", "Коврик складной", "Мат гимнастический", "Коврик массажный")),
    Range("ES", "Эспандеры", "704", 450, "Нагрузка", ("5 кг", "10 кг", "15 кг", "20 кг"),
          ("Набор лент", "Набор кистевых эспандеров", "Набор трубчатых эспандеров", "Набор фитнес-резинок")),
    Range("MC", "Мячи", "796 ", 1590, "Размер", _SIZES,
          ("Мяч футбольный", "Мяч волейбольный", "Мяч баскетбольный", "Мяч гимнастический")),
    Range("RK", "Ракетки", "715", 2350, "Цвет", _COLOURS,
          ("Ракетки для бадминтона", "Ракетки настольные", "Ракетки пляжные", "Ракетки детские")),
    Range("RZ", "Рюкзаки", "796 ", 3990, "Объём", ("20 л", "30 л", "45 л", "60 л"),
          ("Рюкзак городской", "Рюкзак походный", "Рюкзак школьный", "Рюкзак велосипедный")),
    Range("VR", "Верёвки", "006", 35, "Цвет", _COLOURS,
          ("Верёвка статическая", "Верёвка динамическая", "Шнур вспомогательный", "Стропа плоская")),
    Range("PS", "Посуда", "796 ", 690, "Объём", ("0,5 л", "1 л", "2 л", "3 л"),
          ("Кастрюля «Образец»", "Чайник «Образец»", "Ковш «Образец»", "Миска «Образец»")),
    Range("HR", "Хранение", "796 ", 320, "Размер", _SIZES,
          ("Контейнер пищевой", "Корзина плетёная", "Ящик для мелочей", "Банка с крышкой")),
    Range("IN", "Инвентарь для уборки", "796 ", 210, "Цвет", _COLOURS,
          ("Швабра", "Щётка", "Совок", "Ведро")),
)  # fmt: skip


def image_path(owner: str, number: int, suffix: str = ".jpg") -> str:
    """Name an image as 1C does: a directory of the first two characters, the owner's id, the image's GUID."""
    good = owner.partition("#")[0]
    return f"import_files/{good[:2]}/{good}_{guid(f'picture {owner} {number}')}{suffix}"


def barcode(number: int) -> str:
    """Make a valid EAN-13 of the range 2, which is left to shops for their own use."""
    digits = f"2{number:011d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def ordinary_prices(number: int, retail: int) -> tuple[Price, ...]:
    """State one to four prices in the forms numbers take in real exports: `690`, `572.7`, `621.00`."""
    currency = PRICE_CURRENCIES[number % 4]
    prices = (
        Price(RETAIL, f"{retail}", currency),
        Price(WHOLESALE_1, f"{retail * 83 / 100:.1f}", currency),
        Price(WHOLESALE_10, f"{retail * 9 / 10:.2f}", currency),
        Price(EXPORT, f"{retail / 80:.2f}", "USD"),
    )
    return prices[: (4, 3, 4, 2, 1)[number % 5]]


def ordinary_stocks(number: int, segment: int) -> tuple[Stock, ...]:
    """State whole quantities, zero among them, in one to three warehouses."""
    warehouses = (MAIN_WAREHOUSE, SHOP_WAREHOUSE, REMOTE_WAREHOUSE)[: 1 + number % 3]
    quantities = (str((number * 7 + place * 5) % 23) for place in range(3))
    return tuple(Stock(*cell, segment) for cell in zip(warehouses, quantities, strict=False))


def build_goods() -> Iterator[Good]:
    """Yield the ordinary goods, the first half in segment 1 and the rest in segment 2."""
    for range_number, goods_range in enumerate(RANGES):
        for place in range(4):
            yield _good(goods_range, place, number=range_number * 4 + place)


def _good(goods_range: Range, place: int, *, number: int) -> Good:
    article = f"{goods_range.code}-{place + 1:02d}"
    onec_id = guid(f"good {article}")
    brand = BRANDS[number % len(BRANDS)]
    name = f"{goods_range.names[place]} {brand} {article}"
    return Good(
        onec_id=onec_id,
        article=article,
        name=name,
        unit=goods_range.unit,
        groups=(group_id(goods_range.group),),
        barcode=barcode(number),
        description=f"{name}. Вымышленный товар для примера.",
        manufacturer=f"ООО «Завод-{number % 3 + 1}»",
        properties=_properties(number, brand),
        images=tuple(DemoImage(image_path(onec_id, n, _suffix(number, n))) for n in range(1 + number % 3)),
        segment=1 if number < 20 else 2,
    )


def _properties(number: int, brand: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        (BRAND, (value_id(BRAND, brand),)),
        (COLOUR, (value_id(COLOUR, COLOURS[number % len(COLOURS)]),)),
        (MATERIAL, (value_id(MATERIAL, MATERIALS[number % len(MATERIALS)]),)),
        (WARRANTY, (str(6 + 6 * (number % 4)),)),
        (BESTSELLER, ("true" if number % 9 == 0 else "false",)),
        (MANUAL, ("",)),
    )


def _suffix(number: int, place: int) -> str:
    """Make most images JPEG, a few PNG, one WebP."""
    if place:
        return ".jpg"
    return {7: ".png", 19: ".jpeg", 23: ".webp", 31: ".png"}.get(number, ".jpg")


def build_offers() -> Iterator[Offer]:
    """Yield the offers of the ordinary goods: one under the bare id, or two to four with a characteristic."""
    number = 0
    for good_number, good in enumerate(build_goods()):
        goods_range = RANGES[good_number // 4]
        count = OFFERS_OF_A_GOOD[good_number % 4]
        for place in range(count):
            option = goods_range.options[place] if count > 1 else ""
            yield _offer(good, goods_range, option, number=number)
            number += 1


def _offer(good: Good, goods_range: Range, option: str, *, number: int) -> Offer:
    onec_id = f"{good.onec_id}#{guid(f'offer {good.article} {option}')}" if option else good.onec_id
    size = ((SIZE, (value_id(SIZE, option),)),) if option in _SIZES else ()
    return Offer(
        onec_id=onec_id,
        article=good.article,
        name=f"{good.name} ({option})" if option else good.name,
        barcode=barcode(1000 + number) if option else good.barcode,
        characteristics=((goods_range.characteristic, option),) if option else (),
        properties=(*size, (PACKING, ("коробка" if number % 2 else "",))),
        images=(DemoImage(image_path(onec_id, 0)),) if option and number % 25 == 3 else (),
        prices=ordinary_prices(number, goods_range.price + 10 * number),
        stocks=ordinary_stocks(number, good.segment),
        segment=good.segment,
    )

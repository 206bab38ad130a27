"""The deliberate oddities: eighteen goods with articles `ODD-...`, and their offers.

Each oddity is one record that can be read here in full.
"""

from collections.abc import Iterator
from dataclasses import replace

from onec_pipelines.demo.assortment import barcode, image_path, ordinary_prices, ordinary_stocks
from onec_pipelines.demo.dictionaries import (
    BRAND,
    COLOUR,
    COLOURS,
    CONTENTS,
    LENGTH,
    MAIN_WAREHOUSE,
    PURPOSE,
    PURPOSES,
    REMOTE_WAREHOUSE,
    RETAIL,
    SHOP_WAREHOUSE,
    UNDECLARED_GROUP,
    UNDECLARED_PRICE_TYPE,
    UNDECLARED_WAREHOUSE,
    WEIGHT,
    WHOLESALE_1,
    group_id,
    value_id,
)
from onec_pipelines.demo.records import ZERO_GUID, DemoImage, Good, Offer, Price, Stock, guid

SENTINEL = "-999 999 999,9"
PLAIN_ID = "137"

_KITCHEN = (group_id("Хранение"),)


def odd_id(article: str) -> str:
    """Give the id of the odd good of that article."""
    return PLAIN_ID if article == "ODD-PLAIN-ID" else guid(f"good {article}")


def odd_offer_id(article: str, option: str) -> str:
    """Give the id, `good#characteristic`, of an offer of the odd good of that article."""
    return f"{odd_id(article)}#{guid(f'offer {article} {option}')}"


def _good(article: str, name: str) -> Good:
    return Good(onec_id=odd_id(article), article=article, name=name, groups=_KITCHEN, segment=2)


def _images(article: str, count: int) -> tuple[DemoImage, ...]:
    return tuple(DemoImage(image_path(odd_id(article), number)) for number in range(count))


def build_goods() -> Iterator[Good]:
    """Yield the odd goods; the last one replaces an earlier, in segment 10 after segment 2."""
    yield replace(
        _good("ODD-EMPTY-PICTURE", "Кружка с пустой картинкой"),
        images=(_images("ODD-EMPTY-PICTURE", 1)[0], DemoImage(""), *_images("ODD-EMPTY-PICTURE", 2)[1:]),
    )
    yield _good("ODD-PRICES", "Полка со странными ценами")
    yield _good("ODD-STOCKS", "Лента со странными остатками")
    yield replace(_good("ODD-BARE-PRICE", "Ваза, у которой есть только цена"), barcode=barcode(2000))
    yield replace(_good("ODD-NO-OFFERS", "Скатерть без предложений"), images=_images("ODD-NO-OFFERS", 1))
    yield replace(_good("ODD-DELETED", "Термос, снятый с продажи"), deleted=True)
    yield _good("ODD-DELETED-OFFER", "Фартук, у которого удалён один цвет")
    yield replace(
        _good("ODD-PROPERTIES", "Набор со странными свойствами"),
        unit="704",
        properties=(
            (BRAND, (ZERO_GUID,)),
            (COLOUR, (value_id(COLOUR, COLOURS[0]),)),
            (PURPOSE, tuple(value_id(PURPOSE, label) for label in PURPOSES[:3])),
            (WEIGHT, (SENTINEL,)),
            (LENGTH, ("37,5",)),
            (CONTENTS, ("Нож, вилка & ложка <3 шт.>",)),
        ),
    )
    yield replace(_good("ODD-VAT-PERCENT", "Полотенце с НДС в процентах"), vat="20%")
    yield replace(_good("ODD-VAT-NONE", "Книга рецептов без НДС"), vat="Без НДС")
    yield replace(
        _good("ODD-HTML", "Салфетки с описанием в HTML"),
        description='<p>Хлопок&nbsp;100&nbsp;%</p><br><b class="x">Стирка</b> при 40°, 0,5 м²',
    )
    yield replace(_good("ODD-TWO-GROUPS", "Мяч для кухни"), groups=(group_id("Мячи"), *_KITCHEN))
    yield replace(_good("ODD-UNKNOWN-GROUP", "Товар из неизвестной группы"), groups=(UNDECLARED_GROUP,))
    yield replace(_good("ODD-NO-ID", "Товар без Ид"), onec_id="")
    yield replace(_good("ODD-PLAIN-ID", "Товар с номером вместо GUID"), images=(DemoImage(image_path(PLAIN_ID, 0)),))
    yield replace(_good("ODD-UNLISTED", "Фонарь, фото которого не названы в XML"), unlisted=_unlisted_images())
    yield replace(_good("ODD-BAD-PICTURES", "Зеркало с испорченными фото"), images=_bad_images())
    twice = replace(_good("ODD-TWICE", "Стул, первая версия"), images=_images("ODD-TWICE", 2))
    yield twice
    yield replace(twice, name="Стул, последняя версия", barcode=barcode(2001), images=twice.images[1:], segment=10)


def _unlisted_images() -> tuple[DemoImage, ...]:
    onec_id = odd_id("ODD-UNLISTED")
    stem = f"import_files/{onec_id[:2]}/{onec_id}"
    return (DemoImage(f"{stem}_1.jpg"), DemoImage(f"{stem}_2.png"))


def _bad_images() -> tuple[DemoImage, ...]:
    good, missing, truncated, html, empty = _images("ODD-BAD-PICTURES", 5)
    return (
        good,
        DemoImage(missing.path, "missing"),
        DemoImage(truncated.path, "truncated"),
        DemoImage(html.path, "html"),
        DemoImage(empty.path, "empty"),
    )


def build_offers() -> Iterator[Offer]:
    """Yield the offers of the odd goods, an orphan and an empty element."""
    yield Offer(onec_id="")
    yield from _plain_offers()
    yield from _price_offers()
    yield from _stock_offers()
    yield Offer(onec_id=odd_id("ODD-BARE-PRICE"), prices=(Price(RETAIL, "1490"),), listed=False, segment=2)
    yield Offer(
        onec_id=odd_id("ODD-DELETED"), article="ODD-DELETED", name="Термос, снятый с продажи", deleted=True, segment=2
    )
    kept, deleted = (_offer("ODD-DELETED-OFFER", "Фартук", option) for option in ("синий", "красный"))
    yield replace(kept, prices=ordinary_prices(0, 700), stocks=ordinary_stocks(1, 2))
    yield replace(deleted, deleted=True)
    yield replace(
        _offer("ODD-ORPHAN", "Предложение без товара", "L"),
        prices=(Price(RETAIL, "999"),),
        stocks=(Stock(MAIN_WAREHOUSE, "4", 2),),
    )


def _plain_offers() -> Iterator[Offer]:
    """Give the goods that are odd in themselves one unremarkable offer each, under the bare id."""
    own_offers = {"ODD-PRICES", "ODD-STOCKS", "ODD-BARE-PRICE", "ODD-NO-OFFERS", "ODD-DELETED", "ODD-DELETED-OFFER"}
    goods = {good.onec_id: good for good in build_goods() if good.onec_id and good.article not in own_offers}
    for number, good in enumerate(goods.values()):
        yield Offer(
            onec_id=good.onec_id,
            article=good.article,
            name=good.name,
            barcode=good.barcode,
            prices=ordinary_prices(number, 500 + 10 * number),
            stocks=ordinary_stocks(number, 2),
            segment=2,
        )


def _offer(article: str, name: str, option: str) -> Offer:
    return Offer(
        onec_id=odd_offer_id(article, option),
        article=article,
        name=f"{name} ({option})",
        characteristics=(("Вид", option), ("Примечание", "")),
        segment=2,
    )


def _price_offers() -> Iterator[Offer]:
    prices = {
        "дважды": (Price(RETAIL, "100"), Price(WHOLESALE_1, "90"), Price(RETAIL, "120.5", "643")),
        "пусто": (Price(RETAIL, "200"), Price(WHOLESALE_1, "")),
        "запятая": (Price(RETAIL, "3\u00a0159,50", "руб."),),
        "отказ": (Price(RETAIL, "по запросу"), Price(WHOLESALE_1, "350")),
        "чужая": (Price(RETAIL, "400"), Price(UNDECLARED_PRICE_TYPE, "1")),
    }
    for option, stated in prices.items():
        yield replace(_offer("ODD-PRICES", "Полка", option), prices=stated)


def _stock_offers() -> Iterator[Offer]:
    stocks = {
        "минус": (Stock(MAIN_WAREHOUSE, "-3", 2),),
        "дробь": (Stock(MAIN_WAREHOUSE, "2.75", 2), Stock(SHOP_WAREHOUSE, "0,5", 2)),
        "пусто": (Stock(MAIN_WAREHOUSE, "", 2),),
        "чужой": (Stock(MAIN_WAREHOUSE, "6", 2), Stock(UNDECLARED_WAREHOUSE, "5", 2)),
        "порознь": (Stock(MAIN_WAREHOUSE, "7", 1), Stock(REMOTE_WAREHOUSE, "8", 2)),
        "дважды": (Stock(SHOP_WAREHOUSE, "11", 2), Stock(SHOP_WAREHOUSE, "12", 10)),
    }
    for option, stated in stocks.items():
        yield replace(_offer("ODD-STOCKS", "Лента", option), stocks=stated)

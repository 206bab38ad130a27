"""The deliberate oddities: eighteen goods with articles `ODD-...`, their offers, and the catalogue of what is odd.

Each oddity is one record that can be read here in full. `find_oddities` looks for them in the finished shop, so
that the list in `DemoSummary` is what the export holds and not what somebody meant it to hold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from onec_pipelines.demo.assortment import barcode, ordinary_prices, ordinary_stocks, picture_path
from onec_pipelines.demo.contragents import INVALID_EMAIL, SHARED_EMAIL, is_valid_inn
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
from onec_pipelines.demo.records import ZERO_GUID, Contragent, Good, Offer, Picture, Price, Shop, Stock, guid

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


def _pictures(article: str, count: int) -> tuple[Picture, ...]:
    return tuple(Picture(picture_path(odd_id(article), number)) for number in range(count))


def build_goods() -> Iterator[Good]:
    """Yield the odd goods; the last one replaces an earlier, in segment 10 after segment 2."""
    yield replace(
        _good("ODD-EMPTY-PICTURE", "Кружка с пустой картинкой"),
        pictures=(_pictures("ODD-EMPTY-PICTURE", 1)[0], Picture(""), *_pictures("ODD-EMPTY-PICTURE", 2)[1:]),
    )
    yield _good("ODD-PRICES", "Полка со странными ценами")
    yield _good("ODD-STOCKS", "Лента со странными остатками")
    yield replace(_good("ODD-BARE-PRICE", "Ваза, у которой есть только цена"), barcode=barcode(2000))
    yield replace(_good("ODD-NO-OFFERS", "Скатерть без предложений"), pictures=_pictures("ODD-NO-OFFERS", 1))
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
    yield replace(_good("ODD-PLAIN-ID", "Товар с номером вместо GUID"), pictures=(Picture(picture_path(PLAIN_ID, 0)),))
    yield replace(_good("ODD-UNLISTED", "Фонарь, фото которого не названы в XML"), unlisted=_unlisted_pictures())
    yield replace(_good("ODD-BAD-PICTURES", "Зеркало с испорченными фото"), pictures=_bad_pictures())
    twice = replace(_good("ODD-TWICE", "Стул, первая версия"), pictures=_pictures("ODD-TWICE", 2))
    yield twice
    yield replace(twice, name="Стул, последняя версия", barcode=barcode(2001), pictures=twice.pictures[1:], segment=10)


def _unlisted_pictures() -> tuple[Picture, ...]:
    onec_id = odd_id("ODD-UNLISTED")
    stem = f"import_files/{onec_id[:2]}/{onec_id}"
    return (Picture(f"{stem}_1.jpg"), Picture(f"{stem}_2.png"))


def _bad_pictures() -> tuple[Picture, ...]:
    good, missing, truncated, html, empty = _pictures("ODD-BAD-PICTURES", 5)
    return (
        good,
        Picture(missing.path, "missing"),
        Picture(truncated.path, "truncated"),
        Picture(html.path, "html"),
        Picture(empty.path, "empty"),
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


def find_oddities(shop: Shop) -> Mapping[str, tuple[str, ...]]:
    """Name each oddity and the ids of the records that carry it, an empty id included."""
    return {
        "unit_code_with_space": tuple(unit.code for unit in shop.units if unit.code != unit.code.strip()),
        **_oddities_of_goods(shop),
        **_oddities_of_offers(shop),
        **_oddities_of_contragents(shop.contragents),
    }


def _oddities_of_goods(shop: Shop) -> dict[str, tuple[str, ...]]:
    declared = {group.onec_id for root in shop.groups for branch in root.groups for group in branch.groups}
    stated = {offer.onec_id.partition("#")[0] for offer in shop.offers}
    ids = [good.onec_id for good in shop.goods]

    def ids_where(odd: Callable[[Good], bool]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(good.onec_id for good in shop.goods if odd(good)))

    def values(good: Good) -> Iterable[str]:
        return (value for _, stated_values in good.properties for value in stated_values)

    def flawed(flaw: str) -> tuple[str, ...]:
        return ids_where(lambda good: any(picture.flaw == flaw for picture in good.pictures))

    return {
        "good_without_id": ids_where(lambda good: not good.onec_id),
        "good_id_no_guid": ids_where(lambda good: good.onec_id == PLAIN_ID),
        "good_in_two_segments": ids_where(lambda good: ids.count(good.onec_id) > 1),
        "good_deleted": ids_where(lambda good: good.deleted),
        "good_without_offers": ids_where(lambda good: bool(good.onec_id) and good.onec_id not in stated),
        "good_in_two_groups": ids_where(lambda good: len(good.groups) > 1),
        "good_in_undeclared_group": ids_where(lambda good: not declared.issuperset(good.groups)),
        "description_html": ids_where(lambda good: "<" in good.description),
        "vat_percent": ids_where(lambda good: good.vat.endswith("%")),
        "vat_none": ids_where(lambda good: good.vat == "Без НДС"),
        "property_zero_guid": ids_where(lambda good: ZERO_GUID in values(good)),
        "property_sentinel": ids_where(lambda good: SENTINEL in values(good)),
        "property_raw_text": ids_where(lambda good: CONTENTS in dict(good.properties)),
        "property_multiple": ids_where(lambda good: any(len(stated) > 1 for _, stated in good.properties)),
        "picture_empty_element": ids_where(lambda good: any(not picture.path for picture in good.pictures)),
        "picture_unlisted": ids_where(lambda good: bool(good.unlisted)),
        "picture_missing": flawed("missing"),
        "picture_truncated": flawed("truncated"),
        "picture_html": flawed("html"),
        "picture_empty_file": flawed("empty"),
    }


def _oddities_of_offers(shop: Shop) -> dict[str, tuple[str, ...]]:
    known = {good.onec_id for good in shop.goods if good.onec_id}

    def ids_where(odd: Callable[[Offer], bool]) -> tuple[str, ...]:
        return tuple(offer.onec_id for offer in shop.offers if odd(offer))

    def priced(odd: Callable[[Price], bool]) -> tuple[str, ...]:
        return ids_where(lambda offer: any(map(odd, offer.prices)))

    def stocked(odd: Callable[[Stock], bool]) -> tuple[str, ...]:
        return ids_where(lambda offer: any(map(odd, offer.stocks)))

    return {
        "offer_empty_element": ids_where(lambda offer: not offer.onec_id),
        "offer_deleted": ids_where(lambda offer: offer.deleted),
        "offer_without_good": ids_where(
            lambda offer: bool(offer.onec_id) and offer.onec_id.partition("#")[0] not in known
        ),
        "price_without_offer": ids_where(lambda offer: not offer.listed),
        "price_type_twice": ids_where(lambda offer: len({price.type_id for price in offer.prices}) < len(offer.prices)),
        "price_empty": priced(lambda price: not price.value),
        "price_comma_nbsp": priced(lambda price: "\u00a0" in price.value),
        "price_refused": priced(lambda price: price.value == "по запросу"),
        "price_type_undeclared": priced(lambda price: price.type_id == UNDECLARED_PRICE_TYPE),
        "stock_negative": stocked(lambda stock: stock.quantity.startswith("-")),
        "stock_fractional": stocked(lambda stock: "." in stock.quantity or "," in stock.quantity),
        "stock_empty": stocked(lambda stock: not stock.quantity),
        "stock_warehouse_undeclared": stocked(lambda stock: stock.warehouse_id == UNDECLARED_WAREHOUSE),
        "stock_in_two_segments": ids_where(lambda offer: len({stock.segment for stock in offer.stocks}) > 1),
        "stock_cell_twice": ids_where(
            lambda offer: len({stock.warehouse_id for stock in offer.stocks}) < len(offer.stocks)
        ),
    }


def _oddities_of_contragents(contragents: Iterable[Contragent]) -> dict[str, tuple[str, ...]]:
    everyone = tuple(contragents)

    def ids_where(odd: Callable[[Contragent], bool]) -> tuple[str, ...]:
        return tuple(contragent.onec_id for contragent in everyone if odd(contragent))

    def mailed(odd: Callable[[str], bool]) -> tuple[str, ...]:
        return ids_where(lambda one: any(kind == "Почта" and odd(value) for kind, value in one.contacts))

    return {
        "contragent_shared_email": mailed(lambda value: value == SHARED_EMAIL),
        "contragent_invalid_email": mailed(lambda value: value == INVALID_EMAIL),
        "contragent_postal_address": mailed(lambda value: value.startswith("000000,")),
        "contragent_several_contacts": ids_where(lambda one: len(one.contacts) > 3),
        "contragent_wrong_inn": ids_where(lambda one: bool(one.inn) and not is_valid_inn(one.inn)),
        "contragent_without_kpp": ids_where(lambda one: one.kind == "legal_entity" and not one.kpp),
        "contragent_supplier": ids_where(lambda one: not one.is_customer),
        "contragent_two_roles": ids_where(lambda one: len(one.roles) > 1),
        "contragent_without_role": ids_where(lambda one: not one.roles),
        "contragent_role_lower_case": ids_where(lambda one: "покупатель" in one.roles),
        "contragent_person_with_inn": ids_where(lambda one: one.kind == "individual" and bool(one.inn)),
        "contragent_representative": ids_where(lambda one: bool(one.representative)),
    }

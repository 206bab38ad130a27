"""What an import of the demo must find: numbers computed from the plain records, never from the XML.

The numbers are the same for every layout and encoding, but for `xml_files`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from onec_pipelines.demo import WrittenDemo
from onec_pipelines.demo.contragents import INVALID_EMAIL, SHARED_EMAIL, is_valid_inn
from onec_pipelines.demo.dictionaries import CONTENTS, UNDECLARED_PRICE_TYPE, UNDECLARED_WAREHOUSE
from onec_pipelines.demo.oddities import PLAIN_ID, SENTINEL
from onec_pipelines.demo.records import ZERO_GUID, Contragent, Good, Group, Offer, Price, Shop, Stock

Cells = dict[tuple[str, str], str]
"""(offer id, price type or warehouse id) -> the text stated last, empty ones left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """The expected numbers of rows, unless a line says otherwise.

    Attributes:
        layout: `3.1`, `2.09` or `2.07`.
        encoding: `utf-8`, `utf-8-sig` or `windows-1251`.
        xml_files: XML files written.
        image_files: Files under `import_files`, broken ones included.
        categories: Groups, at any depth.
        brands: Values of the brand dictionary; every one of them is some good's brand.
        units: Units of measure; each is some good's unit.
        properties: Properties of goods and of offers.
        property_values: Dictionary values, each counted once however many parts name it.
        products: Goods with an id, the deleted one included, a repeated one counted once.
        inactive_products: Those with a deletion mark.
        product_categories: Links to declared groups, those of the deleted good included.
        variants_stated: Distinct offers named anywhere: in offers, prices or rests.
        variants: Stated ones whose good is known, plus a default variant for each good without any offer.
        default_variants: Those under the bare id of their product.
        inactive_variants: Those with a deletion mark.
        price_types: Price types.
        price_cells: Pairs of offer and price type with a price, after last-wins; rejected and pending included.
        prices: `price_cells` without the rejected and the pending.
        warehouses: Warehouses.
        stock_cells: Pairs of offer and warehouse with a quantity, after last-wins; rejected and pending included.
        stocks: `stock_cells` without the rejected and the pending.
        contragents: Contragents in the files; one inside another, a representative, is none.
        customers: Those with the role `Покупатель` or none at all.
        customers_by_kind: `legal_entity`, `entrepreneur`, `individual` -> customers.
        suppliers: Contragents who are no customers.
        image_references: Paths stated by goods and offers; of a repeated good the last statement only.
        image_references_of_variants: Those of them that an offer states.
        unlisted_images: Files that belong to a good by their name only.
        missing_images: References without a file.
        corrupt_images: References whose file is a truncated JPEG, an HTML page or empty.
        publishable_images: Good files, listed or not, of products.
        rejected: `catalog`, `prices`, `stocks`, `customers` -> records or cells rejected for good.
        pending: `catalog`, `prices`, `stocks` -> offers or cells whose good, price type or warehouse is absent.
            An undeclared group leaves nothing pending: the product is there, without a category.
        oddities: Name of an oddity -> ids of the records that carry it.
    """

    layout: str
    encoding: str
    xml_files: int
    image_files: int
    categories: int
    brands: int
    units: int
    properties: int
    property_values: int
    products: int
    inactive_products: int
    product_categories: int
    variants_stated: int
    variants: int
    default_variants: int
    inactive_variants: int
    price_types: int
    price_cells: int
    prices: int
    warehouses: int
    stock_cells: int
    stocks: int
    contragents: int
    customers: int
    customers_by_kind: Mapping[str, int]
    suppliers: int
    image_references: int
    image_references_of_variants: int
    unlisted_images: int
    missing_images: int
    corrupt_images: int
    publishable_images: int
    rejected: Mapping[str, int]
    pending: Mapping[str, int]
    oddities: Mapping[str, tuple[str, ...]]


def summarize(written: WrittenDemo) -> DemoSummary:
    """Compute the expected numbers of a demo."""
    shop = written.shop
    goods = {good.onec_id: good for good in shop.goods if good.onec_id}
    offers = {offer.onec_id: offer for offer in shop.offers if offer.onec_id}
    landing = {onec_id: offer for onec_id, offer in offers.items() if _base(onec_id) in goods}
    without_offers = goods.keys() - {_base(onec_id) for onec_id in offers}
    groups = set(_group_ids(shop.groups))
    owners: tuple[Good | Offer, ...] = (*goods.values(), *landing.values())
    images = [image for owner in owners for image in owner.images if image.path]
    flaws = Counter(image.flaw for image in images)
    unlisted = sum(len(good.unlisted) for good in goods.values())
    customers = [contragent for contragent in shop.contragents if contragent.is_customer]

    prices = _price_cells(offers.values())
    price_types = {kind.onec_id for kind in shop.price_types}
    rejected_prices, pending_prices = _fates(prices, landing.keys(), price_types)
    stocks = _stock_cells(offers.values())
    warehouses = {warehouse.onec_id for warehouse in shop.warehouses}
    rejected_stocks, pending_stocks = _fates(stocks, landing.keys(), warehouses)

    return DemoSummary(
        layout=written.layout,
        encoding=written.encoding,
        xml_files=written.xml_files,
        image_files=written.image_files,
        categories=len(groups),
        brands=len(next(one for one in shop.properties if one.onec_id == "Бренд").values),
        units=len(shop.units),
        properties=len(shop.properties),
        property_values=sum(len(one.values) for one in shop.properties),
        products=len(goods),
        inactive_products=sum(good.deleted for good in goods.values()),
        product_categories=sum(len(groups.intersection(good.groups)) for good in goods.values()),
        variants_stated=len(offers),
        variants=len(landing) + len(without_offers),
        default_variants=sum("#" not in onec_id for onec_id in landing) + len(without_offers),
        inactive_variants=sum(offer.deleted for offer in landing.values()),
        price_types=len(price_types),
        price_cells=len(prices),
        prices=len(prices) - rejected_prices - pending_prices,
        warehouses=len(warehouses),
        stock_cells=len(stocks),
        stocks=len(stocks) - rejected_stocks - pending_stocks,
        contragents=len(shop.contragents),
        customers=len(customers),
        customers_by_kind=dict(Counter(customer.kind for customer in customers)),
        suppliers=len(shop.contragents) - len(customers),
        image_references=len(images),
        image_references_of_variants=sum(len(offer.images) for offer in landing.values()),
        unlisted_images=unlisted,
        missing_images=flaws["missing"],
        corrupt_images=flaws["truncated"] + flaws["html"] + flaws["empty"],
        publishable_images=flaws[""] + unlisted,
        rejected={
            "catalog": sum(not good.onec_id for good in shop.goods),
            "prices": rejected_prices,
            "stocks": rejected_stocks,
            "customers": 0,
        },
        pending={
            "catalog": sum(offer.listed for onec_id, offer in offers.items() if onec_id not in landing),
            "prices": pending_prices,
            "stocks": pending_stocks,
        },
        oddities=find_oddities(shop),
    )


def _base(onec_id: str) -> str:
    return onec_id.partition("#")[0]


def _group_ids(groups: Iterable[Group]) -> Iterable[str]:
    for group in groups:
        yield group.onec_id
        yield from _group_ids(group.groups)


def _price_cells(offers: Iterable[Offer]) -> Cells:
    stated = {(offer.onec_id, price.type_id): price.value for offer in offers for price in offer.prices}
    return {cell: text for cell, text in stated.items() if text}


def _stock_cells(offers: Iterable[Offer]) -> Cells:
    stated = {(offer.onec_id, stock.warehouse_id): stock.quantity for offer in offers for stock in offer.stocks}
    return {cell: text for cell, text in stated.items() if text}


def _fates(cells: Cells, offers: Iterable[str], declared: set[str]) -> tuple[int, int]:
    """Count the rejected (no number) and the pending (no offer, or no such price type or warehouse)."""
    known = set(offers)
    rejected = sum(not _is_number(text) for text in cells.values())
    pending = sum(
        _is_number(text) and (offer not in known or column not in declared) for (offer, column), text in cells.items()
    )
    return rejected, pending


def _is_number(text: str) -> bool:
    try:
        return Decimal("".join(text.split()).replace(",", ".")).is_finite()
    except InvalidOperation:
        return False


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
        return ids_where(lambda good: any(image.flaw == flaw for image in good.images))

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
        "image_empty_element": ids_where(lambda good: any(not image.path for image in good.images)),
        "image_unlisted": ids_where(lambda good: bool(good.unlisted)),
        "image_missing": flawed("missing"),
        "image_truncated": flawed("truncated"),
        "image_html": flawed("html"),
        "image_empty_file": flawed("empty"),
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
        "price_rejected": priced(lambda price: price.value == "по запросу"),
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

"""Which file holds what: the same shop as directories (3.1), as packages (2.09) and as two files (2.07)."""

from collections.abc import Callable, Iterable

from onec_pipelines.demo import elements as xml
from onec_pipelines.demo.elements import Dialect, Node, node
from onec_pipelines.demo.records import Good, Shop, guid

DIRECTORIES = Dialect("urn:1C.ru:commerceml_3", "3.1", "2026-01-15T03:00:00", versioned=True)
PACKAGES = Dialect("urn:1C.ru:commerceml_210", "2.08", "2026-01-15T03:00:02.080+03:00")
CLASSIC = Dialect("urn:1C.ru:commerceml_2", "2.07", "2026-01-15T3:00:33", okpo_tag="ОКПО")

SEGMENTS = (1, 2, 10)

Files = dict[str, bytes]


def layout_directories(shop: Shop, encoding: str) -> Files:
    """Write 3.1: a directory an entity, numbered segments; `_10_` comes after `_2_` although it sorts before."""
    dialect = DIRECTORIES

    def write(*content: Node) -> bytes:
        return xml.document(dialect, *content, encoding=encoding)

    def dictionary(*content: Node) -> bytes:
        return write(xml.catalogue(), xml.classifier(*content))

    of_goods = [one for one in shop.properties if not one.of_offers]
    of_offers = [one for one in shop.properties if one.of_offers]
    files = {
        _numbered("groups", 1): dictionary(xml.groups(shop.groups, dialect)),
        _numbered("priceLists", 1): dictionary(xml.price_types(shop.price_types, dialect)),
        "storages/storages.xml": dictionary(xml.warehouses(shop.warehouses, dialect)),
        "units/units.xml": dictionary(xml.units(shop.units, dialect)),
        _numbered("propertiesGoods", 1): dictionary(xml.properties(of_goods, dialect, part=0)),
        _numbered("propertiesGoods", 2): dictionary(xml.properties(of_goods, dialect, part=1)),
        _numbered("propertiesOffers", 1): write(xml.package(), xml.classifier(xml.properties(of_offers, dialect))),
        _numbered("contragents", 1): write(xml.contragents(shop.contragents, dialect)),
    }
    for segment in SEGMENTS:
        files[_numbered("goods", segment)] = write(xml.catalogue(_goods(shop, dialect, segment)))
        files[_numbered("rests", segment)] = write(xml.package(_rests(shop, segment)))
    for segment in (1, 2):
        files[_numbered("offers", segment)] = write(xml.package(_offers(shop, dialect, segment)))
        files[_numbered("prices", segment)] = write(xml.package(_prices(shop, segment)))
    return files


def _numbered(entity: str, segment: int) -> str:
    return f"{entity}/{entity}_1_{segment}_{guid(f'file {entity} {segment}')}.xml"


def layout_packages(shop: Shop, encoding: str) -> Files:
    """Write 2.09: two packages of each kind. Their names are no order, so nothing depends on one."""
    dialect = PACKAGES

    def write(*content: Node) -> bytes:
        return xml.document(dialect, *content, encoding=encoding)

    of_goods = [one for one in shop.properties if not one.of_offers]
    of_offers = [one for one in shop.properties if one.of_offers]
    first = xml.classifier(
        xml.groups(shop.groups, dialect),
        xml.properties(of_goods, dialect, part=0),
        xml.units(shop.units, dialect),
    )
    second = xml.classifier(
        xml.properties(of_goods, dialect, part=1),
        xml.price_types(shop.price_types, dialect),
        xml.warehouses(shop.warehouses, dialect),
    )
    offer_properties = xml.classifier(xml.properties(of_offers, dialect))
    return {
        _package("import", 1): write(first, xml.catalogue(_goods(shop, dialect, 1))),
        _package("import", 2): write(second, xml.catalogue(_goods(shop, dialect, 2, 10))),
        _package("offers", 1): write(offer_properties, xml.package(_offers(shop, dialect, 1))),
        _package("offers", 2): write(xml.package(_offers(shop, dialect, 2))),
        _package("prices", 1): write(xml.package(_prices(shop, 1))),
        _package("prices", 2): write(xml.package(_prices(shop, 2))),
        _package("rests", 1): write(xml.package(_rests(shop, 1))),
        _package("rests", 2): write(xml.package(_rests(shop, 2, 10))),
        _package("contragents", 1): write(xml.contragents(shop.contragents, dialect)),
    }


def _package(entity: str, number: int) -> str:
    return f"{entity}___{guid(f'package {entity} {number}')}.xml"


def layout_classic(shop: Shop, encoding: str) -> Files:
    """Write 2.07: goods in one file, in another offers with their prices and stock, contragents in a third."""
    dialect = CLASSIC

    def write(*content: Node) -> bytes:
        return xml.document(dialect, *content, encoding=encoding)

    dictionaries = xml.classifier(xml.groups(shop.groups, dialect), xml.properties(shop.properties, dialect))
    offers = (
        xml.offer(one, *xml.prices(one.prices), *xml.stock_attributes(one.stocks), dialect=dialect)
        for one in shop.offers
    )
    names = {unit.code: unit for unit in shop.units}

    def unit_of(good: Good) -> Node:
        unit = names[good.unit]
        return node("БазоваяЕдиница", unit.name, Код=unit.code, НаименованиеПолное=unit.full_name)

    return {
        "import0_1.xml": write(dictionaries, xml.catalogue(_goods(shop, dialect, *SEGMENTS, unit_of=unit_of))),
        "offers0_1.xml": write(
            xml.package(
                xml.price_types(shop.price_types, dialect),
                xml.warehouses(shop.warehouses, dialect),
                node("Предложения", *offers),
            )
        ),
        "contragents.xml": write(xml.contragents(shop.contragents, dialect)),
    }


def _unit_code(good: Good) -> Node:
    return node("БазоваяЕдиница", good.unit)


def _goods(shop: Shop, dialect: Dialect, *segments: int, unit_of: Callable[[Good], Node] = _unit_code) -> Node:
    stated = (good for segment in segments for good in shop.goods if good.segment == segment)
    return node("Товары", *(xml.good(good, unit_of(good), dialect) for good in stated))


def _offers(shop: Shop, dialect: Dialect, segment: int) -> Node:
    stated = (one for one in shop.offers if one.segment == segment and one.listed)
    return node("Предложения", *(xml.offer(one, dialect=dialect) for one in stated))


def _prices(shop: Shop, segment: int) -> Node:
    stated = ((one.onec_id, xml.prices(one.prices)) for one in shop.offers if one.segment == segment)
    return node("Предложения", *_with_content(stated))


def _rests(shop: Shop, *segments: int) -> Node:
    stated = (
        (one.onec_id, xml.stock_elements(tuple(stock for stock in one.stocks if stock.segment == segment)))
        for segment in segments
        for one in shop.offers
    )
    return node("Предложения", *_with_content(stated))


def _with_content(stated: Iterable[tuple[str, Iterable[Node]]]) -> Iterable[Node]:
    """Leave out the offers about which a prices or rests file has nothing to say."""
    for onec_id, content in stated:
        parts = tuple(content)
        if parts:
            yield node("Предложение", node("Ид", onec_id), *parts)


LAYOUTS: dict[str, tuple[Callable[[Shop, str], Files], str]] = {
    "3.1": (layout_directories, "goods/"),
    "2.09": (layout_packages, ""),
    "2.07": (layout_classic, ""),
}
"""Layout -> (who writes its XML, where its `import_files` is)."""

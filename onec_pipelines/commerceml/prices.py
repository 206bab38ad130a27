"""Price types and the prices of offers.

    <ТипыЦен><ТипЦены><Ид>..</Ид><Наименование>..</Наименование><Валюта>RUB</Валюта></ТипЦены></ТипыЦен>
    <Предложение><Ид>..</Ид>
      <Цены><Цена><ИдТипаЦены>..</ИдТипаЦены><ЦенаЗаЕдиницу>3 159,50</ЦенаЗаЕдиницу><Валюта>руб</Валюта>
        <Единица>упак</Единица><Коэффициент>12</Коэффициент><МинКоличество>5</МинКоличество></Цена></Цены>
    </Предложение>

`Цены` stands in a `Товар` too, where some exporters put it. The list of an offer is complete.
"""

from collections.abc import Iterator, Mapping

from onec_pipelines.commerceml.facts import Reader, is_deleted, reject, states_none
from onec_pipelines.commerceml.records import Fact, Price, PriceList, PriceType, Rejection
from onec_pipelines.commerceml.values import MAX_ID_BYTES, ValueRejected, check_id, fits_index, parse_number
from onec_pipelines.commerceml.xml import Element, child_text, children, line_of, texts

TIER = ("Единица", "Коэффициент", "МинКоличество")
"""What tells the prices of one type in one list from each other."""


def read_price_type(element: Element) -> Iterator[Fact]:
    """A price type."""
    if states_none(element, "Ид", "Наименование"):
        return
    stated, line = child_text(element, "Ид"), line_of(element)
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("price_type", stated, rejected, line)
        return
    name = child_text(element, "Наименование") or ""
    yield PriceType(onec_id, name, child_text(element, "Валюта"), is_deleted(element), line)


def read_price_list(element: Element) -> Iterator[Fact]:
    """The prices of a good or an offer; nothing where it has no `Цены` at all."""
    prices = next((child for tag, child in children(element) if tag == "Цены"), None)
    if prices is None:
        return
    stated, line = child_text(element, "Ид"), line_of(element)
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("price", stated, rejected, line)
        return
    yield PriceList(onec_id, line)
    for tag, price in children(prices):
        if tag == "Цена" and (fact := _read_price(price, onec_id)) is not None:
            yield fact


def _read_price(element: Element, onec_id: str) -> Price | Rejection | None:
    stated = texts(element)
    value = _trimmed(stated.get("ЦенаЗаЕдиницу"))
    if value is None:
        return None
    price_type, line = _trimmed(stated.get("ИдТипаЦены")), line_of(element)
    unit, factor, min_quantity = (_trimmed(stated.get(name)) for name in TIER)
    try:
        if price_type is not None:
            check_id(price_type, "ИдТипаЦены")
        if unit is not None and not fits_index(unit):
            raise ValueRejected(f"Единица длиннее {MAX_ID_BYTES} байт")
        return Price(
            onec_id,
            price_type,
            parse_number(value, "ЦенаЗаЕдиницу"),
            _trimmed(stated.get("Валюта")),
            unit,
            factor and parse_number(factor, "Коэффициент"),
            min_quantity and parse_number(min_quantity, "МинКоличество"),
            line,
        )
    except ValueRejected as rejected:
        payload = {"ЦенаЗаЕдиницу": value, "ИдТипаЦены": price_type} | {
            name: content for name in TIER if (content := _trimmed(stated.get(name)))
        }
        return Rejection("price", onec_id, price_type or f"строка {line}", str(rejected), payload, line)


def _trimmed(content: str | None) -> str | None:
    return (content.strip() or None) if content else None


READERS: Mapping[str, Reader] = {
    "ТипЦены": read_price_type,
    "Товар": read_price_list,
    "Предложение": read_price_list,
}

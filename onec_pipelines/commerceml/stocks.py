"""Warehouses and the stock of offers, in each of the forms that 1C has for it.

    <Склады><Склад><Ид>..</Ид><Наименование>..</Наименование></Склад></Склады>
    <Предложение><Ид>..</Ид>
      <Остатки><Остаток><Склад><Ид>..</Ид><Количество>-2.5</Количество></Склад></Остаток></Остатки>   2.09, 3.1
      <Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>                          no warehouses
      <Склад ИдСклада=".." КоличествоНаСкладе="3"/>                                             2.0x
      <Количество>10</Количество>                                                               2.0x, bare
    </Предложение>

A bare quantity belongs to the default warehouse, and only where the offer states no warehouse.
"""

from collections.abc import Iterator, Mapping

from onec_pipelines.commerceml.facts import Element, Reader, is_blank, is_deleted, reject
from onec_pipelines.commerceml.records import Fact, Rejection, Stock, Warehouse
from onec_pipelines.commerceml.values import ValueRejected, check_id, parse_number
from onec_pipelines.commerceml.xml import child_text, children, line_of, parts, text

DEFAULT_WAREHOUSE = "default"


def read_warehouse(element: Element) -> Iterator[Fact]:
    """A warehouse."""
    if is_blank(element):
        return
    stated, line = child_text(element, "Ид"), line_of(element)
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("warehouse", stated, rejected, line)
        return
    yield Warehouse(onec_id, child_text(element, "Наименование") or "", is_deleted(element), line)


def read_stocks(element: Element) -> Iterator[Fact]:
    """The stock of a good or an offer; nothing where it states none."""
    cells = list(_cells(element))
    if not cells:
        return
    stated = child_text(element, "Ид")
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("stock", stated, rejected, line_of(element))
        return
    in_warehouses = any(warehouse != DEFAULT_WAREHOUSE for warehouse, _, _ in cells)
    for warehouse, quantity, line in cells:
        if warehouse != DEFAULT_WAREHOUSE or not in_warehouses:
            yield _stock(onec_id, warehouse, quantity, line)


def _stock(onec_id: str, warehouse: str | None, quantity: str, line: int) -> Stock | Rejection:
    try:
        return Stock(onec_id, check_id(warehouse, "Ид склада"), parse_number(quantity, "Количество"), line)
    except ValueRejected as rejected:
        payload = {"Количество": quantity, "Склад": warehouse}
        return Rejection("stock", onec_id, warehouse, str(rejected), payload, line)


def _cells(element: Element) -> Iterator[tuple[str | None, str, int]]:
    """Warehouse (None where it should be named and is not), quantity and line of each stated quantity."""
    for tag, child in children(element):
        if tag == "Количество":
            yield from _cell(DEFAULT_WAREHOUSE, text(child), child)
        elif tag == "Склад":
            warehouse = (child.get("ИдСклада") or "").strip() or child_text(child, "Ид")
            quantity = (child.get("КоличествоНаСкладе") or "").strip() or child_text(child, "Количество")
            yield from _cell(warehouse, quantity, child)
        elif tag == "Остатки":
            yield from _rests(child)


def _rests(element: Element) -> Iterator[tuple[str | None, str, int]]:
    for _, rest in children(element):
        for tag, child in parts(rest):
            if tag == "Склад":
                yield from _cell(child_text(child, "Ид"), child_text(child, "Количество"), child)
            elif tag == "Количество":
                yield from _cell(DEFAULT_WAREHOUSE, text(child), child)


def _cell(warehouse: str | None, quantity: str | None, element: Element) -> Iterator[tuple[str | None, str, int]]:
    if quantity is not None:
        yield warehouse, quantity, line_of(element)


READERS: Mapping[str, Reader] = {"Склад": read_warehouse, "Товар": read_stocks, "Предложение": read_stocks}

"""Warehouses and the stock of offers, in each of the forms that 1C has for it.

    <Склады><Склад><Ид>..</Ид><Наименование>..</Наименование></Склад></Склады>
    <Предложение><Ид>..</Ид>
      <Остатки><Остаток><Склад><Ид>..</Ид><Количество>-2.5</Количество></Склад></Остаток></Остатки>   2.09, 3.1
      <Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>                          no warehouses
      <Остатки/>                                                                                none at all
      <Склад ИдСклада=".." КоличествоНаСкладе="3"/>                                             2.0x
      <Количество>10</Количество>                                                               2.0x, bare
      <КоличествоНаСкладах><КоличествоНаСкладе><ИдСклада>..</ИдСклада><Количество>3</Количество></КоличествоНаСкладе>..
      <ОстаткиПоСкладу><ОстаткиПоСкладу><ИдСклада>..</ИдСклада><КоличествоНаСкладе>3</КоличествоНаСкладе></ОстаткиПоСкладу>..
    </Предложение>

Each of these elements may bear as attributes what another has as children. A bare quantity belongs to the default
warehouse, and only where the offer states no warehouse.
"""

from collections.abc import Iterator, Mapping

from onec_pipelines.commerceml.facts import Reader, is_blank, is_deleted, reject, states_none
from onec_pipelines.commerceml.records import Fact, Rejection, Stock, Warehouse
from onec_pipelines.commerceml.values import ValueRejected, check_id, parse_number
from onec_pipelines.commerceml.xml import Element, child_text, children, line_of, parts, text

DEFAULT_WAREHOUSE = "default"
LISTS = frozenset({"Остатки", "КоличествоНаСкладах", "ОстаткиПоСкладу", "Склады"})
"""One of these that holds nothing says that the offer has no stock."""
PLACES = LISTS | {"Остаток", "Склад", "КоличествоНаСкладе"}
STATED = ("ИдСклада", "Ид", "КоличествоНаСкладе", "Количество")
"""What an element says of a quantity, as attributes or as children."""
Cell = tuple[str | None, str, int]
"""Warehouse (None where it should be named and is not), quantity and line."""
WITHOUT_WAREHOUSES = {"Остатки": DEFAULT_WAREHOUSE, "Остаток": DEFAULT_WAREHOUSE}


def read_warehouse(element: Element) -> Iterator[Fact]:
    """A warehouse."""
    if states_none(element, "Ид", "Наименование"):
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
    cells: list[Cell] = []
    is_list_empty = False
    for tag, child in children(element):
        if tag in PLACES:
            _read_place(tag, child, cells)
            is_list_empty |= tag in LISTS and is_blank(child)
        elif tag == "Количество" and (quantity := text(child)):
            cells.append((DEFAULT_WAREHOUSE, quantity, line_of(child)))
    in_warehouses = any(warehouse != DEFAULT_WAREHOUSE for warehouse, _, _ in cells)
    is_emptied = is_list_empty and not in_warehouses
    if not cells and not is_emptied:
        return
    stated, line = child_text(element, "Ид"), line_of(element)
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("stock", stated, rejected, line)
        return
    if is_emptied:
        yield Stock(onec_id, None, None, line)
    for warehouse, quantity, place in cells:
        if warehouse != DEFAULT_WAREHOUSE or not in_warehouses:
            yield _stock(onec_id, warehouse, quantity, place)


def _stock(onec_id: str, warehouse: str | None, quantity: str, line: int) -> Stock | Rejection:
    try:
        return Stock(onec_id, check_id(warehouse, "Ид склада"), parse_number(quantity, "Количество"), line)
    except ValueRejected as rejected:
        payload = {"Количество": quantity, "Склад": warehouse}
        return Rejection("stock", onec_id, warehouse, str(rejected), payload, line)


def _read_place(tag: str, element: Element, cells: list[Cell]) -> None:
    """Add the quantity that an element states for itself, and those of the elements in it."""
    own = {name: value.strip() for name in STATED if (value := element.get(name))} if element.keys() else {}
    nested = []
    for name, child in parts(element):
        if name in PLACES and (len(child) or child.keys()):
            nested.append((name, child))
        elif content := text(child):
            own[name] = content
    if tag == "КоличествоНаСкладе" and (content := text(element)):
        own.setdefault(tag, content)
    quantity = own.get("КоличествоНаСкладе") or own.get("Количество")
    if quantity:
        warehouse = own.get("ИдСклада") or own.get("Ид") or WITHOUT_WAREHOUSES.get(tag)
        cells.append((warehouse, quantity, line_of(element)))
    for name, child in nested:
        _read_place(name, child, cells)


READERS: Mapping[str, Reader] = {"Склад": read_warehouse, "Товар": read_stocks, "Предложение": read_stocks}

"""From a file to facts: each record element goes to its reader, each container tells full or changes.

Which elements a dataset is made of stands in its own module (`catalog`, `prices`, `stocks`, `customers`): `READERS`
maps an element's local name to the function that reads it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from lxml import etree

from onec_pipelines.commerceml.extra import Tree, add_value, value_of
from onec_pipelines.commerceml.records import Fact, Mended, Package, Rejection
from onec_pipelines.commerceml.values import ValueRejected, fits_index, fold_guids, is_true, means_empty
from onec_pipelines.commerceml.xml import (
    CONTAINERS,
    MAX_RECORD_BYTES,
    Element,
    child_text,
    children,
    is_cut,
    line_of,
    local_name,
    parts,
    read_elements,
    text,
)

Reader = Callable[[Element], Iterator[Fact]]
OFFERS = frozenset({"ПакетПредложений", "ИзмененияПакетаПредложений"})
CHANGES_ONLY = "СодержитТолькоИзменения"
DELETED_STATUSES = frozenset({"удален", "удалён"})
ENTITIES = {
    "Товар": "product",
    "Предложение": "offer",
    "Группа": "category",
    "Свойство": "property",
    "СвойствоНоменклатуры": "property",
    "Справочник": "property_value",
    "Вариант": "property_value",
    "ВариантЗначения": "property_value",
    "ЕдиницаИзмерения": "unit",
    "ТипЦены": "price_type",
    "Склад": "warehouse",
    "Контрагент": "customer",
}
"""Local name of a record's element -> `rejected_records.entity`."""


def read_file(
    path: Path, shown: str, readers: Mapping[str, Reader], after_portion: Callable[[], None] | None = None
) -> Iterator[Fact]:
    """Every fact of one file, in its order; see `read_elements`, also for what it raises."""
    mended: list[Mended] = []
    for name, element in read_elements(path, shown, readers.keys(), after_portion, mended.append):
        if name in CONTAINERS:
            yield read_package(element)
        elif is_cut(element):
            yield reject_cut(name, element)
        else:
            yield from readers[name](element)
    yield from mended


def reject_cut(name: str, element: Element) -> Rejection:
    """The rejection of a record above `MAX_RECORD_BYTES`, whose beginning is all that was kept.

    The id of a contragent may name a person, and is not told.
    """
    stated = child_text(element, "Ид") if name != "Контрагент" else None
    reason = ValueRejected(f"{name}: длиннее {MAX_RECORD_BYTES // 2**20} МБ")
    return reject(ENTITIES[name], stated, reason, line_of(element))


def read_package(container: Element) -> Package:
    """Which lists a container held and whether it says only what has changed.

    The flag is an attribute or, in 2.03, a child that stands behind all the goods; absent means full, except
    in `ИзмененияПакетаПредложений`.
    """
    name = local_name(container)
    lists = frozenset(tag for tag, _ in children(container)) | {name}
    flag = container.get(CHANGES_ONLY) or child_text(container, CHANGES_ONLY)
    changes_only = is_true(flag) if flag else name.startswith("Изменения")
    catalog = child_text(container, "ИдКаталога" if name in OFFERS else "Ид")
    return Package(
        lists, changes_only, bool(flag), catalog and fold_guids(catalog), is_classifier=name == "Классификатор"
    )


def is_deleted(element: Element) -> bool:
    """Any of the four forms of a deletion mark."""
    return has_deleted_status(element) or any(is_deletion_mark(tag, child) for tag, child in children(element))


def has_deleted_status(element: Element) -> bool:
    """A deletion mark as an attribute: `Статус="Удален"`."""
    return (element.get("Статус") or "").strip().lower() in DELETED_STATUSES


def is_deletion_mark(tag: str, child: Element) -> bool:
    """A deletion mark as a child: `ПометкаУдаления`, or `Статус`."""
    if tag == "ПометкаУдаления":
        return is_true(text(child))
    return tag == "Статус" and (text(child) or "").lower() in DELETED_STATUSES


def is_blank(element: Element) -> bool:
    """Whether an element says nothing at all, as `<Предложение/>`; it is skipped."""
    return len(element) == 0 and not element.attrib and text(element) is None


def states_none(element: Element, *names: str) -> bool:
    """Whether an entry of a dictionary has none of these, its id and its names, and so says nothing; it is skipped."""
    return not any(child_text(element, name) for name in names)


def reject(
    entity: str,
    stated_id: str | None,
    reason: ValueRejected,
    line: int,
    payload: Mapping[str, str | None] | None = None,
) -> Rejection:
    """The rejection of a whole record; of an id that is too long only the first 100 characters are kept."""
    onec_id = stated_id if stated_id is None or fits_index(stated_id) else f"{stated_id[:100]}…"
    return Rejection(entity, onec_id, None, str(reason), payload or {}, line)


_CHILDREN_WITH_TWO_TEXTS = etree.XPath("*[*[text()][2]]")


def pairs_with_texts(parent: Element) -> list[Element]:
    """The children with at least two texts: 1C writes scores of pairs into a good, most of them without a value.

    libxml2 finds them in a fifth of the time that a loop in Python takes.
    """
    return cast("list[Element]", _CHILDREN_WITH_TWO_TEXTS(parent))


_CHILDREN_WITHOUT_A_KEY_IN_FRONT = etree.XPath("*[*[1][not(text()) or local-name() = $value]]")


def read_pairs(
    parent: Element, key: str, value: str, else_key: str = "", rest: list[object] | None = None
) -> dict[str, str | list[str]]:
    """`<Ид>..</Ид><Значение>..</Значение>` children as a mapping; empty values are left out, several kept.

    A pair without a `key` goes by its `else_key`. What pairs state besides is added to `rest`.
    """
    pairs: dict[str, str | list[str]] = {}
    for pair in pairs_with_texts(parent):
        name: str | None = None
        stated: list[str] = []
        is_odd = False
        for tag, child in parts(pair):
            if tag == key:
                name = text(child)
            elif tag != value:
                is_odd = True
            elif (content := text(child)) is not None and not means_empty(content):
                stated.append(content)
        if is_odd or name is None:
            name, beside = _read_odd_pair(pair, name, stated, (key, value, else_key))
            if rest is not None and beside:
                rest.append(beside)
        if name is not None and stated:
            add_values(pairs, name, stated)
    if rest is not None:
        suspects = cast("list[Element]", _CHILDREN_WITHOUT_A_KEY_IN_FRONT(parent, value=value))
        rest += [{value: lone} for pair in suspects if (lone := _lone_value(pair, value))]
    return pairs


def _lone_value(pair: Element, value: str) -> object:
    """The value of a pair in which nothing else has a text."""
    stated = [(tag, child) for tag, child in parts(pair) if text(child)]
    return value_of(stated[0][1]) if [tag for tag, _ in stated] == [value] else None


def _read_odd_pair(
    pair: Element, name: str | None, stated: list[str], tags: tuple[str, str, str]
) -> tuple[str | None, Tree]:
    """What a pair goes by, and what it states besides; its values, where it goes by nothing."""
    key, value, else_key = tags
    beside: Tree = {}
    for tag, child in children(pair):
        if tag not in tags:
            add_value(beside, tag, value_of(child))
    else_name = child_text(pair, else_key) if else_key else None
    if name is None:
        if else_name is None and stated:
            beside[value] = stated
        return else_name, beside
    add_value(beside, else_key, else_name if stated else None)
    return name, {key: name} | beside if beside else beside


def add_values(pairs: dict[str, str | list[str]], name: str, stated: list[str]) -> None:
    """Add values under a name: one stays a string, several become a list in their order."""
    known = pairs.get(name)
    if isinstance(known, list):
        known += stated  # in place: a name may be repeated a million times
    elif known is not None:
        pairs[name] = [known, *stated]
    else:
        pairs[name] = stated[0] if len(stated) == 1 else [*stated]

"""From a file to facts: each record element goes to its reader, each container tells full or changes.

What a dataset eats stands in its own module (`catalog`, `prices`, `stocks`, `customers`), as a mapping from an
element's local name to a reader.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from lxml import etree

from onec_pipelines.commerceml.records import Fact, Package, Refusal
from onec_pipelines.commerceml.values import ValueRefused, fits_index, is_true, means_empty
from onec_pipelines.commerceml.xml import (
    CONTAINERS,
    MAX_RECORD_BYTES,
    child_text,
    children,
    is_cut,
    line_of,
    local_name,
    parts,
    read_elements,
    text,
)

Element = etree._Element  # noqa: SLF001 - lxml's own name for its element type
Reader = Callable[[Element], Iterator[Fact]]
CHANGES_ONLY = "СодержитТолькоИзменения"
DELETED_STATUSES = frozenset({"удален", "удалён"})
ENTITIES = {
    "Товар": "product",
    "Предложение": "offer",
    "Группа": "category",
    "Свойство": "property",
    "СвойствоНоменклатуры": "property",
    "Справочник": "property_value",
    "ЕдиницаИзмерения": "unit",
    "ТипЦены": "price_type",
    "Склад": "warehouse",
    "Контрагент": "customer",
}
"""What a record is called in `rejected_records`."""


def read_file(
    path: Path, shown: str, readers: Mapping[str, Reader], after_portion: Callable[[], None] | None = None
) -> Iterator[Fact]:
    """Every fact of one file, in its order; see `read_elements`, also for what it raises."""
    for name, element in read_elements(path, shown, readers.keys(), after_portion):
        if name in CONTAINERS:
            yield read_package(element)
        elif is_cut(element):
            yield reject_cut(name, element)
        else:
            yield from readers[name](element)


def reject_cut(name: str, element: Element) -> Refusal:
    """A record that is too long to be one, by what is left of it."""
    stated = child_text(element, "Ид")
    reason = ValueRefused(f"{name}: длиннее {MAX_RECORD_BYTES // 2**20} МБ")
    return refuse(ENTITIES[name], stated, reason, line_of(element))


def read_package(container: Element) -> Package:
    """Which lists a container held and whether it says only what has changed.

    The flag is an attribute or, in 2.03, a child that stands behind all the goods; absent means full, except
    in `ИзмененияПакетаПредложений`.
    """
    name = local_name(container)
    lists = frozenset(tag for tag, _ in children(container)) | {name}
    flag = container.get(CHANGES_ONLY) or child_text(container, CHANGES_ONLY)
    changes_only = is_true(flag) if flag else name.startswith("Изменения")
    return Package(lists, changes_only)


def is_deleted(element: Element) -> bool:
    """Any of the four forms of a deletion mark."""
    return has_deleted_status(element) or any(is_deletion_mark(tag, child) for tag, child in children(element))


def has_deleted_status(element: Element) -> bool:
    """The form that is an attribute."""
    return (element.get("Статус") or "").strip().lower() in DELETED_STATUSES


def is_deletion_mark(tag: str, child: Element) -> bool:
    """The forms that are a child of what is deleted."""
    if tag == "ПометкаУдаления":
        return is_true(text(child))
    return tag == "Статус" and (text(child) or "").lower() in DELETED_STATUSES


def is_blank(element: Element) -> bool:
    """`<Предложение/>`: such an element is nothing."""
    return len(element) == 0 and not element.attrib and text(element) is None


def refuse(
    entity: str, stated_id: str | None, reason: ValueRefused, line: int, payload: Mapping[str, str | None] | None = None
) -> Refusal:
    """A record that is refused whole; of an id too long to be one only the beginning is kept."""
    onec_id = stated_id if stated_id is None or fits_index(stated_id) else f"{stated_id[:100]}…"
    return Refusal(entity, onec_id, None, str(reason), payload or {}, line)


_CHILDREN_WITH_TWO_TEXTS = etree.XPath("*[*[text()][2]]")


def pairs_with_texts(parent: Element) -> list[Element]:
    """The children that may hold a key and a value: 1C writes scores of pairs a good, and leaves most of them empty.

    libxml2 sorts those out in a fifth of the time that looking at them takes.
    """
    return cast("list[Element]", _CHILDREN_WITH_TWO_TEXTS(parent))


def read_pairs(parent: Element, key: str, value: str) -> dict[str, str | list[str]]:
    """`<Ид>..</Ид><Значение>..</Значение>` children as a mapping; empty values are left out, several kept."""
    pairs: dict[str, str | list[str]] = {}
    for pair in pairs_with_texts(parent):
        name: str | None = None
        stated: list[str] = []
        for tag, child in parts(pair):
            if tag == key:
                name = text(child)
            elif tag == value and (content := text(child)) is not None and not means_empty(content):
                stated.append(content)
        if name is not None and stated:
            add_values(pairs, name, stated)
    return pairs


def add_values(pairs: dict[str, str | list[str]], name: str, stated: list[str]) -> None:
    """Add values under a name: one stays a string, several become a list in their order."""
    known = pairs.get(name)
    if isinstance(known, list):
        known += stated  # in place: a name may be repeated a million times
    elif known is not None:
        pairs[name] = [known, *stated]
    else:
        pairs[name] = stated[0] if len(stated) == 1 else [*stated]

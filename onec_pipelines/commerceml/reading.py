"""From a file to facts: each record element goes to its reader, each container tells full or changes.

What a dataset eats stands in its own module (`catalog`, `prices`, `stocks`, `customers`), as a mapping from an
element's local name to a reader.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lxml import etree

from onec_pipelines.commerceml.records import Fact, Package, Refusal
from onec_pipelines.commerceml.values import ValueRefused, fits_index, is_true, means_empty
from onec_pipelines.commerceml.xml import CONTAINERS, child_text, children, local_name, read_elements, text

Element = etree._Element  # noqa: SLF001 - lxml's own name for its element type
Reader = Callable[[Element], Iterator[Fact]]
CHANGES_ONLY = "СодержитТолькоИзменения"
DELETED_STATUSES = frozenset({"удален", "удалён"})


def read_file(path: Path, shown: str, readers: Mapping[str, Reader]) -> Iterator[Fact]:
    """Every fact of one file, in its order.

    Raises:
        ExportError: as `read_elements`.
    """
    for name, element in read_elements(path, shown, readers.keys()):
        if name in CONTAINERS:
            yield read_package(element)
        else:
            yield from readers[name](element)


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
    if (element.get("Статус") or "").strip().lower() in DELETED_STATUSES:
        return True
    for tag, child in children(element):
        if tag == "ПометкаУдаления" and is_true(text(child)):
            return True
        if tag == "Статус" and (text(child) or "").lower() in DELETED_STATUSES:
            return True
    return False


def is_blank(element: Element) -> bool:
    """`<Предложение/>`: such an element is nothing."""
    return len(element) == 0 and not element.attrib and text(element) is None


def refuse(
    entity: str, stated_id: str | None, reason: ValueRefused, line: int, payload: Mapping[str, str | None] | None = None
) -> Refusal:
    """A record that is refused whole; of an id too long to be one only the beginning is kept."""
    onec_id = stated_id if stated_id is None or fits_index(stated_id) else f"{stated_id[:100]}…"
    return Refusal(entity, onec_id, None, str(reason), payload or {}, line)


def read_pairs(parent: Element, key: str, value: str) -> dict[str, str | list[str]]:
    """`<Ид>..</Ид><Значение>..</Значение>` children as a mapping; empty values are left out, several kept."""
    pairs: dict[str, str | list[str]] = {}
    for _, pair in children(parent):
        name: str | None = None
        stated: list[str] = []
        for tag, child in children(pair):
            content = text(child)
            if tag == key:
                name = content
            elif tag == value and content is not None and not means_empty(content):
                stated.append(content)
        if name is not None and stated:
            add_values(pairs, name, stated)
    return pairs


def add_values(pairs: dict[str, str | list[str]], name: str, stated: list[str]) -> None:
    """Add values under a name: one stays a string, several become a list in their order."""
    known = pairs.get(name, [])
    merged = [*([known] if isinstance(known, str) else known), *stated]
    pairs[name] = merged[0] if len(merged) == 1 else merged

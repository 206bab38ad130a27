"""Streaming XML: the one file that knows iterparse; everything else sees elements and records.

A reader is a function from one element to records. `read_elements` walks a file of any size in flat memory,
hands out each element that one of the readers eats, and frees it. Namespaces differ from file to file, so tags
are local names. Entities stay unresolved and nothing is fetched.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from lxml import etree

from onec_pipelines.errors import ExportError

ADVICE = "Повторите выгрузку из 1С."
NOT_XML = (
    (re.compile(rb"PK\x03\x04"), "архив ZIP, а не XML: распакуйте его"),
    (re.compile(rb"\s*<(!doctype\s+)?html", re.IGNORECASE), "страница HTML, а не XML"),
    (re.compile(rb"\x1f\x8b"), "архив gzip, а не XML: распакуйте его"),
)
ROOT = "КоммерческаяИнформация"
BULKY = frozenset(
    {
        "Товар",
        "Предложение",
        "Группа",
        "Свойство",
        "СвойствоНоменклатуры",
        "Справочник",
        "ТипЦены",
        "Склад",
        "ЕдиницаИзмерения",
        "Контрагент",
        "Документ",
    }
)
"""Elements that repeat without bound: freed as they end, wanted or not."""
PARENTS = {
    "Товар": "Товары",
    "Предложение": "Предложения",
    "Группа": "Группы",
    "Свойство": "Свойства",
    "СвойствоНоменклатуры": "Свойства",
    "Справочник": "ВариантыЗначений",
    "ТипЦены": "ТипыЦен",
    "Склад": "Склады",
    "ЕдиницаИзмерения": "ЕдиницыИзмерения",
    "Контрагент": "Контрагенты",
}
"""Where an element is a record of its own: `Склад` in `Склады` is a warehouse, in `Остаток` a part of a stock."""
CONTAINERS = frozenset({"Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений", "Классификатор", "Контрагенты"})


class _LocalNames(dict[str, str]):
    """Local name by qualified tag, each worked out once."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition("}")[2]
        return name


_local_names = _LocalNames()


def local_name(element: etree._Element) -> str:
    """`Ид` for `{urn:1C.ru:commerceml_3}Ид`."""
    return _local_names[element.tag]


def children(element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Each child element with its local name."""
    for child in element:
        yield _local_names[child.tag], child


def text(element: etree._Element) -> str | None:
    """The trimmed text of an element, None when there is none."""
    content = element.text
    return (content.strip() or None) if content else None


def trimmed(element: etree._Element) -> str | None:
    """The trimmed text of an element, empty where it holds spaces, None where it holds nothing."""
    return element.text.strip() if element.text else None


def child_text(element: etree._Element, name: str) -> str | None:
    """The text of the first child of that local name."""
    return next((text(child) for tag, child in children(element) if tag == name), None)


def line_of(element: etree._Element) -> int:
    """The line on which the element starts in its file (0 when the parser does not know)."""
    line: int | None = element.sourceline  # type: ignore[assignment]
    return line or 0


def read_elements(path: Path, shown: str, wanted: Collection[str]) -> Iterator[tuple[str, etree._Element]]:
    """Yield each wanted record element and each container (`Каталог`, `ПакетПредложений`, ...) as it ends.

    Args:
        path: the file.
        shown: how messages name it: relative to the export.
        wanted: local names among `PARENTS`.

    Raises:
        ExportError: the file cannot be read, is empty, is not XML, breaks off, or is not CommerceML.
    """
    reject_foreign(path, shown)
    tags = [f"{{*}}{name}" for name in {*wanted, *BULKY, *CONTAINERS, ROOT}]
    events = etree.iterparse(
        str(path),
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        yield from _walk(events, shown, wanted)
    except etree.XMLSyntaxError as error:
        raise ExportError(
            f"Файл {shown} не читается как XML (строка {error.lineno or 0}): {_plain(error)}. "
            f"Вероятно, он выгружен не до конца. Импорт не выполнен, данные не изменены. {ADVICE}"
        ) from error
    except OSError as error:
        raise _unreadable(shown, error) from error


def _walk(
    events: Iterator[tuple[str, etree._Element]], shown: str, wanted: Collection[str]
) -> Iterator[tuple[str, etree._Element]]:
    name = ""
    for _, element in events:
        name = local_name(element)
        if name in CONTAINERS:
            yield name, element
        parent = element.getparent()
        if parent is None or name not in BULKY:
            continue
        parent_name = PARENTS.get(name)
        if parent_name is not None and local_name(parent) != parent_name:
            continue
        if name in wanted:
            yield name, element
        _free(element, parent)
    if name != ROOT:
        raise ExportError(f"Файл {shown} не похож на выгрузку 1С: корневой элемент должен быть {ROOT}. {ADVICE}")


def _free(element: etree._Element, parent: etree._Element) -> None:
    element.clear()
    while element.getprevious() is not None:
        del parent[0]


def reject_foreign(path: Path, shown: str) -> None:
    """Raise ExportError with what the file really is, where its first bytes tell that it is no XML."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise _unreadable(shown, error) from error
    if not head.strip():
        raise ExportError(f"Файл {shown} пуст. Импорт не выполнен, данные не изменены. {ADVICE}")
    for pattern, found in NOT_XML:
        if pattern.match(head.removeprefix(b"\xef\xbb\xbf")):
            raise ExportError(f"Файл {shown}: это {found}. Импорт не выполнен, данные не изменены. {ADVICE}")


def _unreadable(shown: str, error: OSError) -> ExportError:
    return ExportError(f"Файл {shown} не удалось прочитать: {error.strerror}. Проверьте права доступа к выгрузке.")


def _plain(error: etree.XMLSyntaxError) -> str:
    """The parser's complaint without the position that the sentence states itself."""
    return re.sub(r", line \d+.*$", "", error.msg or "").strip()[:200]

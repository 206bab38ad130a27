"""Streaming XML: the one file that knows iterparse; everything else sees elements and records.

A reader is a function from one element to records. `read_elements` walks a file of any size in constant memory,
yields each element that has a reader, and then frees it. Namespaces differ from file to file, so tags
are local names. A file with a DTD is refused, so there are no entities to resolve, and nothing is fetched.

A record longer than `MAX_RECORD_BYTES` is cut: its further parts are dropped while it is read, and `is_cut` tells that
it is not what 1C stated.
"""

import codecs
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from onec_pipelines.commerceml.encoding import HEAD_BYTES, encoding_of
from onec_pipelines.commerceml.export import unreadable
from onec_pipelines.errors import ExportError

Element = etree._Element  # noqa: SLF001 - lxml's own name for its element type
ADVICE = "Повторите выгрузку из 1С."
UNCHANGED = "Импорт не выполнен, данные не изменены."
NOT_XML = (
    (re.compile(rb"PK\x03\x04"), "архив ZIP, а не XML: распакуйте его"),
    (re.compile(rb"\s*<(!doctype\s+)?html", re.IGNORECASE), "страница HTML, а не XML"),
    (re.compile(rb"\x1f\x8b"), "архив gzip, а не XML: распакуйте его"),
    (re.compile(rb"(?![\s\x00\xfe\xff]*<)"), "не XML"),
)
_BREAKS_OFF = "файл обрывается, вероятно, он выгружен не до конца"
_MARKUP = "в тексте или в теге есть знак < или &, который не записан как &lt; или &amp;"
_CHARACTER = "в тексте есть знак, который в XML недопустим"
_ENCODING = "знаки не в той кодировке, которая объявлена в первой строке"
FAULTS = {
    "ERR_TAG_NAME_MISMATCH": "теги закрыты не в том порядке, или в тексте есть знак <, который не записан как &lt;",
    "ERR_TAG_NOT_FINISHED": _BREAKS_OFF,
    "ERR_GT_REQUIRED": _BREAKS_OFF,
    "ERR_CDATA_NOT_FINISHED": _BREAKS_OFF,
    "ERR_DOCUMENT_END": "за концом выгрузки в файле стоит ещё что-то",
    "ERR_NAME_REQUIRED": _MARKUP,
    "ERR_ENTITYREF_SEMICOL_MISSING": _MARKUP,
    "ERR_LT_IN_ATTRIBUTE": _MARKUP,
    "ERR_INVALID_CHAR": _CHARACTER,
    "ERR_INVALID_ENCODING": _ENCODING,
    "ERR_UNSUPPORTED_ENCODING": "кодировка, которая объявлена в первой строке, неизвестна",
    "ERR_ENCODING_NAME": "кодировка, которая объявлена в первой строке, неизвестна",
    "ERR_RESOURCE_LIMIT": "слишком длинный текст или слишком глубокая вложенность",
}
"""What is wrong with a file, by libxml2's name of it. Its own words quote the file, and may quote a person."""
ROOT = "КоммерческаяИнформация"
BULKY = frozenset(
    {
        "Товар",
        "Предложение",
        "Группа",
        "Свойство",
        "СвойствоНоменклатуры",
        "Справочник",
        "Вариант",
        "ВариантЗначения",
        "ТипЦены",
        "Склад",
        "ЕдиницаИзмерения",
        "Контрагент",
        "Документ",
    }
)
"""Elements that repeat without bound: freed as they end, wanted or not."""
MAX_RECORD_BYTES = 32 * 2**20
"""A text has at most 10 MB (libxml2's limit); everything else in a good has some hundred KB."""
KEPT_PARTS = 100
"""How many elements of a cut record are kept, its identifier among them."""
CUT = "{urn:onec_pipelines}cut"
"""The attribute by which a cut record is known."""
PORTION_BYTES = 16 * 2**20
"""After so many bytes `after_portion` is called, so that the caller can write out what it has gathered."""
LAST_EXACT_LINE = 65_534
"""libxml2 keeps the line of an element in 16 bits."""
LOOKED_AHEAD = 5
"""How many nodes libxml2 looks at to find the line of an element beyond that."""
PARENTS = {
    "Товар": "Товары",
    "Предложение": "Предложения",
    "Группа": "Группы",
    "Свойство": "Свойства",
    "СвойствоНоменклатуры": "Свойства",
    "Справочник": "ВариантыЗначений",
    "Вариант": "ВариантыЗначений",
    "ВариантЗначения": "ВариантыЗначений",
    "ТипЦены": "ТипыЦен",
    "Склад": "Склады",
    "ЕдиницаИзмерения": "ЕдиницыИзмерения",
    "Контрагент": "Контрагенты",
}
"""Element -> the parent in which it is a record: `Склад` in `Склады` is a warehouse, in `Остаток` part of a stock."""
LISTS = frozenset(PARENTS.values())
ITEMS = frozenset({"Товар", "Предложение"})
"""What stands in a list in one of these is a part of it: `Склады` of a stock, `ЕдиницыИзмерения` of a good."""
FOREIGN_OWNERS = frozenset({"Документ", "ПодчиненныйДокумент"})
"""Orders repeat goods, contragents and warehouses under the same names; those are not records of the export."""
CONTAINERS = frozenset({"Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений", "Классификатор", "Контрагенты"})


class _LocalNames(dict[str, str]):
    """Local name by qualified tag, each worked out once."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition("}")[2]
        return name


_local_names = _LocalNames()


def local_name(element: Element) -> str:
    """`Ид` for `{urn:1C.ru:commerceml_3}Ид`."""
    return _local_names[element.tag]


def children(element: Element) -> Iterator[tuple[str, Element]]:
    """Each child element with its local name."""
    for child in element:
        yield _local_names[child.tag], child


def parts(element: Element) -> list[tuple[str, Element]]:
    """`children` as a list, in two thirds of the time: for small elements of which there are many."""
    return [(_local_names[child.tag], child) for child in element]


def texts(element: Element) -> dict[str, str | None]:
    """The text of each child as it is, by local name; the last of a name counts."""
    return {_local_names[child.tag]: child.text for child in element}


def text(element: Element) -> str | None:
    """The trimmed text of an element, None when there is none."""
    content = element.text
    return (content.strip() or None) if content else None


def trimmed(element: Element) -> str | None:
    """The trimmed text of an element, empty where it holds spaces, None where it holds nothing."""
    return element.text.strip() if element.text else None


def child_text(element: Element, name: str) -> str | None:
    """The text of the first child of that local name."""
    for child in element:
        if _local_names[child.tag] == name:
            return text(child)
    return None


def line_of(element: Element) -> int:
    """The line on which the element starts in its file (0 when the parser does not know)."""
    line: int = element.sourceline or 0  # type: ignore[assignment]
    return line if line <= LAST_EXACT_LINE else line - _newlines_of_first_text(element)


def _newlines_of_first_text(element: Element) -> int:
    """By how many lines `sourceline` is too high beyond `LAST_EXACT_LINE`.

    There libxml2 gives the line where the first text in or behind the element ends.
    """
    node: Element | None = element
    for _ in range(LOOKED_AHEAD):
        if node is None:
            break
        if node.text:
            return node.text.count("\n")
        if len(node) == 0 and node.tail:
            return node.tail.count("\n")
        node = node[0] if len(node) else node.getnext()
    return 0


def is_cut(element: Element) -> bool:
    """Whether a record was too long to be kept whole."""
    return element.get(CUT) is not None


def read_elements(
    path: Path, shown: str, wanted: Collection[str], after_portion: Callable[[], None] | None = None
) -> Iterator[tuple[str, Element]]:
    """Yield each wanted record element and each container (`Каталог`, `ПакетПредложений`, ...) as it ends.

    Args:
        path: the file.
        shown: how messages name it: relative to the export.
        wanted: local names among `PARENTS`.
        after_portion: called whenever another `PORTION_BYTES` have been read.

    Raises:
        ExportError: the file cannot be read, is empty, is not XML, breaks off, or is not CommerceML.
    """
    try:
        with open(os.fsencode(path), "rb") as stream:  # noqa: PTH123 - lxml takes the name as UTF-8, or as bytes
            _refuse_foreign(stream, shown)
            source = _Source(stream, after_portion)
            yield from _walk(_parse(source, wanted), source, shown, wanted)
    except etree.XMLSyntaxError as error:
        raise ExportError(
            f"Файл {shown} не читается как XML (строка {error.lineno or 0}): {_fault(error)}. {UNCHANGED} {ADVICE}"
        ) from None  # whoever shows an error with its cause would show the file's words
    except OSError as error:
        raise unreadable(shown, error) from error


class _Source:
    """The file as the parser reads it: cuts a record that is too long, and calls `after_portion`."""

    def __init__(self, stream: BinaryIO, after_portion: Callable[[], None] | None) -> None:
        self.stream = stream
        self.after_portion = after_portion
        self.root: Element | None = None
        self.unfinished = 0
        """Bytes read since a record ended."""
        self.portion = 0

    def read(self, size: int) -> bytes:
        """What the parser asks for."""
        if self.unfinished > MAX_RECORD_BYTES and self.root is not None:
            _cut(self.root)
        if self.portion >= PORTION_BYTES and self.after_portion:
            self.portion = 0
            self.after_portion()
        data = self.stream.read(size)
        self.unfinished += len(data)
        self.portion += len(data)
        return data


def _cut(root: Element) -> None:
    """Drop the parts of the record being read, except the first `KEPT_PARTS` and those not yet complete."""
    record, around = None, root
    while len(around):
        element = around[-1]
        if _is_record(local_name(element), _list_name(around)):
            record = element
        around = element
    if record is None:
        return
    record.set(CUT, "")
    part, kept = record, KEPT_PARTS
    while len(part):
        del part[kept:-1]
        part, kept = part[-1], 0


def _parse(source: _Source, wanted: Collection[str]) -> Iterator[tuple[str, Element]]:
    encoding = encoding_of(source.stream.read(HEAD_BYTES))
    source.stream.seek(0)
    events: Iterator[tuple[str, Element]] = etree.iterparse(
        source,
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in {*wanted, *BULKY, *CONTAINERS, ROOT}],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        encoding="windows-1251" if encoding == "cp1251" else None,  # libxml2 knows two of its names
    )
    return events


def _walk(
    events: Iterator[tuple[str, Element]], source: _Source, shown: str, wanted: Collection[str]
) -> Iterator[tuple[str, Element]]:
    name, around, around_name = "", None, ""
    for event, element in events:
        if event == "start":
            source.root = source.root if source.root is not None else element.getroottree().getroot()
            continue
        if not name:
            _refuse_document(element.getroottree(), shown)
        name = local_name(element)
        parent = element.getparent()
        if parent is None:
            continue
        if parent is not around:  # most elements follow one in the same list
            around, around_name, is_foreign = parent, _list_name(parent), _is_foreign(parent)
        if name in CONTAINERS and around_name not in FOREIGN_OWNERS:
            yield name, element
        if not _is_record(name, around_name):
            continue
        if name in wanted and not is_foreign:
            yield name, element
        _free(element, parent)
        source.unfinished = 0
    if not name:
        raise _not_commerceml(shown)


def _is_record(name: str, around_name: str) -> bool:
    return name in BULKY and PARENTS.get(name, around_name) == around_name


def _list_name(parent: Element) -> str:
    """The name of a list; empty where it is a part of a good or an offer."""
    name = local_name(parent)
    is_part = name in LISTS and any(local_name(around) in ITEMS for around in parent.iterancestors())
    return "" if is_part else name


def _is_foreign(parent: Element) -> bool:
    owner = parent.getparent()
    return owner is not None and local_name(owner) in FOREIGN_OWNERS


def _free(element: Element, parent: Element) -> None:
    element.clear()
    while element.getprevious() is not None:
        del parent[0]


def _refuse_foreign(stream: BinaryIO, shown: str) -> None:
    """Raise ExportError with what the file really is, where its first bytes tell that it is no XML."""
    head = stream.read(512).removeprefix(codecs.BOM_UTF8)
    stream.seek(0)
    if not head.strip():
        raise ExportError(f"Файл {shown} пуст. {UNCHANGED} {ADVICE}")
    for pattern, found in NOT_XML:
        if pattern.match(head):
            raise ExportError(f"Файл {shown}: это {found}. {UNCHANGED} {ADVICE}")


def _refuse_document(tree: etree._ElementTree, shown: str) -> None:
    """Raise ExportError for another root or a DTD.

    1C writes no DTD; without one there are no entities, whose text would be missing or fetched.
    """
    if local_name(tree.getroot()) != ROOT:
        raise _not_commerceml(shown)
    if tree.docinfo.internalDTD is not None:
        raise ExportError(f"Файл {shown} содержит DTD (<!DOCTYPE>): 1С так не выгружает. {UNCHANGED} {ADVICE}")


def _not_commerceml(shown: str) -> ExportError:
    return ExportError(
        f"Файл {shown} не похож на выгрузку 1С: корневой элемент должен быть {ROOT}. {UNCHANGED} {ADVICE}"
    )


def _fault(error: etree.XMLSyntaxError) -> str:
    """What is wrong, in our words."""
    return FAULTS.get(etree.ErrorTypes._getName(error.code, ""), "ошибка разметки")  # type: ignore[attr-defined]  # noqa: SLF001

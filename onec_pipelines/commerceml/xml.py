"""Streaming XML: the one file that knows iterparse; everything else sees elements and records.

A reader is a function from one element to records. `read_elements` walks a file of any size in constant memory,
yields each element that has a reader, and then frees it. Namespaces differ from file to file, so tags
are local names. A file with a DTD is refused, so there are no entities to resolve, and nothing is fetched.

A file that the parser refuses is read once more, with what can be mended without a guess mended (mending.py): what has
been yielded is not yielded again.

A record longer than `MAX_RECORD_BYTES` is cut: its further parts are dropped while it is read, and `is_cut` tells that
it is not what 1C stated.
"""

import codecs
import os
import re
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from onec_pipelines.commerceml.encoding import HEAD_BYTES, MENDABLE, encoding_of
from onec_pipelines.commerceml.export import unreadable
from onec_pipelines.commerceml.mending import MendedStream
from onec_pipelines.commerceml.records import Mended
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
_UNKNOWN_NAME = "в тексте есть имя знака (&имя;), которого нет ни в XML, ни в HTML"
_OPEN_TAG = "тег не закрыт: в нём нет знака >"
FAULTS = {
    "ERR_TAG_NAME_MISMATCH": "теги закрыты не в том порядке, или в тексте есть знак <, который не записан как &lt;",
    "ERR_TAG_NOT_FINISHED": _OPEN_TAG,
    "ERR_GT_REQUIRED": _OPEN_TAG,
    "ERR_CDATA_NOT_FINISHED": "раздел CDATA не закрыт",
    "ERR_COMMENT_NOT_FINISHED": "комментарий не закрыт",
    "ERR_DOCUMENT_END": "за концом выгрузки в файле стоит ещё что-то",
    "ERR_RESERVED_XML_NAME": "объявление <?xml стоит не в начале файла: вероятно, в нём две выгрузки подряд",
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
UNKNOWN_FAULT = "ошибка разметки"
OF_A_BROKEN_END = frozenset(
    {
        "ERR_TAG_NOT_FINISHED",
        "ERR_GT_REQUIRED",
        "ERR_CDATA_NOT_FINISHED",
        "ERR_COMMENT_NOT_FINISHED",
    }
)
"""What libxml2 finds, too, where a file breaks off; within a reference it finds an ampersand."""
IN_A_REFERENCE = re.compile(rb"&#?[A-Za-z0-9]*\Z")
ROOT = "КоммерческаяИнформация"
END = re.compile(rb"</(?:[^\s<>/:!?]{1,40}:)?" + ROOT.encode() + rb"\s*>\s*\Z")
"""How the bytes of a whole file end, in UTF-8."""
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
    path: Path,
    shown: str,
    wanted: Collection[str],
    after_portion: Callable[[], None] | None = None,
    note: Callable[[Mended], object] = lambda _: None,
) -> Iterator[tuple[str, Element]]:
    """Yield each wanted record element and each container (`Каталог`, `ПакетПредложений`, ...) as it ends.

    Args:
        path: the file.
        shown: how messages name it: relative to the export.
        wanted: local names among `PARENTS`.
        after_portion: called whenever another `PORTION_BYTES` have been read.
        note: called in the end with each kind of fault that was mended.

    Raises:
        ExportError: the file cannot be read, is empty, is not XML, breaks off, or is not CommerceML.
    """
    try:
        with open(os.fsencode(path), "rb") as stream:  # noqa: PTH123 - lxml takes the name as UTF-8, or as bytes
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            _refuse_foreign(head, shown)
            encoding, taken = encoding_of(head), 0
            forced = "windows-1251" if encoding == "cp1251" else None  # libxml2 knows two of its names
            try:
                for found in _walk(_Source(stream, after_portion), forced, shown, wanted):
                    taken += 1
                    yield found
            except etree.XMLSyntaxError as error:
                fault, line = _fault(error)
            else:
                return
            if encoding not in MENDABLE:
                raise _refusal(shown, FAULTS.get(fault, UNKNOWN_FAULT), line)
            again = MendedStream(stream, encoding)
            yield from islice(_read_mended(again, after_portion, shown, wanted), taken, None)
            if not again.mends:  # it is another file by now
                raise _refusal(shown, FAULTS.get(fault, UNKNOWN_FAULT), line)
            for what, (times, line) in again.mends.items():
                note(Mended(what, times, line))
    except OSError as error:
        raise unreadable(shown, error) from error


def _read_mended(
    source: MendedStream, after_portion: Callable[[], None] | None, shown: str, wanted: Collection[str]
) -> Iterator[tuple[str, etree._Element]]:
    """Read a file a second time, and say of what is still wrong where and what it is."""
    try:
        yield from _walk(_Source(source, after_portion), "utf-8", shown, wanted)
    except UnicodeDecodeError:
        raise _refusal(shown, _ENCODING, source.line) from None  # whoever shows an error with its cause ...
    except etree.XMLSyntaxError as error:  # ... would show the file's words
        name, line = _fault(error)
        if source.unknown_line and not line:
            raise _refusal(shown, _UNKNOWN_NAME, source.unknown_line) from None
        breaks_off = source.ends_with(IN_A_REFERENCE) or (name in OF_A_BROKEN_END and not source.ends_with(END))
        raise _refusal(shown, _BREAKS_OFF if breaks_off else FAULTS.get(name, UNKNOWN_FAULT), line) from None


def _fault(error: etree.XMLSyntaxError) -> tuple[str, int]:
    """Libxml2's name of a fault, and its line. Its words quote the file."""
    return etree.ErrorTypes._getName(error.code, ""), error.lineno or 0  # type: ignore[attr-defined]  # noqa: SLF001


def _refusal(shown: str, fault: str, line: int) -> ExportError:
    return ExportError(f"Файл {shown} не читается как XML (строка {line}): {fault}. {UNCHANGED} {ADVICE}")


class _Source:
    """The file as the parser reads it: cuts a record that is too long, and calls `after_portion`."""

    def __init__(self, stream: BinaryIO | MendedStream, after_portion: Callable[[], None] | None) -> None:
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


def _parse(source: _Source, encoding: str | None, wanted: Collection[str]) -> Iterator[tuple[str, Element]]:
    events: Iterator[tuple[str, Element]] = etree.iterparse(
        source,
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in {*wanted, *BULKY, *CONTAINERS, ROOT}],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        encoding=encoding,
    )
    return events


def _walk(source: _Source, encoding: str | None, shown: str, wanted: Collection[str]) -> Iterator[tuple[str, Element]]:
    name, around, around_name = "", None, ""
    for event, element in _parse(source, encoding, wanted):
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


def _refuse_foreign(head: bytes, shown: str) -> None:
    """Raise ExportError with what the file really is, where its first bytes tell that it is no XML."""
    head = head.removeprefix(codecs.BOM_UTF8)
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

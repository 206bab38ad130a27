"""What a file of an export holds: its hash, how often each known tag opens, whether it ends as it should.

One pass over the bytes gives all three; a look for one tag stops where that first opens. What is no part of an export
is told here: orders, whose goods and contragents are their own, and, unless their name promises what we import, empty
files and those of another root.
"""

import codecs
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from onec_pipelines.commerceml.encoding import DECODED, HEAD_BYTES, encoding_of
from onec_pipelines.commerceml.export import ExportFile, is_beside_offers, natural_key, numbers_of, unreadable
from onec_pipelines.commerceml.xml import END, ROOT
from onec_pipelines.datasets import BY_NAME, DIRECTORIES, IMPORTED

CHUNK = 1 << 20
OFFER_MARKS = frozenset({"ХарактеристикиТовара", "ЗначенияСвойств", "Картинка", "Артикул", "Штрихкод", "ШтрихКод"})
"""A `Предложение` with one of these describes a variant; without, it only carries prices or stocks."""
KNOWN_TAGS = sorted({*OFFER_MARKS}.union(*(dataset.lists.union(dataset.items) for dataset in IMPORTED)))


ORDER = "Документ"
PACKAGES = frozenset({"Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений", "Классификатор"})
STRAY = "посторонний"
"""Stands among the tags of a file that is no part of an export, in place of all others."""


def _any_of(words: Iterable[bytes]) -> bytes:
    """A pattern for any of the words, as a tree of their first bytes: in two thirds of the time of `a|b|c`."""
    rests: dict[bytes, list[bytes]] = {}
    for word in words:
        rests.setdefault(word[:1], []).append(word[1:])
    options = [first + _any_of(rest) if first else b"" for first, rest in sorted(rests.items(), reverse=True)]
    return options[0] if len(options) == 1 else b"(?:" + b"|".join(options) + b")"


_NAME = b"(" + _any_of(tag.encode() for tag in (*KNOWN_TAGS, ORDER, *PACKAGES)) + rb")[\s/>]"
_PREFIX = rb"[^\s<>/:!?]{1,40}+:"
_TAG = re.compile(rb"<(?:" + _PREFIX + b")?" + _NAME)
_BARE_TAG = re.compile(b"<" + _NAME)
_PREFIXED = re.compile(b"<" + _PREFIX)
_DECLARED_PREFIX = re.compile(rb"xmlns:(?!xsi?[\s=])")
"""1C itself declares `xs` and `xsi`, for attributes."""
_ROOT_WITHIN = 4096
WAY_OF_LOOKING = hashlib.sha256(" ".join([*KNOWN_TAGS, *sorted(DECODED), STRAY, "head"]).encode()).hexdigest()[:8]
"""A digest of the tags and encodings looked for: when they change, what is remembered of files is no longer used."""
_ROOT = re.compile(
    r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*>\s*)*<(?:[^\s<>/:!?]+:)?([^\s<>/!?]+)", re.DOTALL
)
_PROMISING = re.compile(rf"import|offers|properties|{'|'.join(DIRECTORIES)}", re.IGNORECASE)
_EXPORTED_AT = re.compile(r"""\sДатаФормирования\s*=\s*["']([0-9T:. +UTCZ-]{10,40})["']""")
_CHANGES = re.compile(
    r"""<(?:[^\s<>]*:)?Изменения|\sСодержитТолькоИзменения\s*=\s*["']\s*(?:true|1|да)""", re.IGNORECASE
)
_MOMENT = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:\D+(\d\d?):(\d\d?)(?::(\d\d?))?)?")
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")
_END_WITHIN = 1024


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file holds.

    Attributes:
        sha256: of all its bytes; empty where the look stopped before their end.
        tags: how often each known tag opens.
        is_whole: whether it ends as a whole CommerceML does.
        looked_ns: when the look began, in ns since the epoch; 0 where it is not known.
        exported_at: `ДатаФормирования` as 1C states it, local time; empty where it is not stated or not known.
        is_changes: whether its first package says at its head that it holds changes alone.
    """

    sha256: str
    tags: Mapping[str, int]
    is_whole: bool = False
    looked_ns: int = field(default=0, compare=False)
    exported_at: str = field(default="", compare=False)
    is_changes: bool = field(default=False, compare=False)

    @property
    def moment(self) -> tuple[int, ...]:
        """`exported_at` as numbers that can be compared, to the second; none where it states no date."""
        return _numbers(self.exported_at)

    def exported_moment(self, timezone: str) -> datetime | None:
        """`exported_at` as a point in time, see `point_in_time`."""
        return point_in_time(self.exported_at, timezone)

    @property
    def is_stray(self) -> bool:
        """Whether it is no part of an export."""
        return STRAY in self.tags

    def holds(self, dataset: str) -> bool:
        """Whether any list of the dataset is there, be it empty."""
        return any(tag in self.tags for tag in BY_NAME[dataset].lists)

    def items(self, dataset: str) -> int:
        """About how many items of the dataset it states."""
        about = BY_NAME[dataset]
        count = max if about.items_nest else sum
        return count(self.tags.get(tag, 0) for tag in about.items)


def _numbers(exported_at: str) -> tuple[int, ...]:
    found = _MOMENT.match(exported_at)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def point_in_time(exported_at: str, timezone: str) -> datetime | None:
    """A `ДатаФормирования` as a point in time: of this zone where it names none; None where it is no date."""
    try:
        stated = datetime(*_numbers(exported_at), tzinfo=ZoneInfo(timezone))  # type: ignore[arg-type, misc]
    except (TypeError, ValueError):  # none is stated, or one that does not exist
        return None
    offset = _OFFSET.search(exported_at)
    return stated.replace(tzinfo=datetime.strptime(offset[0], "%z").tzinfo) if offset else stated


def read_content(file: ExportFile, until: AbstractSet[str] = frozenset()) -> FileContent:
    """Read a file, up to its end or the first tag of `until`.

    Raises:
        ExportError: it cannot be read.
    """
    looked_ns = time.time_ns()
    digest, wanted = hashlib.sha256(), {tag.encode() for tag in until}
    tags: Counter[bytes] = Counter()
    try:
        with file.path.open("rb") as stream:
            decoder = _decoder(stream.read(HEAD_BYTES))
            stream.seek(0)
            head, window, rest, pattern = b"", b"", b"", _BARE_TAG
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                head = head or chunk[:_ROOT_WITHIN]
                window = rest + (decoder.decode(chunk).encode() if decoder else chunk)
                pattern = _TAG if _has_prefixes(window) else pattern
                tags.update(pattern.findall(window))
                if not wanted.isdisjoint(tags) and not _is_of_orders(tags) and stream.peek(1):
                    return FileContent("", _by_name(tags))
                rest = _open_end(window)
    except OSError as error:
        raise unreadable(file.name, error) from error
    is_stray = _is_of_orders(tags) or not (tags or promises(file) or not _is_foreign(head))
    stated = _as_text(head)
    return FileContent(
        digest.hexdigest(),
        {STRAY: 1} if is_stray else _by_name(tags),
        _ends(window),
        looked_ns,
        _exported_at(stated),
        _CHANGES.search(stated) is not None,
    )


def in_order(contents: Mapping[ExportFile, FileContent]) -> dict[ExportFile, FileContent]:
    """The files in the order in which they count: what a later one states wins.

    By `ДатаФормирования` where two state it; at the same moment, or where one does not, full before changes, then by
    the numbers in the name, then by the name. Where the two contradict each other, the date goes before: a file that
    was formed earlier moves before the later one, and past those without a date between them.
    """
    places = {file: (c.is_changes, numbers_of(file.name), natural_key(file.name)) for file, c in contents.items()}
    undated = [file for file, content in contents.items() if not content.moment]
    dated = [file for file, content in contents.items() if content.moment]
    dated.sort(key=lambda file: (contents[file].moment, places[file]))
    for later, earlier in pairwise(reversed(dated)):
        places[earlier] = min(places[earlier], places[later])
    return {file: contents[file] for file in sorted([*dated, *undated], key=places.__getitem__)}


def exported_at(file: ExportFile) -> str:
    """`ДатаФормирования` at the head of a file, as 1C states it: local time; empty where there is none to read."""
    try:
        with file.path.open("rb") as stream:
            head = stream.read(_ROOT_WITHIN)
    except OSError:
        return ""
    return _exported_at(_as_text(head))


def _is_of_orders(tags: Mapping[bytes, int]) -> bool:
    """Whether orders come first, and nothing that is exported beside them."""
    return next(iter(tags), b"") == ORDER.encode() and not any(tag.encode() in tags for tag in PACKAGES)


def promises(file: ExportFile) -> bool:
    """Whether a file bears a name, or lies, as a part of an export does."""
    return bool(file.part or _PROMISING.match(file.name.rpartition("/")[2]))


def _is_foreign(head: bytes) -> bool:
    """Whether a file is empty, or begins with another element than that of 1C."""
    root = _ROOT.match(_as_text(head))
    return not head.strip() or bool(root and root[1] != ROOT)


def _as_text(head: bytes) -> str:
    name = encoding_of(head)
    return head.decode(name if name in DECODED else "utf-8", "replace").removeprefix("\ufeff")


def _exported_at(head: str) -> str:
    stated = _EXPORTED_AT.search(head)
    return stated[1].strip() if stated else ""


def _ends(window: bytes) -> bool:
    return END.search(window, max(0, len(window) - _END_WITHIN)) is not None


def _by_name(tags: Mapping[bytes, int]) -> Mapping[str, int]:
    return {name: times for tag, times in tags.items() if (name := tag.decode()) not in PACKAGES}


def _has_prefixes(window: bytes) -> bool:
    """Whether tags from here on may have a prefix: looking for prefixes doubles the time."""
    if _PREFIXED.search(window, 0, _ROOT_WITHIN):
        return True
    return b"xmlns:" in window and _DECLARED_PREFIX.search(window) is not None


def _open_end(window: bytes) -> bytes:
    """The beginning of a tag that the end of the window cuts in two; empty where there is none."""
    start = window.rfind(b"<", -256)
    return b"" if start < 0 or _TAG.match(window, start) else window[start:]


def _decoder(head: bytes) -> codecs.IncrementalDecoder | None:
    """A decoder, or None where the tags have the same bytes as in UTF-8 or the encoding is unknown."""
    name = encoding_of(head)
    return codecs.getincrementaldecoder(name)(errors="replace") if name in DECODED else None


def holds_dataset(file: ExportFile, content: FileContent, dataset: str) -> bool:
    """Whether a dataset must read the file.

    A prices or rests file repeats `Предложение` only to carry prices or stocks. It is read for the catalogue only if
    something in it describes a variant (`OFFER_MARKS`), or it holds goods.
    """
    if dataset == "catalog" and is_beside_offers(file.name) and "Товары" not in content.tags:
        return bool(OFFER_MARKS & content.tags.keys())
    return content.holds(dataset)

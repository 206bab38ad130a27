"""The export directory: which files there are, in which order, what each holds, and one fingerprint of it all.

Layouts are told by content. 3.1 sorts its files into directories (`goods/`, `offers/`, ...); every other layout
keeps them side by side. What a file holds is found by its tags, whichever its name.
"""

import codecs
import errno
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from onec_pipelines.commerceml.encoding import HEAD_BYTES, encoding_of
from onec_pipelines.datasets import BY_NAME, DIRECTORIES, IMPORTED
from onec_pipelines.errors import ExportError

IMAGES = "import_files"
CHUNK = 1 << 20

OFFER_MARKS = frozenset({"ХарактеристикиТовара", "ЗначенияСвойств", "Картинка", "Артикул", "Штрихкод", "ШтрихКод"})
"""Elements that make a `Предложение` a variant's description rather than a mere carrier of prices or stocks."""
_KNOWN_TAGS = sorted({*OFFER_MARKS}.union(*(dataset.lists.union(dataset.items) for dataset in IMPORTED)))


def _any_of(words: Iterable[bytes]) -> bytes:
    """A pattern for any of the words that tries no byte twice: it takes two thirds of the time of `a|b|c`."""
    rests: dict[bytes, list[bytes]] = {}
    for word in words:
        rests.setdefault(word[:1], []).append(word[1:])
    options = [first + _any_of(rest) if first else b"" for first, rest in sorted(rests.items(), reverse=True)]
    return options[0] if len(options) == 1 else b"(?:" + b"|".join(options) + b")"


_NAME = b"(" + _any_of(tag.encode() for tag in _KNOWN_TAGS) + rb")[\s/>]"
_PREFIX = rb"[^\s<>/:!?]{1,40}+:"
_TAG = re.compile(rb"<(?:" + _PREFIX + b")?" + _NAME)
_BARE_TAG = re.compile(b"<" + _NAME)
_PREFIXED = re.compile(b"<" + _PREFIX)
_DECLARED_PREFIX = re.compile(rb"xmlns:(?!xsi?[\s=])")
"""1C itself declares `xs` and `xsi`, for attributes."""
_ROOT_WITHIN = 4096
_DECODED = frozenset({"cp1251", "cp866", "koi8-r", "koi8-u", "iso8859-5", "mac-cyrillic", "utf-16-le", "utf-16-be"})
"""Encodings in which Cyrillic tags are other bytes than in UTF-8."""
_OTHER_BYTES = re.compile(r"[\udc80-\udcff]|\\x[89a-f][0-9a-f]")
"""What Python makes of the bytes of a name that are not UTF-8, and how such a byte is written."""
_BESIDE_OFFERS = re.compile(r"(prices|rests)", re.IGNORECASE)
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_LEADS_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Layout(StrEnum):
    """How the files lie."""

    DIRECTORIES = "directories"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file as it was when the export was listed: size in bytes, mtime in ns, name relative to the export.

    The name is text, whatever its bytes on disk are (see `name_of`); `path` is what to open.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file holds: its sha256 and how often each known tag opens."""

    sha256: str
    tags: Mapping[str, int]

    def holds(self, dataset: str) -> bool:
        """Whether any list of the dataset is there, be it empty."""
        return any(tag in self.tags for tag in BY_NAME[dataset].lists)

    def items(self, dataset: str) -> int:
        """About how many items of the dataset it states."""
        return sum(self.tags.get(tag, 0) for tag in BY_NAME[dataset].items)


@dataclass(frozen=True, slots=True)
class Export:
    """An export directory as it was listed."""

    root: Path
    layout: Layout
    files: tuple[ExportFile, ...]

    @property
    def images_base(self) -> Path:
        """The directory to which the image paths of the XML are relative."""
        return self.root / "goods" if self.layout is Layout.DIRECTORIES else self.root

    def directory_has_files(self, name: str) -> bool:
        """Whether a subdirectory holds an XML file."""
        return any(file.name.startswith(f"{name}/") for file in self.files)


def list_export(root: Path) -> Export:
    """List the XML files of an export in the order in which they count.

    Raises:
        ExportError: the directory is absent or cannot be read, or something in it has the name of an XML file and is
            none: a full export that is read without one of its segments would take away what that states.
    """
    try:
        if not root.is_dir():
            raise ExportError(f"Директория данных 1С не найдена: {root}. Убедитесь, что данные выгружены из 1С.")
        names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        files = [*_xml_files(root, root)]
        for name in names:
            if name != IMAGES:
                files += _xml_files(root, root / name)
    except OSError as error:
        if error.errno in _GONE:
            raise unreadable(str(error.filename), error) from error
        raise ExportError(
            f"Директорию данных 1С не удалось прочитать: {error.filename}: {error.strerror}. "
            "Проверьте права доступа пользователя, от имени которого работает импорт."
        ) from error
    layout = Layout.DIRECTORIES if any(name in DIRECTORIES for name in names) else Layout.FILES
    return Export(root, layout, tuple(sorted(files, key=lambda file: natural_key(file.name))))


def _xml_files(root: Path, directory: Path) -> Iterator[ExportFile]:
    for path in directory.iterdir():
        if path.suffix.lower() == ".xml" and not path.is_dir():
            name = name_of(path.relative_to(root))
            status = _status(path, name)
            if status:
                yield ExportFile(path, name, status.st_size, status.st_mtime_ns)


def name_of(path: Path) -> str:
    r"""The name of a file of an export, as the tables keep it: one of its own for each.

    FTP may leave names in windows-1251. A byte that is not UTF-8 is written `\xd6`; a name that has one, or looks as if
    it had, has each of its own backslashes twice.
    """
    name = path.as_posix()
    if not _OTHER_BYTES.search(name):
        return name
    return name.replace("\\", r"\\").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _status(path: Path, name: str) -> os.stat_result | None:
    """What the disk says of a file, None of what is hidden and no file; it may be a link to one."""
    try:
        status = path.stat()
        found = "" if stat.S_ISREG(status.st_mode) else "это не файл, а канал, сокет или устройство"
    except OSError as error:
        if error.errno not in _LEADS_NOWHERE or not path.is_symlink():
            raise
        found = "это ссылка, которая никуда не ведёт"
    if not found:
        return status
    if path.name.startswith("."):  # an editor's lock is such a link
        return None
    raise ExportError(
        f"Файл {name} не удалось прочитать: {found}. Импорт не выполнен, данные не изменены. "
        "Уберите его из директории обмена или выгрузите файл из 1С ещё раз."
    )


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which `_2_` comes before `_10_`."""
    parts = re.split(r"([0-9]+)", name.lower())
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part)


def read_content(file: ExportFile) -> FileContent:
    """Hash a file and count its tags, in one pass over its bytes.

    Raises:
        ExportError: it cannot be read.
    """
    digest = hashlib.sha256()
    tags: Counter[bytes] = Counter()
    try:
        with file.path.open("rb") as stream:
            decoder = _decoder(stream.read(HEAD_BYTES))
            stream.seek(0)
            rest, pattern = b"", _BARE_TAG
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                window = rest + (decoder.decode(chunk).encode() if decoder else chunk)
                pattern = _TAG if _has_prefixes(window) else pattern
                tags.update(pattern.findall(window))
                rest = _open_end(window)
    except OSError as error:
        raise unreadable(file.name, error) from error
    return FileContent(digest.hexdigest(), {tag.decode(): times for tag, times in tags.items()})


def _has_prefixes(window: bytes) -> bool:
    """Whether tags from here on may have a prefix: looking for one in each takes as long as all the rest."""
    if _PREFIXED.search(window, 0, _ROOT_WITHIN):
        return True
    return b"xmlns:" in window and _DECLARED_PREFIX.search(window) is not None


def hash_file(file: ExportFile) -> str:
    """The sha256 of a file.

    Raises:
        ExportError: it cannot be read.
    """
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(file.name, error) from error


def unreadable(name: str, error: OSError) -> ExportError:
    """What to say of a file that could not be read."""
    if error.errno in _GONE:
        return ExportError(
            f"Файл {name} не удалось прочитать: он исчез, выгрузку переименовали, удалили или начали заново. "
            "Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
        )
    return ExportError(f"Файл {name} не удалось прочитать: {error.strerror}. Проверьте права доступа к выгрузке.")


def _open_end(window: bytes) -> bytes:
    """The tag that the end of a window cuts in two."""
    start = window.rfind(b"<", -256)
    return b"" if start < 0 or _TAG.match(window, start) else window[start:]


def _decoder(head: bytes) -> codecs.IncrementalDecoder | None:
    """What turns the file into text, None where its tags are those of UTF-8 (or its encoding is unknown)."""
    name = encoding_of(head)
    return codecs.getincrementaldecoder(name)(errors="replace") if name in _DECODED else None


def holds_dataset(file: ExportFile, content: FileContent, dataset: str) -> bool:
    """Whether a dataset must read the file.

    A prices or rests file repeats `Предложение` only to hang prices or rests on: without a sign of a variant
    in it, it is not read for the catalogue.
    """
    if dataset == "catalog" and is_beside_offers(file.name) and "Товары" not in content.tags:
        return bool(OFFER_MARKS & content.tags.keys())
    return content.holds(dataset)


def is_beside_offers(name: str) -> bool:
    """Whether a file is named, or lies, where 1C puts prices or rests alone."""
    return any(_BESIDE_OFFERS.match(part) for part in name.split("/"))


def fingerprint(parts: Iterable[str]) -> str:
    """A short digest of what an import was made from."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

"""The files of an export directory: their list, their order and their layout. None is opened.

3.1 sorts its files into directories (`goods/`, `offers/`, ...); every other layout keeps them side by side, or in
1C's own tree (`webdata/000000001/goods/1/import___5c1f.xml`).

Not here: what a file holds (content.py), the export as an import sees it (snapshot.py).
"""

import errno
import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from onec_pipelines.datasets import DIRECTORIES
from onec_pipelines.errors import ExportError
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

IMAGES = "import_files"
PARTS = {name.lower(): name for name in DIRECTORIES}
_OWN_TREE = re.compile(rf"webdata|[0-9]+|properties|{'|'.join(DIRECTORIES)}", re.IGNORECASE)
"""The directories of 1C's own tree, in which there are others; any other directory is looked into, and no deeper."""
_DEPTH = 5
SETTLED_NS = 120 * 10**9
"""How long a file must be untouched, in ns, before its size and times are trusted to tell its content.

File systems keep times to two seconds at worst, and one on the network may show those of a minute ago.
"""
_OTHER_BYTES = re.compile(r"[\udc80-\udcff]|\\x[89a-f][0-9a-f]")
"""A byte of a name that is not UTF-8: as Python shows it (a surrogate), and as `name_of` writes it (an escape)."""
_BESIDE_OFFERS = re.compile(r"(prices|rests)", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_LEADS_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Layout(StrEnum):
    """How the files lie."""

    DIRECTORIES = "directories"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file as it was when it was listed; an untouched file is equal in every listing.

    Its name is relative to the export, and text whatever its bytes on disk are (see `name_of`); `path` is what to open.
    Its size is in bytes, its times in ns since the epoch.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def part(self) -> str:
        """The directory of 3.1 that it lies in, as 1C writes it (`priceLists`); empty where it lies elsewhere."""
        return PARTS.get(self.name.rpartition("/")[0].lower(), "")

    def is_settled(self, now_ns: int) -> bool:
        """Whether what was read at `now_ns` holds for as long as size and times stay the same.

        A file from the future is never settled: the clock of its file system is another one.
        """
        return now_ns - max(self.mtime_ns, self.ctime_ns) >= SETTLED_NS


def list_files(root: Path) -> tuple[Layout, tuple[ExportFile, ...]]:
    """The layout of an export, and its XML files in the order in which they count.

    Raises:
        ExportError: the directory is absent or cannot be read, or something in it has the name of an XML file and is
            none: without one of its segments a full export would deactivate what that segment states.
    """
    try:
        if not root.is_dir():
            raise ExportError(f"Директория данных 1С не найдена: {root}. Убедитесь, что данные выгружены из 1С.")
        directories = [root, *_directories(root)]
        files = [file for directory in directories for file in _xml_files(root, directory)]
    except OSError as error:
        if error.errno in _GONE:
            raise unreadable(str(error.filename), error) from error
        raise ExportError(
            f"Директорию данных 1С не удалось прочитать: {error.filename}: {error.strerror}. "
            "Проверьте права доступа пользователя, от имени которого работает импорт."
        ) from error
    named = any(directory.parent == root and directory.name.lower() in PARTS for directory in directories)
    layout = Layout.DIRECTORIES if named else Layout.FILES
    return layout, tuple(sorted(files, key=lambda file: natural_key(file.name)))


def _directories(directory: Path, depth: int = 1) -> Iterator[Path]:
    """The directories below one in which files of an export may lie; links are followed from the first one alone."""
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=depth == 1))
    for path in map(directory.joinpath, names):
        if path.name != IMAGES and not is_hidden(path):
            yield path
            if depth < _DEPTH and _OWN_TREE.fullmatch(path.name):
                yield from (below for below in _directories(path, depth + 1) if _OWN_TREE.fullmatch(below.name))


def list_hidden(root: Path) -> tuple[str, ...]:
    """The XML files that are no part of an export, as they are hidden: what macOS or an editor leaves beside others."""
    found = []
    with tolerated(log, "hidden files are not listed", OSError):
        with os.scandir(root) as entries:
            directories = [root, *(Path(entry.path) for entry in entries if entry.is_dir())]
        for directory in directories:
            is_inside = directory != root and is_hidden(directory)
            paths = (directory / name for name in os.listdir(directory) if name.lower().endswith(".xml"))  # noqa: PTH208
            found += [path for path in paths if is_inside or is_hidden(path)]
    return tuple(sorted(name_of(path.relative_to(root)) for path in found))


def is_hidden(path: Path) -> bool:
    """Whether a file or a directory is no part of an export by its own name."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def _xml_files(root: Path, directory: Path) -> Iterator[ExportFile]:
    for path in directory.iterdir():
        if path.suffix.lower() == ".xml" and not is_hidden(path):
            name = name_of(path.relative_to(root))
            if status := _status(path, name):
                yield ExportFile(path, name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


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
    """The status of a file or of the file that a link points to; None of a directory."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return None
        found = "" if stat.S_ISREG(status.st_mode) else "это не файл, а канал, сокет или устройство"
    except OSError as error:
        if error.errno not in _LEADS_NOWHERE or not path.is_symlink():
            raise
        found = "это ссылка, которая никуда не ведёт"
    if not found:
        return status
    raise ExportError(
        f"Файл {name} не удалось прочитать: {found}. Импорт не выполнен, данные не изменены. "
        "Уберите его из директории обмена или выгрузите файл из 1С ещё раз."
    )


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which `_2_` comes before `_10_`."""
    parts = re.split(r"([0-9]+)", name.lower())
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part)


def numbers_of(name: str) -> tuple[int, ...]:
    """The numbers in the name of a file, those of its uuid left out: `goods/goods_1_2_<uuid>.xml` has 1 and 2."""
    return tuple(map(int, re.findall(r"[0-9]+", _UUID.sub("", name.rpartition("/")[2]))))


def is_beside_offers(name: str) -> bool:
    """Whether a file is named, or lies, where 1C puts prices or rests alone."""
    return any(_BESIDE_OFFERS.match(part) for part in name.split("/"))


def unreadable(name: str, error: OSError) -> ExportError:
    """What to say of a file that could not be read."""
    if error.errno in _GONE:
        return ExportError(
            f"Файл {name} не удалось прочитать: он исчез, выгрузку переименовали, удалили или начали заново. "
            "Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
        )
    return ExportError(f"Файл {name} не удалось прочитать: {error.strerror}. Проверьте права доступа к выгрузке.")

"""The files on disk: one walk of a tree into an index that holds half a million files in little memory.

A path in the index is relative to the export, with `/`: `goods/import_files/03/038b...jpg`. What a path of the XML is
relative to, `FileIndex.locate` tries in turn.
Only regular files that stay inside the tree are in it. Everything else that stands under a name is noted with a
reason and never opened: a link that leads outside, a FIFO or device, a name that is not UTF-8, a directory that
cannot be read or is itself a link. Nothing is read here but names, sizes and times.

    index = scan(Path("data"), ("goods", ""))
    index.locate("import_files/03/038b...jpg")   "goods/import_files/03/038b...jpg"
    index.get("goods/import_files/03/038b...jpg")      FileStat(size, mtime_ns) or None
    files_named(index, "137")                    ["import_files/13/137_1.jpg", ...]
"""

import logging
import os
import stat
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from onec_pipelines.errors import ExportError
from onec_pipelines.images.paths import readings
from onec_pipelines.images.source import FileStat, kind_of, recorded_time
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

ROOT = "import_files"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
OUTSIDE = "ссылка ведёт за пределы выгрузки"


class Folder:
    """The files of one directory by name: 160 bytes a file, where a dict of records takes 350."""

    __slots__ = ("mtimes", "names", "sizes")

    def __init__(self, files: Iterable[tuple[str, int, int]]) -> None:
        ordered = sorted(files)
        self.names = [name for name, _, _ in ordered]
        self.sizes = array("q", [size for _, size, _ in ordered])
        self.mtimes = array("q", [mtime_ns for _, _, mtime_ns in ordered])

    def get(self, name: str) -> FileStat | None:
        """Return size and time of the file of this name, or None."""
        place = bisect_left(self.names, name)
        if place == len(self.names) or self.names[place] != name:
            return None
        return FileStat(self.sizes[place], self.mtimes[place])

    def holds(self, name: str, size: int, mtime_ns: int | None) -> bool:
        """Whether the file of this name has this size, and this time where one is given."""
        place = bisect_left(self.names, name)
        return (
            place < len(self.names)
            and self.names[place] == name
            and self.sizes[place] == size
            and (mtime_ns is None or self.mtimes[place] == mtime_ns)
        )

    def starting_with(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin so, in order."""
        for place in range(bisect_left(self.names, prefix), len(self.names)):
            if not self.names[place].startswith(prefix):
                return
            yield self.names[place]


class FileIndex:
    """The files of a tree by relative path, and the entries that were rejected."""

    __slots__ = ("_alike", "_folders", "_links", "bases", "rejected")

    def __init__(
        self,
        folders: dict[str, Folder],
        links: dict[str, str],
        rejected: dict[str, str],
        bases: Sequence[str] = ("",),
    ) -> None:
        self._folders = folders
        self._links = links
        self._alike: dict[str, dict[str, list[str]]] = {}
        self.bases = bases
        """The directories to which a path of the XML may be relative, the likeliest first."""
        self.rejected = rejected
        """Relative path -> reason in Russian; bytes that are no UTF-8 are shown as U+FFFD."""

    def __len__(self) -> int:
        """Count the files."""
        return sum(len(folder.names) for folder in self._folders.values())

    def __iter__(self) -> Iterator[str]:
        """Yield the paths, directory by directory."""
        for path, folder in self._folders.items():
            yield from (_joined(path, name) for name in folder.names)

    def __contains__(self, path: str) -> bool:
        """Whether a file has this path."""
        return self.get(path) is not None

    def get(self, path: str) -> FileStat | None:
        """Return size and time of a file, of a link's target where it is a link, or None."""
        directory, _, name = path.rpartition("/")
        folder = self._folders.get(directory)
        return folder.get(name) if folder else None

    def locate(self, path: str, directory: str | None = None) -> str:
        """The path in the index of what a path of the XML names; where there is nothing, of where it should be.

        It is looked for beside the XML, whose directory that is, and in each of the bases; as it is, and below
        `import_files`. What is nowhere may be the only file whose path differs in case alone.
        """
        bases = self.bases if directory is None else (directory, *self.bases)
        if (first := _joined(bases[0], path)) in self:
            return first
        places = [
            _joined(base, tail)
            for reading in readings(path)
            for base in bases
            for tail in ((reading,) if reading.startswith(f"{ROOT}/") else (reading, f"{ROOT}/{reading}"))
        ]
        found = next((place for place in places if place in self), None) or next(
            filter(None, map(self.alike, places)), None
        )
        return found or next(filter(self.rejection, places), (places or [path])[0])

    def alike(self, path: str) -> str | None:
        """The path of the only file whose path differs in case alone."""
        if not self._alike:
            self._alike[""] = _by_case(self._folders)
        directory, _, name = path.rpartition("/")
        found = []
        for folder in self._alike[""].get(directory.casefold(), ()):
            if f"/{folder}" not in self._alike:
                self._alike[f"/{folder}"] = _by_case(self._folders[folder].names)
            found += [_joined(folder, other) for other in self._alike[f"/{folder}"].get(name.casefold(), ())]
        return found[0] if len(found) == 1 else None

    def holds(self, path: str, size: int, mtime_ns: int | None = None) -> bool:
        """Whether a file has this path and this size, and this time where one is given."""
        directory, _, name = path.rpartition("/")
        folder = self._folders.get(directory)
        return folder is not None and folder.holds(name, size, mtime_ns)

    def folder(self, directory: str) -> Folder | None:
        """Return the files of one directory."""
        return self._folders.get(directory)

    def source(self, path: str) -> str:
        """Return the path to open: the path itself, or where a link inside the tree leads."""
        return self._links.get(path, path)

    def rejection(self, path: str) -> str | None:
        """The Russian reason why this path is not an image file, or None where nothing is there."""
        if path in self._folders:
            return kind_of(stat.S_IFDIR)
        while path:
            if path in self.rejected:
                return self.rejected[path]
            path = path.rpartition("/")[0]
        return None


def below(path: str) -> str:
    """What follows `import_files` in a path of the index, or all of it where there is none: its name for the store."""
    _, found, rest = f"/{path}".partition(f"/{ROOT}/")
    return rest if found else path


def scan(export: Path, bases: Sequence[str] = ("",)) -> FileIndex:
    """Walk an export with its images; a directory `import_files` may itself be a link that leads anywhere.

    Raises:
        ExportError: it is not there or cannot be read.
    """
    try:
        return _Walk(os.path.realpath(export), "").index(bases)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ExportError(
            f"Директория изображений не найдена: {export}. "
            "Убедитесь, что данные выгружены из 1С с изображениями товаров."
        ) from error
    except OSError as error:
        raise ExportError(
            f"Директория изображений не читается: {export}: {error.strerror}. "
            "Дайте пользователю, от имени которого идёт импорт, права на чтение."
        ) from error


def files_named(index: FileIndex, onec_id: str) -> list[str]:
    """Return the images of a good for which the XML lists none, in name order.

    Those are `<onec_id>*.{jpg,jpeg,png,webp}` (in any case) under `import_files/<first two characters>/`. What
    follows the id must not be a letter or digit: 137 has `137.jpg`, `137_1.jpg` and `137-2.jpg`, not `1371.jpg`.
    """
    directory = f"{ROOT}/{onec_id[:2]}"
    folders = [index.folder(_joined(base, directory)) for base in index.bases] if onec_id else []
    return sorted(
        {
            f"{directory}/{name}"
            for folder in filter(None, folders)
            for name in folder.starting_with(onec_id)
            if name.lower().endswith(IMAGE_SUFFIXES) and not name[len(onec_id) :][:1].isalnum()
        }
    )


def index_tree(root: Path, prefix: str = "") -> FileIndex:
    """Walk any tree; paths in the index start with `prefix`.

    Raises:
        OSError: the root cannot be listed. A directory below it that cannot be is noted as rejected.
    """
    return _Walk(os.path.realpath(root), prefix).index()


def index_listing(files: Iterable[tuple[str, FileStat]]) -> FileIndex:
    """Build an index of files that another system lists, an object store for one."""
    folders: dict[str, list[tuple[str, int, int]]] = {}
    for path, found in files:
        directory, _, name = path.rpartition("/")
        folders.setdefault(directory, []).append((name, found.size, found.mtime_ns))
    return FileIndex({path: Folder(listed) for path, listed in folders.items()}, {}, {})


class _Walk:
    """One walk: what is still to be listed, and what was found so far."""

    def __init__(self, root: str, prefix: str) -> None:
        self.root = root
        self.prefix = prefix
        self.folders: dict[str, Folder] = {}
        self.links: dict[str, str] = {}
        self.rejected: dict[str, str] = {}
        self.ahead: list[str] = []
        self.linked: dict[str, str] = {}
        """Directories `import_files` that are links, and where they lead."""

    def index(self, bases: Sequence[str] = ("",)) -> FileIndex:
        self._list(self.prefix)
        while self.ahead:
            path = self.ahead.pop()
            try:
                self._list(path)
            except FileNotFoundError as error:
                passed_over(log, "removed while the walk went on", error)
            except OSError:
                self.rejected[path] = "каталог не читается"
        for path, target in self.linked.items():
            linked = _Walk(target, path)
            linked.index()
            self.folders |= linked.folders
            self.links |= linked.links
            self.rejected |= linked.rejected
        return FileIndex(self.folders, self.links, self.rejected, bases)

    def _list(self, path: str) -> None:
        directory = os.path.join(self.root, path[len(self.prefix) :].lstrip("/"))  # noqa: PTH118  hot
        with os.scandir(directory) as entries:
            self.folders[path] = Folder(self._files(path, entries))

    def _files(self, path: str, entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, int, int]]:
        """Name, size and time of each file."""
        for entry in entries:
            try:
                is_plain = entry.name.isascii() and entry.is_file(follow_symlinks=False)
                status = entry.stat(follow_symlinks=False) if is_plain else self._look(path, entry)
            except FileNotFoundError:
                continue
            except OSError:
                self.rejected[_joined(path, entry.name)] = "нет доступа к файлу"
                continue
            if status:
                yield entry.name, status.st_size, recorded_time(status)

    def _look(self, directory: str, entry: os.DirEntry[str]) -> os.stat_result | None:
        """The status of an entry that is not plainly a file; None where it is no file, or is rejected."""
        path = _joined(directory, entry.name)
        if not _is_utf8(entry.name):
            self.rejected[_shown(path)] = "имя не в кодировке UTF-8"
        elif entry.is_symlink():
            return self._follow(path, entry)
        elif entry.is_dir(follow_symlinks=False):
            self.ahead.append(path)
        elif entry.is_file(follow_symlinks=False):
            return entry.stat(follow_symlinks=False)
        else:
            self.rejected[path] = kind_of(entry.stat(follow_symlinks=False).st_mode)
        return None

    def _follow(self, path: str, entry: os.DirEntry[str]) -> os.stat_result | None:
        target = os.path.realpath(entry.path)
        if entry.name == ROOT and ROOT not in path.split("/")[:-1] and os.path.isdir(target):  # noqa: PTH112  hot
            self.linked[path] = target
            return None
        if not target.startswith(self.root + os.sep):
            self.rejected[path] = OUTSIDE
            return None
        try:
            found = os.lstat(target)
        except OSError:
            self.rejected[path] = "ссылка никуда не ведёт"
            return None
        if not stat.S_ISREG(found.st_mode):
            self.rejected[path] = "ссылка ведёт не на файл"
            return None
        self.links[path] = _joined(self.prefix, target[len(self.root) + 1 :].replace(os.sep, "/"))
        return found


def _by_case(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what they are in any case."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.casefold(), []).append(name)
    return found


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""What has arrived becomes an export: archives are unpacked, each file is proved, and a manifest says what there is.

Nothing that an archive declares is believed: sizes are counted while its entries are read. What breaks a rule refuses
the whole of it, and a file that cannot be imported the whole session.
"""

import hashlib
import json
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from onec_pipelines.commerceml.export import ExportFile, numbers_of
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.commerceml.manifest import MANIFEST
from onec_pipelines.commerceml.records import Package
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.tree import images_of
from onec_pipelines.datasets import IMPORTED
from onec_pipelines.errors import ExportError
from onec_pipelines.exchange import words
from onec_pipelines.exchange.inbox import Inbox, InboxDamagedError, sync_directory
from onec_pipelines.exchange.names import Kind, NameRefusedError, clean, kind_of

BLOCK = 2**20
MAX_RATIO, SPARE = 100, 10 * 2**20
"""An entry may be so many times as large as it is packed, and so many bytes more."""
GOODS = frozenset({"Товары", "Предложения"})
MAX_ENTRIES = 200_000
Listing = list[dict[str, object]]
"""The files of a package, as its manifest has them."""


class SealRefusedError(Exception):
    """What has arrived cannot be imported; the words are for the person in 1C."""


FIRST = (1,)
"""The number at the end of the name of a first portion; one that comes alone may have none."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a package holds: files and bytes, import types; the key of its export, and whether it says it is full.

    `goes_on` says that by the numbers of its files it is a later portion of something.
    """

    files: int
    bytes: int
    holds: tuple[str, ...]
    catalog: str = ""
    exported_at: str = ""
    is_full: bool = False
    goes_on: bool = False


def gather(inbox: Inbox, into: Path, limit: int) -> None:
    """Put what has come into an empty directory: files under their names, archives unpacked.

    Raises:
        SealRefusedError: an archive is broken, or breaks a rule; a file has not the size that it had.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name in inbox.files:
        is_archive = kind_of(name) is Kind.ARCHIVE
        place = inbox.root / "archive" if is_archive else into / name
        try:
            inbox.put(name, place)
        except InboxDamagedError:
            raise SealRefusedError(words.CUT_OFF) from None
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise SealRefusedError(words.wrong_name(name)) from None
        if is_archive:
            limit -= _unpack(name, place, into, limit)


def _link(path: Path, to: Path) -> None:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.unlink(missing_ok=True)
        os.link(path, to)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise SealRefusedError(words.wrong_name(to.name)) from None


def _unpack(name: str, path: Path, into: Path, limit: int) -> int:
    """Unpack an archive, and return the bytes that it held."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            entries = dict(_entries(name, archive))
            return sum(_extract(archive, entry, into / to, limit, name) for to, entry in entries.items())
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, and not the archive
        raise SealRefusedError(words.broken_archive(name, size)) from error


def _entries(name: str, archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """The files of an archive by the names under which they are kept; all of them are looked at before any is read."""
    seen: set[str] = set()
    if len(archive.infolist()) > MAX_ENTRIES:
        raise SealRefusedError(words.refused_archive(name))
    for entry in archive.infolist():
        to = _name_of(entry, name)
        if entry.is_dir():
            continue
        kind = kind_of(to)
        is_bad = entry.flag_bits & 1 or not _is_plain_file(entry) or kind in {Kind.ARCHIVE, Kind.REFUSED}
        if is_bad or to.lower() in seen:
            raise SealRefusedError(words.refused_archive(name))
        seen.add(to.lower())
        if kind is not Kind.PASSED_OVER:
            yield to, entry


def _name_of(entry: zipfile.ZipInfo, archive: str) -> str:
    """The name of an entry: 1C writes cp866 where nothing says UTF-8."""
    try:
        stated = entry.orig_filename
        if not entry.flag_bits & 0x800:
            raw = stated.encode("cp437")
            try:
                stated = raw.decode("utf-8")
            except UnicodeDecodeError:
                stated = raw.decode("cp866")
        return clean(stated.rstrip("/\\") if entry.is_dir() else stated)
    except (NameRefusedError, UnicodeError):
        raise SealRefusedError(words.refused_archive(archive)) from None


def _is_plain_file(entry: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(entry.external_attr >> 16)
    return mode in {0, stat.S_IFREG}


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path, limit: int, name: str) -> int:
    most = min(limit, entry.compress_size * MAX_RATIO + SPARE)
    written = 0
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        target = to.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise SealRefusedError(words.refused_archive(name)) from None
    with target, _opened(archive, entry, name) as source:
        while block := source.read(BLOCK):
            written += len(block)
            if written > most:
                raise SealRefusedError(words.refused_archive(name))
            target.write(block)
    return written


def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> IO[bytes]:
    try:
        return archive.open(entry)
    except RuntimeError:  # encrypted after all
        raise SealRefusedError(words.refused_archive(name)) from None


def prove(root: Path) -> Contents:
    """See that each file can be imported, and say what the export is.

    Raises:
        SealRefusedError: one cannot.
    """
    export = ExportSnapshot(root)
    try:
        stated = [(file, package) for file in export.contents for package in _packages(export, file)]
        holds = [dataset.name for dataset in IMPORTED if dataset.lists and export.files_of(dataset.name)]
    except ExportError as error:
        raise SealRefusedError(str(error)) from None
    paths = [path for path in root.rglob("*") if path.is_file()]
    _refuse_others(root, paths, export)
    goods = [(file, package) for file, package in stated if package.lists & GOODS and not package.is_classifier]
    return Contents(
        files=len(paths),
        bytes=sum(path.stat().st_size for path in paths),
        holds=(*holds, *(["images"] if any(images_of(root)) else [])),
        catalog=next((package.catalog for _, package in goods if package.catalog), ""),
        exported_at=next((export.contents[file].exported_at for file, _ in goods), ""),
        is_full=any(not package.changes_only for _, package in goods),
        goes_on=min((numbers_of(file.name)[-1:] for file, _ in goods), default=()) > FIRST,
    )


def _packages(export: ExportSnapshot, file: ExportFile) -> list[Package]:
    """What the containers of a file say; it is read to its end."""
    if export.contents[file].is_stray:
        raise SealRefusedError(words.nothing_known(file.name))
    return [fact for fact in read_file(file.path, file.name, {}) if isinstance(fact, Package)]


def _refuse_others(root: Path, paths: Iterable[Path], export: ExportSnapshot) -> None:
    """An XML in a place where no import looks would be lost in silence."""
    known = {file.path for file in export.files}
    for path in paths:
        if path.suffix.lower() == ".xml" and path not in known:
            raise SealRefusedError(words.nothing_known(path.relative_to(root).as_posix()))


def listing(root: Path) -> Listing:
    """The files of a package, for its manifest: name, size, digest."""
    return [_entry(root, path) for path in sorted(root.rglob("*")) if path.is_file() and path.name != MANIFEST]


def _entry(root: Path, path: Path) -> dict[str, object]:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.relative_to(root).as_posix(), "size": path.stat().st_size, "sha256": sha256}


def publish(root: Path, to: Path, contents: Contents, files: Listing, **stated: object) -> None:
    """Write the manifest, see that all is on the disk, and give the directory its name: now it is a package."""
    with (root / MANIFEST).open("w", encoding="utf-8") as target:
        json.dump({**stated, **asdict(contents), "listed": files}, target, ensure_ascii=False, indent=1)
        target.flush()
        os.fsync(target.fileno())
    os.sync()  # one for all: 10,000 files one by one take half a minute
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(to, ignore_errors=True)  # of a server that was killed before anybody knew of it
    root.rename(to)
    sync_directory(to.parent)


def merge(portions: Iterable[Path], into: Path) -> None:
    """All files of some packages in one directory; of two XML of one name the later one gets another name."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for number, portion in enumerate(portions, start=1):
        for path in sorted(portion.rglob("*")):
            if path.is_file() and path.name != MANIFEST:
                to = into / path.relative_to(portion)
                is_taken = to.exists() and to.suffix.lower() == ".xml"
                _link(path, to.with_stem(f"{to.stem}_again{number}") if is_taken else to)

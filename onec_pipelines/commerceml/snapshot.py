"""A snapshot: an export as it is at one moment. It is made once for an import and handed to all parts of it.

    export = ExportSnapshot(Path("data/import_1c"))
    export.files, export.layout         the directory is listed when it is first asked for
    export.contents                     what each file holds: read, unless it is known
    export.files_of("prices")           those that an import of prices reads

A file is known when this process has looked at it (`looked_at`, which the steps of a run share) or an earlier import
has (`remembered`), and nothing has touched it since. Known files are not opened.

Not here: why an import may not start (preflight.py), where it is remembered (importing/known_files.py).
"""

import logging
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from onec_pipelines.commerceml.content import (
    FileContent,
    exported_at,
    holds_dataset,
    in_order,
    point_in_time,
    promises,
    read_content,
)
from onec_pipelines.commerceml.export import IMAGES, PARTS, ExportFile, Layout, list_files, list_hidden, name_of
from onec_pipelines.commerceml.manifest import PORTION, package_kind, spared_types
from onec_pipelines.commerceml.xml import read_elements
from onec_pipelines.datasets import BY_NAME
from onec_pipelines.errors import ExportError
from onec_pipelines.shown import visible
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

Contents = Mapping[ExportFile, FileContent]
PLACES = {"Товары": {"goods"}, "Предложения": {"offers", "prices", "rests"}}
"""Where 3.1 puts its goods and offers."""
_IMPORT = re.compile(r"(^|/)import[^/]*$", re.IGNORECASE)
LOOKS_AT_ONCE = 2
"""Files read at a time: hashing releases the interpreter lock."""


@dataclass(frozen=True, eq=False)
class ExportSnapshot:
    """An export directory, listed once.

    Every property and method raises ExportError where the directory is absent or cannot be read.
    """

    root: Path
    looked_at: dict[ExportFile, FileContent] = field(default_factory=dict)
    remembered: dict[ExportFile, FileContent] = field(default_factory=dict)
    landed: set[str] = field(default_factory=set)
    """The sha256 of files that an import has read to their end and landed."""

    @cached_property
    def _listed(self) -> tuple[Layout, tuple[ExportFile, ...]]:
        return list_files(self.root)

    @cached_property
    def layout(self) -> Layout:
        """How the files lie: 3.1 has goods in `goods/` and offers beside them, whatever else has a directory so called.

        Only a file that lies elsewhere, or is not named after its directory, is looked into.
        """
        layout, files = self._listed
        if layout is Layout.DIRECTORIES and any(
            file.part not in places and self.states(file, {tag})
            for file in files
            if not _is_in_place(file)
            for tag, places in PLACES.items()
        ):
            return Layout.FILES
        return layout

    @cached_property
    def package_kind(self) -> str:
        """What the package in it is, if 1C has pushed it: `full`, `portion` or `changes`; empty in any other."""
        return package_kind(self.root)

    def takes_nothing_away(self, import_type: str) -> bool:
        """Whether whom or what it does not name stays: it is a portion, or others deliver such lists, too."""
        return self.package_kind == PORTION or import_type in spared_types(self.root)

    @property
    def is_told_by_names(self) -> bool:
        """Whether no file need be opened to know the layout, and what there is: 3.1 and nothing else."""
        return all(map(_is_in_place, self.files))

    @property
    def files(self) -> tuple[ExportFile, ...]:
        """The files, in the order in which they count."""
        return self._listed[1]

    @property
    def hidden(self) -> tuple[str, ...]:
        """The XML files that are no part of it."""
        return list_hidden(self.root)

    @property
    def stray(self) -> tuple[str, ...]:
        """The XML files that are no part of it by what they hold: orders, other roots, empty ones."""
        return tuple(file.name for file, content in self.contents.items() if content.is_stray)

    @property
    def archives(self) -> tuple[str, ...]:
        """The archives that lie beside the files."""
        with tolerated(log, "a directory cannot be listed", OSError):
            return tuple(sorted(name_of(path.relative_to(self.root)) for path in self.root.glob("*.[zZ][iI][pP]")))
        return ()

    @property
    def image_bases(self) -> tuple[str, ...]:
        """The directories, within the export, to which the image paths of the XML may be relative, besides its own."""
        directories = dict.fromkeys(file.name.rpartition("/")[0] for file in self.files)
        goods = [name for name in directories if PARTS.get(name.lower()) == "goods"]
        catalogues = [file.name.rpartition("/")[0] for file in self.files if _IMPORT.search(file.name)]
        return tuple(dict.fromkeys([*(goods or ["goods"]), "", *catalogues]))

    @property
    def images_directory(self) -> Path:
        """Where messages look for images: where 3.1 puts them, or beside the files."""
        is_beside = self.layout is Layout.FILES and self.files
        return self.root / IMAGES if is_beside else self.root / "goods" / IMAGES

    def directory_has_files(self, name: str) -> bool:
        """Whether a subdirectory holds an XML file."""
        return any(file.part == name for file in self.files)

    def has_directory(self, name: str) -> bool:
        """Whether there is a subdirectory of that name, in whatever case."""
        with tolerated(log, "a directory cannot be listed", OSError):
            return any(path.name.lower() == name.lower() and path.is_dir() for path in self.root.iterdir())
        return False

    def states_any(self, tags: AbstractSet[str]) -> bool:
        """Whether any of these elements is there; no file is read beyond the first of them."""
        return any(self.states(file, tags) for file in self.files)

    def states(self, file: ExportFile, tags: AbstractSet[str]) -> bool:
        """Whether one of these elements is in a file; it is not read beyond it."""
        return not tags.isdisjoint(self._look(file, tags).tags)

    @cached_property
    def contents(self) -> Contents:
        """What each file holds, in the order in which they count."""
        unknown = [file for file in self.files if not (self.looked_at.get(file) or self.remembered.get(file))]
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            seen = dict(zip(unknown, pool.map(self._look, unknown), strict=True))
        return {file: seen.get(file) or self._look(file) for file in self.files}

    def exported_at(self, file: ExportFile) -> str:
        """`ДатаФормирования` of a file: its head is read where nobody has looked at it."""
        known = self.looked_at.get(file) or self.remembered.get(file)
        return known.exported_at if known else exported_at(file)

    def newest_export(self, timezone: str) -> datetime | None:
        """The newest `ДатаФормирования` of all files as a point in time; None where none states one."""
        stated = (point_in_time(self.exported_at(file), timezone) for file in self.files)
        return max((moment for moment in stated if moment), default=None)

    def _look(self, file: ExportFile, until: AbstractSet[str] = frozenset()) -> FileContent:
        """What is known of a file, or what it holds, as far as the first of these elements."""
        content = self.looked_at.get(file) or self.remembered.get(file)
        if content is None:
            content = read_content(file, until)
            log.debug("%s: opened, %d bytes, %s", visible(file.name), file.size, dict(content.tags))
            if content.sha256:
                self.looked_at[file] = content
        return content

    def files_of(self, dataset: str) -> Contents:
        """The files that hold something of a dataset.

        A file that seems to hold nothing may have been cut off before it could: it must at least be whole.

        Raises:
            ExportError: a file is no whole CommerceML.
        """
        found = self._holding(dataset)
        for file in self.files:
            if file not in found and self._concerns(file, dataset):
                self._refuse_unless_whole(file)
        return found

    def broken(self, datasets: Iterable[str], *, thoroughly: bool) -> list[str]:
        """Why files of these datasets would stop their import.

        What does not end as it should is parsed; `thoroughly`, all is that no import has landed.
        """
        problems = []
        for file, content in self.contents.items():
            if any(holds_dataset(file, content, name) or self._concerns(file, name) for name in datasets):
                try:
                    self._refuse_unless_whole(file, thoroughly=thoroughly and content.sha256 not in self.landed)
                except ExportError as error:
                    problems.append(str(error))
        return problems

    def _refuse_unless_whole(self, file: ExportFile, *, thoroughly: bool = False) -> None:
        """Parse a file, unless its end is known to be that of a document."""
        content = self._look(file)
        if not content.is_stray and (thoroughly or not content.is_whole):
            for _ in read_elements(file.path, file.name, ()):
                pass
            self.looked_at[file] = replace(content, is_whole=True)

    def _holding(self, dataset: str) -> Contents:
        found = {file: content for file, content in self.contents.items() if holds_dataset(file, content, dataset)}
        return in_order(found)

    def _concerns(self, file: ExportFile, dataset: str) -> bool:
        """Whether a file could hold a dataset, going by where it lies, or elsewhere by its name."""
        if self.layout is Layout.FILES or "/" not in file.name:
            return True
        return file.part in BY_NAME[dataset].directories if file.part else promises(file)

    def refuse_if_changed(self, dataset: str) -> None:
        """Raise ExportError where files of a dataset came, went or changed since the export was listed.

        1C was still writing then, and what has been read is only a part of the export.
        """
        now = ExportSnapshot(self.root, self.looked_at, self.remembered)
        there = {file.name: file for file in now.files}
        before = self._holding(dataset)
        names = {file.name for file in now._holding(dataset)} - {file.name for file in before}
        names |= {file.name for file in before if not self._is_as_it_was(file, there.get(file.name), now)}
        if names:
            raise ExportError(
                f"Во время импорта изменились файлы: {', '.join(sorted(names)[:5])}. 1С ещё выгружает данные. "
                "Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
            )

    def _is_as_it_was(self, file: ExportFile, there: ExportFile | None, now: "ExportSnapshot") -> bool:
        """Whether size, mtime and content are the same; a change of owner or rights alone touches only the ctime."""
        if there is None or (there.size, there.mtime_ns) != (file.size, file.mtime_ns):
            return False
        return now.contents[there].sha256 == self.contents[file].sha256


def _is_in_place(file: ExportFile) -> bool:
    """Whether a file lies in the directory of 3.1 after which it is named."""
    return bool(file.part) and file.name.rpartition("/")[2].lower().startswith(file.part.lower())

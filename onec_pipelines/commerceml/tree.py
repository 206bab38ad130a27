"""Files in short: how many, how large, when they last changed, and a digest by which to know them again.

None is opened. A sensor asks whether they have stopped changing, an observation whether there is something new.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from onec_pipelines.commerceml.export import IMAGES, is_hidden
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

_IMAGE = re.compile(r"\.(jpe?g|jfif|png|webp|gif)$", re.IGNORECASE)
QUIET_SECONDS = 30
"""For how long nothing may have changed before an export counts as finished."""
Entry = tuple[str, int, int]
"""A file: its name, its size in bytes, its mtime in ns since the epoch."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """Number of files, latest change in ns since the epoch, a digest of what is there, bytes."""

    files: int
    changed_ns: int
    digest: int
    size: int = 0

    @property
    def fingerprint(self) -> str:
        """A text that differs when a file came, went, moved, or has another size or time."""
        return f"{self.files}-{self.digest:016x}"

    def is_quiet(self, now_ns: int) -> bool:
        """Whether nothing has changed for `QUIET_SECONDS`."""
        return now_ns - self.changed_ns >= QUIET_SECONDS * 10**9


def state_of(entries: Iterable[Entry]) -> TreeState:
    """The state of some files, in whatever order."""
    files = changed_ns = digest = size = 0
    for name, bytes_, mtime_ns in entries:
        files += 1
        size += bytes_
        changed_ns = max(changed_ns, mtime_ns)
        entry = f"{name}\0{bytes_}\0{mtime_ns}".encode("utf-8", "surrogateescape")
        digest += int.from_bytes(blake2b(entry, digest_size=8).digest())  # a sum, as the order of a walk is any
    return TreeState(files, changed_ns, digest % 2**64, size)


def tree_state(path: Path) -> TreeState:
    """Look at a directory and all below it; what vanishes meanwhile or cannot be listed is passed over."""
    return state_of(_walk(path))


def images_of(export: Path) -> Iterator[Entry]:
    """The files of an export that may be images.

    Those are what lies below any `import_files`, which may be a link, and what is named like an image.
    """
    for directory, names, files in os.walk(export):
        for name in (name for name in names if name == IMAGES):
            yield from _walk(Path(directory, name))
        names[:] = [name for name in names if name != IMAGES and not is_hidden(Path(name))]
        for name in filter(_IMAGE.search, files):
            with tolerated(log, "a file went while it was looked at", FileNotFoundError):
                found = Path(directory, name).lstat()
                yield str(Path(directory, name)), found.st_size, found.st_mtime_ns


def _walk(path: Path) -> Iterator[Entry]:
    """The files of a tree; links are not followed."""
    directories = [str(path)]
    while directories:
        with tolerated(log, "a directory cannot be listed", OSError), os.scandir(directories.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                    continue
                with tolerated(log, "a file went while it was looked at", FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    yield entry.path, found.st_size, found.st_mtime_ns

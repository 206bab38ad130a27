"""Files in short: how many, how large, when they last changed, and a digest by which to know them again.

None is opened. A sensor asks whether they have stopped changing, an observation whether there is something new.

    state_of(images_of(root))                            all at once
    Look().go_on(root, images_only=True, is_over=...)    a look that may stop, and go on later from what it has kept

A look goes through a tree by name: the files of a directory, then what is below it. So a path says how far it is. What
changes behind that path is seen by the next look.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from onec_pipelines.commerceml.export import IMAGES, is_hidden
from onec_pipelines.tolerated import passed_over, tolerated

log = logging.getLogger(__name__)

_IMAGE = re.compile(r"\.(jpe?g|jfif|png|webp|gif)$", re.IGNORECASE)
QUIET_SECONDS = 30
"""For how long nothing may have changed before an export counts as finished."""
Entry = tuple[str, int, int]
"""A file: its name, its size in bytes, its mtime in ns since the epoch."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """Number of files, latest change in ns since the epoch, a digest of what is there, bytes."""

    files: int = 0
    changed_ns: int = 0
    digest: int = 0
    size: int = 0

    @property
    def fingerprint(self) -> str:
        """A text that differs when a file came, went, moved, or has another size or time."""
        return f"{self.files}-{self.digest:016x}"

    def is_quiet(self, now_ns: int) -> bool:
        """Whether nothing has changed for `QUIET_SECONDS`."""
        return now_ns - self.changed_ns >= QUIET_SECONDS * 10**9


NOTHING = TreeState()


def state_of(entries: Iterable[Entry], found: TreeState = NOTHING) -> TreeState:
    """The state of some files, in whatever order, and of those that were found before."""
    files, changed_ns, digest, size = found.files, found.changed_ns, found.digest, found.size
    for name, bytes_, mtime_ns in entries:
        files += 1
        size += bytes_
        changed_ns = max(changed_ns, mtime_ns)
        entry = f"{name}\0{bytes_}\0{mtime_ns}".encode("utf-8", "surrogateescape")
        digest += int.from_bytes(blake2b(entry, digest_size=8).digest())  # a sum, as the order of a walk is any
    return TreeState(files, changed_ns, digest % 2**64, size)


def tree_state(path: Path) -> TreeState:
    """Look at a directory and all below it; what vanishes meanwhile or cannot be listed is passed over."""
    return Look().go_on(path).found


def images_of(export: Path) -> Iterator[Entry]:
    """The files of an export that may be images.

    Those are what lies below any `import_files`, which may be a link, and what is named like an image.
    """
    return (entry for entry in _walk(export, images_only=True) if not entry[0].endswith("/"))


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a tree that may take several times: at which, up to which path in it, and what was found so far."""

    root: str = ""
    after: str = ""
    found: TreeState = NOTHING
    is_over: bool = False

    def go_on(self, root: Path, *, images_only: bool = False, must_stop: Callable[[], bool] = lambda: False) -> "Look":
        """Go on, at another tree from its beginning, to the end or to where `must_stop` says so.

        That is asked after each file and each directory, and so each time brings the look further.
        """
        begun = self if self.root == str(root) else Look(str(root))
        place = ""

        def files() -> Iterator[Entry]:
            nonlocal place
            for entry in _walk(root, begun.after, images_only=images_only):
                if not entry[0].endswith("/"):
                    yield entry
                if must_stop():
                    place = entry[0].removeprefix(os.path.join(root, ""))  # noqa: PTH118 - with its last slash
                    return

        found = state_of(files(), begun.found)
        return Look(begun.root, place, found, is_over=not place)


def _walk(root: Path, after: str = "", *, images_only: bool = False) -> Iterator[Entry]:
    """The files of a tree that follow a path, and each directory that does, with a slash at its end, before its files.

    Links are not followed, but `import_files` may be one where only images are asked for.
    """
    ahead = [("", [""])]
    while ahead:
        above, names = ahead[-1]
        if not names:
            ahead.pop()
            continue
        here = above + names.pop()
        directory = os.path.join(root, here)  # noqa: PTH118 - hot
        is_whole = not images_only or IMAGES in here.split("/")
        here = os.path.join(here, "")  # noqa: PTH118 - with its last slash
        with tolerated(log, "a directory cannot be listed", OSError), _opened(directory) as descriptor:
            files, below = _listed(descriptor, directory, is_whole=is_whole)
            directory = os.path.join(directory, "")  # noqa: PTH118
            if not after.startswith(here):
                yield directory, 0, 0
            else:
                name, is_below, _ = after[len(here) :].partition("/")
                files = [] if is_below else [file for file in files if file > name]
                below = [each for each in below if each >= name] if is_below else below
            ahead.append((here, sorted(below, reverse=True)))
            yield from _statuses(descriptor, directory, sorted(files))


@contextmanager
def _opened(directory: str) -> Iterator[int]:
    """A directory, from which its files are looked at a fifth faster than by their paths."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _listed(descriptor: int, directory: str, *, is_whole: bool) -> tuple[list[str], list[str]]:
    """The names in a directory that count: of files, or whatever else is no directory, and of directories."""
    files, below = [], []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if is_whole or name == IMAGES or not is_hidden(Path(name)):
                    below.append(name)
            elif is_whole:
                files.append(name)
            elif entry.is_symlink() and os.path.isdir(os.path.join(directory, name)):  # noqa: PTH112, PTH118
                if name == IMAGES:
                    below.append(name)
            elif _IMAGE.search(name):
                files.append(name)
    return files, below


def _statuses(descriptor: int, directory: str, names: Iterable[str]) -> Iterator[Entry]:
    """Size and time of the files of a directory; what vanishes meanwhile is passed over."""
    for name in names:
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError as error:
            passed_over(log, "a file went while it was looked at", error)
            continue
        yield directory + name, found.st_size, found.st_mtime_ns

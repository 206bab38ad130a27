"""The bodies of one part of a session, on disk.

    incoming/<session>-<part>/journal       a line for each body that has come whole
    incoming/<session>-<part>/0/NAME        what has come; a file that begins anew goes to 1/NAME, and so on

A body is written at the end of its file, then its line into the journal, each down to the disk. What is not in the
journal does not count, and the next body is written over it: a killed server leaves nothing half. Whoever writes holds
a lock on the journal, in whatever process.

Which body is the next chunk, which one was sent twice, and which one begins a file anew? 1C sends pieces of exactly
`file_limit` bytes, and a shorter one in the end.

- The bytes of the last body of the file once more: it was sent twice, and changes nothing.
- Another body of a file that was ended by a shorter one, or after another `init`: the file begins anew.
- Any other one goes on where the last one has ended.

In what 1C exports two pieces of one file are never equal.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

BEGUN: dict[str, object] = {"begun": True}
"""The line of another `init`."""


class InboxBusyError(Exception):
    """Another request writes."""


@dataclass(slots=True)
class Received:
    """A file as far as it has come: bytes, whether it has ended, the digest of its last body, how often it began."""

    size: int = 0
    last_size: int = 0
    last_sha256: str = ""
    is_ended: bool = False
    turn: int = 0

    def repeats(self, size: int, sha256: str) -> bool:
        """Whether a body says nothing new: it is the last one once more, or an empty one after the end."""
        return (size, sha256) == (self.last_size, self.last_sha256) or (self.is_ended and size == 0)


@dataclass(slots=True)
class Inbox:
    """One part of a session; `chunk` is `file_limit`, in bytes. It may be kept from request to request."""

    root: Path
    chunk: int
    files: dict[str, Received] = field(default_factory=dict)
    size: int = 0
    _read: int = 0
    _reading: threading.Lock = field(default_factory=threading.Lock)

    @property
    def journal(self) -> Path:
        """The file that says what counts."""
        return self.root / "journal"

    def path(self, name: str, turn: int | None = None) -> Path:
        """Where a file lies, or lay when it had begun that often."""
        return self.root / str(self.files[name].turn if turn is None else turn) / name

    def refresh(self) -> Self:
        """Read what other processes have written into the journal."""
        if self.journal.exists():
            with self._reading, self.journal.open("rb") as journal:
                journal.seek(self._read)
                for line in journal:
                    if not line.endswith(b"\n"):
                        break
                    self._read += len(line)
                    self._note(json.loads(line))
        return self

    def _note(self, entry: dict[str, object]) -> None:
        if entry == BEGUN:
            for received in self.files.values():
                received.is_ended, received.last_size = True, -1
            return
        size, at, turn = (int(str(entry[key])) for key in ("size", "at", "turn"))
        received = Received(at + size, size, str(entry["sha256"]), size < self.chunk, turn)
        self.files[str(entry["name"])] = received
        self.size += size

    def begin(self) -> None:
        """Files that come from now on are new ones; nothing is written where none has come."""
        if self.refresh().files:
            with self.locked() as journal:
                self.append(journal, BEGUN)

    @contextmanager
    def locked(self, *, patience: bool = False) -> Iterator[int]:
        """Hold the journal; with `patience` wait for it.

        Raises:
            InboxBusyError: somebody else does.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        journal = os.open(self.journal, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | (0 if patience else fcntl.LOCK_NB))
            self.refresh()
            yield journal
        except BlockingIOError:
            raise InboxBusyError from None
        finally:
            os.close(journal)

    def append(self, journal: int, entry: dict[str, object]) -> None:
        """Add a line, in place of one that was cut off."""
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        os.ftruncate(journal, self._read)
        os.pwrite(journal, line, self._read)
        os.fdatasync(journal)
        self.refresh()

    @contextmanager
    def body(self, name: str) -> Iterator["Body"]:
        """Receive a body: it counts when `keep` has returned.

        Raises:
            InboxBusyError: another request of the session writes.
            OSError: it cannot be written; nothing of it is kept.
        """
        with self.locked() as journal:
            before = self.files.get(name, Received())
            at, turn = (0, before.turn + 1) if before.is_ended else (before.size, before.turn)
            path = self.path(name, turn)
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            body = Body(self, journal, name, file, before, at, turn)
            try:
                yield body
            finally:
                if not body.is_kept:
                    os.ftruncate(file, at)
                os.close(file)


@dataclass(slots=True)
class Body:
    """A body while it comes, written behind what the file has."""

    inbox: Inbox
    journal: int
    name: str
    file: int
    before: Received
    at: int
    turn: int
    size: int = 0
    is_kept: bool = False
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, block: bytes) -> None:
        """Add a block of it."""
        self.digest.update(block)
        written, at = 0, self.at + self.size
        while written < len(block):
            written += os.pwrite(self.file, memoryview(block)[written:], at + written)
        self.size += len(block)

    def keep(self) -> None:
        """Let it count: on return it is on the disk."""
        sha256 = self.digest.hexdigest()
        if self.before.repeats(self.size, sha256):
            return
        os.ftruncate(self.file, self.at + self.size)
        os.fdatasync(self.file)
        if self.at == 0:
            sync_directory(self.inbox.path(self.name, self.turn).parent)
        self.inbox.append(
            self.journal, {"name": self.name, "at": self.at, "size": self.size, "sha256": sha256, "turn": self.turn}
        )
        self.is_kept = True


def sync_directory(path: Path) -> None:
    """See that the names in a directory are on the disk."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

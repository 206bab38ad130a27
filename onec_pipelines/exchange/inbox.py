"""The bodies of one part of a session, on disk.

    incoming/<session>-<part>/journal       a line for each body that has come whole; behind it a small file itself
    incoming/<session>-<part>/0/NAME        what has come; a file that begins anew goes to 1/NAME, and so on

A body is written at the end of its file, then its line into the journal, each down to the disk. A file that is small
and comes whole needs one write in place of three: it stands in the journal, and is put into its place when the session
is sealed. That is 10,000 pictures in a fifth of the time. What is not in the
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


SMALL = 2**18
"""Bytes of a file that may stand in the journal."""


class InboxBusyError(Exception):
    """Another request writes."""


class InboxDamagedError(Exception):
    """What is on the disk is not what has come."""


@dataclass(slots=True)
class Received:
    """A file as far as it has come: bytes, its last body, whether it has ended, how often it began.

    `journaled_at` is where in the journal it stands, None where it is a file of its own.
    """

    size: int = 0
    last_size: int = 0
    last_sha256: str = ""
    is_ended: bool = False
    turn: int = 0
    journaled_at: int | None = None

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
                end = os.fstat(journal.fileno()).st_size
                while (line := journal.readline()).endswith(b"\n"):
                    entry = json.loads(line)
                    behind = int(entry["size"]) if entry.get("is_here") else 0
                    if self._read + len(line) + behind > end:
                        break
                    self._note(entry, self._read + len(line))
                    self._read += len(line) + behind
                    journal.seek(self._read)
        return self

    def _note(self, entry: dict[str, object], behind: int) -> None:
        if entry == BEGUN:
            for received in self.files.values():
                received.is_ended, received.last_size = True, -1  # nothing repeats it
            return
        size, at, turn = (int(str(entry[key])) for key in ("size", "at", "turn"))
        received = Received(at + size, size, str(entry["sha256"]), size < self.chunk, turn)
        received.journaled_at = behind if entry.get("is_here") else None
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

    def append(self, journal: int, entry: dict[str, object], behind: bytes = b"") -> None:
        """Add a line, and a small file behind it, in place of one that was cut off."""
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n" + behind
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
            body = Body(self, journal, name, before, at, turn)
            try:
                yield body
            finally:
                body.close()

    def put(self, name: str, to: Path) -> None:
        """Put a file that has come into a place of its own.

        Raises:
            InboxDamagedError: it is not what has come: the disk has lost it.
        """
        received = self.files[name]
        to.parent.mkdir(parents=True, exist_ok=True)
        to.unlink(missing_ok=True)
        if received.journaled_at is None:
            path = self.path(name)
            if path.stat().st_size < received.size:
                raise InboxDamagedError
            os.truncate(path, received.size)  # what a broken body has left behind
            os.link(path, to)
            return
        with self.journal.open("rb") as journal:
            journal.seek(received.journaled_at)
            content = journal.read(received.size)
        if hashlib.sha256(content).hexdigest() != received.last_sha256:
            raise InboxDamagedError
        to.write_bytes(content)


@dataclass(slots=True)
class Body:
    """A body while it comes: in memory while it is small, else written behind what the file has."""

    inbox: Inbox
    journal: int
    name: str
    before: Received
    at: int
    turn: int
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _small: bytearray = field(default_factory=bytearray)
    _file: int | None = None
    _is_kept: bool = False

    def write(self, block: bytes) -> None:
        """Add a block of it."""
        self.digest.update(block)
        if self._file is None and self.at == 0 and self.size + len(block) <= SMALL:
            self._small += block
        else:
            self._write(bytes(self._small) + block, self.size - len(self._small))
            self._small.clear()
        self.size += len(block)

    def _write(self, block: bytes, at: int) -> None:
        """Write into the file, which is opened for it."""
        if self._file is None:
            path = self.inbox.path(self.name, self.turn)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        written = 0
        while written < len(block):
            written += os.pwrite(self._file, memoryview(block)[written:], self.at + at + written)

    def keep(self) -> None:
        """Let it count: on return it is on the disk."""
        sha256 = self.digest.hexdigest()
        if self.before.repeats(self.size, sha256):
            return
        entry = {"name": self.name, "at": self.at, "size": self.size, "sha256": sha256, "turn": self.turn}
        if self._file is None and self.at == 0 and self.size < self.inbox.chunk:
            self.inbox.append(self.journal, {**entry, "is_here": True}, bytes(self._small))
        else:
            self._write(bytes(self._small), self.size - len(self._small))
            self._sync()
            self.inbox.append(self.journal, entry)
        self._is_kept = True

    def _sync(self) -> None:
        assert self._file is not None  # noqa: S101 - something was written
        os.ftruncate(self._file, self.at + self.size)
        os.fdatasync(self._file)
        if self.at == 0:
            sync_directory(self.inbox.path(self.name, self.turn).parent)

    def close(self) -> None:
        """Let go of the file; what does not count is taken off."""
        if self._file is not None:
            if not self._is_kept:
                os.ftruncate(self._file, self.at)
            os.close(self._file)


def sync_directory(path: Path) -> None:
    """See that the names in a directory are on the disk."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

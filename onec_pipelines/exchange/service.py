"""What the effects of the protocol do: files into inboxes, inboxes into packages. Blocking; threads call it.

A request is answered from what is on the disk and in PostgreSQL, so several processes may serve one directory.
"""

import base64
import binascii
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from onec_pipelines.exchange import words
from onec_pipelines.exchange.inbox import Inbox
from onec_pipelines.exchange.packages import OPEN_FULL, add_session, close_all
from onec_pipelines.exchange.passwords import is_right, new_token, sessid_of, token_hash
from onec_pipelines.exchange.protocol import Limits
from onec_pipelines.exchange.protocol import Session as Known
from onec_pipelines.exchange.records import (
    Records,
    SessionRow,
    change_packages,
    open_fulls,
    read_packages,
    seal_packages,
)
from onec_pipelines.exchange.sealing import SealRefusedError, gather, listing, prove
from onec_pipelines.settings import ExchangeSettings

log = logging.getLogger(__name__)

RESERVE = 512 * 2**20
"""Bytes that stay free on the disk: PostgreSQL may live on it, too."""
ORPHAN_SECONDS = 3600
"""After which a directory that nobody knows is removed."""
TRUSTED_SECONDS = 5.0
"""For how long a session is not asked for again while its files come."""

FORGOTTEN_SECONDS = 300.0
FULL_OF = "(select full_id from onec.exchange_packages where id = %(package)s)"
"""The full package that one is a portion of."""


class RefusedError(Exception):
    """A failure in words; with `fails` it is that of the whole session."""

    def __init__(self, said: str, *, fails: bool = True) -> None:
        super().__init__(said)
        self.said, self.fails = said, fails


@dataclass(slots=True)
class Session:
    """A session as a process knows it: its row, its cookie's sessid, when the row was read and 1C last asked."""

    row: SessionRow
    sessid: str
    inbox: Inbox
    read_at: float = field(default_factory=time.monotonic)
    seen_at: float = field(default_factory=time.monotonic)

    @property
    def known(self) -> Known:
        """What the protocol is told of it."""
        return Known(self.row.user_name, self.sessid, self.row.failure, self.inbox.size)

    def was_seen_within(self, seconds: float) -> bool:
        """Whether 1C has asked for something since; by a clock that nobody can set."""
        return time.monotonic() - self.seen_at < seconds


class Service:
    """Receives, proves, seals and queues."""

    def __init__(self, settings: ExchangeSettings, records: Records, *, reserve: int = RESERVE) -> None:
        self.settings, self.records, self.reserve = settings, records, reserve
        self.limits = Limits(settings.chunk, settings.max_bytes, settings.is_zip, settings.charset)
        self.incoming, self.packages = settings.directory / "incoming", settings.directory / "packages"
        self._sessions: dict[bytes, Session] = {}
        self._watched: dict[int, tuple[datetime, float]] = {}

    # --- who it is

    def log_in(self, authorization: str | None, address: str) -> tuple[str, str]:
        """Prove a password and open a session: its cookie and its sessid.

        Raises:
            RefusedError: no password, a wrong one, or too many of them.
        """
        stated = credentials(authorization)
        if stated is None:
            raise RefusedError(words.NO_HEADER)
        if "\0" in stated[0] + stated[1]:  # no text for PostgreSQL; and scrypt takes one at the end for nothing
            raise RefusedError(words.WRONG_LOGIN)
        if seconds := self.records.seconds_to_wait(address, stated[0]):
            raise RefusedError(words.too_many_tries(seconds))
        if not is_right(*stated, known_user=self.settings.user, known_hash=self.settings.password_hash):
            self.records.note_failed_login(address, stated[0])
            raise RefusedError(words.WRONG_LOGIN)
        token = new_token()
        self.records.open_session(token_hash(token), stated[0], address)
        return token, sessid_of(token)

    def session(self, token: str | None) -> Session | None:
        """The session of a cookie; one that was asked for a moment ago is not asked for again.

        One that this process has seen lately is not idle, whatever the clock says: somebody may have set it.
        """
        if not token:
            return None
        key = token_hash(token)
        kept = self._sessions.get(key)
        if kept:
            kept.seen_at = time.monotonic()
        if kept and time.monotonic() - kept.read_at < TRUSTED_SECONDS:
            return kept
        row = self.records.find_session(key, is_known=kept is not None)
        if row is None:
            self._sessions.pop(key, None)
            return None
        inbox = kept.inbox if kept and kept.row.directory == row.directory else self._inbox(row)
        self._sessions[key] = Session(row, sessid_of(token), inbox.refresh())
        return self._sessions[key]

    def _inbox(self, row: SessionRow) -> Inbox:
        return Inbox(self.incoming / row.directory, self.settings.chunk)

    def fail(self, session: Session, said: str) -> None:
        """Keep the words of a failure for all that the session asks later; its files can only take room now."""
        self.records.fail_session(session.row.id, said)
        session.read_at = 0.0
        shutil.rmtree(session.inbox.root, ignore_errors=True)

    # --- what comes

    def begin(self, session: Session, name: str, length: int) -> None:
        """Before a body comes: see that the disk has room, and note that the session has files.

        Raises:
            RefusedError: it has no room.
        """
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self.incoming).free < self.reserve + length:
            raise RefusedError(words.disk_full(name))
        if not session.row.has_files or not session.inbox.root.exists():  # another process may have sealed it
            self._begin_files(session)

    def _begin_files(self, session: Session) -> None:
        row = self.records.begin_files(session.row.id)
        if row is None:
            raise RefusedError(words.NO_SESSION)
        if row.directory != session.row.directory:
            session.inbox = self._inbox(row)
        session.row = row
        session.inbox.root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, session: Session, name: str, content: bytes) -> None:
        """Keep a body that has come whole.

        Raises:
            RefusedError: it is too much for the session, or for the disk.
        """
        self.begin(session, name, len(content))
        if session.inbox.size + len(content) > self.limits.session:
            raise RefusedError(words.large_session(self.limits.session))
        with session.inbox.body(name) as body:
            body.write(content)
            body.keep()

    # --- what becomes of it

    def seal(self, session: SessionRow) -> None:
        """Make a package of what a session has brought; twice is once, and whoever is killed leaves it to the next.

        A session whose files cannot be imported fails, and nothing of it is kept.
        """
        inbox = self._inbox(session)
        if not inbox.journal.exists():
            return
        with inbox.locked(patience=True):
            now = self.records.read_session(session.id)
            if now is None or now.part != session.part or not now.has_files or now.failure:
                return
            if not inbox.files:  # no body has come whole
                self.records.forget_files(session.id)
                return
            try:
                self._seal(session, inbox, inbox.root / "package")
            except SealRefusedError as error:
                log.warning("session %s is refused: %s", session.id, error)
                self.records.fail_session(session.id, str(error))
            except OSError:  # the disk is full: another try begins with as much room as this one
                shutil.rmtree(inbox.root / "package", ignore_errors=True)
                raise
        shutil.rmtree(inbox.root, ignore_errors=True)

    def _seal(self, session: SessionRow, inbox: Inbox, root: Path) -> None:
        gather(inbox, root, self.settings.max_bytes)
        contents = prove(root)
        if not contents.files:
            raise SealRefusedError(words.nothing_known(next(iter(inbox.files), "")))
        files = listing(root)
        with self.records.sealing() as connection:
            package = add_session(connection, session, contents, root, files, self.packages)
            connection.execute(
                "update onec.exchange_sessions set part = part + 1, has_files = false, package_id = %s where id = %s",
                [package, session.id],
            )
        log.info("session %s is sealed as package %d: %d files", session.id, package, contents.files)

    def holds(self, package: int, name: str) -> bool:
        """Whether a package has a file of this name, in whatever directory 1C's archive had it."""
        root = self.packages / str(package)
        return (root / name).is_file() or any(root.rglob(name.rpartition("/")[2]))

    def finish(self, session: SessionRow) -> None:
        """The exchange is over: what it has brought is sealed, and its full export closed.

        Raises:
            RefusedError: its files cannot be imported, nor the full export as a whole, or a run of it has failed.
        """
        self.seal(session)
        now = self.records.read_session(session.id)
        if now and now.failure:
            raise RefusedError(now.failure)
        if now and now.package_id:
            self._close(f"kind = 'full' and state = 'open' and id = {FULL_OF}", package=now.package_id)
            failed = f"state = 'failed' and (full_id = {FULL_OF} or id in (%(package)s, {FULL_OF}))"
            for package in self.records.packages(failed, {"package": now.package_id}, "ended_at limit 1"):
                raise RefusedError(words.run_failed(package.message, package.run_id or ""))

    def end_fulls(self, user: str) -> None:
        """Close what a user's full exports have collected: orders come after them."""
        self._close(OPEN_FULL, user=user)

    def _close(self, condition: str, **values: object) -> None:
        with self.records.sealing() as connection:
            close_all(connection, read_packages(connection, condition, values), self.packages)

    # --- what time does

    def tidy(self) -> None:
        """Seal what has been quiet, close what is settled. Any process may, at any time."""
        self._forget_sessions()
        self.records.catch_up()
        busy = {known.row.id for known in list(self._sessions.values()) if known.was_seen_within(self.settings.quiet)}
        for session in self.records.quiet_sessions(self.settings.quiet):
            if session.id not in busy:
                self._seal_or_wait(session)
        with self.records.sealing() as connection:
            quiet = "kind = 'portion' and state = 'open' and exists (select from onec.exchange_packages f where "
            quiet += (
                "f.id = onec.exchange_packages.full_id and f.touched_at < now() - make_interval(secs => %(quiet)s))"
            )
            portions = read_packages(connection, quiet, {"quiet": self.settings.quiet}, "id")
            seal_packages(connection, [portion.id for portion in portions])
            settled = self._settled(open_fulls(connection))
            close_all(connection, read_packages(connection, "id = any(%(ids)s)", {"ids": settled}), self.packages)

    def _seal_or_wait(self, session: SessionRow) -> None:
        """Seal, or leave it for another time: 1C has been told that it has come, and others need not wait for it."""
        try:
            self.seal(session)
        except OSError as error:
            log.warning("session %s cannot be sealed yet: %s", session.id, error)

    def _settled(self, fulls: Mapping[int, datetime]) -> list[int]:
        """Of the open full exports those to which nothing has come while this process has watched for long enough.

        Not by the time that is on record: whoever sets the clock on by an hour would end a full export between two
        portions, and what the others name would be taken away.
        """
        now = time.monotonic()
        before = self._watched
        self._watched = {
            full: before[full] if full in before and before[full][0] == touched else (touched, now)
            for full, touched in fulls.items()
        }
        return [full for full, (_, since) in self._watched.items() if now - since >= self.settings.settle]

    def _forget_sessions(self) -> None:
        """Forget sessions that have asked nothing for long: they are looked up again."""
        for key, session in list(self._sessions.items()):
            if not session.was_seen_within(FORGOTTEN_SECONDS):
                self._sessions.pop(key, None)

    def remove_old(self) -> None:
        """Remove packages that have been kept for long enough, and directories that nobody knows."""
        old = (
            "directory is not null and removed_at is null and state in ('landed', 'failed', 'merged') "
            "and ended_at < now() - make_interval(days => %(days)s) and id not in (select max(id) "
            "from onec.exchange_packages where kind = 'full' and state = 'landed' group by user_name, catalog) "
            "and id <> coalesce((select id from onec.exchange_packages where state = 'landed' "
            "order by place desc limit 1), 0)"
        )
        with self.records.sealing() as connection:
            for package in read_packages(connection, old, {"days": self.settings.keep_days}):
                shutil.rmtree(self.packages / str(package.directory), ignore_errors=True)
                change_packages(connection, "removed_at = now()", [package.id])
            known = {package.directory for package in read_packages(connection, "directory is not null", {})}
            remove_orphans(self.packages, known)
        remove_orphans(self.incoming, self.records.live_directories())


def remove_orphans(directory: Path, known: "set[str | None] | set[str]") -> None:
    """Remove directories that nobody knows and nobody has touched for an hour."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name not in known and time.time() - path.stat().st_mtime > ORPHAN_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def credentials(authorization: str | None) -> tuple[str, str] | None:
    """User and password of a header, in UTF-8 or else in windows-1251; None where it has none."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1251", "replace")
    user, colon, password = text.partition(":")
    return (user, password) if colon else None

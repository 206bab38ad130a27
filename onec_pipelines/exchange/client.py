"""A client that sends an export as 1C does, with what is odd about it: for the tests, and for `onec exchange-try`.

It counts the lines of `init`, puts the lines of `checkauth` untrimmed into its headers, sends all chunks of a file
under one name, cuts names at their second dot, splits an archive raw, asks `progress` again without a pause, goes on
after a failure and remembers the last message alone. It follows no redirect.
"""

import base64
import http.client
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from onec_pipelines.commerceml.export import IMAGES, is_hidden, natural_key

PATH = "bitrix/admin/1c_exchange.php"
"""What 1C asks for where the address has no path."""
ARCHIVE = "v8_3B8F_3e.zip"
TIMEOUT_SECONDS = 180
AGENT = "1C+Enterprise/8.3"
SHOWN = 300
"""Characters of an answer that a message repeats."""


class ExchangeError(Exception):
    """What 1C shows in place of a result."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the text, as 1C reads it whatever the status, and its lines."""

    text: str

    @property
    def lines(self) -> list[str]:
        """The lines as they are: nothing is trimmed."""
        return self.text.split("\n")

    @property
    def word(self) -> str:
        """The first line."""
        return self.lines[0]

    @property
    def rest(self) -> str:
        """What 1C shows of it."""
        return "\n".join(self.lines[1:])[:SHOWN]


@dataclass(slots=True)
class Client:
    """1C on the other side.

    Attributes:
        url: the address of the site, as it is entered in 1C.
        user: the login.
        password: the password.
        pause: seconds between two questions whether an import has ended: УТ has none, УНФ 5.
        asks_import: whether it asks for an import at all («Выгружать файлы без ожидания подтверждения»).
        is_3_1: whether it behaves as the modules of 1C-Bitrix for 3.1.
        say: called with each line that 1C's log would have.
        charset: in which answers are encoded.
    """

    url: str
    user: str
    password: str = field(repr=False)
    pause: float = 0.0
    asks_import: bool = True
    is_3_1: bool = False
    say: Callable[[str], object] = lambda _: None
    charset: str = "utf-8"
    message: str = ""
    polls: int = 0
    _cookie: str = ""
    _suffix: str = ""
    _connection: http.client.HTTPConnection | None = None

    # --- requests

    def ask(self, query: str, body: bytes | None = None) -> Reply:
        """Send a request; the query is that of a URL."""
        parts = urlsplit(self.url)
        path = "/" + (parts.path.strip("/") or PATH)
        headers = {"User-Agent": AGENT, "Authorization": f"Basic {self._basic()}"}
        if self._cookie:
            headers["Cookie"] = self._cookie
        if self._connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            self._connection.request("GET" if body is None else "POST", f"{path}?{query}", body, headers)
            reply = Reply(self._connection.getresponse().read().decode(self.charset, "replace"))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ExchangeError(f"{type(error).__name__}: {error}") from error
        return reply

    def _basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- a session

    def check(self, type_: str = "catalog") -> None:
        """«Проверить соединение»: log in.

        Raises:
            ExchangeError: with what 1C shows.
        """
        self._cookie, self._suffix = "", ""
        reply = self.ask(f"type={type_}&mode=checkauth")
        if reply.word != "success" or len(reply.lines) < 3:
            raise ExchangeError(reply.rest if reply.word == "failure" else reply.text[:SHOWN])
        self._cookie = f"{reply.lines[1]}={reply.lines[2]}"
        if self.is_3_1:
            self._suffix = "".join(f"&{line}" for line in reply.lines[3:5])
        self.say("checkauth: success")

    def init(self) -> tuple[bool, int]:
        """Whether it wants an archive, and in pieces of how many bytes."""
        reply = self.ask(f"type=catalog&mode=init{self._suffix}{'&version=3.1' if self.is_3_1 else ''}")
        if len(reply.lines) != (4 if self.is_3_1 else 2) or not reply.word.startswith("zip="):
            raise ExchangeError(reply.text[:SHOWN])
        self.say(f"init: {', '.join(reply.lines)}")
        return reply.word == "zip=yes", int(reply.lines[1].partition("=")[2])

    def send(self, name: str, path: Path, limit: int) -> None:
        """A file in pieces, all under one name.

        Raises:
            ExchangeError: a piece was not taken; that ends the session.
        """
        pieces = 0
        with path.open("rb") as stream:
            while (piece := stream.read(limit)) or not pieces:
                pieces += 1
                reply = self.ask(f"type=catalog&mode=file&filename={quote(name)}{self._suffix}", piece)
                if reply.word != "success":
                    raise ExchangeError(reply.rest if reply.word == "failure" else reply.text[:SHOWN])
        self.say(f"file {name}: success{f', {pieces} pieces' if pieces > 1 else ''}")

    def let_import(self, name: str) -> bool:
        """Ask for the import of a file until it has ended; the last message of all is kept."""
        query = f"type=catalog&mode=import&filename={quote(name)}{self._suffix}"
        while (reply := self.ask(query)).word == "progress":
            self.polls += 1
            self.say(f"import {name}: {reply.rest or 'progress'}")
            time.sleep(self.pause)
        if reply.word != "success":
            self.message = reply.rest if reply.word == "failure" else reply.text[:SHOWN]
        self.say(f"import {name}: {reply.word}{f' ({reply.rest})' if reply.rest else ''}")
        return reply.word == "success"

    def session(self, root: Path, files: Sequence[Path]) -> bool:
        """A session: what of an export is sent in it, and whether all of that was imported.

        Raises:
            ExchangeError: the session ended before.
        """
        self.message = ""
        try:
            self.check()
            is_zip, limit = self.init()
            (self._send_archive if is_zip else self._send_files)(root, files, limit)
            names = [path.relative_to(root).as_posix() for path in files if path.suffix.lower() == ".xml"]
            imported = [self.let_import(name) for name in names] if self.asks_import else []
            if self.is_3_1:
                self._finish()
            return all(imported)
        except ExchangeError as error:
            self.message = str(error)
            raise
        finally:
            self.close()

    def _finish(self) -> None:
        for mode in ("deactivate", "complete"):
            self.say(f"{mode}: {self.ask(f'type=catalog&mode={mode}{self._suffix}').word}")

    def _send_files(self, root: Path, files: Sequence[Path], limit: int) -> None:
        for path in sorted(files, key=lambda path: path.suffix.lower() != ".xml"):
            self.send(cut_at_second_dot(path.relative_to(root).as_posix()), path, limit)

    def _send_archive(self, root: Path, files: Sequence[Path], limit: int) -> None:
        with tempfile.TemporaryDirectory() as directory:
            packed = Path(directory) / ARCHIVE
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in files:
                    archive.write(path, path.relative_to(root).as_posix())
            self.send(ARCHIVE, packed, limit)


def cut_at_second_dot(name: str) -> str:
    """`photo.front.jpg` arrives as `photo.front`."""
    directory, slash, file = name.rpartition("/")
    return directory + slash + ".".join(file.split(".")[:2])


def files_of(root: Path) -> list[Path]:
    """What 1C sends of an export: XML in the order of their numbers, then pictures."""
    files = [path for path in root.rglob("*") if path.is_file() and not is_hidden(path)]
    kept = [path for path in files if path.suffix.lower() == ".xml" or IMAGES in path.relative_to(root).parts]
    return sorted(
        kept, key=lambda path: (path.suffix.lower() != ".xml", natural_key(path.relative_to(root).as_posix()))
    )


def portions_of(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The sessions of УТ 11.5: each XML in one of its own, pictures with the first."""
    xml = [path for path in files if path.suffix.lower() == ".xml"]
    for number, path in enumerate(xml):
        yield [path, *(path for path in files if number == 0 and path.suffix.lower() != ".xml")]

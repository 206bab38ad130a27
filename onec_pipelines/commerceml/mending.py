"""A second reading of a file that the parser has refused: what is wrong in a way that leaves no doubt is mended.

- A character that XML forbids (U+000B, half an emoji), raw or as a reference (`&#x1F;`), is left out.
- A name of HTML (`&nbsp;`) becomes its character.
- The declaration `<?xml ...?>` behind blank lines is left out: the encoding is known.

Whatever else is wrong stays as it is, for the parser to refuse. Lines keep their numbers, and no more than a portion of
the file is held. Not here: when a file is read again (xml.py), what is told of it (importing/dataset.py).
"""

import codecs
import os
import re
from enum import StrEnum
from functools import partial
from html.entities import html5
from typing import BinaryIO

CHUNK = 1 << 16
END_BYTES = 2048
"""How many bytes before the end of a file hold its last tag."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOUNDS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
"""What begins and ends text in which `&` is an ampersand."""
_BOUND = re.compile("(" + "|".join(map(re.escape, (*_BOUNDS, *_BOUNDS.values()))) + ")")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,40})|#x([0-9A-Fa-f]{1,40})|([A-Za-z][A-Za-z0-9]{0,40}));")
_OPEN_END = re.compile(r"(?:&#?[A-Za-z0-9]{0,41}|<(?:!(?:-|\[[CDAT]{0,5})?)?|--?|\]\]?|\?)\Z")
"""What may be the first half of a bound or a reference."""
_LONGEST = 48
_LATE_DECLARATION = re.compile(r"([ \t\r\n]+)<\?xml\s[^<>]*\?>")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})


class Mend(StrEnum):
    """What was mended, as a notice says it."""

    FORBIDDEN = "пропущены знаки, недопустимые в XML"
    NAMED = "заменены знаками их имена из HTML (как &nbsp;)"
    BLANKS = "пропущены пустые строки или пробелы перед <?xml"


class MendedStream:
    """A file as the parser reads it the second time: UTF-8 without a declaration, mended.

    Attributes:
        mends: what was mended so far -> how often, and the line of the first.
        line: how far the file is read.
        unknown_line: where it has the first reference to a name that neither XML nor HTML knows; 0 where it has none.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        stream.seek(0)
        self.stream = stream
        self.encoding = encoding
        self.mends: dict[Mend, tuple[int, int]] = {}
        self.line = 1
        self.unknown_line = 0
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")  # half an emoji is mended, too
        self._held = ""
        self._until = ""
        self._is_begun = False

    def read(self, _size: int) -> bytes:
        """The next portion; nothing at the end.

        Raises:
            UnicodeDecodeError: the bytes are not of the encoding; `line` tells where.
        """
        while data := self.stream.read(CHUNK):
            text = self._held + self._without_forbidden(self._decoded(data))
            if not self._is_begun:
                text, self._is_begun = self._begun(text.removeprefix("\ufeff")), True
            end = _OPEN_END.search(text, max(0, len(text) - _LONGEST))
            self._held = text[end.start() :] if end else ""
            if portion := self._mended(text[: end.start()] if end else text):
                return portion
        rest, self._held = self._held, ""
        return self._mended(rest)

    def ends_with(self, end: re.Pattern[bytes]) -> bool:
        """Whether the file, in UTF-8, ends so."""
        size = self.stream.seek(0, os.SEEK_END)
        self.stream.seek(max(0, size - END_BYTES) // 2 * 2)  # UTF-16
        return end.search(self.stream.read().decode(self.encoding, "ignore").encode()) is not None

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decoder.decode(data)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self.encoding, "replace")
            self.line += (self._held + before).count("\n")
            raise

    def _without_forbidden(self, text: str) -> str:
        found = _FORBIDDEN.search(text)
        if not found:
            return text
        mended, times = _FORBIDDEN.subn("", text)
        self._note(Mend.FORBIDDEN, text, found.start(), times)
        return mended

    def _begun(self, text: str) -> str:
        late = _LATE_DECLARATION.match(text)
        if not late:
            return text
        self._note(Mend.BLANKS, text, 0)
        return "\n" * late[0].count("\n") + text[late.end() :]

    def _mended(self, text: str) -> bytes:
        pieces = _BOUND.split(text)
        for place, piece in enumerate(pieces):
            if place % 2:
                self._until = "" if piece == self._until else self._until or _BOUNDS.get(piece, "")
            elif not self._until and "&" in piece:
                pieces[place] = _REFERENCE.sub(partial(self._reference, piece), piece)
            self.line += piece.count("\n")
        return "".join(pieces).encode()

    def _reference(self, piece: str, reference: re.Match[str]) -> str:
        decimal, hexadecimal, name = reference.groups()
        if not name:
            if _is_character(int(decimal) if decimal else int(hexadecimal, 16)):
                return reference[0]
            self._note(Mend.FORBIDDEN, piece, reference.start())
            return ""
        if name in _OF_XML:
            return reference[0]
        if f"{name};" not in html5:
            self.unknown_line = self.unknown_line or self.line + piece.count("\n", 0, reference.start())
            return reference[0]
        self._note(Mend.NAMED, piece, reference.start())
        return "".join(f"&#{ord(character)};" for character in html5[f"{name};"])  # no markup, be it `&LT;`

    def _note(self, mend: Mend, text: str, place: int, times: int = 1) -> None:
        known, line = self.mends.get(mend, (0, 0))
        self.mends[mend] = (known + times, line or self.line + text.count("\n", 0, place))


def _is_character(point: int) -> bool:
    return point < 0x110000 and not _FORBIDDEN.match(chr(point))

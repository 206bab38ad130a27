"""How text is shown that somebody else wrote: what 1C exported, what a file is called, what a server answered.

In the tables it stands as it was sent. Wherever people look at it, it is data and nothing else: no markup, no order to
a terminal, no formula. One function for each kind of place:

    visible(text)        a line of plain text: terminal, log, sentence of an error, metadata, cell of a table, message
    in_markdown(text)    a part of what is rendered as Markdown; plain text or a table is better, where it can be had
    in_json(value)       JSON for programs, which may be printed on a terminal and is read back as it was
    in_csv(text)         a cell of a file that people open in Excel

And `counted(1, "row")`, a number with what it counts.
"""

import json
import re
import unicodedata

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what acts and is not seen: ESC and C1, marks that turn the direction, ends of lines."""
BYTES = range(0xDC80, 0xDD00)
"""How Python holds the bytes of a file's name that are not UTF-8."""
SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes Excel take a cell for a formula, in either width; so do tab and CR, which are visible by then."""
CHANGED = re.compile(r"[\d\s.,:/-]*\d[\d\s.,:/-]*|\d+([.,]\d+)?E[+-]?\d+", re.IGNORECASE)
"""What Excel takes for a number, a date or a time, and shows as it likes."""
KEPT = re.compile(r"0|[1-9]\d{0,10}", re.ASCII)
"""Numbers that it shows as they are."""


def visible(text: str) -> str:
    r"""One line of text in which all that acts can be seen: ESC is `\x1b`, a byte that is not UTF-8 `\xcf`.

    What has been made visible stays as it is, so a sentence may pass here more than once.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN:
        return character
    point = ord(character)
    if point in BYTES:
        return rf"\x{point - 0xDC00:02x}"
    if point < 0x80:
        return SHORT.get(character, rf"\x{point:02x}")
    return rf"\u{point:04x}" if point < 0x10000 else rf"\U{point:08x}"


def in_markdown(text: str) -> str:
    """The text as a code span, in which nothing is markup and no address becomes a link."""
    shown = visible(text)
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if shown else ""


def in_json(value: object) -> str:
    r"""JSON whose texts are exact, and in which all that acts is written as `\u001b`."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        json.dumps(character)[1:-1] if unicodedata.category(character) in UNSEEN and character != "\n" else character
        for character in text
    )


def in_csv(text: str) -> str:
    """A text as a cell: one that Excel would take for a formula, or change, begins with an apostrophe.

    Excel makes 17 of `0017`, 1.2E+12 of a barcode and the twelfth of May of `12.05`. `="0017"` would keep it, but is a
    formula. A number is no text.
    """
    shown = visible(text)
    is_changed = CHANGED.fullmatch(shown) and not KEPT.fullmatch(shown)
    return f"'{shown}" if is_changed or shown.lstrip().startswith(FORMULA) else shown


def counted(number: int, noun: str) -> str:
    """`1 row`, `20,004 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

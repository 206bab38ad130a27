"""How text is shown that somebody else wrote: on a line, as Markdown, as JSON, in a cell of a table for Excel."""

import json
import sys
import unicodedata

import pytest

from onec_pipelines.shown import in_csv, in_json, in_markdown, visible

EVERY_CHARACTER = "".join(map(chr, [*range(0x11000), *range(0xE0000, 0xE0200), sys.maxunicode]))
"""But for planes in which each is as the other."""
ACTS = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# --- a line of text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Стул «Ёлочка» №5, 1\u00a0000 ₽ 🪑", "Стул «Ёлочка» №5, 1\u00a0000 ₽ 🪑"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", r"\x1b]8;;http://x\x1b\link\x1b]8;;\x1b\ ".strip()),
        ("\x9b31m\x9d0;owned\x9c", r"\u009b31m\u009d0;owned\u009c"),
        ("\x00\x08\x7f\x80", r"\x00\x08\x7f\u0080"),
        ("one\ntwo\r\n\tthree", r"one\ntwo\r\n\tthree"),
        ("one\x85two\u2028three\u2029", r"one\u0085two\u2028three\u2029"),
        ("\u202egpj.exe\u202c \u2066a\u2069", r"\u202egpj.exe\u202c \u2066a\u2069"),
        ("a\u200bb\ufeff\xad", r"a\u200bb\ufeff\u00ad"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcd6\udce5 \ud800", r"\xd6\xe5 \ud800"),
        ("\udc7f\udc80\udcff\udd00", r"\udc7f\x80\xff\udd00"),
        ("[bold]x[/bold] :smile: ![x](y) <b> 'a' \"b\" \\", "[bold]x[/bold] :smile: ![x](y) <b> 'a' \"b\" \\"),
        ("", ""),
    ],
)
def test_what_acts_in_a_text_is_visible_and_all_else_is_as_it_was(text, shown):
    assert visible(text) == shown


def test_of_all_characters_none_that_acts_is_left_and_none_that_does_not_is_touched():
    shown = visible(EVERY_CHARACTER)
    assert not {unicodedata.category(character) for character in shown} & ACTS
    seen = [character for character in EVERY_CHARACTER if unicodedata.category(character) not in ACTS]
    assert visible("".join(seen)) == "".join(seen)


def test_what_is_visible_is_one_line_and_can_be_written_anywhere():
    assert len(visible(EVERY_CHARACTER).splitlines()) == 1
    visible(EVERY_CHARACTER).encode()


def test_what_is_visible_stays_as_it_is():
    assert visible(visible(EVERY_CHARACTER)) == visible(EVERY_CHARACTER)


# --- Markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("![x](/graphql?query=mutation) <b>", "` ![x](/graphql?query=mutation) <b> `"),
        ("a`b", "`` a`b ``"),
        ("`` ` ``", "``` `` ` `` ```"),
        ("one\n\n# two", r"` one\n\n# two `"),
        ("", ""),
    ],
)
def test_a_text_in_markdown_is_a_span_of_code_that_it_cannot_leave(text, markdown):
    assert in_markdown(text) == markdown


# --- JSON


def test_json_is_read_back_as_it_was_and_nothing_in_it_acts():
    value = {"message": EVERY_CHARACTER[::-1], "counters": {"Стул": 1}}  # no two halves of a pair stand together
    shown = in_json(value)
    assert json.loads(shown) == value
    assert not {unicodedata.category(character) for character in shown.replace("\n", "")} & ACTS
    assert '"Стул": 1' in shown


def test_json_is_written_in_lines_for_people():
    assert in_json([{"a": None}]) == '[\n  {\n    "a": null\n  }\n]'


# --- a cell of a table


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+7 900", "'+7 900"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" \u00a0=1", "' \u00a0=1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠SUM(A1)", "'＠SUM(A1)"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("a\n=1", r"a\n=1"),
        ("\x1b[2J", r"\x1b[2J"),
        ("0017", "'0017"),
        ("4607012345678", "'4607012345678"),
        ("12.05", "'12.05"),
        ("1-2", "'1-2"),
        ("10:30", "'10:30"),
        ("1E5", "'1E5"),
        ("1,50", "'1,50"),
        ("17", "17"),
        ("0", "0"),
        ("A-0017", "A-0017"),
        ("12.05-Б", "12.05-Б"),
        ("Стул = 5 - 3", "Стул = 5 - 3"),
        ("", ""),
    ],
)
def test_no_text_is_a_formula_in_its_cell_or_changed_by_excel(text, cell):
    assert in_csv(text) == cell

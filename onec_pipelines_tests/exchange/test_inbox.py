"""Bodies on disk: chunks, repetitions, and what is left by a server that was killed."""

from pathlib import Path

import pytest

from onec_pipelines.exchange.inbox import Inbox, InboxBusyError, InboxDamagedError

CHUNK = 10
A, B, END = b"a" * CHUNK, b"b" * CHUNK, b"end"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "s-1", CHUNK)


def receive(inbox: Inbox, *bodies: bytes, name: str = "import.xml") -> None:
    for body in bodies:
        with inbox.body(name) as receiving:
            receiving.write(body)
            receiving.keep()


def content(inbox: Inbox, name: str = "import.xml") -> bytes:
    """What another process finds of a file."""
    Inbox(inbox.root, CHUNK).refresh().put(name, inbox.root / "found")
    return (inbox.root / "found").read_bytes()


@pytest.mark.parametrize(
    ("bodies", "whole"),
    [
        ([END], END),
        ([b""], b""),
        ([A], A),
        ([A, b""], A),
        ([A, B, END], A + B + END),
        ([A, A, B, END], A + B + END),
        ([A, B, B, END], A + B + END),
        ([A, END, END], A + END),
        ([A, END, b""], A + END),
        ([A, END, A, b"new"], A + b"new"),
        ([END, b"e"], b"e"),
    ],
)
def test_chunks_make_a_file_and_a_repeated_one_changes_nothing(inbox, bodies, whole):
    receive(inbox, *bodies)
    assert content(inbox) == whole


def test_a_file_begins_anew_after_another_init(inbox):
    receive(inbox, A, B)
    inbox.begin()
    receive(inbox, B, END)
    assert content(inbox) == B + END


def test_a_body_that_broke_off_is_no_part_of_its_file(inbox):
    receive(inbox, A)
    with inbox.body("import.xml") as receiving:
        receiving.write(b"bbb")
    assert inbox.path("import.xml").read_bytes() == A
    receive(inbox, B, END)
    assert content(inbox) == A + B + END


@pytest.mark.parametrize(
    "left",
    [
        b"",
        b'{"name": "imp',
        b'{"name": "import.xml", "at": 0, "size": 5, "sha256": "0", "turn": 1, "is_here": true}\n',
        b'{"name": "import.xml", "at": 0, "size": 5, "sha256": "0", "turn": 1, "is_here": true}\nhalf',
    ],
)
def test_what_a_killed_server_has_begun_to_write_does_not_count(inbox, left):
    receive(inbox, A)
    with inbox.path("import.xml").open("ab") as file:
        file.write(b"half a body")
    with inbox.journal.open("ab") as journal:
        journal.write(left)
    again = Inbox(inbox.root, CHUNK)
    receive(again, B, END)
    assert content(again) == A + B + END


def test_what_replaces_a_file_leaves_the_old_one_until_it_is_whole(inbox):
    receive(inbox, A, END)
    with inbox.body("import.xml") as receiving:
        receiving.write(b"ne")
    assert content(inbox) == A + END


def test_two_requests_do_not_write_into_one_session(inbox):
    other = Inbox(inbox.root, CHUNK)
    with inbox.body("a.xml"), pytest.raises(InboxBusyError), other.body("b.xml"):
        pass


def test_another_process_goes_on_where_the_first_has_ended(inbox):
    other = Inbox(inbox.root, CHUNK)
    receive(inbox, A)
    receive(other, B)
    receive(inbox, END)
    assert content(inbox) == A + B + END
    assert inbox.size == 23


def test_names_in_two_directories_are_two_files(inbox):
    receive(inbox, b"1", name="import_files/ab/x.jpg")
    receive(inbox, b"2", name="import_files/cd/x.jpg")
    assert content(inbox, "import_files/ab/x.jpg") == b"1"
    assert content(inbox, "import_files/cd/x.jpg") == b"2"


def test_a_link_is_not_followed(inbox, tmp_path):
    (inbox.root / "0").mkdir(parents=True)
    (inbox.root / "0" / "x.xml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        receive(inbox, A, name="x.xml")
    assert not (tmp_path / "elsewhere").exists()


def test_a_small_file_that_the_disk_has_lost_is_not_taken_for_whole(inbox):
    receive(inbox, b"small")
    inbox.journal.write_bytes(inbox.journal.read_bytes().replace(b"}\nsmall", b"}\n\0\0\0\0\0"))
    with pytest.raises(InboxDamagedError):
        content(inbox)


def test_a_thousand_small_files_are_one_on_the_disk(inbox):
    for number in range(1000):
        receive(inbox, str(number).encode(), name=f"import_files/{number}.jpg")
    assert [path.name for path in inbox.root.iterdir()] == ["journal"]
    assert content(inbox, "import_files/999.jpg") == b"999"

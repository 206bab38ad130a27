"""Looking at a tree of files: what makes it another one, and a look that stops and goes on."""

import os
import tracemalloc
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onec_pipelines.commerceml.tree import Look, images_of, state_of, tree_state


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.jpg", "03/b.jpg"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path / "tree"


def test_the_same_tree_has_the_same_fingerprint(tree):
    assert tree_state(tree) == tree_state(tree)
    assert tree_state(tree).files == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "new.jpg").write_bytes(b""),
        lambda tree: (tree / "a.jpg").unlink(),
        lambda tree: (tree / "a.jpg").rename(tree / "c.jpg"),
        lambda tree: (tree / "a.jpg").rename(tree / "03/a.jpg"),
        lambda tree: os.utime(tree / "a.jpg", (1, 1)),
        lambda tree: (tree / "a.jpg").write_bytes(b"123"),
    ],
    ids=["added", "removed", "renamed", "moved", "older", "shorter"],
)
def test_any_change_changes_the_fingerprint(tree, change):
    before = tree_state(tree).fingerprint
    change(tree)
    assert tree_state(tree).fingerprint != before


def test_links_are_not_followed(tree):
    (tree / "loop").symlink_to(tree)
    assert tree_state(tree).files == 3


def test_a_directory_that_has_gone_holds_nothing(tree):
    assert tree_state(tree / "absent").files == 0


def test_a_tree_has_the_fingerprint_that_0_1_0_gave_it(tree):
    digests = [
        int.from_bytes(blake2b(f"{path}\0{found.st_size}\0{found.st_mtime_ns}".encode(), digest_size=8).digest())
        for path in (tree / "a.jpg", tree / "03/b.jpg")
        for found in [path.stat()]
    ]
    assert tree_state(tree).fingerprint == f"2-{sum(digests) % 2**64:016x}"


# --- images


def names(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path, _, _ in images_of(root)]


def test_images_are_what_is_named_so_and_all_below_import_files(tree):
    for name in ("goods/1.xml", "goods/2.PNG", ".hidden/3.jpg", "goods/import_files/.x/4", "goods/import_files/5.xml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    assert names(tree) == ["a.jpg", "03/b.jpg", "goods/2.PNG", "goods/import_files/5.xml", "goods/import_files/.x/4"]


def test_import_files_may_be_a_link_and_no_other_directory(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/1.jpg").touch()
    for name in ("import_files", "other", "named.jpg"):
        (tree / name).symlink_to(tmp_path / "elsewhere")
    assert names(tree) == ["a.jpg", "03/b.jpg", "import_files/1.jpg"]


def test_a_link_that_leads_round_hides_nothing_beside_it(tree):
    (tree / "0.jpg").symlink_to(tree / "0.jpg")
    assert names(tree) == ["0.jpg", "a.jpg", "03/b.jpg"]


# --- a look that stops and goes on


def stops(seen: int) -> Iterator[bool]:
    """Not before so many files and directories."""
    return (number >= seen for number in count(1))


PATHS = st.lists(st.text("a.!", max_size=2), min_size=1, max_size=3)
"""Names among which one begins another, and goes on with what sorts before a slash."""


@settings(deadline=None)
@given(paths=st.lists(PATHS, max_size=12), steps=st.lists(st.integers(1, 5), min_size=1), images_only=st.booleans())
def test_in_pieces_a_look_finds_what_it_finds_at_once(paths, steps, images_only):
    with TemporaryDirectory() as directory:
        root = Path(directory)
        for parts in paths:
            path = root.joinpath(*[f"d{part}" for part in parts[:-1]], f"d{parts[-1]}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * len(paths))
        look = Look()
        for taken in range(1 + sum(1 for _ in root.rglob("*"))):
            if look.is_over:
                break
            steps_ahead = stops(steps[taken % len(steps)])
            look = look.go_on(root, images_only=images_only, must_stop=lambda ahead=steps_ahead: next(ahead))
        assert look.is_over
        assert look.found == Look().go_on(root, images_only=images_only).found
        assert look.found.files == len({tuple(parts) for parts in paths})


def test_a_look_goes_on_where_the_directory_has_gone_in_which_it_stopped(tree):
    for name in ("05/c.jpg", "05/d.jpg", "07/e.jpg"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    ahead = stops(5)  # a.jpg, 03/, 03/b.jpg, 05/, 05/c.jpg
    look = Look().go_on(tree, must_stop=lambda: next(ahead))
    assert look.after == "05/c.jpg"
    for path in (tree / "05").iterdir():
        path.unlink()
    (tree / "05").rmdir()
    assert look.go_on(tree).found.files == 4


def test_a_look_at_four_times_as_many_files_takes_no_more_memory(tmp_path):
    taken = []
    for directories in (10, 40):
        for number in range(directories):
            (tmp_path / f"{number}").mkdir(exist_ok=True)
            for name in range(50):
                (tmp_path / f"{number}/{name}.jpg").touch()
        tracemalloc.start()
        assert state_of(images_of(tmp_path)).files == 50 * directories
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert taken[1] < 1.3 * taken[0]

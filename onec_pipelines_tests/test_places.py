import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onec_pipelines.places import write_problems

NOBODY = 65534


@contextmanager
def not_root() -> Iterator[None]:
    """Root may write everywhere: for a moment this is somebody else."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(user)


def test_directories_that_are_there_and_such_as_can_be_made_are_written(tmp_path):
    assert write_problems({"ONEC_HOME": tmp_path, "ONEC_MEDIA_URL": tmp_path / "not" / "there"}) == []


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "dangling link"])
def test_what_is_no_directory_is_named_with_the_setting(tmp_path, make: Callable[[Path], object]):
    make(tmp_path / "media")
    (problem,) = write_problems({"ONEC_HOME": tmp_path, "ONEC_MEDIA_URL": tmp_path / "media/below"})
    assert problem == (
        f"ONEC_MEDIA_URL is {tmp_path}/media/below, which cannot be written: {tmp_path}/media is no directory; let the "
        "user who runs the import write there, or name another place."
    )


def test_a_directory_of_somebody_else_is_named(tmp_path):
    tmp_path.chmod(0o555)
    with not_root():
        (problem,) = write_problems({"ONEC_HOME": tmp_path / "home"})
    tmp_path.chmod(0o755)
    assert problem.startswith(f"ONEC_HOME is {tmp_path}/home, which cannot be written: no permission for /")

"""What `make` would do: each target as the first one, after the other, and after a pull."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from onec_pipelines.settings import PROJECT_ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
NEEDS = {"run": "requirements.lock", "test": "requirements-dev.lock"}
EARLIER, LATER = 1_700_000_000, 1_700_000_100


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` looks at, all of one age."""
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
        os.utime(tmp_path / name, (EARLIER, EARLIER))
    (tmp_path / ".venv").mkdir()
    return tmp_path


def would_do(clone: Path, target: str) -> list[str]:
    """The commands, as typed in a shell: the `make` that runs the tests is not this one's parent."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--dry-run", target], cwd=clone, env=shell, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def installed_by(clone: Path, target: str) -> list[str]:
    """The locks that a target would install."""
    return [line.rpartition(" ")[2] for line in would_do(clone, target) if "--requirement" in line]


def did(clone: Path, target: str) -> None:
    """Leave behind what a target leaves that has installed."""
    for line in would_do(clone, target):
        for stamp in line.split()[1:] if line.startswith("touch ") else ():
            (clone / stamp).touch()
            os.utime(clone / stamp, (LATER, LATER))


@pytest.mark.parametrize("target", NEEDS)
def test_as_the_first_command_a_target_installs_what_it_needs_and_then_runs(clone, target):
    assert installed_by(clone, target) == [NEEDS[target]]
    assert would_do(clone, target)[-1].startswith(".venv/bin/python -m ")


@pytest.mark.parametrize("target", NEEDS)
def test_a_second_time_it_installs_nothing(clone, target):
    did(clone, target)
    assert installed_by(clone, target) == []


def test_after_a_run_the_tests_install_the_rest(clone):
    did(clone, "run")
    assert installed_by(clone, "test") == ["requirements-dev.lock"]


def test_after_the_tests_a_run_finds_all_that_it_needs(clone):
    did(clone, "test")
    assert installed_by(clone, "run") == []


@pytest.mark.parametrize(("first", "second"), [("run", "test"), ("test", "run")])
def test_after_a_pull_that_changes_the_locks_each_installs_anew(clone, first, second):
    did(clone, first)
    did(clone, second)
    for lock in LOCKS:
        os.utime(clone / lock, (LATER + 1, LATER + 1))
    assert installed_by(clone, first) == [NEEDS[first]]
    assert installed_by(clone, second) == [NEEDS[second]]


def test_a_change_of_the_lock_of_the_tests_alone_is_nothing_to_a_run(clone):
    did(clone, "test")
    os.utime(clone / "requirements-dev.lock", (LATER + 1, LATER + 1))
    assert installed_by(clone, "run") == []
    assert installed_by(clone, "test") == ["requirements-dev.lock"]

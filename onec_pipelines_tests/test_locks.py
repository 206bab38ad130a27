"""The two locks: whole, of one mind, and nothing of the tests in what a server installs."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onec_pipelines.settings import PROJECT_ROOT

PYPROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
BUILD = PYPROJECT["dependency-groups"]["build"]
RUNTIME = [*PROJECT["dependencies"], *BUILD]
ALL = [*RUNTIME, *PROJECT["optional-dependencies"]["dev"]]


def pins(lock: str) -> dict[str, str]:
    """Name -> version of what a lock installs on this machine."""
    lines = re.sub(r"\s*#.*", "", (PROJECT_ROOT / lock).read_text("utf-8")).splitlines()
    requirements = [Requirement(line) for line in lines if line.strip()]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in requirements
        if one.marker is None or one.marker.evaluate()
    }


def closure(stated: Iterable[str]) -> set[str]:
    """The names of all packages that some requirements need here, as the installed ones say it."""
    found: set[tuple[str, str]] = set()
    todo = [(Requirement(one), "") for one in stated]
    while todo:
        requirement, extra_of = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra_of}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in found:
                found.add((name, extra))
                todo += [(Requirement(one), extra) for one in importlib.metadata.requires(name) or ()]
    return {name for name, _ in found}


@pytest.mark.parametrize(("lock", "stated"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", ALL)])
def test_a_lock_has_what_the_project_needs_with_all_that_this_needs_and_nothing_else(lock, stated):
    assert set(pins(lock)) == closure(stated)


@pytest.mark.parametrize(("lock", "stated"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", ALL)])
def test_what_is_locked_is_what_the_project_asks_for(lock, stated):
    pinned = pins(lock)
    wrong = [one for one in map(Requirement, stated) if pinned[canonicalize_name(one.name)] not in one.specifier]
    assert wrong == []


def test_what_runs_is_tested_in_the_same_versions():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_a_server_gets_nothing_of_the_tests():
    assert not {"pytest", "moto", "flask", "playwright", "hypothesis", "mypy", "ruff"} & set(pins("requirements.lock"))


def test_no_message_and_no_page_recommends_a_name_that_is_on_no_index():
    pages = [
        *PROJECT_ROOT.glob("*.md"),
        *PROJECT_ROOT.glob("docs/**/*.md"),
        *PROJECT_ROOT.glob("onec_pipelines/**/*.py"),
    ]
    recommended = {
        page.name: re.findall(r"pip install[^\n`]*onec[-_]pipelines", page.read_text("utf-8")) for page in pages
    }
    assert [page for page, found in recommended.items() if found] == []

"""The team's own definitions: loaded beside ours, and no harm to ours where they are wrong."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.definitions import build_definitions
from onec_pipelines.orchestration.definitions.team import DIRECTORY, VALIDATING, with_team
from onec_pipelines.settings import Settings

Team = Callable[..., dg.Definitions]
OURS = {"catalog", "stocks", "prices", "customers", "product_images"}
SPREAD = """
import dagster as dg

@dg.asset
def spread(prices):
    return prices
"""
CLASH = """
import dagster as dg

@dg.asset
def prices(): ...
"""


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """Ours and what these files of the team hold: `team(spread="...")`."""

    def load(**files: str) -> dg.Definitions:
        (tmp_path / DIRECTORY).mkdir()
        (tmp_path / DIRECTORY / "__init__.py").touch()
        for name, text in files.items():
            (tmp_path / DIRECTORY / f"{name}.py").write_text(text)
        return with_team(build_definitions(settings=Settings.from_environment({})), tmp_path)

    yield load
    for name in [name for name in sys.modules if name.partition(".")[0] == DIRECTORY]:
        del sys.modules[name]


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_an_asset_of_the_team_stands_below_the_asset_of_ours_that_it_takes(team):
    spread = specs(team(spread=SPREAD))["spread"]
    assert [dep.asset_key.to_user_string() for dep in spread.deps] == ["prices"]


def test_files_of_the_team_find_each_other(team):
    shared = f"from {DIRECTORY}.names import NAME\nimport dagster as dg\nspec = dg.AssetSpec(NAME)"
    assert "margin" in specs(team(names="NAME = 'margin'", shared=shared))


def test_without_the_directory_there_are_ours_alone(tmp_path):
    ours = build_definitions(settings=Settings.from_environment({}))
    assert with_team(ours, tmp_path) is ours


def test_a_directory_that_holds_only_what_we_put_there_is_not_loaded(team):
    assert DIRECTORY not in specs(team())
    assert DIRECTORY not in sys.modules


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("import dagster\nraise ValueError('no such shop')", "ValueError: no such shop"),
        ("def (", "SyntaxError: invalid syntax"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("import dagster\n@dagster.definitions\ndef late():\n    raise ValueError('too late')", "ValueError: too late"),
    ],
)
def test_a_broken_file_leaves_ours_as_they_are_and_an_asset_says_what_and_where(team, tmp_path, broken, said):
    found = specs(team(spread=SPREAD, broken=broken))
    assert found.keys() >= OURS
    assert "spread" not in found
    line = len(broken.splitlines())
    assert f'File "{tmp_path / DIRECTORY / "broken.py"}", line {line}' in found[DIRECTORY].description
    assert said in found[DIRECTORY].description


def test_of_two_assets_of_one_key_ours_stays(team):
    found = specs(team(clash=CLASH))
    assert found["prices"].group_name == "onec"
    assert "Duplicate asset key: AssetKey(['prices'])" in found[DIRECTORY].description


def test_what_is_wrong_stands_in_the_log_too(team, caplog):
    with caplog.at_level(logging.ERROR):
        team(broken="raise ValueError('no such shop')")
    assert "ValueError: no such shop" in caplog.text


def test_where_dagster_validates_a_broken_file_is_an_error(team, monkeypatch):
    monkeypatch.setenv(VALIDATING, "1")
    with pytest.raises(ValueError, match="no such shop"):
        team(broken="raise ValueError('no such shop')")

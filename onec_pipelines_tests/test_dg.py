"""`dg`, as Dagster's users know it, in the root of the project: ours, and what the team puts beside it."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from onec_pipelines.orchestration.definitions.team import DIRECTORY
from onec_pipelines.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

SPREAD = """
import dagster as dg

@dg.asset
def spread(prices):
    return prices
"""


@dataclass(frozen=True)
class Checkout:
    """A checkout of its own, where a team has put nothing yet, and a database for its run history."""

    root: Path
    database_url: str

    def dg(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `dg` in its root."""
        return self.command("dg", *arguments)

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of Dagster's in its root."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_"))}
        settings = {"ONEC_DATABASE_URL": self.database_url, "DAGSTER_DISABLE_TELEMETRY": "yes"}
        return subprocess.run(
            [Path(sys.executable).with_name(name), *arguments],
            cwd=self.root,
            env=kept | settings | {"PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    def listed(self) -> set[str]:
        """The assets of `dg list defs`."""
        done = self.dg("list", "defs", "--json")
        assert done.returncode == 0, done.stderr
        return {asset["asset_key"] for asset in json.loads(done.stdout)["assets"]}

    def put(self, name: str, text: str) -> None:
        """Put a file of the team where it is loaded from."""
        (self.root / DIRECTORY / name).write_text(text)


@pytest.fixture
def checkout(tmp_path: Path, database_url: str) -> Checkout:
    shutil.copytree(PROJECT_ROOT / "onec_pipelines", tmp_path / "onec_pipelines")
    (tmp_path / DIRECTORY).mkdir()
    for name in (f"{DIRECTORY}/__init__.py", "pyproject.toml", "dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT_ROOT / name, tmp_path / name)
    return Checkout(tmp_path, database_url)


def test_the_definitions_are_right_and_listed(checkout):
    done = checkout.dg("check", "defs")
    assert done.returncode == 0
    assert not re.search("warning|error", done.stderr, re.IGNORECASE)  # the first `dg` of a machine welcomes there
    assert "All definitions loaded successfully." in done.stdout
    assert {"catalog", "stocks", "prices", "customers", "product_images", "export_1c/goods_xml"} <= checkout.listed()


def test_an_asset_of_the_team_is_listed_beside_ours(checkout):
    checkout.put("spread.py", SPREAD)
    assert {"prices", "spread"} <= checkout.listed()


def test_a_broken_file_of_the_team_fails_the_check_and_says_why(checkout):
    checkout.put("broken.py", "raise ValueError('no such shop')")
    done = checkout.dg("check", "defs")
    assert done.returncode == 1
    assert "ValueError: no such shop" in done.stderr + done.stdout
    assert {"prices", DIRECTORY} <= checkout.listed()


@pytest.mark.parametrize(("upstream", "code"), [("prices", 0), ("pricez", 1)])
def test_dagster_definitions_validate_says_the_same(checkout, upstream, code):
    checkout.put("spread.py", SPREAD.replace("prices", upstream))
    assert checkout.command("dagster", "definitions", "validate").returncode == code

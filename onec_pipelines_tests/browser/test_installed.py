"""`pip install .` into another venv: the commands and the UI where a person stands, without a checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SOURCE = ("onec_pipelines", "pyproject.toml", "README.md", "LICENSE")
"""What a build needs of the repository; it is copied, because a build leaves its files there."""
SPREAD = """
import dagster as dg

@dg.asset
def spread(prices):
    return prices
"""


@pytest.fixture(scope="module")
def venv(tmp_path_factory) -> Path:
    """A venv with the package as `pip install .` builds and installs it; what it needs is borrowed from ours."""
    directory = tmp_path_factory.mktemp("installed")
    source, venv = directory / "source", directory / "venv"
    source.mkdir()
    for name in SOURCE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    offline = ["--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
    build = [sys.executable, "-m", "pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", directory, source]
    subprocess.run(build, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site_packages(venv) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = directory.glob("*.whl")
    subprocess.run([venv / "bin/python", "-m", "pip", "install", *offline, wheel], check=True)
    return venv


def site_packages(venv: Path) -> Path:
    (directory,) = venv.glob("lib/python*/site-packages")
    return directory


@pytest.fixture(scope="module")
def onec(venv) -> tuple[str, ...]:
    return (str(venv / "bin/onec"),)


@pytest.fixture(scope="module")
def stands(tmp_path_factory) -> Path:
    """A directory where somebody has put an asset of their own."""
    directory = tmp_path_factory.mktemp("anywhere")
    (directory / "onec_pipelines_defs").mkdir()
    (directory / "onec_pipelines_defs/spread.py").write_text(SPREAD)
    return directory


def run(onec: tuple[str, ...], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command in an environment that says nothing of us."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONEC_", "DAGSTER_", "PYTHON"))}
    return subprocess.run([*onec, *arguments], cwd=cwd, env=kept, capture_output=True, text=True, check=False)


def test_what_is_installed_is_every_file_of_the_package(venv):
    installed = site_packages(venv) / "onec_pipelines"
    assert files(installed) == files(ROOT / "onec_pipelines")
    assert "py.typed" in files(installed)


def files(package: Path) -> set[str]:
    found = [path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()]
    return {name for name in found if "__pycache__" not in name}


def test_it_says_its_version(onec, tmp_path):
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    done = run(onec, "--version", cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.split()[-1]) == (0, "", stated)


def test_in_an_empty_directory_it_writes_the_demo_and_imports_it(onec, database_url, tmp_path):
    """Settings, export, state and images: all of it below where the person stands."""
    (tmp_path / ".env").write_text(f"ONEC_DATABASE_URL={database_url}\n")
    written = run(onec, "demo", "data/import_1c", cwd=tmp_path)
    assert (written.returncode, written.stderr) == (0, "")
    imported = run(onec, "import", "all", cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
    assert "completed in" in imported.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", ".onec", "data"]
    assert (tmp_path / ".onec/dagster.yaml").exists()
    assert list((tmp_path / ".onec/media").rglob("*.jpg"))


def test_its_ui_loads_the_definitions_and_the_team_s_own(ui):
    query = "{ assetNodes { assetKey { path } } workspaceOrError { ... on Workspace { locationEntries { name } } } }"
    answer = ui.ask(query)
    assert {"catalog", "stocks", "prices", "spread"} <= {node["assetKey"]["path"][-1] for node in answer["assetNodes"]}
    assert answer["workspaceOrError"]["locationEntries"] == [{"name": "onec_pipelines"}]

"""Dagster's private modules are imported in one place, where each name has its reason."""

import ast
import re
from pathlib import Path

import dagster as dg

import onec_pipelines
from onec_pipelines.orchestration import private

PACKAGE = Path(onec_pipelines.__file__).parent
ADAPTER = Path(private.__file__)
PUBLIC = {"dagster", "dagster_celery", "dagster_graphql", "dagster_postgres", "dagster_webserver"}
IN_A_STRING = re.compile(r"^(dagster\._|dagster_(graphql|shared|webserver|postgres)\.)[\w.]+$")


def private_imports(path: Path) -> set[str]:
    """The modules below Dagster's packages that a file names, in an import or for one while it runs."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and IN_A_STRING.match(node.value):
            found.add(node.value)
    return {name for name in found if name.split(".")[0].startswith("dagster") and is_private(name)}


def is_private(module: str) -> bool:
    return "._" in module or module.split(".", maxsplit=1)[0] not in PUBLIC or module.startswith("dagster_graphql.")


def test_only_the_adapter_imports_what_dagster_keeps_private():
    assert {path for path in PACKAGE.rglob("*.py") if private_imports(path)} == {ADAPTER}


def test_the_adapter_hands_out_no_name_that_dagster_has_made_public():
    assert [name for name in private.__all__ if hasattr(dg, name)] == []


def test_every_name_of_the_adapter_is_there_in_this_dagster():
    assert [name for name in private.__all__ if not hasattr(private, name)] == []


def test_every_name_of_the_adapter_is_used():
    used = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path != ADAPTER)
    assert [name for name in private.__all__ if not re.search(rf"\b{name}\b", used)] == []

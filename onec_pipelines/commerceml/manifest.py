"""What a directory says of itself: a package that 1C has pushed has a manifest, any other export has none."""

import json
from pathlib import Path
from typing import Any

MANIFEST = ".manifest.json"
PORTION, CHANGES, FULL = "portion", "changes", "full"
"""Kinds of packages: one session of a full export, by which nothing may be taken away; changes; a full export."""


def package_kind(root: Path) -> str:
    """Of which kind the package in a directory is; empty where it is no package, or its manifest cannot be read."""
    kind = _stated(root).get("kind")
    return kind if kind in (PORTION, CHANGES, FULL) else ""


def spared_types(root: Path) -> frozenset[str]:
    """The import types of which a package takes nothing away, whatever its lists say: others deliver these, too."""
    spares = _stated(root).get("spares")
    return frozenset(map(str, spares)) if isinstance(spares, list) else frozenset()


def _stated(root: Path) -> dict[str, Any]:
    try:
        stated = json.loads((root / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return stated if isinstance(stated, dict) else {}

"""What a directory says of itself: a package that 1C has pushed has a manifest, any other export has none."""

import json
from pathlib import Path

MANIFEST = ".manifest.json"
PORTION, CHANGES, FULL = "portion", "changes", "full"
"""Kinds of packages: one session of a full export, by which nothing may be taken away; changes; a full export."""


def package_kind(root: Path) -> str:
    """Of which kind the package in a directory is; empty where it is no package, or its manifest cannot be read."""
    try:
        stated = json.loads((root / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return ""
    kind = stated.get("kind") if isinstance(stated, dict) else None
    return kind if kind in {PORTION, CHANGES, FULL} else ""

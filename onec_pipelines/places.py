"""May this user write where a setting points? Found by looking; nothing is made or written."""

import os
from collections.abc import Mapping
from pathlib import Path


def write_problems(places: Mapping[str, Path]) -> list[str]:
    """What stands against writing below these directories, by the name of the setting; they need not exist yet."""
    found = {name: _obstacle(path) for name, path in places.items()}
    return [
        f"{name} is {places[name]}, which cannot be written: {obstacle}; let the user who runs the import write "
        "there, or name another place."
        for name, obstacle in found.items()
        if obstacle
    ]


def _obstacle(path: Path) -> str:
    """What stands in the way at the nearest part of the path that is there."""
    nearest = next(part for part in (path, *path.parents) if os.path.lexists(part))
    if not nearest.is_dir():
        return f"{nearest} is no directory"
    if os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return ""
    return f"no permission for {nearest}, or a file system that is read-only"

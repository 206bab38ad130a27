"""The team's own definitions beside ours: what lies in `onec_pipelines_defs`, as docs/data-team.md shows.

A mistake there is no outage of ours: where theirs cannot be loaded, ours go on without them, and an asset of the
directory's name says why. `dg check defs` fails instead, since telling is what it is for.
"""

import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType

import dagster as dg

DIRECTORY = "onec_pipelines_defs"
"""Beside the package in a checkout, else where a person stands; `[tool.dg.project]` names it, too."""
VALIDATING = "DAGSTER_IS_DEFS_VALIDATION_CLI"
"""Dagster sets this variable where it loads definitions only to say whether they are right."""

log = logging.getLogger(__name__)


def with_team(ours: dg.Definitions, root: Path) -> dg.Definitions:
    """Ours and the team's, or ours and an asset that says what is wrong with theirs.

    Raises:
        Exception: whatever theirs raise, where Dagster validates.
    """
    directory = root / DIRECTORY
    if not is_used(directory):
        return ours
    try:
        both = dg.Definitions.merge(ours, load_team(directory))
        dg.Definitions.validate_loadable(both)  # finds two assets of one key, and what an asset needs and nobody has
    except (Exception, SystemExit) as error:  # it is their code, which may raise anything
        if os.environ.get(VALIDATING):
            raise
        log.exception("Nothing of %s is loaded.", directory)
        return dg.Definitions.merge(ours, dg.Definitions(assets=[left_out(directory, error)]))
    return both


def is_used(directory: Path) -> bool:
    """Whether something lies there besides the file that we put there."""
    return any(path.name != "__init__.py" for path in directory.rglob("*") if path.suffix in {".py", ".yaml", ".yml"})


def load_team(directory: Path) -> dg.Definitions:
    """What Dagster finds in the directory, as in the `defs` of every project of `dg`."""
    package = ModuleType(DIRECTORY)
    package.__file__, package.__path__ = str(directory / "__init__.py"), [str(directory)]
    sys.modules[DIRECTORY] = package  # so that their files find each other, wherever Python looks for modules
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # Dagster's own, of what it calls for this
        return dg.ComponentTree.from_module(package, directory.parent).build_defs()


def left_out(directory: Path, error: BaseException) -> dg.AssetSpec:
    """An asset in place of theirs, whose description says why they are not there."""
    why = reason(directory, error)
    return dg.AssetSpec(
        DIRECTORY,
        description=f"Nothing of `{directory}` is loaded until this is mended:\n\n```\n{why}```",
        group_name=DIRECTORY,
        kinds={"python"},
    )


def reason(directory: Path, error: BaseException) -> str:
    """What was raised first, and the lines of their files that led to it."""
    while first := error.__cause__ or error.__context__:
        error = first
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if Path(frame.filename).is_relative_to(directory)]
    return "".join([*traceback.format_list(theirs), *traceback.format_exception_only(error)])

"""The SQL files beside this module, read by name.

    merge/    what staged rows mean to the tables
    checks/   what a person should look at after an import
    queries/  what the imports of images and thumbnails ask of the tables

How steps are written and run is described in database/merging.py and in checking.py.
"""

from functools import cache
from importlib.resources import files
from itertools import chain

from onec_pipelines.database.merging import Step, parse_steps


@cache
def read_steps(file: str) -> tuple[Step, ...]:
    """The steps of a file, such as `merge/catalog`, with those of the files that it includes."""
    folder = file.rpartition("/")[0]
    steps = parse_steps((files("onec_pipelines.importing") / f"{file}.sql").read_text("utf-8"))
    return tuple(
        chain.from_iterable(read_steps(f"{folder}/{step.name}") if step.verb == "include" else [step] for step in steps)
    )


def statement(file: str, name: str) -> bytes:
    """The statement of a step, by the name of the step."""
    return next(step.statement for step in read_steps(file) if step.name == name).encode()

"""The SQL files: every statement is a step with a name, and every upsert has a key that its table knows."""

import re
from importlib.resources import files
from itertools import chain

import pytest

from onec_pipelines.importing.steps import read_steps

HOME = files("onec_pipelines.importing")
FILES = sorted(
    f"{folder}/{path.name.removesuffix('.sql')}" for folder in ("merge", "checks") for path in (HOME / folder).iterdir()
)


@pytest.mark.parametrize("file", FILES)
def test_every_statement_of_a_file_is_a_step_with_a_name(file):
    text = (HOME / f"{file}.sql").read_text("utf-8")
    statements = [part for part in re.sub(r"--.*", "", text).split(";\n") if part.strip(" ;\n")]
    steps = read_steps(file)
    assert len(steps) == len(statements)
    assert all(";" not in re.sub(r"--.*", "", step.statement) for step in steps)
    assert len({(step.verb, step.name, step.statement) for step in steps}) == len(steps)


def test_the_key_of_every_upsert_is_unique_in_its_table(connection):
    for step in chain.from_iterable(map(read_steps, FILES)):
        if step.verb == "upsert" and step.table != "image_references":
            keys = connection.execute(
                """
                select array_agg(a.attname::text order by a.attname)
                from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                where i.indrelid = %s::regclass and i.indisunique
                group by i.indexrelid
                """,
                [f"onec.{step.table}"],
            ).fetchall()
            assert (sorted(step.key),) in keys, step.name

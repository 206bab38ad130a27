"""The SQL files: every statement is a step with a name, and every upsert has a key that its table knows."""

import re
from importlib.resources import files
from itertools import chain

import pytest

from onec_pipelines.database.merging import parse_steps
from onec_pipelines.importing.steps import read_steps

HOME = files("onec_pipelines.importing")
FILES = sorted(
    f"{folder}/{path.name.removesuffix('.sql')}"
    for folder in ("merge", "checks", "queries")
    for path in (HOME / folder).iterdir()
)


BARE = {"latest", "repeated", "include"}
"""Verbs of steps that need no statement."""


@pytest.mark.parametrize("file", FILES)
def test_every_statement_of_a_file_is_a_step_with_a_name(file):
    text = (HOME / f"{file}.sql").read_text("utf-8")
    statements = [part for part in re.sub(r"--.*", "", text).split(";\n") if part.strip(" ;\n")]
    steps = [step for step in parse_steps(text) if step.verb not in BARE]
    assert len(steps) == len(statements)
    assert all(";" not in re.sub(r"--.*|'[^']*'", "", step.statement) for step in steps)
    assert len({(step.verb, step.name, step.statement) for step in steps}) == len(steps)


@pytest.mark.parametrize("file", FILES)
def test_a_step_without_a_statement_is_one_that_needs_none(file):
    for step in read_steps(file):
        assert step.verb in BARE or re.sub(r"--.*", "", step.statement).strip(), step.name


def test_a_file_holds_the_steps_of_those_that_it_includes():
    assert read_steps("merge/prices")[-1] == read_steps("merge/default_variants")[-1]
    assert "include" not in {step.verb for file in FILES for step in read_steps(file)}


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

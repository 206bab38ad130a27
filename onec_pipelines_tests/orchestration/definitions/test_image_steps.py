"""The steps of `product_images`, and what is seen of them when something happens between two of them."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.database.locks import run_lock
from onec_pipelines.definitions import build_definitions
from onec_pipelines.errors import DatabaseError
from onec_pipelines.orchestration.definitions.images import repeated_by
from onec_pipelines.orchestration.machinery.instance import open_instance
from onec_pipelines.orchestration.machinery.launch import QUIET
from onec_pipelines.orchestration.resources import Onec
from onec_pipelines.orchestration.runs.history import find_session
from onec_pipelines.orchestration.runs.step import locked_tag, refuse_for_a_dead_run


def images_import() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("images_import")


@pytest.fixture
def rows(project):
    with connect(project.settings.database_url) as connection:
        yield lambda query: connection.execute(query).fetchall()


def test_pictures_that_are_published_are_recorded_even_if_their_directory_goes_away_meanwhile(project, rows):
    directory = project.settings.data_dir / "goods/import_files"

    def remove(asset, counters):
        if asset == "product_images" and counters.processed == counters.total:
            shutil.rmtree(directory, ignore_errors=True)

    session = project.session(project.run("full_refresh", watch=remove))
    assert not directory.exists()
    assert (session.status, session.notices) == ("completed", ())
    assert session.counters["product_images"]["copied"] == len(rows("select from onec.product_images")) > 0


def test_an_import_that_fails_when_all_is_published_tells_how_far_it_came(project):
    project.run("catalog_import")

    def spoil(asset, counters):
        if asset == "product_images" and counters.total == counters.processed > 0:
            with connect(project.settings.database_url) as connection:
                connection.execute("alter table if exists onec.product_images rename to somewhere_else")

    session = project.session(project.run("images_import", watch=spoil))
    assert (session.status, session.processed, session.total) == ("failed", 56, 56)
    assert session.counters["product_images"]["copied"] == 91
    assert "product_images" in session.error_message


class Unsteady(Onec):
    """A database that takes no connection at the moment that the file `lost` tells."""

    lost: str

    def database_url(self) -> str:
        if Path(self.lost).exists():
            Path(self.lost).unlink()
            raise DatabaseError("PostgreSQL cannot be reached")
        return super().database_url()


def test_a_plan_that_cannot_show_how_far_it_is_is_carried_out(project, tmp_path):
    project.run("catalog_import")
    lost = tmp_path / "lost"
    counted = []

    def lose_the_server(asset, counters):
        if asset == "product_images" and counters.processed and not any(counted):
            lost.touch()
        counted.append(counters.processed)

    result = project.run("images_import", onec=Unsteady(lost=str(lost)), watch=lose_the_server)
    assert not lost.exists()
    assert project.session(result).counters["product_images"]["copied"] == 91


def test_the_time_of_the_plan_counts(project):
    project.run("catalog_import")
    result = project.run("images_import")
    (event,) = result.get_asset_materialization_events()
    seconds = event.materialization.metadata["duration_seconds"].value
    steps = [e.step_success_data.duration_ms for e in result.all_events if e.is_step_success]
    assert seconds * 1000 > steps[1]
    assert seconds > 0.5 * sum(steps[:3]) / 1000


def test_a_run_goes_on_where_another_one_failed(project, monkeypatch, rows):
    monkeypatch.delenv("DAGSTER_HOME")
    media = Path(project.settings.media_url)
    with open_instance(project.settings) as instance:

        def spoil(_asset, counters):
            if counters.total and not media.is_file():
                shutil.rmtree(media, ignore_errors=True)
                media.write_text("in the way")

        definitions = project.definitions
        for job, resources in (("catalog_import", {}), ("images_import", {"watch": spoil})):
            failed = (
                definitions(**resources)
                .resolve_job_def(job)
                .execute_in_process(instance=instance, raise_on_error=False, run_config={"loggers": QUIET})
            )
        assert not failed.success
        assert find_session(instance, failed.run_id).counters["product_images"]["copied"] == 0
        media.unlink()
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        with dg.execute_job(
            dg.reconstructable(images_import), instance=instance, reexecution_options=options
        ) as repeated:
            assert repeated.success
        session = find_session(instance, repeated.run_id)
    assert (session.processed, session.total) == (56, 56)
    assert session.counters["product_images"]["copied"] == len(rows("select from onec.product_images")) == 91
    assert session.result == "4 errors, 91 copied"


def test_a_run_repeats_all_the_runs_before_it_the_latest_first(project):
    job = project.definitions().resolve_job_def("images_import")
    first = project.instance.create_run_for_job(job)
    second = project.instance.create_run_for_job(job, parent_run_id=first.run_id, root_run_id=first.run_id)
    third = project.instance.create_run_for_job(job, parent_run_id=second.run_id, root_run_id=first.run_id)
    assert repeated_by(project.instance, third) == [second.run_id, first.run_id]
    assert repeated_by(project.instance, first) == []
    project.instance.delete_run(second.run_id)
    assert repeated_by(project.instance, third) == [second.run_id]


def test_a_step_that_is_left_in_the_queue_of_a_dead_run_is_not_done(project):
    url = project.settings.database_url
    run = project.instance.create_run_for_job(project.definitions().resolve_job_def("images_import"))
    refuse_for_a_dead_run(url, run)
    locked = run.with_tags(locked_tag(run.run_id))
    with pytest.raises(DatabaseError, match="The process of this run is gone"):
        refuse_for_a_dead_run(url, locked)
    with run_lock(url, run.run_id):
        refuse_for_a_dead_run(url, locked)

"""The thumbnails as an asset: off in a full refresh unless they are switched on, with metadata like the imports."""

from dataclasses import replace

import dagster as dg
import pytest

from onec_pipelines.database.connection import connect
from onec_pipelines.datasets import THUMBNAILS
from onec_pipelines.orchestration.runs.history import list_sessions

KEYS = ("total_images", "processed", "created", "skipped", "errors")


@pytest.fixture
def published(project):
    """A project whose pictures are published."""
    assert project.run("full_refresh").success
    return project


def materialize(project, **config: object) -> dg.ExecuteInProcessResult:
    """What the button on the page of the asset does."""
    return (
        project.definitions()
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=project.instance,
            asset_selection=[dg.AssetKey(THUMBNAILS.asset)],
            run_config={"ops": {THUMBNAILS.asset: {"config": config}}},
            raise_on_error=False,
        )
    )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (materialization,) = result.asset_materializations_for_node(THUMBNAILS.asset)
    return {key: value.value for key, value in materialization.metadata.items()}


def column(project, query: str) -> list:
    with connect(project.settings.database_url) as connection:
        return [value for (value,) in connection.execute(query.encode())]


def images(project) -> int:
    return column(project, "select count(distinct sha256) from onec.product_images")[0]


def test_a_full_refresh_makes_no_thumbnails(published):
    assert column(published, "select count(*) from onec.product_thumbnails") == [0]


def test_a_full_refresh_makes_thumbnails_where_they_are_switched_on(project):
    switched_on = replace(project, settings=replace(project.settings, thumbnails=True))
    result = switched_on.run("full_refresh")
    assert metadata_of(result)["created"] == images(project) > 0
    assert project.session(result).import_type == "all"
    assert project.session(result).counters[THUMBNAILS.asset]["created"] == images(project)


def test_the_counters_are_plain_integers(published):
    metadata = metadata_of(materialize(published, sizes=[50]))
    assert {key: type(metadata[key]) for key in KEYS} == dict.fromkeys(KEYS, int)
    assert [metadata[key] for key in KEYS] == [images(published)] * 3 + [0, 0]


def test_the_table_its_rows_and_its_columns_are_named(published):
    metadata = metadata_of(materialize(published, sizes=[50, 60]))
    assert metadata["dagster/table_name"] == "onec.product_thumbnails"
    assert metadata["dagster/row_count"] == 2 * images(published)
    assert all(column.description for column in metadata["dagster/column_schema"].columns)
    assert {"last_updated", "duration_seconds", "export_fingerprint", "export_kind"} <= metadata.keys()


def test_a_run_of_the_thumbnails_alone_is_listed_as_one(published):
    result = materialize(published, sizes=[50])
    total = images(published)
    assert published.tags(result) == {
        "onec/import_type": "thumbnails",
        "onec/progress": f"{total}/{total}",
        "onec/result": f"{total} created",
    }
    assert list_sessions(published.instance)[0].run_id == result.run_id
    assert list_sessions(published.instance, import_type="thumbnails")[0].counters == {
        THUMBNAILS.asset: dict(zip(KEYS, [total, total, total, 0, 0], strict=True))
    }


def test_what_the_launchpad_says_is_made(published):
    materialize(published, sizes=[40], format="jpeg", quality=50, force=True)
    made = "select distinct size || ' ' || format || ' ' || quality from onec.product_thumbnails"
    assert column(published, made) == ["40 jpeg 50"]


def test_what_cannot_be_made_is_one_sentence_in_the_run_history(published):
    result = materialize(published, format="gif")
    assert not result.success
    assert published.session(result).error_message == "Thumbnails can be webp or jpeg, not 'gif'."


def test_thumbnails_can_be_made_when_the_export_is_gone(published, remove):
    remove("goods")
    assert materialize(published, sizes=[50]).success


def test_the_thumbnails_are_read_as_a_table(published):
    materialize(published, sizes=[50])
    table = published.definitions().load_asset_value(THUMBNAILS.asset, instance=published.instance)
    assert list(table["size"].unique()) == [50]

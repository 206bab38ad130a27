"""Dagster's storage in the database of the catalogue: the class that `dagster.yaml` names.

It resolves the URL when an instance is made, from `ONEC_DATABASE_URL` or the embedded server, so that one
`dagster.yaml` serves both.
"""

from functools import cache
from typing import Any

import dagster as dg
from dagster_postgres import DagsterPostgresStorage

from onec_pipelines.database.connection import database_url
from onec_pipelines.orchestration.machinery.engine import dagster_url, pooled
from onec_pipelines.orchestration.machinery.schema import settle
from onec_pipelines.orchestration.private import (
    ConfigurableClassData,
    RunsTable,
    RunTagsTable,
    SqlRunStorage,
    UserConfigSchema,
)
from onec_pipelines.settings import Settings

ASKED = ("has_asset_key_col", "has_run_stats_index_cols", "has_table")
"""What Dagster asks PostgreSQL with each event, 120 times a run: which tables and columns an earlier version has made.
Ours are all there, or are moved before anything is asked."""


class OnecStorage(DagsterPostgresStorage):
    """Run history, events and schedules beside the catalogue, in a schema of their own.

    All three have one pool of connections: dagster-postgres opens one for each statement, hundreds a run.
    """

    def __init__(self, **about: Any) -> None:  # noqa: ANN401 - Dagster's own arguments
        super().__init__(**about)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = pooled(self.postgres_url)  # noqa: SLF001 - it takes no engine
            for name in ASKED:
                if asks := getattr(storage, name, None):
                    setattr(storage, name, cache(asks))

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure: the environment says it."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> "OnecStorage":
        """The storage of the database that the settings name, its tables made or moved; it has not yet connected.

        Raises:
            DatabaseError: the database cannot be reached, or the tables cannot be made or moved: said in one sentence
                before Dagster tries for long.
        """
        del config_value
        url = database_url(Settings.from_environment())
        schema = settle(url).schema
        return cls(postgres_url=dagster_url(url, schema), should_autocreate_tables=False, inst_data=inst_data)


def drop_tag(storage: SqlRunStorage, run: dg.DagsterRun, name: str) -> None:
    """Delete a tag of a run, which Dagster can only overwrite: from the run as it is kept, and from where it is sought.

    Whoever calls this is the only one who changes the tags of the run: see `tags_lock`.
    """
    kept = run.with_tags({key: value for key, value in run.tags.items() if key != name})
    of_run = RunTagsTable.c.run_id == run.run_id
    with storage.connect() as connection:
        connection.execute(
            RunsTable.update().where(RunsTable.c.run_id == run.run_id).values(run_body=dg.serialize_value(kept))
        )
        connection.execute(RunTagsTable.delete().where(of_run, RunTagsTable.c.key == name))

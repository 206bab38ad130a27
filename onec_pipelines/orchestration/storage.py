"""Dagster's storage in the database of the catalogue: the class that `dagster.yaml` names.

It resolves the URL when an instance is made, from `ONEC_DATABASE_URL` or the embedded server, so that one
`dagster.yaml` serves both.
"""

from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.settings import Settings


class OnecStorage(DagsterPostgresStorage):
    """Run history, events and schedules beside the catalogue, in the schema `public`."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure: the environment says it."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]
    ) -> "OnecStorage":
        """The storage of the database that the settings name.

        Raises:
            DatabaseError: the database cannot be reached: said in one sentence before Dagster tries for long.
        """
        del config_value
        url = database_url(Settings.from_environment())
        connect(url).close()
        return cls(postgres_url=sqlalchemy_url(url), should_autocreate_tables=True, inst_data=inst_data)


def sqlalchemy_url(url: str) -> str:
    """The URL with its driver named: what `postgresql://` alone means depends on SQLAlchemy's version."""
    return f"postgresql+psycopg2://{url.partition('://')[2]}"

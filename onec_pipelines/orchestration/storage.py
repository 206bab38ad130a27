"""Dagster's storage in the database of the catalogue: the class that `dagster.yaml` names.

It resolves the URL when an instance is made, from `ONEC_DATABASE_URL` or the embedded server, so that one
`dagster.yaml` serves both.
"""

from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import make_url

from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.settings import Settings

CATALOGUE = "onec"
"""The schema of the catalogue."""


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
        with connect(url) as connection:
            user = connection.info.user
        return cls(postgres_url=sqlalchemy_url(url, user), should_autocreate_tables=True, inst_data=inst_data)


def sqlalchemy_url(url: str, user: str) -> str:
    """The URL for Dagster, with its driver named: what `postgresql://` alone means depends on SQLAlchemy's version.

    PostgreSQL looks for tables first in the schema that is named as the user. For the user `onec` that is the
    catalogue's as soon as it is there, and the run history would begin anew in it.
    """
    parsed = make_url(f"postgresql+psycopg2://{url.partition('://')[2]}")
    if user == CATALOGUE:
        stated = parsed.query.get("options", "")
        parsed = parsed.update_query_dict({"options": f"{stated} -csearch_path=public".strip()})
    return parsed.render_as_string(hide_password=False)

"""What assets, the sensor and the schedule are handed: settings, and the URL of a database that is up.

Nothing is read or started before a run, a tick or a query asks for it.
"""

import dagster as dg

from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.database.connection import connect, database_url
from onec_pipelines.database.migrate import denied
from onec_pipelines.importing.dataset import has_products
from onec_pipelines.settings import Settings


class Onec(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The environment of the project, as it is when it is asked for."""

    def settings(self) -> Settings:
        """The settings; SettingsError names a wrong one."""
        return Settings.from_environment()

    def database_url(self) -> str:
        """The database that is set, or the embedded one, started where need be."""
        return database_url(self.settings())

    def denied(self) -> str:
        """What keeps the user of the database from importing, in one sentence; nothing where nothing does."""
        with connect(self.database_url()) as connection:
            return denied(connection)

    def has_products(self) -> bool:
        """Whether the catalogue holds a product."""
        with connect(self.database_url()) as connection:
            return has_products(connection)

    def problems(self, import_type: str) -> list[str]:
        """What stands against an import of this type: the preflight of `import_type`, or of `all`."""
        return preflight(self.settings().data_dir, import_type, has_products=self.has_products())

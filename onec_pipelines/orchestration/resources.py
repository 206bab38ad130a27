"""What assets, the sensor and the schedule are handed: settings, and the URL of a database that is up.

Nothing is read or started before a run, a tick or a query asks for it.
"""

import logging

import dagster as dg
import psycopg

from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.database.connection import database_url
from onec_pipelines.database.lending import lend
from onec_pipelines.errors import DatabaseError
from onec_pipelines.importing.dataset import has_products, problems_of
from onec_pipelines.importing.known_files import recall
from onec_pipelines.settings import Settings
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)


class Onec(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The environment of the project, as it is when it is asked for."""

    def settings(self) -> Settings:
        """The settings; SettingsError names a wrong one."""
        return Settings.from_environment()

    def database_url(self) -> str:
        """The database that is set, or the embedded one, started where need be."""
        return database_url(self.settings())

    def has_products(self) -> bool:
        """Whether the catalogue holds a product."""
        with lend(self.database_url()) as connection:
            return has_products(connection)

    def export(self) -> ExportSnapshot:
        """What `ONEC_DATA_DIR` holds now, for a preflight.

        Where that asks what is in the files, it need not open those that an import has seen; a database that takes no
        connection for a moment, or does not let us look, makes it open them.
        """
        export = ExportSnapshot(self.settings().data_dir)
        if not export.is_told_by_names:
            with (
                tolerated(log, "what is known of the files is not asked for", DatabaseError, psycopg.Error),
                lend(self.database_url()) as connection,
            ):
                recall(connection, export)
        return export

    def problems(self, export: ExportSnapshot, import_type: str) -> list[str]:
        """What stands against an import of this type: the preflight of `import_type`, or of `all`."""
        with lend(self.database_url()) as connection:
            return problems_of(connection, export, import_type)

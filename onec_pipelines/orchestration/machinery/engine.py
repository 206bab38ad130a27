"""How Dagster connects to PostgreSQL: a URL whose connections, whoever makes an engine of it, work in one schema.

Dagster names its tables without a schema and makes its engines itself, another one for the webserver. The parameter
`options` of the URL would set the search path as well, but poolers such as PgBouncer reject it.
"""

import os
from functools import lru_cache
from typing import Any
from weakref import WeakSet

from psycopg.conninfo import conninfo_to_dict
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812 - a class, whatever its name looks like
from psycopg2.extensions import quote_ident
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin

POOLED: WeakSet[Engine] = WeakSet()
PLUGIN = "onec_schema"
"""The name of the plugin in a URL, and of the parameter that says which schema."""


class SchemaPlugin(CreateEnginePlugin):
    """What a URL asks of SQLAlchemy with `plugin=onec_schema&onec_schema=dagster`."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        super().__init__(url, kwargs)
        self.schema = str(url.query[PLUGIN])

    def update_url(self, url: URL) -> URL:
        """The URL without what is meant for this plugin."""
        return url.difference_update_query([PLUGIN])

    def engine_created(self, engine: Engine) -> None:
        """Be the first to be told of each new connection: SQLAlchemy then asks it which schema is its own."""
        event.listen(engine, "connect", self.set_search_path, insert=True)

    def set_search_path(self, connection: Psycopg2Connection, _record: object) -> None:
        """Work in the schema for as long as the connection lives: outside a transaction, which might be undone."""
        was = connection.autocommit
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"set search_path = {quote_ident(self.schema, connection)}")
        connection.autocommit = was


@lru_cache(maxsize=1)
def pooled(url: str) -> Engine:
    """The engine of this process for a URL. A connection that has been lost is found out before it is used.

    It keeps two connections, and opens as many more as threads ask for at a time. A forked process gets its own.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_size=2, max_overflow=-1, pool_pre_ping=True)
    POOLED.add(engine)
    return engine


def leave_to_the_parent() -> None:
    """Forget, in a forked process, the connections of the one that it was forked from."""
    for engine in POOLED:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=leave_to_the_parent)


plugins.register(PLUGIN, __name__, SchemaPlugin.__name__)


def dagster_url(url: str, schema: str) -> str:
    """Return the URL for Dagster: everything that `url` states, the driver and the schema.

    What `postgresql://` alone means depends on SQLAlchemy's version. It is libpq that says what a URL states:
    SQLAlchemy stumbles over several hosts with ports, and takes the name of a database for what is written.
    """
    stated = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    parsed = URL.create(
        "postgresql+psycopg2",
        username=stated.pop("user", None),
        password=stated.pop("password", None),
        query={**stated, "plugin": PLUGIN, PLUGIN: schema},
    )
    return parsed.render_as_string(hide_password=False)

"""What the user of a connection is denied, found by looking: each in one sentence, and nothing where nothing is.

Not here: the schema itself and what it lacks (migrate.py), other places that an import writes to.
"""

import psycopg

SCHEMAS = ("onec", "onec_staging")
WRITING = """
with denied as (
    select relowner as owner from pg_class
    where relnamespace = to_regnamespace('onec') and relkind in ('r', 'p') and not relispartition and not (
        has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
        and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete')
    )
    union all
    select nspowner from pg_namespace
    where nspname = any(%(schemas)s) and not (
        has_schema_privilege(oid, 'usage') and (nspname <> 'onec_staging' or has_schema_privilege(oid, 'create'))
    )
)
select
    current_setting('transaction_read_only')::boolean,
    has_database_privilege(current_database(), 'create')
        or exists (select from pg_class where relnamespace = to_regnamespace('onec') and relname = 'schema_migrations'),
    (select pg_get_userbyid(owner) from denied limit 1)
"""
HISTORY = """
select has_database_privilege(current_database(), 'create')
    or to_regnamespace('dagster') is not null or to_regclass('public.runs') is not null
"""
CHANGING = """
select pg_get_userbyid(nspowner) from pg_namespace
where nspname = any(%(schemas)s) and not pg_has_role(nspowner, 'usage')
limit 1
"""


def denied_to_write(connection: psycopg.Connection) -> str:
    """What keeps this user from writing rows, and from making the schema where it is absent."""
    row = connection.execute(WRITING, {"schemas": list(SCHEMAS)}).fetchone()
    is_read_only, is_made_or_may_be, owner = row or (False, True, None)
    user, database = connection.info.user, connection.info.dbname
    if is_read_only:
        return (
            f'The database "{database}" is read-only for the user "{user}": name the primary server in '
            "ONEC_DATABASE_URL and not its standby, or set default_transaction_read_only to off for that user."
        )
    if not is_made_or_may_be:
        return _no_schemas(user, database)
    if owner:
        return (
            f'The user "{user}" may not write into the schema "onec" of the database "{database}": name the user to '
            f'whom it belongs, "{owner}", in ONEC_DATABASE_URL.'
        )
    return ""


def denied_history(connection: psycopg.Connection) -> str:
    """What keeps this user from making the schema of Dagster's tables; earlier ones may lie in `public`."""
    row = connection.execute(HISTORY).fetchone()
    return "" if row == (True,) else _no_schemas(connection.info.user, connection.info.dbname)


def _no_schemas(user: str, database: str) -> str:
    return (
        f'The user "{user}" may not create schemas in the database "{database}": let the owner of the '
        f'database run: grant create on database "{database}" to "{user}".'
    )


def denied_to_change(connection: psycopg.Connection) -> str:
    """What keeps this user from changing the tables: only those to whom they belong may."""
    row = connection.execute(CHANGING, {"schemas": list(SCHEMAS)}).fetchone()
    if row is None:
        return ""
    user, database = connection.info.user, connection.info.dbname
    return (
        f'The schema "onec" of the database "{database}" must be brought up to date, and the user "{user}" may not '
        f'change it: run onec migrate as the user to whom it belongs, "{row[0]}".'
    )

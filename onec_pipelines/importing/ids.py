"""GUIDs that differ only in case are one identifier: in lower case, or as it is on record.

Earlier versions took them as 1C sent them, and whoever wrote down an identifier of theirs must still find it.
"""

from collections.abc import Callable

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from onec_pipelines.commerceml.values import MAX_ID_BYTES, fold_guids

Fold = Callable[[str], str]

TABLES = (
    "categories",
    "brands",
    "properties",
    "property_values",
    "products",
    "product_variants",
    "price_types",
    "warehouses",
    "customers",
)
"""Those whose rows have identifiers of 1C that are GUIDs."""


def settle_former_ids(connection: psycopg.Connection) -> None:
    """Note, once for a database, the identifiers that an earlier version wrote down in capitals.

    Those of what it left pending are folded: nobody else has written them down.
    """
    with connection.transaction():
        if connection.execute("select from onec.former_ids limit 1").rowcount:
            return
        former = {"": ""}
        for table in TABLES:
            former |= _in_another_case(connection, sql.Identifier("onec", table))
        connection.execute(
            "insert into onec.former_ids select * from unnest(%s::text[], %s::text[]) on conflict do nothing",
            [list(former), list(former.values())],
        )
        _fold_pending(connection, read_folding(connection))


def read_folding(connection: psycopg.Connection) -> Fold:
    """What an identifier of an export is called in the database."""
    found = connection.execute("select folded, onec_id from onec.former_ids where folded <> ''")
    former: dict[str, str] = dict(found.fetchall())
    if not former:
        return fold_guids

    def fold(stated: str) -> str:
        folded = fold_guids(stated)
        if folded in former:
            return former[folded]
        return "#".join(former.get(part, part) for part in folded.split("#"))

    return fold


def _in_another_case(connection: psycopg.Connection, table: sql.Identifier) -> dict[str, str]:
    """Folded identifier -> that of a row, where they differ and no other row has the folded one."""
    query = sql.SQL("select onec_id from {} where {}").format(table, _has_capitals("onec_id"))
    found = {folded: onec_id for (onec_id,) in connection.execute(query) if (folded := fold_guids(onec_id)) != onec_id}
    if found:
        query = sql.SQL("select onec_id from {} where onec_id = any (%s)").format(table)
        for (onec_id,) in connection.execute(query, [list(found)]):
            del found[onec_id]
    return found


def _fold_pending(connection: psycopg.Connection, fold: Fold) -> None:
    query = sql.SQL("select import_type, entity, onec_id, payload from onec.pending_records where {}").format(
        _has_capitals("(onec_id || payload::text)")
    )
    for import_type, entity, onec_id, payload in connection.execute(query).fetchall():
        now, folded = fold(onec_id), _folded(payload, fold)
        if now != onec_id:
            connection.execute(
                "delete from onec.pending_records where (import_type, entity, onec_id) = (%s, %s, %s)",
                [import_type, entity, now],
            )
        if (now, folded) != (onec_id, payload):
            connection.execute(
                "update onec.pending_records set onec_id = %s, payload = %s "
                "where (import_type, entity, onec_id) = (%s, %s, %s)",
                [now, Jsonb(folded), import_type, entity, onec_id],
            )


def _folded(payload: object, fold: Fold) -> object:
    if isinstance(payload, dict):
        return {fold(name): _folded(value, fold) for name, value in payload.items()}
    if isinstance(payload, list):
        return [_folded(value, fold) for value in payload]
    return fold(payload) if isinstance(payload, str) and len(payload) <= MAX_ID_BYTES else payload


def _has_capitals(text: str) -> sql.SQL:
    return sql.SQL(f"{text} ~ '[A-F]' and {text} ~* '[0-9a-f]{{8}}-([0-9a-f]{{4}}-){{3}}'")

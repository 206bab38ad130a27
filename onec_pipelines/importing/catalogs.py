"""Which catalogues an export speaks for: each full package takes rows of its own catalogue away, and of no other.

Most shops have one catalogue. Then a full package speaks for all there is, and the rows bear no mark. Once a second one
is on record or in the export, staged rows are marked with the one whose package stated them.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import psycopg
from psycopg import sql

from onec_pipelines.database.staging import SCHEMA
from onec_pipelines.importing.reading import DatasetImport, Entity, Reading
from onec_pipelines.importing.steps import statement

SILENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the packages of an export speak for.

    Attributes:
        full: the entities of which some catalogue is stated in full.
        judged: those of them whose unstated rows go.
        values: what the steps of a merge are told: `one_catalog` and `one_classifier`, whether there is one at most;
            `catalog_id` of the only one; `<entity>_spoken`, the ids of the catalogues that state it in full.
    """

    full: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()
    values: Mapping[str, object] | None = None


def spoken_for(connection: psycopg.Connection, dataset: DatasetImport, reading: Reading) -> Spoken:
    """Note the catalogues of an export, mark what is staged where there are several, and say which speak for what."""
    known = _known(connection, reading)
    several = {is_classifier: sum(kind == is_classifier for _, kind in known) > 1 for is_classifier in (False, True)}
    if any(several.values()):
        _mark(connection, dataset.staged.values(), reading, known)
    full, judged, values = set(), set(), {}
    for entity in dataset.entities:
        stated = {catalog for name, catalog in reading.spoken if name == entity.name}
        in_full = {catalog for catalog in stated if reading.spoken[entity.name, catalog]}
        seen = {catalog for catalog in in_full if (entity.name, catalog) in reading.named}
        if several[entity.is_of_classifier] or in_full == stated != set():
            full |= {entity.name} if in_full else set()
            judged |= {entity.name} if seen else set()
        ids = [known[catalog, entity.is_of_classifier] for catalog in seen if catalog]
        values[f"{entity.name}_spoken"] = ids if entity.name in judged else []
    _drop_outdated(connection, dataset, reading, full)
    catalogs = {known[rows.catalog, False] for rows in reading.packages if rows.catalog and not rows.is_classifier}
    return Spoken(
        frozenset(full),
        frozenset(judged),
        {
            **values,
            "one_catalog": not several[False],
            "one_classifier": not several[True],
            "catalog_id": catalogs.pop() if len(catalogs) == 1 else None,
        },
    )


def silent(connection: psycopg.Connection) -> Iterator[str]:
    """Sentences on catalogues of which no full package has come for long: their products stay as they are."""
    for onec_id, since, products in connection.execute(statement("queries/catalogs", "silent"), {"days": SILENT_DAYS}):
        yield (
            f"Каталог {onec_id} не выгружался целиком с {since}; его активные товары остаются: {products}. "
            "Если этого каталога в 1С больше нет, удалите его строки из onec.product_catalogs: следующая полная "
            "выгрузка уберёт его товары."
        )


def _drop_outdated(
    connection: psycopg.Connection, dataset: DatasetImport, reading: Reading, full: AbstractSet[str]
) -> None:
    """Drop what only changes older than a full file of their list state: that does not count as named."""
    for entity in dataset.entities:
        files = list(reading.outdated[entity.name])
        if not files or entity.name not in full:
            continue
        table = sql.Identifier(SCHEMA, dataset.tables[entity.record])
        key = sql.SQL(", ").join(map(sql.Identifier, entity.key))
        connection.execute(
            sql.SQL(
                "delete from {table} where file = any (%(files)s) "
                "and ({key}) not in (select {key} from {table} where file <> all (%(files)s))"
            ).format(table=table, key=key),
            {"files": files},
        )
        for part in entity.parts:
            connection.execute(
                sql.SQL("delete from {} where file = any (%s) and onec_id not in (select onec_id from {})").format(
                    sql.Identifier(SCHEMA, dataset.tables[part]), table
                ),
                [files],
            )


def unspoken(entities: Iterable[Entity]) -> Mapping[str, object]:
    """The values of a merge for which no file was read, as of one that only tries pending rows again."""
    spoken: dict[str, object] = {f"{entity.name}_spoken": [] for entity in entities}
    return {**spoken, "one_catalog": True, "one_classifier": True, "catalog_id": None}


def _known(connection: psycopg.Connection, reading: Reading) -> dict[tuple[str, bool], int]:
    """The ids of all catalogues and classifiers, those of the export noted."""
    stated = {(rows.catalog, rows.is_classifier) for rows in reading.packages if rows.catalog}
    query = "select onec_id, is_classifier, id from onec.catalogs"
    known = {(onec_id, kind): number for onec_id, kind, number in connection.execute(query)}
    if stated <= known.keys():
        return known
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into onec.catalogs (onec_id, is_classifier) values (%s, %s) on conflict do nothing", sorted(stated)
        )
    return {(onec_id, kind): number for onec_id, kind, number in connection.execute(query)}


def _mark(
    connection: psycopg.Connection, tables: Iterable[str], reading: Reading, known: Mapping[tuple[str, bool], int]
) -> None:
    """Mark staged rows with their catalogue, or their classifier."""
    connection.execute("create temp table packages (catalog_id integer, after bigint, last bigint) on commit drop")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into pg_temp.packages values (%s, %s, %s)",
            [
                (known[rows.catalog, rows.is_classifier], rows.after, rows.last)
                for rows in reading.packages
                if rows.catalog
            ],
        )
    for table in tables:
        connection.execute(
            sql.SQL(
                "update {} s set catalog_id = p.catalog_id from pg_temp.packages p "
                "where s.seq > p.after and s.seq <= p.last"
            ).format(sql.Identifier(SCHEMA, table))
        )

"""The ledger: which files the last completed import of a type was made from, and what it counted."""

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from onec_pipelines.commerceml.export import ExportFile, FileContent


@dataclass(frozen=True, slots=True)
class LastImport:
    """The last completed import of a type."""

    fingerprint: str
    export_kind: str
    total_items: int
    skipped_by_rule: int


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A file that was read, with its content and the number of records found in it."""

    file: ExportFile
    content: FileContent
    rows: int


def read_last(connection: psycopg.Connection, import_type: str) -> LastImport | None:
    """The last completed import, None when there was none."""
    row = connection.execute(
        "select fingerprint, export_kind, total_items, skipped_by_rule from onec.import_states where import_type = %s",
        [import_type],
    ).fetchone()
    return LastImport(*row) if row else None


def write_last(connection: psycopg.Connection, import_type: str, last: LastImport) -> None:
    """Record a completed import; an equal record is not touched."""
    connection.execute(
        """
        insert into onec.import_states as t (import_type, fingerprint, export_kind, total_items, skipped_by_rule)
        select %(import_type)s, %(fingerprint)s, %(export_kind)s, %(total_items)s, %(skipped_by_rule)s
        where not exists (
            select from onec.import_states t
            where (t.import_type, t.fingerprint, t.export_kind, t.total_items, t.skipped_by_rule)
                = (%(import_type)s, %(fingerprint)s, %(export_kind)s, %(total_items)s, %(skipped_by_rule)s)
        )
        on conflict (import_type) do update set
            fingerprint = excluded.fingerprint,
            export_kind = excluded.export_kind,
            total_items = excluded.total_items,
            skipped_by_rule = excluded.skipped_by_rule
        """,
        {
            "import_type": import_type,
            "fingerprint": last.fingerprint,
            "export_kind": last.export_kind,
            "total_items": last.total_items,
            "skipped_by_rule": last.skipped_by_rule,
        },
    )


def write_files(
    connection: psycopg.Connection, import_type: str, run_id: str | None, files: Iterable[LedgerFile]
) -> None:
    """Replace the files of a type; an entry that is equal stays as it was."""
    entries = [(import_type, f.file.name, f.file.size, f.content.sha256, f.rows, run_id) for f in files]
    connection.execute(
        "delete from onec.import_files where import_type = %s and path <> all (%s)",
        [import_type, [entry[1] for entry in entries]],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into onec.import_files as t (import_type, path, size_bytes, sha256, rows, run_id)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (import_type, path) do update set
                size_bytes = excluded.size_bytes, sha256 = excluded.sha256, rows = excluded.rows,
                run_id = excluded.run_id, imported_at = now()
            where (t.size_bytes, t.sha256, t.rows)
                is distinct from (excluded.size_bytes, excluded.sha256, excluded.rows)
            """,
            entries,
        )

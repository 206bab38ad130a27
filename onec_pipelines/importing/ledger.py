"""The ledger: which files the last completed import of a type was made from, and what it counted.

Not here: what those files hold (known_files.py).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

import psycopg

from onec_pipelines.commerceml.content import FileContent
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.snapshot import Contents
from onec_pipelines.database.migrate import migrations


@dataclass(frozen=True, slots=True)
class LastImport:
    """The last completed import of a type.

    Attributes:
        fingerprint: 16 hexadecimal digits, of what it was made from: see `digest_of`.
        export_kind: `full` or `changes`.
        total_items: the items that its export stated.
        waiting_items: those of them that are still pending.
        skipped_by_rule: those that are not for us, such as suppliers among customers.
    """

    fingerprint: str
    export_kind: str
    total_items: int
    waiting_items: int
    skipped_by_rule: int

    def after_landing(self, landed: int) -> tuple["LastImport", int]:
        """The same after so many pending rows have landed, and how many of them an export before this one stated."""
        own = min(landed, self.waiting_items)
        return replace(self, waiting_items=self.waiting_items - own), landed - own


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A file that was read, with its content and the number of records found in it."""

    file: ExportFile
    content: FileContent
    rows: int


def read_last(connection: psycopg.Connection, import_type: str) -> LastImport | None:
    """The last completed import, None when there was none."""
    row = connection.execute(
        "select fingerprint, export_kind, total_items, waiting_items, skipped_by_rule "
        "from onec.import_states where import_type = %s",
        [import_type],
    ).fetchone()
    return LastImport(*row) if row else None


def write_last(connection: psycopg.Connection, import_type: str, last: LastImport) -> None:
    """Record a completed import; an equal record is not touched."""
    connection.execute(
        """
        insert into onec.import_states as t
            (import_type, fingerprint, export_kind, total_items, waiting_items, skipped_by_rule)
        values
            (%(import_type)s, %(fingerprint)s, %(export_kind)s, %(total_items)s, %(waiting_items)s,
            %(skipped_by_rule)s)
        on conflict (import_type) do update set
            fingerprint = excluded.fingerprint,
            export_kind = excluded.export_kind,
            total_items = excluded.total_items,
            waiting_items = excluded.waiting_items,
            skipped_by_rule = excluded.skipped_by_rule
        where t.* is distinct from excluded.*
        """,
        {"import_type": import_type, **asdict(last)},
    )


def note_change(connection: psycopg.Connection, import_type: str, *, wrote: bool) -> None:
    """Note that an import wrote or removed a row of its asset: by that `data_version` changes, and by nothing else."""
    if wrote:
        connection.execute(
            "insert into onec.data_versions (import_type) values (%s) "
            "on conflict (import_type) do update set changed_at = excluded.changed_at",
            [import_type],
        )


def data_version(connection: psycopg.Connection, import_type: str) -> str:
    """When a row of an asset was last written or removed, to the microsecond; empty where none ever was."""
    row = connection.execute(
        "select to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') "
        "from onec.data_versions where import_type = %s",
        [import_type],
    ).fetchone()
    return row[0] if row else ""


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


def digest_of(contents: Contents) -> str:
    """16 hexadecimal digits of names and contents of the files, the version of this package and that of the schema.

    Where they are those of the last import, another one would change nothing.
    """
    schema = max(migration.version for migration in migrations())
    files = (f"{file.name} {content.sha256}" for file, content in contents.items())
    return fingerprint([f"{version('onec-pipelines')} {schema}", *files])


def fingerprint(parts: Iterable[str]) -> str:
    """16 hexadecimal digits of some texts, in their order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

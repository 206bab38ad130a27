"""What the files of exports hold, remembered from one import to the next: those that are known are not opened.

A file is known as long as it has the size, the times and the inode with which it was looked at. One that had been
touched shortly before is not remembered: what is written to it next may leave all of them as they are.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version

import psycopg
from psycopg.types.json import Jsonb

from onec_pipelines.commerceml.content import WAY_OF_LOOKING, FileContent
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.values import fits_index

RECALL = """
select
    path, identity, sha256, tags, is_whole, (extract(epoch from looked_at) * 1000000000)::bigint, exported_at,
    is_changes
from onec.known_files
where path = any(%s) and looked_by = %s
"""
REMEMBER = """
insert into onec.known_files (path, identity, sha256, tags, is_whole, looked_at, exported_at, is_changes, looked_by)
select
    path, identity, sha256, tags, is_whole, to_timestamp(looked_ns / 1000000000.0), exported_at, is_changes, looked_by
from unnest(
    %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::boolean[], %s::bigint[], %s::text[], %s::boolean[]
) as s (path, identity, sha256, tags, is_whole, looked_ns, exported_at, is_changes)
cross join (select %s::text as looked_by) p
where not exists (
    select from onec.known_files k
    where (k.path, k.identity, k.sha256, k.tags, k.is_whole, k.looked_by)
        = (s.path, s.identity, s.sha256, s.tags, s.is_whole, p.looked_by)
)
order by path  -- two imports at once
on conflict (path) do update set
    identity = excluded.identity, sha256 = excluded.sha256, tags = excluded.tags, is_whole = excluded.is_whole,
    looked_at = excluded.looked_at, exported_at = excluded.exported_at, is_changes = excluded.is_changes,
    looked_by = excluded.looked_by
"""
FORGET = "delete from onec.known_files where looked_at < now() - interval '30 days'"
"""What is still there is looked at again once in a while: that is cheaper than a note of each time it is seen."""


def recall(connection: psycopg.Connection, export: ExportSnapshot) -> None:
    """Tell a snapshot what earlier imports have seen in its files; a database without our schema knows nothing.

    Raises:
        ExportError: the export cannot be listed.
    """
    unknown = {path: file for path, file in _storable(export.files) if file not in export.looked_at}
    there = connection.execute("select to_regclass('onec.known_files') is not null").fetchone()
    if there != (True,):
        return
    export.landed.update(sha256 for (sha256,) in connection.execute("select sha256 from onec.import_files"))
    for path, identity, *content in connection.execute(RECALL, [list(unknown), _looked_by()]):
        if identity == _identity(unknown[path]):
            export.remembered[unknown[path]] = FileContent(*content)


def remember(connection: psycopg.Connection, export: ExportSnapshot) -> None:
    """Remember what has been seen in the files of a snapshot, of those that nothing had touched for a while."""
    entries = [
        (
            path,
            _identity(file),
            seen.sha256,
            Jsonb(seen.tags),
            seen.is_whole,
            seen.looked_ns,
            seen.exported_at,
            seen.is_changes,
        )
        for path, file in _storable(export.files)
        if (seen := export.looked_at.get(file)) and file.is_settled(seen.looked_ns)
    ]
    if entries and connection.execute(REMEMBER, [*map(list, zip(*entries, strict=True)), _looked_by()]).rowcount:
        connection.execute(FORGET)


def _storable(files: Iterable[ExportFile]) -> Iterator[tuple[str, ExportFile]]:
    """The files whose path is text that PostgreSQL can look up."""
    for file in files:
        path = str(file.path)
        if path.isprintable() and fits_index(path):
            yield path, file


def _identity(file: ExportFile) -> str:
    return f"{file.size} {file.mtime_ns} {file.ctime_ns} {file.inode}"


@cache
def _looked_by() -> str:
    return f"{version('onec-pipelines')} {WAY_OF_LOOKING}"

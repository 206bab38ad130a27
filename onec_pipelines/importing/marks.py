"""Deletion marks that come alone: rows that say of a record that it is deleted, and nothing else of it."""

from onec_pipelines.database.staging import Staging

LONE_MARKS = """
-- A deletion mark that comes alone takes nothing but the activity of what the export states before it: the two change
-- places, so that the mark is superseded.
update onec_staging.{table} s
set deleted = true, seq = x.place
from (
    select max(seq) filter (where {name} <> '' or not deleted) as stated, max(seq) as latest
    from onec_staging.{table}
    group by {key}
    having count(*) > 1
) d
cross join lateral (values (d.stated, d.latest), (d.latest, d.stated)) as x (seq, place)
where d.latest > d.stated and s.seq = x.seq
"""


def yield_lone_marks(staging: Staging, table: str, key: str, *, name: str = "name") -> None:
    """Let each of them yield to the row that says what it marks; without a `name` a deleted row says nothing."""
    staging.connection.execute(LONE_MARKS.format(table=table, key=key, name=name).encode())

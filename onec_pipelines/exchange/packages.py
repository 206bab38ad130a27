"""From sessions to packages: which is a package of its own, which one a portion, and when a full export is over.

The key of an export is its user, its catalogue and the date of its first file of goods or offers. A session of changes
is a package of its own, unless its key is that of a full export that is still open, or it begins with a later portion:
not every 1C gives all portions one date, and a first portion alone says that it is all there is. Nor does every 1C name
the catalogue of its offers: what names none may be of any. Each session of a full
export is a portion, imported after a quiet time as if it were changes. What nobody names is judged once, over all
portions together, when the export is over: see `close_full`. An export that broke off is never judged.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from onec_pipelines.commerceml.manifest import CHANGES, FULL, PORTION
from onec_pipelines.commerceml.preflight import preflight
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.datasets import ALL, CUSTOMERS
from onec_pipelines.exchange import words
from onec_pipelines.exchange.records import (
    Package,
    SessionRow,
    change_packages,
    fail_packages,
    read_packages,
    seal_packages,
)
from onec_pipelines.exchange.sealing import Contents, Listing, listing, merge, publish

OPEN_FULL = "kind = 'full' and state = 'open' and user_name = %(user)s"
TO_COME = ("open", "sealed")


def add_session(  # noqa: PLR0913, PLR0917 - what there is to know of a session
    connection: psycopg.Connection,
    session: SessionRow,
    contents: Contents,
    root: Path,
    files: Listing,
    packages: Path,
) -> int:
    """Make a package of what a session has brought, and return its number; the caller holds the lock of sealing."""
    full = _full_of(connection, session.user_name, contents, packages)
    kind = PORTION if full else CHANGES
    package = _insert(connection, kind, session.user_name, contents, full)
    stated = {
        "kind": kind,
        "package": package,
        "user": session.user_name,
        "spares": spared(connection, session.user_name),
    }
    publish(root, packages / str(package), contents, files, **stated)
    change_packages(connection, "directory = %(directory)s", [package], directory=str(package))
    if full:
        change_packages(connection, "touched_at = now()", [full])
    else:
        seal_packages(connection, [package])
    return package


def _full_of(connection: psycopg.Connection, user: str, contents: Contents, packages: Path) -> int | None:
    """The full export that a session belongs to, begun here if it is the first of it; those that it ends are closed."""
    open_ = read_packages(connection, OPEN_FULL, {"user": user}, "id desc")
    if not contents.catalog and not contents.exported_at:
        return open_[0].id if open_ else None  # pictures and lists that have no key of their own
    of_catalog = [full for full in open_ if full.catalog == contents.catalog or not (full.catalog and contents.catalog)]
    goes_on = contents.goes_on and not contents.is_full  # a later portion, whose date may be one of its own
    same = [full for full in of_catalog if contents.exported_at and full.exported_at == contents.exported_at]
    if same or (of_catalog and goes_on):
        return (same or of_catalog)[0].id
    for full in reversed(of_catalog):
        close_full(connection, full, packages)
    return _insert(connection, FULL, user, contents, None) if contents.is_full else None


def spared(connection: psycopg.Connection, user: str) -> list[str]:
    """The import types whose lists a user does not speak for alone.

    Goods, prices and stocks belong to catalogues; a contragent belongs to nobody, and one that the list of a second
    1C does not name may be a customer of the first.
    """
    row = connection.execute(
        "select exists (select from onec.exchange_packages where user_name <> %s and %s = any(holds))",
        [user, CUSTOMERS.name],
    ).fetchone()
    return [CUSTOMERS.name] if row and row[0] else []


def _insert(connection: psycopg.Connection, kind: str, user: str, contents: Contents, full: int | None) -> int:
    row = connection.execute(
        "insert into onec.exchange_packages "
        "(kind, state, user_name, catalog, exported_at, full_id, holds, files, bytes) "
        "values (%s, 'open', %s, %s, %s, %s, %s, %s, %s) returning id",
        [
            *(kind, user, contents.catalog, contents.exported_at, full),
            *(list(contents.holds), contents.files, contents.bytes),
        ],
    ).fetchone()
    assert row  # noqa: S101 - `returning` gives one
    return int(row[0])


def close_full(connection: psycopg.Connection, full: Package, packages: Path) -> None:
    """A full export is over: seal all its portions together, unless it broke off; the caller holds the lock.

    One that lacks what the preflight asks of a full export is kept with that sentence: nobody could import it.
    """
    portions = read_packages(connection, "full_id = %(full)s", {"full": full.id}, "id")
    if _broke_off(connection, full):
        fail_packages(connection, [full.id], words.BROKEN_OFF)
        seal_packages(connection, [portion.id for portion in portions if portion.state == "open"])
        return
    contents = _together(full, portions)
    root = packages / f"{full.id}.new"
    merge([packages / (portion.directory or "") for portion in portions], root)
    listed = listing(root)
    stated = {"kind": FULL, "package": full.id, "user": full.user_name, "spares": spared(connection, full.user_name)}
    publish(root, packages / str(full.id), contents, listed, **stated)
    problems = preflight(ExportSnapshot(packages / str(full.id)), ALL, has_products=True)
    change_packages(
        connection,
        "directory = %(directory)s, files = %(files)s, bytes = %(bytes)s, holds = %(holds)s",
        [full.id],
        directory=str(full.id),
        files=contents.files,
        bytes=contents.bytes,
        holds=list(contents.holds),
    )
    waiting = [portion.id for portion in portions if portion.state in TO_COME]
    change_packages(connection, "state = 'merged', ended_at = now()", waiting)
    if problems:
        fail_packages(connection, [full.id], " ".join(problems))
    else:
        seal_packages(connection, [full.id])


def _broke_off(connection: psycopg.Connection, full: Package) -> bool:
    """Whether the user's last session that failed is younger than the last portion."""
    row = connection.execute(
        "select exists (select from onec.exchange_sessions s, onec.exchange_packages f where f.id = %s "
        "and s.user_name = f.user_name and s.failure <> '' and s.package_id is null and s.opened_at > f.touched_at)",
        [full.id],
    ).fetchone()
    return bool(row and row[0])


def _together(full: Package, portions: Sequence[Package]) -> Contents:
    return Contents(
        files=sum(portion.files for portion in portions),
        bytes=sum(portion.bytes for portion in portions),
        holds=tuple(dict.fromkeys(held for portion in portions for held in portion.holds)),
        catalog=full.catalog,
        exported_at=full.exported_at,
        is_full=True,
    )


def close_all(connection: psycopg.Connection, fulls: Iterable[Package], packages: Path) -> None:
    """Close several, in the order in which they began."""
    for full in sorted(fulls, key=lambda full: full.id):
        close_full(connection, full, packages)

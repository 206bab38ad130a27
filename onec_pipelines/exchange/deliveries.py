"""What 1C has delivered, for `onec exchanges`, and another try for what failed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

from onec_pipelines.database.migrate import migrate
from onec_pipelines.errors import OnecError
from onec_pipelines.exchange.records import Package, Records, read_packages, seal_packages
from onec_pipelines.shown import visible

HEADER = f"{'id':>6}  {'received':<16}  {'user':<12}  {'kind':<7}  {'files':>6}  {'size':>7}  {'state':<7}  run"


class RetryRefusedError(OnecError):
    """A delivery is not imported again; the sentence says why."""


def list_deliveries(url: str, limit: int) -> list[Package]:
    """The deliveries, newest first."""
    migrate(url)
    records = Records(url)
    try:
        return records.list_packages(limit)
    finally:
        records.close()


def as_values(package: Package) -> dict[str, object]:
    """A delivery for programs; times in ISO 8601."""
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(package).items()}


def lines_of(packages: Sequence[Package], zone: str) -> Iterator[str]:
    """The list for people, in 80 columns; the reason of a failure stands below its line."""
    if not packages:
        yield "Nothing has been delivered yet: 1C pushes to onec exchange."
        return
    yield HEADER
    for package in packages:
        at = package.received_at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
        user = visible(package.user_name)[:12]
        yield (
            f"{package.id:>6}  {at}  {user:<12}  {package.kind:<7}  {package.files:>6}  {size(package.bytes):>7}  "
            f"{package.state:<7}  {(package.run_id or '')[:8]}".rstrip()
        )
        if package.message:
            yield f"        {visible(package.message)}"
    yield f"Times are those of {zone}."


def size(count: int) -> str:
    """Bytes for people."""
    for unit, bytes_ in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"


def retry(url: str, delivery: int) -> None:
    """Let a delivery that failed wait for another run.

    Raises:
        RetryRefusedError: there is none, it has not failed, its files are gone, or a later one has landed.
    """
    records = Records(url)
    try:
        with records.sealing() as connection:
            package = next(iter(read_packages(connection, "id = %(id)s", {"id": delivery})), None)
            if package is None or package.state != "failed" or package.removed_at or not package.directory:
                found = package.state if package else "not there"
                raise RetryRefusedError(
                    f"Delivery {delivery} cannot be imported again: only one that failed can, while its files are "
                    f"kept; this one is {'failed, without files' if found == 'failed' else found}. See onec exchanges."
                )
            later = "state = 'landed' and user_name = %(user)s and catalog = %(catalog)s and place > "
            later += "(select place from onec.exchange_packages where id = %(id)s)"
            values = {"user": package.user_name, "catalog": package.catalog, "id": delivery}
            if landed := read_packages(connection, later, values):
                raise RetryRefusedError(
                    f"Delivery {delivery} is older than {landed[0].id}, which has landed: importing it would bring "
                    "back what 1C has changed since. Let 1C send what is missing again."
                )
            seal_packages(connection, [delivery])
    finally:
        records.close()

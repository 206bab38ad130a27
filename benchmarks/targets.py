"""What was measured beside what was to be reached."""

from collections.abc import Iterable

from rich.table import Table

Measured = tuple[str, float | None, float]
"""What, the target or None where there is none, and what was found."""


def against_targets(measured: Iterable[Measured]) -> Table:
    """A table that says what was missed."""
    table = Table(title="Targets")
    for column in ("", "target", "measured"):
        table.add_column(column, justify="right" if column else "left")
    for what, target, found in measured:
        missed = target is not None and found > target
        table.add_row(what, "" if target is None else f"{target:g}", f"{found:.3g}{', MISSED' if missed else ''}")
    return table

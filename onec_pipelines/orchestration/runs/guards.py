"""The check `deactivation_guard`, which an asset's own run reports: what a full export left out, and whether it may go.

The other checks are steps of their own (definitions/checks.py).
"""

import dagster as dg

from onec_pipelines.importing import Guard
from onec_pipelines.importing.report import percent

GUARD, DECISIONS = "deactivation_guard", "decisions"


def guard_spec(asset: str) -> dg.AssetCheckSpec:
    """The check that an asset's own run reports."""
    return dg.AssetCheckSpec(
        GUARD,
        asset=asset,
        description="A full export names enough of what is known: no more than ONEC_MAX_DEACTIVATION would go.",
    )


def guard_result(asset: str, guards: tuple[Guard, ...]) -> dg.AssetCheckResult:
    """The decisions of an import as a check: passed where each allows, or where there was none to take."""
    blocked = [guard for guard in guards if not guard.allows]
    rows = [
        dg.TableRecord(
            {
                "entity": guard.entity,
                "on record": guard.before,
                "not in the export": guard.removed,
                "share": guard.share,
                "allowed": percent(guard.limit),
            }
        )
        for guard in guards
    ]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=GUARD,
        passed=not blocked,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(str(guard) for guard in blocked) or None,
        metadata={DECISIONS: dg.MetadataValue.table(rows)} if rows else {},
    )

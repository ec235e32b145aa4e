"""Rules over what consoles did: runs of actions, and the pipeline schema they maintain."""

from __future__ import annotations

from console.drift.sides import Remedy
from console.model import Level, StateRule

RUN_STATUS = StateRule(
    name="run_status",
    title="Status of a run of this console",
    levels={
        "failed": Level.WARNING,
        "stopped": Level.WARNING,
        "unfinished": Level.WARNING,
        "waiting": Level.NOTICE,
        "refused": Level.NOTICE,
    },
    queries=("activity",),
)
RUN_OUTCOME = StateRule(
    name="run_outcome",
    title="Outcome of a run in the audit trail",
    levels={
        "failed": Level.WARNING,
        "stopped": Level.WARNING,
        "unfinished": Level.WARNING,
        "refused": Level.NOTICE,
        "running": Level.NOTICE,
    },
    queries=("audit_trail", "audit_database"),
)
MIGRATION_STATUS = StateRule(
    name="migration_status",
    title="Status of a migration of the pipeline schema",
    levels={"pending": Level.NOTICE, "edited": Level.CRITICAL, "missing": Level.CRITICAL},
    queries=("schema_state", "schema_ledger"),
)
DRIFT_REMEDY = StateRule(
    name="drift_remedy",
    title="Which action corrects a difference from the pipeline schema",
    levels={Remedy.NONE.value: Level.NOTICE},
    queries=("drift_catalog",),
)

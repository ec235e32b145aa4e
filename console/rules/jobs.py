"""Rules over background jobs."""

from __future__ import annotations

from console.model import Level, StateRule

JOB_STATE = StateRule(
    name="job_state",
    title="Background job",
    levels={
        "overdue": Level.WARNING,
        "abandoned": Level.WARNING,
        "retrying": Level.NOTICE,
        "failed": Level.WARNING,
        "dead": Level.WARNING,
        "rejected": Level.WARNING,
        "missing": Level.WARNING,
    },
    queries=("job_state",),
)

"""What a run leaves in the audit trail and in the audit table of the database."""

from __future__ import annotations

from console.model import Facts
from console.redaction import without_secrets
from console.running.execution import executor, groups
from console.running.progress import Run, StepProgress
from console.running.trail.audit import process, whoami


def identity(run: Run, facts: Facts) -> dict[str, object]:
    """What each entry of a run has in common: the run, the server, the user, this process."""
    return {
        "run": run.id,
        "action": run.plan.action,
        "subject": run.plan.claim.subject,
        "parameters": dict(run.plan.parameters),
        "server": facts.label,
        "database": facts.database,
        "user": facts.user,
        "standby": facts.standby,
        **whoami(),
        "process": process(),
    }


def step(progress: StepProgress) -> dict[str, object]:
    """The entry of a step that is done, without the identity of its run."""
    step = progress.step
    return {
        "event": "step",
        "sql": step.sql,
        "undo": step.undo,
        "rows": progress.rows,
        "seconds": progress.seconds,
    }


def planned(run: Run) -> dict[str, object]:
    """The steps that will be sent: enough to find out later what a killed console may have done.

    `transactions` has the number of the transaction that each step shares, null for what runs outside of one.
    `poolers` has the PgBouncer that undoing a step sends a command to, empty for other steps.
    `undo_files` has pairs of the copy and the path of each file that undoing restores, none for other steps.
    """
    numbers: list[int | None] = []
    for number, group in enumerate(groups(run.steps)):
        together = executor(group[0].step.execution).group is not None
        numbers += [number if together else None] * len(group)
    steps, claim = run.plan.steps, run.plan.claim
    return {
        "sql": [step.sql for step in steps],
        "undo": [step.undo for step in steps],
        "on": [step.on for step in steps],
        "roles": [executor(step.execution).role for step in steps],
        "undo_files": [executor(step.execution).restores for step in steps],
        "poolers": [executor(step.execution).pooler for step in steps],
        "expect": [step.expect for step in steps],
        "transactions": numbers,
        "parts": list(claim.parts),
        "everywhere": claim.cluster_wide,
        "name": claim.name,
    }


def row(run: Run) -> dict[str, object]:
    """The row of the audit table."""
    who = whoami()
    return {
        "run": run.id,
        "action": run.plan.action,
        "subject": run.plan.claim.subject,
        "os_user": who["os_user"],
        "origin": who["from"],
        "outcome": run.outcome.value if run.outcome else "",
        "message": without_secrets(run.message),
        "started_at": run.started_at,
        "seconds": run.seconds,
        "statements": [without_secrets(progress.step.sql) for progress in run.steps if progress.status == "done"],
        "undo": [without_secrets(statement) for statement in run.undo],
    }

"""What a run leaves in the audit trail and in the audit table of the database."""

from __future__ import annotations

from console.model import Facts
from console.redaction import without_secrets
from console.running.run import Progress, Run, groups
from console.running.trail.audit import process, whoami


def entry(run: Run, facts: Facts, event: str, **more: object) -> dict[str, object]:
    """An entry of the trail, with all that says which run it belongs to."""
    return {
        "run": run.id,
        "event": event,
        "action": run.plan.action,
        "subject": run.plan.subject,
        "parameters": dict(run.plan.parameters),
        "server": facts.label,
        "database": facts.database,
        "user": facts.user,
        **whoami(),
        "process": process(),
        **more,
    }


def step(run: Run, facts: Facts, one: Progress) -> dict[str, object]:
    """The entry of a step that is done."""
    took = {"rows": one.rows, "seconds": one.seconds}
    return entry(run, facts, "step", sql=one.step.sql, undo=one.step.undo, **took)


def planned(run: Run) -> dict[str, object]:
    """What is going to be sent, step by step: enough to tell later what a killed console may have done.

    `transactions` has the number of the transaction that each step shares, null for what runs outside of one.
    """
    numbers: list[int | None] = []
    for number, group in enumerate(groups(run.steps)):
        together = group[0].step.transaction and not group[0].step.repeat
        numbers += [number if together else None] * len(group)
    steps = run.plan.steps
    return {
        "sql": [step.sql for step in steps],
        "undo": [step.undo for step in steps],
        "expect": [step.expect for step in steps],
        "transactions": numbers,
        "parts": list(run.plan.parts),
        "everywhere": run.plan.everywhere,
    }


def row(run: Run) -> dict[str, object]:
    """The row of the audit table."""
    who = whoami()
    return {
        "run": run.id,
        "action": run.plan.action,
        "subject": run.plan.subject,
        "os_user": who["os_user"],
        "origin": who["from"],
        "outcome": run.outcome.value if run.outcome else "",
        "message": without_secrets(run.message),
        "started_at": run.started_at,
        "seconds": run.seconds,
        "statements": [without_secrets(one.step.sql) for one in run.steps if one.status == "done"],
        "undo": [without_secrets(statement) for statement in run.undo],
    }

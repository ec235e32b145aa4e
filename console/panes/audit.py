"""Audit: who changed what, from the audit trail of this user and the audit table of the database."""

from __future__ import annotations

from console.model import Column, Pane, View
from console.rules.runs import RUN_OUTCOME

_OUTCOME_HELP = (
    "unfinished: the console ended first, so the outcome was not recorded. undone: reverted by the action undo."
)

_COMMON = (
    Column("at", "when", "time", help="When the run began, in UTC."),
    Column("action", "action", width=17),
    Column("subject", "on", "name", width=14, grow=True, help="What it acted on."),
    Column("outcome", "outcome", width=10, rule=RUN_OUTCOME, help=_OUTCOME_HELP),
    Column("undo", "undo", "flag", width=4, help="Whether the action undo can revert it."),
    Column("seconds", "took", "age", help="Duration of the run."),
    Column("os_user", "OS user", "name", width=12, extra=True, help="Operating system user."),
)

TRAIL = View(
    name="trail",
    title="Audit trail",
    query="audit_trail",
    kept=60.0,
    key=("run",),
    sort="-at",
    columns=(
        *_COMMON,
        Column("server", "server", "name", width=20, extra=True, help="The server it ran on."),
        Column("database", "database", "name", width=14, extra=True),
        Column("user", "role", "name", width=12, extra=True, help="The database role it ran as."),
        Column("rows", "rows", "count", extra=True, help="Rows changed."),
        Column("done", "done", "count", width=4, extra=True, help="Steps that took effect."),
        Column("steps", "steps", "count", width=5, extra=True, help="Steps of the plan."),
        Column("origin", "from", "name", width=15, extra=True, help="Client address of the SSH session."),
        Column("parameters", "parameters", extra=True, help="Parameters of the action."),
        Column("message", "message", "query", extra=True, help="The result in one sentence."),
    ),
    detail="audit_run",
    empty="No runs are recorded in the audit trail.",
)

DATABASE = View(
    name="database",
    title="This database",
    query="audit_database",
    kept=300.0,
    key=("run",),
    sort="-at",
    columns=(
        *_COMMON,
        Column("user", "role", "name", width=12, extra=True, help="The database role it ran as."),
        Column("statements", "done", "count", width=4, extra=True, help="Statements that took effect."),
        Column("origin", "from", "name", width=15, extra=True, help="Client address of the SSH session."),
        Column("message", "message", "query", extra=True, help="The result in one sentence."),
    ),
    detail="audit_database_run",
    empty="No runs are recorded in this database.",
)

AUDIT = Pane(
    name="audit",
    key="t",
    title="Audit",
    group="Care",
    help=(
        "Every run of an action: its target, outcome and whether it can be undone. The audit trail is a file of this "
        "user, written before anything runs; the other view shows the audit table of the pipeline schema, with the "
        "runs of all users."
    ),
    views=(TRAIL, DATABASE),
    refresh=5.0,
    source="console",
    actions=("undo",),
)

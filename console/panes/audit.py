"""Audit: who changed what, as the trail of this user and the audit table of the database tell."""

from __future__ import annotations

from console.model import Column, Pane, View
from console.rules.runs import RUN_OUTCOME

_OUTCOME_HELP = "unfinished: the console ended before the run did, and said nothing of its end."

_COMMON = (
    Column("at", "when", "time", help="When the run began, in UTC."),
    Column("action", "action", width=17),
    Column("subject", "on", "name", width=14, grow=True, help="What it acted on."),
    Column("outcome", "outcome", width=10, rule=RUN_OUTCOME, help=_OUTCOME_HELP),
    Column("undo", "undo", "flag", width=4, help="Whether the undo action can take it back."),
    Column("seconds", "took", "age", help="From the start to the end of the run."),
    Column("os_user", "who", "name", width=12, extra=True, help="User of the operating system."),
)

TRAIL = View(
    name="trail",
    title="Own trail",
    query="audit_trail",
    key=("run",),
    sort="-at",
    columns=(
        *_COMMON,
        Column("server", "server", "name", width=20, extra=True, help="Where it ran."),
        Column("database", "database", "name", width=14, extra=True),
        Column("user", "role", "name", width=12, extra=True, help="The database role it ran as."),
        Column("rows", "rows", "count", extra=True, help="Rows that its statements changed."),
        Column("done", "done", "count", width=4, extra=True, help="Steps that took effect."),
        Column("steps", "of", "count", width=4, extra=True, help="Steps of the plan."),
        Column("origin", "from", "name", width=15, extra=True, help="Where the SSH session came from."),
        Column("parameters", "parameters", extra=True, help="What it was given."),
        Column("message", "message", "query", extra=True, help="How it ended, in a sentence."),
    ),
    detail="audit_run",
    empty="nothing was changed from here yet",
)

DATABASE = View(
    name="database",
    title="This database",
    query="audit_database",
    key=("run",),
    sort="-at",
    columns=(
        *_COMMON,
        Column("user", "role", "name", width=12, extra=True, help="The database role it ran as."),
        Column("statements", "done", "count", width=4, extra=True, help="Statements that took effect."),
        Column("origin", "from", "name", width=15, extra=True, help="Where the SSH session came from."),
        Column("message", "message", "query", extra=True, help="How it ended, in a sentence."),
    ),
    detail="audit_database_run",
    empty="no runs are recorded in this database",
)

AUDIT = Pane(
    name="audit",
    key="t",
    title="Audit",
    help=(
        "Every run of an action: what, on what, how it ended, whether it can be undone. The own trail is a file of "
        "this user, written before anything runs; the other view is the table that the pipeline schema keeps in the "
        "database, with the runs of everybody."
    ),
    views=(TRAIL, DATABASE),
    refresh=5.0,
    source="console",
    actions=("undo",),
)

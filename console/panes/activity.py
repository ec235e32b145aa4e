"""Activity: the runs of this console, and unfinished runs of other consoles of this user."""

from __future__ import annotations

from console.model import Column, Pane, Snapshot, View
from console.rules.runs import RUN_STATUS


def with_progress(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with the current step and the number of steps as one text: 3 of 12."""
    current, total = snapshot.values("step"), snapshot.values("steps")
    return snapshot.with_columns(("progress",), [(f"{i} of {n}",) for i, n in zip(current, total, strict=True)])


RUNS = View(
    name="runs",
    title="Runs",
    query="activity",
    key=("run",),
    columns=(
        Column("action", "action", width=17),
        Column("subject", "on", "name", width=12, help="What it acts on."),
        Column(
            "status",
            "status",
            width=10,
            rule=RUN_STATUS,
            help="waiting: for a lock. unfinished: the console ended first; run the action again to resume.",
        ),
        Column("progress", "step", width=9, help="The current step, of how many."),
        Column("rows", "rows", "count", width=5, help="Rows changed so far."),
        Column("seconds", "took", "age", help="Time since the start, or the duration of a finished run."),
        Column(
            "said", "message", "query", width=14, grow=True, help="Phase, rate and time left, or what it waits for."
        ),
        Column("at", "since", "time", extra=True, help="When the run began, in UTC."),
        Column("os_user", "OS user", "name", width=12, extra=True, help="The operating system user who started it."),
        Column("process", "process", "name", extra=True, help="Host and process id of the console that runs it."),
    ),
    derive=with_progress,
    detail="activity_run",
    empty="No action has run.",
)

ACTIVITY = Pane(
    name="activity",
    key="w",
    title="Activity",
    group="Care",
    help=(
        "The actions of this console, running and finished, with step, rows and time left, and unfinished actions of "
        "other consoles of this user. A run continues while you look at other panes; `x` stops it."
    ),
    views=(RUNS,),
    refresh=1.0,
    source="console",
)

"""Activity: the runs of this console, and those of others that have not ended."""

from __future__ import annotations

from console.model import Column, Pane, Snapshot, View
from console.rules.runs import RUN_STATUS


def with_progress(snapshot: Snapshot) -> Snapshot:
    """The step under way and how many there are, as one text: 3/12."""
    at, of = snapshot.values("step"), snapshot.values("steps")
    return snapshot.with_columns(("progress",), [(f"{i}/{n}",) for i, n in zip(at, of, strict=True)])


RUNS = View(
    name="runs",
    title="Runs",
    query="activity",
    key=("run",),
    columns=(
        Column("action", "action", width=17),
        Column("subject", "on", "name", width=14, help="What it acts on."),
        Column(
            "status",
            "status",
            width=10,
            rule=RUN_STATUS,
            help="waiting: for a lock. unfinished: its console ended first; running it again goes on.",
        ),
        Column("progress", "step", width=5, help="The step under way, of how many."),
        Column("rows", "rows", "count", width=6, help="Rows changed so far."),
        Column("seconds", "took", "age", help="Since the run began, or how long it took."),
        Column("said", "says", "query", width=14, grow=True, help="Phase, rate and time left, or whom it waits for."),
        Column("at", "since", "time", extra=True, help="In UTC."),
        Column("os_user", "who", "name", width=12, extra=True, help="The operating system user who started it."),
        Column("process", "process", "name", extra=True, help="Machine and process of the console that runs it."),
    ),
    derive=with_progress,
    detail="activity_run",
    empty="no action runs",
)

ACTIVITY = Pane(
    name="activity",
    key="w",
    title="Activity",
    help=(
        "The actions that this console runs or has run, with step, rows and time left, and those of other consoles of "
        "this user that have not ended. A run goes on while other panes are looked at."
    ),
    views=(RUNS,),
    refresh=1.0,
    source="console",
)

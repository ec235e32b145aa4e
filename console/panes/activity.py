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
    kept=30.0,
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

LOAD_TESTS = View(
    name="load-tests",
    title="Load tests",
    query="load_tests",
    kept=60.0,
    key=("run",),
    columns=(
        Column("at", "when", "time", help="When the run began, in UTC."),
        Column("clients", "clients", "count"),
        Column("via", "via", width=6, help="Through PgBouncer, or directly to the server."),
        Column(
            "rate", "tx/s", "rate", help="Transactions a second, of all clients; of one that runs, in the last one."
        ),
        Column("rate_change", "change", width=7, help="Against the run before with the same parameters."),
        Column("p50", "p50", "ms", help="Latency that half of the transactions did not exceed."),
        Column("p95", "p95", "ms", help="Latency that 95 % of the transactions did not exceed."),
        Column("errors", "errors", "count", width=6, help="Failed transactions and stopped clients."),
        Column("p99", "p99", "ms", extra=True, help="Latency that 99 % of the transactions did not exceed."),
        Column("max", "max", "ms", extra=True, help="Longest latency."),
        Column("p95_change", "p95 ±", width=7, extra=True, help="Against the run before with the same parameters."),
        Column("first_limit", "first limit", "query", grow=True, extra=True, help="What reached a limit first."),
        Column("seconds", "seconds", "count", extra=True, help="How long it was to run."),
        Column("pace", "rate", "count", extra=True, help="Transactions a second that were asked for; none: no limit."),
        Column("mix", "reads %", "count", extra=True, help="Percentage of dashboard reads."),
        Column("driver", "driver", width=8, extra=True, help="pgbench, or the driver of the console."),
        Column("created", "created", "count", extra=True, help="Content requests, removed again."),
        Column("wal", "WAL", "size", extra=True, help="Written by the whole server during the run."),
        Column("status", "status", width=10, extra=True),
        Column("server", "server", "name", width=20, extra=True),
        Column("database", "database", "name", width=14, extra=True),
    ),
    detail="activity_run",
    chart="load",
    empty="No load test has run: the action load-test runs one.",
)

ACTIVITY = Pane(
    name="activity",
    key="w",
    title="Activity",
    group="Care",
    help=(
        "The actions of this console, running and finished, with step, rows and time left, and unfinished actions of "
        "other consoles of this user. A run continues while you look at other panes; `x` stops it. Load tests: the "
        "course of the one that runs or ran last, and the results of all."
    ),
    views=(RUNS, LOAD_TESTS),
    refresh=1.0,
    source="console",
)

"""Progress: every command that reports how far it is, in one table."""

from __future__ import annotations

from console.format import count, size
from console.model import Column, Pane, Rate, Record, Snapshot, View, Whole, denied, number
from console.panes.derived import add, with_query
from console.rules.sessions import LOCK_WAIT_SECONDS

WINDOW = 60.0  # seconds over which the pace of a phase is measured


def progress(snapshot: Snapshot) -> Snapshot:
    """What is done of what, the time left of the phase, and a note on commands that this role may not see."""
    found = add(with_query(snapshot), ("left", "processed"), lambda row: (_left(row), _processed(row)))
    concealed = sum(value is True for value in snapshot.values("concealed"))
    return found.hiding(denied(f"{concealed} commands are hidden;", "pg_monitor") if concealed else None)


def _left(row: Record) -> float | None:
    pace = number(row["pace"])
    return (number(row["total"]) - number(row["done"])) / pace if pace > 0 and row["total"] is not None else None


def _processed(row: Record) -> str | None:
    if row["done"] is None:
        return None
    show, unit = (size, "") if row["unit"] == "bytes" else (count, f" {row['unit']}")
    return f"{show(row['done'])} of {show(row['total'])}{unit}" if row["total"] is not None else show(row["done"])


COMMANDS = View(
    name="commands",
    title="Commands",
    query="commands_in_progress",
    kept=30.0,
    key=("pid", "command", "phase"),
    sort="-age",
    derive=progress,
    columns=(
        Column("pid", "pid", "id"),
        Column("command", "command", "name", width=13, help="VACUUM, ANALYZE, CREATE INDEX, CLUSTER, COPY, and so on."),
        Column("table", "table", "relation", width=14, grow=True, help="For a table of another database only its OID."),
        Column("phase", "phase", "name", width=14, help="As in the pg_stat_progress view of the command."),
        Column(
            "done_pct",
            "done",
            "percent",
            bar=Whole.HUNDRED,
            help="Of the current phase; – where the phase reports no total.",
        ),
        Column("age", "age", "age", help="Time since the command began."),
        Column(
            "left",
            "left",
            "age",
            help="Time until the current phase ends, at the rate of the last minute; – if unknown.",
        ),
        Column("waits_for", "waits for", width=10, help="The sessions for whose locks it waits, pid and application."),
        Column(
            "wait_age",
            "waiting",
            "age",
            width=7,
            extra=True,
            rule=LOCK_WAIT_SECONDS,
            help="How long it has waited for that lock.",
        ),
        Column("processed", "processed", width=20, extra=True, help="Work done in the current phase, and its total."),
        Column("more", "more", width=22, extra=True, help="Further counters: index passes, partitions, rows."),
        Column("kind", "started", width=16, extra=True, help="By autovacuum (auto) or by a session (manual)."),
        Column("user", "user", "name", width=14, extra=True),
        Column("application", "application", "name", width=14, extra=True),
        Column("wait", "wait event", width=24, extra=True, help="The current wait event."),
        Column("database", "database", "name", width=12, extra=True),
        Column("query", "query", "query", extra=True),
    ),
    rates=(Rate("pace", "done", window=WINDOW),),
    empty="No command that reports its progress is running.",
)

PROGRESS = Pane(
    name="progress",
    key="P",
    title="Progress",
    short="Prog",
    group="Care",
    help=(
        "Commands that report their progress: VACUUM, ANALYZE, CLUSTER, VACUUM FULL, REPACK, CREATE INDEX, REINDEX, "
        "COPY and base backups, the longest running first. Percentage and time left are those of the present phase: a "
        "command may have several, and some phases report no total. A command that waits for a lock names the sessions "
        "that hold it."
    ),
    views=(COMMANDS,),
    actions=("cancel-backend", "terminate-backend"),
)

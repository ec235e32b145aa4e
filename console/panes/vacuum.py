"""How far VACUUM is behind in freezing, and what it is doing now: views of the bloat pane."""

from __future__ import annotations

from console.model import Column, Level, Rate, Record, Snapshot, View, above, among
from console.panes.storage import add, number, with_size


def wraparound(snapshot: Snapshot) -> Snapshot:
    """How much of the road to wraparound is gone, and what that means."""
    return add(with_size(snapshot), ("verdict",), lambda row: (judge_age(row),))


def judge_age(row: Record) -> str:
    """What to think of the age of a database or table."""
    gone = max(number(row["limit_pct"]), number(row["mxid_limit_pct"]))
    due = max(number(row["freeze_pct"]), number(row["mxid_freeze_pct"]))
    if gone >= 50:
        return "wraparound near"
    return "freeze overdue" if due >= 150 else "freeze due" if due >= 100 else "ok"


def progress(snapshot: Snapshot) -> Snapshot:
    """Time left of each VACUUM's scan at the present pace."""

    def left(row: Record) -> tuple[object, ...]:
        rate = number(row["blocks_rate"])
        missing = number(row["heap_blks_total"]) - number(row["heap_blks_scanned"])
        return (missing / rate if rate else None,)

    return add(snapshot, ("left",), left)


WRAPAROUND = View(
    name="wraparound",
    title="Wraparound",
    query="vacuum_wraparound",
    key=("kind", "oid"),
    columns=(
        Column("kind", "kind", width=8, help="What is frozen: a database or a table."),
        Column("name", "name", "relation", grow=True),
        Column(
            "xid_age",
            "xid age",
            "count",
            width=8,
            help="Transactions since the oldest row that is not frozen.",
        ),
        Column(
            "freeze_pct",
            "freeze",
            "percent",
            rule=above(100, 150),
            help="Of the age at which autovacuum is forced.",
        ),
        Column(
            "limit_pct",
            "limit",
            "percent",
            rule=above(25, 50),
            help="Of the 2³¹ transactions at which writes stop.",
        ),
        Column(
            "mxid_freeze_pct",
            "mxid",
            "percent",
            rule=above(100, 150),
            help="The same for multixact ids: forced autovacuum.",
        ),
        Column(
            "verdict",
            "verdict",
            width=15,
            rule=among(
                {
                    "wraparound near": Level.CRITICAL,
                    "freeze overdue": Level.CRITICAL,
                    "freeze due": Level.WARNING,
                }
            ),
            help="How near the forced, unstoppable vacuum or the end of transaction ids is.",
        ),
        Column("size", "size", "size", extra=True),
        Column("mxid_age", "mxid age", "count", width=8, extra=True, help="Age of the oldest multixact id."),
        Column(
            "mxid_limit_pct",
            "mxid limit",
            "percent",
            width=10,
            extra=True,
            help="That age as a share of the 2 billion at which writes stop.",
        ),
    ),
    sort="-limit_pct",
    derive=wraparound,
)

VACUUM = View(
    name="vacuum",
    title="Running",
    query="vacuum_progress",
    key=("pid",),
    columns=(
        Column("pid", "pid", "count"),
        Column("table", "table", "relation", grow=True),
        Column("phase", "phase", width=18, help="As pg_stat_progress_vacuum calls it."),
        Column("scanned_pct", "scan", "percent", help="Of the pages of the table."),
        Column("left", "left", "age", help="Until the scan ends, at the present pace."),
        Column(
            "index_rounds",
            "rounds",
            "count",
            width=6,
            rule=above(1),
            help="Passes over all indexes; more than one: memory was short.",
        ),
        Column("age", "age", "age", help="Since the VACUUM began."),
        Column("kind", "by", width=8, help="Automatic, to prevent wraparound, or by hand."),
        Column("size", "size", "size", extra=True),
        Column(
            "vacuumed_pct",
            "cleaned",
            "percent",
            width=7,
            extra=True,
            help="Of the pages of the table, second pass.",
        ),
        Column(
            "memory_pct",
            "memory",
            "percent",
            extra=True,
            help="Of the memory for dead rows; full means another round.",
        ),
        Column(
            "indexes_done",
            "indexes",
            width=7,
            extra=True,
            help="Done of all in this round (PostgreSQL 17 and later).",
        ),
        Column("wait", "wait", width=24, extra=True, help="What it waits for."),
        Column("database", "database", extra=True),
    ),
    rates=(Rate("blocks_rate", "heap_blks_scanned"),),
    derive=progress,
    empty="no VACUUM is running",
)

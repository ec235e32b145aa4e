"""How far VACUUM is behind in freezing, and what it is doing now: views of the bloat pane."""

from __future__ import annotations

from console.model import Column, Level, Rate, Record, Rule, Snapshot, View
from console.panes.storage import add, number, with_size
from console.rules.storage import FREEZE_AGE_PERCENT, FREEZE_VERDICT, VACUUM_INDEX_PASSES, WRAPAROUND_PERCENT


def wraparound(
    snapshot: Snapshot, wraparound_percent: Rule = WRAPAROUND_PERCENT, freeze_age_percent: Rule = FREEZE_AGE_PERCENT
) -> Snapshot:
    """How much of the road to wraparound is gone, and what that means."""
    return add(with_size(snapshot), ("verdict",), lambda row: (judge_age(row, wraparound_percent, freeze_age_percent),))


def judge_age(
    row: Record, wraparound_percent: Rule = WRAPAROUND_PERCENT, freeze_age_percent: Rule = FREEZE_AGE_PERCENT
) -> str:
    """What to think of the age of a database or table."""
    gone = max(number(row["limit_pct"]), number(row["mxid_limit_pct"]))
    due = max(number(row["freeze_pct"]), number(row["mxid_freeze_pct"]))
    if wraparound_percent.level(gone) is Level.CRITICAL:
        return "wraparound near"
    return {Level.CRITICAL: "freeze overdue", Level.WARNING: "freeze due"}.get(freeze_age_percent.level(due), "ok")


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
            rule=FREEZE_AGE_PERCENT,
            help="Of the age at which autovacuum is forced.",
        ),
        Column(
            "limit_pct",
            "limit",
            "percent",
            rule=WRAPAROUND_PERCENT,
            help="Of the 2³¹ transactions at which writes stop.",
        ),
        Column(
            "mxid_freeze_pct",
            "mxid",
            "percent",
            rule=FREEZE_AGE_PERCENT,
            help="The same for multixact ids: forced autovacuum.",
        ),
        Column(
            "verdict",
            "verdict",
            width=15,
            rule=FREEZE_VERDICT,
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
    rules=(WRAPAROUND_PERCENT, FREEZE_AGE_PERCENT),
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
            rule=VACUUM_INDEX_PASSES,
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

"""How far VACUUM is behind in freezing, and running VACUUM commands: views of the vacuum pane."""

from __future__ import annotations

from console.model import Column, Level, Rate, Record, Rule, Snapshot, View, Whole, number
from console.panes.derived import add, with_size
from console.rules.storage import FREEZE_AGE_PERCENT, FREEZE_VERDICT, VACUUM_INDEX_PASSES, WRAPAROUND_PERCENT


def wraparound(
    snapshot: Snapshot, wraparound_percent: Rule = WRAPAROUND_PERCENT, freeze_age_percent: Rule = FREEZE_AGE_PERCENT
) -> Snapshot:
    """Sizes and verdicts on the age of unfrozen ids."""
    return add(with_size(snapshot), ("verdict",), lambda row: (judge_age(row, wraparound_percent, freeze_age_percent),))


def judge_age(
    row: Record, wraparound_percent: Rule = WRAPAROUND_PERCENT, freeze_age_percent: Rule = FREEZE_AGE_PERCENT
) -> str:
    """Verdict on the age of a database or table."""
    used = max(number(row["limit_pct"]), number(row["mxid_limit_pct"]))
    due = max(number(row["freeze_pct"]), number(row["mxid_freeze_pct"]))
    if wraparound_percent.level(used) is Level.CRITICAL:
        return "wraparound near"
    return {Level.CRITICAL: "freeze overdue", Level.WARNING: "freeze due"}.get(freeze_age_percent.level(due), "ok")


def progress(snapshot: Snapshot) -> Snapshot:
    """Time left in the scan of each VACUUM, at its present rate."""

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
        Column("kind", "kind", width=8, help="A database or a table."),
        Column("name", "name", "relation", grow=True),
        Column(
            "xid_age",
            "xid age",
            "count",
            width=8,
            help="Age of the oldest unfrozen transaction id.",
        ),
        Column(
            "freeze_pct",
            "freeze",
            "percent",
            bar=Whole.HUNDRED,
            rule=FREEZE_AGE_PERCENT,
            help="Its share of the age that forces an autovacuum.",
        ),
        Column(
            "limit_pct",
            "limit",
            "percent",
            rule=WRAPAROUND_PERCENT,
            help="Its share of the 2³¹ transactions at which the server refuses writes.",
        ),
        Column(
            "mxid_freeze_pct",
            "mxid",
            "percent",
            rule=FREEZE_AGE_PERCENT,
            help="The same for multixact ids: share of the age that forces an autovacuum.",
        ),
        Column(
            "verdict",
            "verdict",
            width=15,
            rule=FREEZE_VERDICT,
            help="How near the forced autovacuum or wraparound is.",
        ),
        Column("size", "size", "size", extra=True),
        Column("mxid_age", "mxid age", "count", width=8, extra=True, help="Age of the oldest multixact id."),
        Column(
            "mxid_limit_pct",
            "mxid limit",
            "percent",
            width=10,
            extra=True,
            help="Its share of the 2³¹ multixact ids at which the server refuses writes.",
        ),
    ),
    sort="-limit_pct",
    derive=wraparound,
    rules=(WRAPAROUND_PERCENT, FREEZE_AGE_PERCENT),
)

RUNNING = View(
    name="running",
    title="Running",
    query="vacuum_progress",
    kept=30.0,
    key=("pid",),
    columns=(
        Column("pid", "pid", "id"),
        Column("table", "table", "relation", grow=True),
        Column("phase", "phase", width=18, help="As in pg_stat_progress_vacuum."),
        Column("scanned_pct", "scan", "percent", help="Share of the table's pages scanned."),
        Column("left", "left", "age", help="Time until the scan ends, at its current rate."),
        Column(
            "index_rounds",
            "passes",
            "count",
            width=6,
            rule=VACUUM_INDEX_PASSES,
            help="Completed passes over the indexes; several: too little memory (maintenance_work_mem).",
        ),
        Column("age", "age", "age", help="Time since the VACUUM began."),
        Column("kind", "kind", width=8, help="Automatic, to prevent wraparound, or manual."),
        Column("size", "size", "size", extra=True),
        Column(
            "vacuumed_pct",
            "cleaned",
            "percent",
            width=7,
            extra=True,
            help="Share of the table's pages vacuumed, in the second phase.",
        ),
        Column(
            "memory_pct",
            "memory",
            "percent",
            extra=True,
            help="Share of the memory for dead tuples in use; when it is full, another pass is needed.",
        ),
        Column(
            "indexes_done",
            "indexes",
            width=7,
            extra=True,
            help="Indexes vacuumed in this pass, of all (PostgreSQL 17 and later).",
        ),
        Column("wait", "wait", width=24, extra=True, help="The current wait event."),
        Column("database", "database", extra=True),
    ),
    rates=(Rate("blocks_rate", "heap_blks_scanned"),),
    derive=progress,
    empty="No running VACUUM.",
)

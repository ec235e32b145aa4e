"""Bloat: dead tuples and wasted space as two figures, wraparound, and running VACUUM commands."""

from __future__ import annotations

from console.model import Column, Level, Lookup, Pane, Record, Rule, Snapshot, Trouble, View, denied
from console.panes.derived import (
    INDEX_SIZES,
    MARK,
    MEGABYTE,
    SIZE,
    TABLE_SIZES,
    add,
    largest,
    number,
    with_notes,
    with_size,
)
from console.panes.vacuum_views import VACUUM, WRAPAROUND
from console.rules.storage import BLOAT_PERCENT, BLOAT_VERDICT, DEAD_TUPLE_PERCENT, VACUUM_DUE_PERCENT

# A table of a few megabytes is not worth attention, whatever its percentages.
MINIMUM = 10 * MEGABYTE

ESTIMATES = Lookup(
    "bloat_estimates",
    ("oid",),
    ("bloat", "bloat_pct", "bloat_reason"),
    fingerprint=("relpages", "reltuples"),
    first=200,
)
_ERROR = "Estimated from statistics: 0.93 to 1.18 times the true value after a recent ANALYZE."
_BLOAT = (
    Column("bloat", "bloat", "size", help=f"Space that a rewrite would return. {_ERROR}"),
    Column("bloat_pct", "%", "percent", help="Bloat as a share of the size as of the last VACUUM or ANALYZE."),
)


def judge_table(row: Record, dead_tuple_percent: Rule = DEAD_TUPLE_PERCENT, bloat_percent: Rule = BLOAT_PERCENT) -> str:
    """Verdict on a table: the worse of dead tuples and bloat, where they take at least 10 MB."""
    size = number(row["size"])
    dead = number(row["dead_pct"])
    level = dead_tuple_percent.level(dead)
    if size * dead / 100 >= MINIMUM and level >= Level.WARNING:
        return "many dead tuples" if level is Level.CRITICAL else "dead tuples"
    if (verdict := judge_bloat(row, bloat_percent)) != "ok":
        return verdict
    return "ok" if row["autovacuum"] else "autovacuum off"


def judge_bloat(row: Record, bloat_percent: Rule = BLOAT_PERCENT) -> str:
    """Verdict on the space of a table or index."""
    bloat, share = row["bloat"], number(row["bloat_pct"])
    if bloat is None:
        return "unknown" if row["bloat_reason"] else "ok" if number(row["size"]) < MINIMUM else "not read yet"
    level = bloat_percent.level(share)
    if number(bloat) < MINIMUM or level < Level.WARNING:
        return "ok"
    return "heavy bloat" if level is Level.CRITICAL else "bloat"


def tables(
    snapshot: Snapshot, dead_tuple_percent: Rule = DEAD_TUPLE_PERCENT, bloat_percent: Rule = BLOAT_PERCENT
) -> Snapshot:
    """Sizes and verdicts of tables."""
    sized = with_size(snapshot)
    return with_notes(
        add(sized, ("verdict",), lambda row: (judge_table(row, dead_tuple_percent, bloat_percent),)),
        largest(sized, "tables"),
    ).hiding(_unreadable(sized, "tables"))


def indexes(snapshot: Snapshot, bloat_percent: Rule = BLOAT_PERCENT) -> Snapshot:
    """Sizes and verdicts of btree indexes."""
    sized = with_size(snapshot)
    return with_notes(
        add(sized, ("verdict",), lambda row: (judge_bloat(row, bloat_percent),)),
        largest(sized, "indexes"),
    ).hiding(_unreadable(sized, "indexes"))


def _unreadable(snapshot: Snapshot, what: str) -> Trouble | None:
    reasons = [reason for reason in snapshot.values("bloat_reason") if isinstance(reason, str)]
    hidden = sum(reason.startswith(("no right", "row security")) for reason in reasons)
    if not hidden:
        return None
    said = f"bloat of {hidden} {what} unknown: their statistics are hidden from this role;"
    return denied(said, "pg_read_all_data", remedy="GRANT pg_read_all_data")


TABLES = View(
    name="tables",
    title="Tables",
    query="bloat_tables",
    key=("oid",),
    columns=(
        Column("table", "table", "relation", grow=True),
        SIZE,
        MARK,
        Column("dead", "dead", "count", width=6, help="Dead tuples waiting for VACUUM; they are not bloat."),
        Column("dead_pct", "%", "percent", help="Dead tuples, of all tuples."),
        *_BLOAT,
        Column(
            "verdict",
            "verdict",
            width=16,
            rule=BLOAT_VERDICT,
            help="What needs attention; unknown where statistics are missing.",
        ),
        Column(
            "vacuum_age",
            "vacuum",
            "age",
            width=6,
            extra=True,
            help="Time since the last VACUUM, manual or automatic.",
        ),
        Column("analyze_age", "analyze", "age", width=7, extra=True, help="Time since the last ANALYZE."),
        Column(
            "debt_pct",
            "due",
            "percent",
            extra=True,
            rule=VACUUM_DUE_PERCENT,
            help="Dead tuples, of the number that triggers autovacuum.",
        ),
        Column("modified", "modified", "count", width=8, extra=True, help="Rows changed since the last ANALYZE."),
        Column("live", "live", "count", extra=True, help="Live tuples, from the cumulative statistics."),
        Column(
            "total_size",
            "total",
            "size",
            extra=True,
            help="With indexes and TOAST; read only for rows on the screen.",
        ),
        Column(
            "autovacuum",
            "auto",
            "flag",
            width=4,
            extra=True,
            help="Whether autovacuum is enabled for the table.",
        ),
        Column("bloat_reason", "why unknown", width=34, extra=True, help="Why there is no estimate."),
    ),
    lookups=(ESTIMATES, TABLE_SIZES),
    derive=tables,
    rules=(DEAD_TUPLE_PERCENT, BLOAT_PERCENT),
    detail="bloat_table_exact",
    empty="No tables in this database.",
)

INDEXES = View(
    name="indexes",
    title="Indexes",
    query="bloat_indexes",
    key=("oid",),
    columns=(
        Column("index", "index", "relation", grow=True),
        SIZE,
        MARK,
        *_BLOAT,
        Column(
            "verdict",
            "verdict",
            width=12,
            rule=BLOAT_VERDICT,
            help="What needs attention; unknown where statistics are missing.",
        ),
        Column("table", "table", "relation", extra=True),
        Column("reltuples", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("bloat_reason", "why unknown", width=34, extra=True, help="Why there is no estimate."),
    ),
    lookups=(ESTIMATES, INDEX_SIZES),
    derive=indexes,
    rules=(BLOAT_PERCENT,),
    detail="index_detail",
    empty="No btree indexes in this database.",
)

BLOAT = Pane(
    name="bloat",
    key="5",
    title="Bloat",
    group="Storage",
    help=(
        "Dead tuples waiting for VACUUM, and estimated bloat: space that stays empty after VACUUM and is returned only "
        "by a rewrite. Bloat is estimated from statistics (0.93 to 1.18 times the true value) and unknown where they "
        "cannot be read; the details of a table show exact figures where pgstattuple is installed. Wraparound shows "
        "how far VACUUM is behind in freezing."
    ),
    views=(TABLES, INDEXES, WRAPAROUND, VACUUM),
    refresh=15.0,
    actions=("vacuum-table", "analyze-table", "reindex", "repack-table"),
)

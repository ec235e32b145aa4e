"""Bloat: dead tuples and wasted space as two figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.format import count, counted, size
from console.model import Column, Level, Lookup, Pane, Record, Rule, Snapshot, Trouble, View, Whole, denied, number
from console.panes import cluster_sums
from console.panes.derived import APPROXIMATE, INDEX_SIZES, MARK, SIZE, TABLE_SIZES, add, largest, with_notes, with_size
from console.rules.storage import BLOAT_BYTES, BLOAT_PERCENT, BLOAT_VERDICT, DEAD_TUPLE_PERCENT, VACUUM_DUE_PERCENT

SINGULAR = {"tables": "table", "indexes": "index"}
CHUNK = 2036  # bytes that a full TOAST chunk takes in its page

Part = tuple[object, object]  # of a table: bytes that are dead or bloat, and their share in percent

_JUDGED = ("bloat", "bloat_pct", "bloat_reason", "bloat_hidden")
TABLE_ESTIMATES = Lookup(
    "bloat_estimates",
    ("oid",),
    (*_JUDGED, "heap_bloat", "heap_bloat_pct", "toast_bloat", "toast_bloat_pct"),
    fingerprint=("relpages", "reltuples", "toast_pages", "toast_tuples"),
    first=200,
    heavy=True,
)
INDEX_ESTIMATES = Lookup(
    "bloat_estimates", ("oid",), _JUDGED, fingerprint=("relpages", "reltuples"), first=200, heavy=True
)
_ERROR = "Estimated from statistics: 0.93 to 1.18 times the true value after a recent ANALYZE."
_SHARE = Column(
    "bloat_pct",
    "%",
    "percent",
    bar=Whole.HUNDRED,
    help="Bloat as a share of the size as of the last VACUUM or ANALYZE.",
)


def tables(
    snapshot: Snapshot,
    dead_tuple_percent: Rule = DEAD_TUPLE_PERCENT,
    bloat_percent: Rule = BLOAT_PERCENT,
    bloat_bytes: Rule = BLOAT_BYTES,
) -> Snapshot:
    """Sizes and verdicts of tables with their TOAST."""
    snapshot = _without_bloat_where_empty(cluster_sums.summed(snapshot, cluster_sums.table))
    sized = add(snapshot, ("size", "heap_size", "approximate"), _sizes)

    def columns_of(row: Record) -> tuple[object, ...]:
        small = _small(_dead(row), dead_tuple_percent, bloat_bytes) or _small(_spare(row), bloat_percent, bloat_bytes)
        return judge_table(row, dead_tuple_percent, bloat_percent, bloat_bytes), small

    return _noted(add(sized, ("verdict", "below_floor"), columns_of), "tables", bloat_bytes)


def indexes(snapshot: Snapshot, bloat_percent: Rule = BLOAT_PERCENT, bloat_bytes: Rule = BLOAT_BYTES) -> Snapshot:
    """Sizes and verdicts of btree indexes."""

    def columns_of(row: Record) -> tuple[object, ...]:
        part = ((row["bloat"], row["bloat_pct"]),)
        return judge_index(row, bloat_percent, bloat_bytes), _small(part, bloat_percent, bloat_bytes)

    snapshot = cluster_sums.summed(snapshot, cluster_sums.index)
    return _noted(add(with_size(snapshot), ("verdict", "below_floor"), columns_of), "indexes", bloat_bytes)


def judge_table(
    row: Record,
    dead_tuple_percent: Rule = DEAD_TUPLE_PERCENT,
    bloat_percent: Rule = BLOAT_PERCENT,
    bloat_bytes: Rule = BLOAT_BYTES,
) -> str:
    """Verdict on a table: the worse of dead tuples and bloat of heap and TOAST, from `bloat_bytes` on."""
    dead = _worst(_dead(row), dead_tuple_percent, bloat_bytes)
    level = _worst(_spare(row), bloat_percent, bloat_bytes)
    for holds, verdict in (
        (dead is Level.CRITICAL, "many dead tuples"),
        (dead is Level.WARNING, "dead tuples"),
        (level is Level.CRITICAL, "heavy bloat"),
        (level is Level.WARNING, "bloat"),
        (row["bloat_reason"], "unknown"),
        (row["heap_bloat"] is None and bloat_bytes.level(row["size"]), "not read yet"),
        (row["toast_bloat"] is None and bloat_bytes.level(row["toast_size"]), "unknown"),
        (not row["autovacuum"], "autovacuum off"),
    ):
        if holds:
            return verdict
    return "ok"


def judge_index(row: Record, bloat_percent: Rule = BLOAT_PERCENT, bloat_bytes: Rule = BLOAT_BYTES) -> str:
    """Verdict on the bloat of an index, from `bloat_bytes` on."""
    if row["bloat"] is None:
        return "unknown" if row["bloat_reason"] else "not read yet" if bloat_bytes.level(row["size"]) else "ok"
    level = _worst(((row["bloat"], row["bloat_pct"]),), bloat_percent, bloat_bytes)
    return "heavy bloat" if level is Level.CRITICAL else "bloat" if level is Level.WARNING else "ok"


def _without_bloat_where_empty(snapshot: Snapshot) -> Snapshot:
    """`snapshot`, in which the bloat of tables without a page is 0 though they were never analysed."""
    rows = tuple(
        tuple(
            0 if name in cluster_sums.SPARE else "" if name == "bloat_reason" else record[name]
            for name in snapshot.columns
        )
        if record["bloat_reason"] and _is_empty(record)
        else row
        for record, row in zip(snapshot.records(), snapshot.rows, strict=True)
    )
    return replace(snapshot, rows=rows)


def _is_empty(row: Record) -> bool:
    return row["exact_size"] == 0 and row["toast_size"] == 0 and not cluster_sums.incomplete(row)


def _dead(row: Record) -> tuple[Part, ...]:
    heap = number(row["heap_size"]) * number(row["dead_pct"]) / 100
    return (heap, row["dead_pct"]), (number(row["toast_dead"]) * CHUNK, row["toast_dead_pct"])


def _spare(row: Record) -> tuple[Part, ...]:
    return tuple((row[part], row[f"{part}_pct"]) for part in ("bloat", "heap_bloat", "toast_bloat"))


def _worst(parts: Iterable[Part], percent: Rule, floor: Rule) -> Level:
    """The worst level of the parts that take at least the floor."""
    return max((percent.level(share) for space, share in parts if floor.level(space)), default=Level.OK)


def _small(parts: Iterable[Part], percent: Rule, floor: Rule) -> bool:
    """Whether a part exceeds a limit and takes less than the floor."""
    return any(bool(percent.level(share)) and not floor.level(space) for space, share in parts)


def _sizes(row: Record) -> tuple[object, ...]:
    """The size with TOAST, that of the heap, and the mark of an estimate."""
    heap, toast = row["exact_size"], row["toast_size"]
    if heap is not None:
        mark = cluster_sums.AT_LEAST if cluster_sums.incomplete(row) else ""
        return int(number(heap) + number(toast)), heap, mark
    guess = row["estimated_size"]
    return guess, row["estimated_heap"], "" if guess is None else APPROXIMATE


def _noted(judged: Snapshot, what: str, bloat_bytes: Rule) -> Snapshot:
    below = sum(bool(small) for small in judged.values("below_floor"))
    floor = size(bloat_bytes.limit.warning)
    return with_notes(
        judged,
        largest(judged, what),
        f"no verdict on {counted(below, SINGULAR[what], what, count)}: dead tuples or bloat under {floor} (bloat_bytes)"
        if below
        else "",
    ).hiding(_unreadable(judged, what))


def _unreadable(snapshot: Snapshot, what: str) -> Trouble | None:
    hidden = sum(value is True for value in snapshot.values("bloat_hidden"))
    if not hidden:
        return None
    said = f"bloat of {counted(hidden, SINGULAR[what], what)} unknown: statistics are hidden from this role;"
    return denied(said, "pg_read_all_data", remedy="GRANT pg_read_all_data")


TABLES = View(
    name="tables",
    title="Tables",
    query="bloat_tables",
    key=("oid",),
    columns=(
        Column("table", "table", "relation", grow=True),
        Column(
            "size",
            "size",
            "size",
            help="On disk with TOAST, without indexes; ≈: as of the last VACUUM or ANALYZE.",
        ),
        MARK,
        Column("dead", "dead", "count", width=6, help="Dead tuples waiting for VACUUM; they are not bloat."),
        Column("dead_pct", "%", "percent", bar=Whole.HUNDRED, help="Dead tuples, of all tuples."),
        Column("bloat", "bloat", "size", help=f"Space of heap and TOAST that a rewrite would return. {_ERROR}"),
        _SHARE,
        Column(
            "verdict",
            "verdict",
            width=16,
            rule=BLOAT_VERDICT,
            help="What needs attention from the size bloat_bytes on; unknown where statistics are missing.",
        ),
        Column("toast_size", "TOAST", "size", extra=True, help="Size of its TOAST table, without the index of that."),
        Column(
            "toast_bloat",
            "TOAST bloat",
            "size",
            width=11,
            extra=True,
            help=(
                "Bloat of its TOAST table, at least: chunks as of its last VACUUM, counted as full. "
                "The details show exact figures with pgstattuple."
            ),
        ),
        Column("toast_dead", "TOAST dead", "count", width=10, extra=True, help="Dead chunks in its TOAST table."),
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
    lookups=(TABLE_ESTIMATES, TABLE_SIZES, cluster_sums.RELATIONS, cluster_sums.BLOAT),
    derive=tables,
    rules=(DEAD_TUPLE_PERCENT, BLOAT_PERCENT, BLOAT_BYTES),
    detail="bloat_table_exact",
    heavy_detail=True,
    empty="No tables in this database.",
)

INDEXES = View(
    name="indexes",
    title="Indexes",
    query="bloat_indexes",
    kept=900.0,
    key=("oid",),
    columns=(
        Column("index", "index", "relation", grow=True),
        SIZE,
        MARK,
        Column("bloat", "bloat", "size", help=f"Space that a rewrite would return. {_ERROR}"),
        _SHARE,
        Column(
            "verdict",
            "verdict",
            width=12,
            rule=BLOAT_VERDICT,
            help="What needs attention from the size bloat_bytes on; unknown where statistics are missing.",
        ),
        Column("table", "table", "relation", extra=True),
        Column("reltuples", "rows", "count", extra=True, help="As of the last VACUUM or ANALYZE."),
        Column("bloat_reason", "why unknown", width=34, extra=True, help="Why there is no estimate."),
    ),
    lookups=(INDEX_ESTIMATES, INDEX_SIZES, cluster_sums.INDEXES, cluster_sums.BLOAT),
    derive=indexes,
    rules=(BLOAT_PERCENT, BLOAT_BYTES),
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
        "cannot be read. Of TOAST it is at least what is shown, because every chunk counts as full. Below bloat_bytes "
        "(10 MB unless configured) no percentage is a verdict. The details of a table show exact figures of heap and "
        "TOAST where pgstattuple is installed. What VACUUM is due for and what holds it back is in the vacuum pane."
    ),
    views=(TABLES, INDEXES),
    refresh=15.0,
    actions=("vacuum-table", "analyze-table", "reindex", "repack-table", "set-autovacuum"),
)

"""Partitions: bounds, gaps, days until they run out, and rows in default partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.format import counted
from console.model import Column, Level, Lookup, Pane, Record, Rule, Snapshot, View, number
from console.panes import cluster_sums
from console.panes.derived import APPROXIMATE, MARK, TABLE_SIZES, add, largest, listed, with_notes
from console.panes.partition_coverage import coverage, judge
from console.panes.tenant_views import ADVICE, TENANTS
from console.records import dataclass
from console.rules.storage import (
    DEFAULT_PARTITION_ROWS,
    DETACH_PENDING,
    PARTITION_GAPS,
    PARTITION_RUNWAY_DAYS,
    PARTITION_VERDICT,
)

BOUNDS = Lookup(
    "partition_bounds",
    ("oid",),
    ("bounds", "bound_rows"),
    fingerprint=("children", "child_sum"),
    first=500,
    batch=500,
)
PARENT_SIZES = Lookup(
    *("partition_sizes", ("oid",), ("exact_size", "exact_heap")),
    fingerprint=("estimated_size", "child_sum"),
    keep=60,
    heavy=True,
)
BOUND_TEXTS = Lookup("partition_bound_texts", ("oid",), ("bound_text",), ("parent_oid",), first=500, batch=500)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a timeline. Seconds since 1970 UTC; None where it is open or, for the default partition, nowhere."""

    start: float | None
    end: float | None
    rows: float
    kind: str  # past, current, future, gap, default


@dataclass(frozen=True, slots=True)
class Timeline:
    """The partitions of one parent along time."""

    parent: str
    now: float  # seconds since 1970, the server's clock
    segments: tuple[Segment, ...]
    runway: float | None  # days; None when the coverage has no end
    level: Level  # of the runway


def timeline(snapshot: Snapshot) -> tuple[Timeline, ...]:
    """What the chart of the parents draws: one timeline for each table that is partitioned by ranges of time."""
    return tuple(
        Timeline(
            str(row["parent"]),
            number(row["now"]),
            tuple(Segment(*segment) for segment in row["segments"]),  # type: ignore[attr-defined]
            number(row["runway"]) if row["runway"] is not None else None,
            Level(int(number(row["runway_level"]))),
        )
        for row in snapshot.records()
        if row.get("segments")
    )


def parents(snapshot: Snapshot, partition_runway_days: Rule = PARTITION_RUNWAY_DAYS) -> Snapshot:
    """Coverage, verdict and totals of each partitioned table; totals include subpartitions."""
    snapshot = cluster_sums.summed(snapshot, cluster_sums.partitioned)
    below_it = _totals(snapshot)

    def columns_of(row: Record) -> tuple[object, ...]:
        known = coverage(row)
        total = below_it[row["oid"]]
        return (
            total.size,
            total.heap,
            "" if total.exact else APPROXIMATE,
            total.rows,
            known.first or None,
            known.last or None,
            known.runway,
            int(partition_runway_days.level(known.runway)),
            len(known.gaps) if row["strategy"] == "range" else None,
            listed(known.gaps) or None,
            judge(row, known, partition_runway_days),
            known.segments,
        )

    names = ("size", "heap", "approximate", "all_rows", "first", "last", "runway", "runway_level", "gaps", "gaps_named")
    judged = _without(add(snapshot, (*names, "verdict", "segments"), columns_of), ("bounds", "bound_rows"))
    unread = sum(row["verdict"] == "not read yet" for row in judged.records())
    return with_notes(
        judged,
        largest(snapshot, "partitioned tables"),
        f"the bounds of {counted(unread, 'table')} have not been read yet" if unread else "",
    )


@dataclass(frozen=True, slots=True)
class Total:
    """Size, size of the heaps and rows of everything below a parent."""

    size: int
    heap: int
    rows: float
    exact: bool  # False: some sizes are as of the last VACUUM or ANALYZE

    def __add__(self, other: Total) -> Total:
        return Total(self.size + other.size, self.heap + other.heap, self.rows + other.rows, self.exact and other.exact)


def _totals(snapshot: Snapshot) -> dict[object, Total]:
    """What each parent holds with everything below it, by oid."""
    rows = {row["oid"]: row for row in snapshot.records()}
    own = {oid: _own(row) for oid, row in rows.items()}
    totals = dict(own)
    for oid in rows:
        up, seen = rows[oid]["above"], {oid}
        while up in totals and up not in seen:
            totals[up] += own[oid]
            seen.add(up)
            up = rows[up]["above"]
    return totals


def _own(row: Record) -> Total:
    if row["exact_size"] is not None:
        return Total(int(number(row["exact_size"])), int(number(row["exact_heap"])), number(row["rows"]), exact=True)
    size, heap = int(number(row["estimated_size"])), int(number(row["estimated_heap"]))
    return Total(size, heap, number(row["rows"]), exact=not row["children"])


def _without(snapshot: Snapshot, names: Sequence[str]) -> Snapshot:
    keep = [at for at, name in enumerate(snapshot.columns) if name not in names]
    return replace(
        snapshot,
        columns=tuple(snapshot.columns[at] for at in keep),
        rows=tuple(tuple(row[at] for at in keep) for row in snapshot.rows),
    )


def partitions(snapshot: Snapshot) -> Snapshot:
    """Each partition with its bound abbreviated and its share of the parent as a bar."""

    def columns_of(row: Record) -> tuple[object, ...]:
        text = row["bound_text"]
        return (shorten(text) if isinstance(text, str) else None, bar(number(row["share"])))

    snapshot = cluster_sums.summed(snapshot, cluster_sums.table)
    sized = add(snapshot, ("size", "heap", "approximate"), _sizes)
    return with_notes(add(sized, ("bound", "drawn"), columns_of), largest(sized, "partitions"))


def _sizes(row: Record) -> tuple[object, ...]:
    """The size of a partition with indexes and TOAST, that of its heap, and the mark of an estimate."""
    if row["total_size"] is not None:
        return row["total_size"], row["exact_size"], ""
    return row["estimated_size"], row["estimated_heap"], APPROXIMATE


def shorten(bound: str) -> str:
    """A bound without its keywords and midnights."""
    plain = bound.removeprefix("FOR VALUES ").replace(" 00:00:00+00'", "'").replace(" 00:00:00'", "'")
    return (
        plain.replace("'", "").replace("FROM (", "", 1).replace(") TO (", " … ", 1).removesuffix(")")
        if (plain.startswith("FROM ("))
        else plain
    )


def bar(percent: float, width: int = 8) -> str:
    """A bar of at most `width` cells for 0 … 100 %, in eighths of a cell."""
    eighths = round(min(100.0, max(0.0, percent)) / 100 * width * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


_ESTIMATE = "≈: as of the last VACUUM or ANALYZE."

PARENTS = View(
    name="parents",
    title="Parents",
    query="partition_parents",
    key=("oid",),
    columns=(
        Column("parent", "parent", "relation", grow=True),
        Column("children", "parts", "count", width=5, help="Number of partitions."),
        Column("last", "until", width=10, help="The highest bound, UTC."),
        Column(
            "runway",
            "days",
            "count",
            width=5,
            rule=PARTITION_RUNWAY_DAYS,
            help="From now (the server's clock) to the first time without a partition.",
        ),
        Column(
            "gaps",
            "gaps",
            "count",
            width=4,
            rule=PARTITION_GAPS,
            help="Gaps between the lowest and the highest bound.",
        ),
        Column("all_rows", "rows", "count", help="As of the last VACUUM or ANALYZE."),
        Column("size", "size", "size", help=f"Of all partitions, with indexes and TOAST. {_ESTIMATE}"),
        MARK,
        Column("verdict", "verdict", width=15, rule=PARTITION_VERDICT, help="The most urgent problem of its bounds."),
        Column("heap", "heap", "size", extra=True, help="Of all partitions, without indexes and TOAST."),
        Column("strategy", "strategy", width=8, extra=True, help="Range, list or hash."),
        Column("key", "key", width=18, extra=True, help="The columns it is partitioned by."),
        Column("first", "from", width=10, extra=True, help="The lowest bound, UTC."),
        Column(
            "default_rows",
            "default",
            "count",
            extra=True,
            rule=DEFAULT_PARTITION_ROWS,
            help="Rows in the default partition; – without one.",
        ),
        Column(
            "astray",
            "detached",
            width=24,
            extra=True,
            help="Tables in no partitioned table that an interrupted run detached: run its action again, or undo it.",
        ),
        Column("gaps_named", "gap bounds", width=40, extra=True, help="The gaps between the bounds, UTC."),
    ),
    lookups=(BOUNDS, PARENT_SIZES, cluster_sums.RELATIONS),
    derive=parents,
    rules=(PARTITION_RUNWAY_DAYS,),
    detail="partition_parent_detail",
    chart="timeline",
    empty="No partitioned tables in this database: partition-table converts one, setup (U) creates the pipeline's.",
)

PARTITIONS_VIEW = View(
    name="partitions",
    title="Partitions",
    query="partitions",
    kept=900.0,
    key=("oid",),
    columns=(
        Column("partition", "partition", "relation", grow=True),
        Column("bound", "bounds", width=24, help="UTC, upper bound exclusive."),
        Column("rows", "rows", "count", help="As of the last VACUUM or ANALYZE."),
        Column("size", "size", "size", help=f"On disk with indexes and TOAST. {_ESTIMATE}"),
        MARK,
        Column("drawn", "share", width=8, help="Share of the size of all partitions of the parent."),
        Column("parent", "parent", "relation", extra=True),
        Column("share", "%", "percent", extra=True, help="Of the size of all partitions of the parent."),
        Column(
            "vacuum_age",
            "vacuum",
            "age",
            width=6,
            extra=True,
            help="Time since the last VACUUM, manual or automatic.",
        ),
        Column("heap", "heap", "size", extra=True, help=f"On disk, without indexes and TOAST. {_ESTIMATE}"),
        Column(
            "detaching",
            "detach pending",
            "flag",
            width=14,
            extra=True,
            rule=DETACH_PENDING,
            help="DETACH CONCURRENTLY was interrupted; ALTER TABLE … DETACH PARTITION … FINALIZE completes it.",
        ),
    ),
    lookups=(BOUND_TEXTS, TABLE_SIZES, cluster_sums.RELATIONS),
    derive=partitions,
    detail="bloat_table_exact",
    heavy_detail=True,
    empty="No partitions in this database.",
)

PARTITIONS = Pane(
    name="partitions",
    key="7",
    title="Partitions",
    short="Parts",
    group="Storage",
    help=(
        "Partitioned tables: days until the partitions run out, gaps between their bounds, rows in default partitions. "
        "Bounds are compared with the server's clock in UTC; bounds without a time zone count as UTC, and numbers that "
        "are whole hours of this century since 1970 count as times. The verdict is unknown where the key does not "
        "follow the clock, such as an id: when its partitions run out is unknown. When no "
        "partition covers the present, every insert fails or goes to the default partition; if the last partition "
        "ended over a year ago, the table counts as an archive. By tenant shows, for each table with tenants' rows, "
        "whether hash partitions by tenant are worth it, which is rare and depends on its size first; Tenants lists "
        "the largest tenants."
    ),
    views=(PARENTS, PARTITIONS_VIEW, ADVICE, TENANTS),
    refresh=30.0,
    actions=("create-partitions", "archive-analytics", "partition-by-hash", "distribute-table"),
)

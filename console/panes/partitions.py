"""Partitions: bounds, gaps, how long until they run out, and rows that landed in a default partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from console.model import Column, Level, Lookup, Pane, Record, Rule, Snapshot, View
from console.panes.extents import extent, judge
from console.panes.storage import MARK, SIZE, TABLE_SIZES, add, largest, listed, number, with_notes, with_size
from console.panes.tenants import ADVICE, TENANTS
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
    """What the chart of the parents draws: one timeline for each parent that is partitioned by ranges of time."""
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
    """Extent, verdict and totals of each parent; totals include the partitions of its partitions."""
    below_it = _totals(snapshot)

    def tell(row: Record) -> tuple[object, ...]:
        known = extent(row)
        size, rows = below_it[row["oid"]]
        return (
            size,
            rows,
            known.first or None,
            known.last or None,
            known.runway,
            int(partition_runway_days.level(known.runway)),
            len(known.gaps) if row["strategy"] == "range" else None,
            listed(known.gaps) or None,
            judge(row, known, partition_runway_days),
            known.segments,
        )

    names = ("size", "all_rows", "first", "last", "runway", "runway_level", "gaps", "gaps_named", "verdict", "segments")
    told = _without(add(snapshot, names, tell), ("bounds", "bound_rows"))
    unread = sum(row["verdict"] == "not read yet" for row in told.records())
    return with_notes(
        told,
        largest(snapshot, "partitioned tables"),
        f"bounds of {unread} parents are read next" if unread else "",
    )


def _totals(snapshot: Snapshot) -> dict[object, tuple[float, float]]:
    """Size and rows of each parent with everything below it, by oid."""
    rows = {row["oid"]: row for row in snapshot.records()}
    totals = {oid: (int(number(row["estimated_size"])), number(row["rows"])) for oid, row in rows.items()}
    for oid in rows:
        own = (int(number(rows[oid]["estimated_size"])), number(rows[oid]["rows"]))
        up, seen = rows[oid]["above"], {oid}
        while up in totals and up not in seen:
            totals[up] = (totals[up][0] + own[0], totals[up][1] + own[1])
            seen.add(up)
            up = rows[up]["above"]
    return {oid: (size, count) for oid, (size, count) in totals.items()}


def _without(snapshot: Snapshot, names: Sequence[str]) -> Snapshot:
    keep = [at for at, name in enumerate(snapshot.columns) if name not in names]
    return replace(
        snapshot,
        columns=tuple(snapshot.columns[at] for at in keep),
        rows=tuple(tuple(row[at] for at in keep) for row in snapshot.rows),
    )


def partitions(snapshot: Snapshot) -> Snapshot:
    """Each partition with its bound in short and its share of the parent, drawn."""

    def tell(row: Record) -> tuple[object, ...]:
        text = row["bound_text"]
        return (shorten(text) if isinstance(text, str) else None, bar(number(row["share"])))

    sized = with_size(snapshot)
    return with_notes(add(sized, ("bound", "drawn"), tell), largest(sized, "partitions"))


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


PARENTS = View(
    name="parents",
    title="Parents",
    query="partition_parents",
    key=("oid",),
    columns=(
        Column("parent", "parent", "relation", grow=True),
        Column("children", "parts", "count", width=5, help="How many partitions."),
        Column("last", "until", width=10, help="The highest bound, UTC."),
        Column(
            "runway",
            "days",
            "count",
            width=5,
            rule=PARTITION_RUNWAY_DAYS,
            help="From the server's now to the end of unbroken coverage.",
        ),
        Column(
            "gaps",
            "gaps",
            "count",
            width=4,
            rule=PARTITION_GAPS,
            help="Holes between the lowest and the highest bound.",
        ),
        Column("all_rows", "rows", "count", help="As VACUUM or ANALYZE last saw them."),
        Column("size", "size", "size", help="Sum over the partitions, as VACUUM or ANALYZE last saw them."),
        Column("verdict", "verdict", width=15, rule=PARTITION_VERDICT, help="The most urgent problem of its bounds."),
        Column("strategy", "by", width=5, extra=True, help="Range, list or hash."),
        Column("key", "key", width=18, extra=True, help="The columns it is partitioned by."),
        Column("first", "from", width=10, extra=True, help="The lowest bound, UTC."),
        Column(
            "default_rows",
            "default",
            "count",
            extra=True,
            rule=DEFAULT_PARTITION_ROWS,
            help="Rows in the default partition; – when there is none.",
        ),
        Column("gaps_named", "holes", width=40, extra=True, help="The holes between the bounds, UTC."),
    ),
    lookups=(BOUNDS,),
    derive=parents,
    rules=(PARTITION_RUNWAY_DAYS,),
    detail="partition_parent_detail",
    chart="timeline",
    empty="no partitioned tables in this database",
)

PARTITIONS_VIEW = View(
    name="partitions",
    title="Partitions",
    query="partitions",
    key=("oid",),
    columns=(
        Column("partition", "partition", "relation", grow=True),
        Column("bound", "bounds", width=24, help="UTC, upper bound exclusive."),
        Column("rows", "rows", "count", help="As VACUUM or ANALYZE last saw them."),
        SIZE,
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
            help="Since the last VACUUM, by hand or automatic.",
        ),
        Column(
            "total_size",
            "total",
            "size",
            extra=True,
            help="With indexes and TOAST; only read for rows on the screen.",
        ),
        Column(
            "detaching",
            "detach pending",
            "flag",
            width=14,
            extra=True,
            rule=DETACH_PENDING,
            help="A DETACH CONCURRENTLY was broken off; ALTER TABLE … DETACH PARTITION … FINALIZE ends it.",
        ),
    ),
    lookups=(BOUND_TEXTS, TABLE_SIZES),
    derive=partitions,
    detail="bloat_table_exact",
    empty="no partitions in this database",
)

PARTITIONS = Pane(
    name="partitions",
    key="7",
    title="Partitions",
    help=(
        "Partitioned tables: how long until the partitions run out (days), holes in their bounds, rows that landed in "
        "a default partition. Bounds and now are compared in UTC, by the server's clock; bounds without a time zone "
        "are read as UTC. "
        "When no partition holds now, every insert fails or lands in the default partition; where the last one ended "
        "over a year ago (an archive), that is only noted. "
        "By tenant says of each table that holds tenants' rows whether hash partitions by tenant would pay: seldom, "
        "and never before its size does; Tenants who the largest are."
    ),
    views=(PARENTS, PARTITIONS_VIEW, ADVICE, TENANTS),
    refresh=30.0,
    actions=("create-partitions", "archive-analytics", "partition-by-hash"),
)

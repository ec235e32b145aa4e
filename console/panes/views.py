"""Materialized views: size, age of their data, and whether they can be refreshed without blocking reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.model import Column, Lookup, Pane, Record, Snapshot, View
from console.panes.derived import MARK, SIZE, TABLE_SIZES, add, listed, with_size
from console.rules.storage import VIEW_AGE_SECONDS, VIEW_VERDICT

# Where the table of refreshes is absent or not readable, rows have no key to look up, and it is never read.
REFRESHES = Lookup(
    "matview_refreshes",
    ("logged_schema", "logged_view"),
    ("data_age", "refresh_seconds", "was_concurrent", "refreshed_by", "refresh_error"),
    first=500,
    batch=500,
    keep=5,
)
# How often the configuration has a view refreshed; where it says nothing of any, there is no such column.
SCHEDULES = Lookup("refresh_policies", ("view",), ("schedule",), first=500, batch=500, source="console")


def obstacle(row: Record) -> str:
    """Why REFRESH MATERIALIZED VIEW CONCURRENTLY would fail now; empty if it would succeed."""
    if row["standby"]:
        return "this is a standby"
    if not row["may_refresh"]:
        return f"only {row['owner']} may refresh it"
    if not row["has_key"]:
        return (
            "its unique index is partial, on an expression or invalid"
            if row["has_unique"]
            else "it has no unique index"
        )
    return "" if row["populated"] else "it is not populated: the first refresh cannot be concurrent"


def judge(row: Record) -> tuple[str, str, str]:
    """Verdict, whether it can be refreshed concurrently, and the obstacle."""
    why = obstacle(row)
    can = "no" if why else "yes"
    if row["refresh_error"]:
        why = "; ".join(text for text in (str(row["refresh_error"]), why) if text)
    if not row["populated"]:
        return "not populated", can, why
    if row["refresh_error"]:
        return "refresh failed", can, why
    if row["busy"]:
        return "refreshing", can, why
    return ("ok" if row["has_key"] else "blocks reads"), can, why


def refresh_order(reads: Mapping[object, Sequence[object]]) -> dict[object, int]:
    """The position of each view in the order of refreshes: after every view that it reads."""
    order: dict[object, int] = {}

    def settle(view: object, above_it: frozenset[object]) -> int:
        if view not in order:
            below = [source for source in reads.get(view, ()) if source not in above_it]
            order[view] = 1 + max((settle(source, above_it | {view}) for source in below), default=0)
        return order[view]

    for view in reads:
        settle(view, frozenset())
    return order


def matviews(snapshot: Snapshot) -> Snapshot:
    """Verdicts, the order of refreshes, and which views each view reads."""
    sized = with_size(snapshot)
    if SCHEDULES.adds[0] not in sized.columns:
        sized = add(sized, SCHEDULES.adds, lambda _: (None,))
    named = dict(zip(sized.values("oid"), sized.values("view"), strict=True))
    reads: dict[object, Sequence[object]] = {
        oid: read if isinstance(read, list | tuple) else ()
        for oid, read in zip(sized.values("oid"), sized.values("reads_oids"), strict=True)
    }
    order = refresh_order(reads)

    def columns_of(row: Record) -> tuple[object, ...]:
        below = [named[source] for source in reads[row["oid"]] if source in named]
        return (*judge(row), order[row["oid"]], listed(below) or None)

    return add(sized, ("verdict", "concurrently", "why", "refresh_order", "reads"), columns_of)


MATERIALIZED = View(
    name="materialized",
    title="Materialized",
    query="matviews",
    key=("oid",),
    columns=(
        Column("view", "view", "relation", grow=True),
        SIZE,
        MARK,
        Column("rows", "rows", "count", help="As of the last VACUUM or ANALYZE."),
        Column("concurrently", "concurrent?", width=11, help="Whether REFRESH … CONCURRENTLY would succeed now."),
        Column(
            "data_age",
            "data age",
            "age",
            width=8,
            rule=VIEW_AGE_SECONDS,
            bar="schedule",
            help="Time since the last refresh; unknown where refreshes are not recorded.",
        ),
        Column(
            "verdict",
            "verdict",
            width=14,
            rule=VIEW_VERDICT,
            help="What needs attention. blocks reads: it can only be refreshed under ACCESS EXCLUSIVE.",
        ),
        Column(
            "why", "obstacle", width=44, extra=True, help="Why it cannot be refreshed CONCURRENTLY, or the last error."
        ),
        Column(
            "schedule",
            "every",
            "age",
            extra=True,
            help="How often the configuration has it refreshed; the bar behind the age of its data is full then.",
        ),
        Column("refresh_seconds", "took", "age", extra=True, help="Duration of the last refresh."),
        Column(
            "was_concurrent",
            "was concurrent",
            "flag",
            width=14,
            extra=True,
            help="Whether the last refresh was concurrent.",
        ),
        Column(
            "refresh_order",
            "refresh order",
            "count",
            width=13,
            extra=True,
            help="Order of refreshes: a view comes after the views it reads.",
        ),
        Column("reads", "reads", "name", extra=True, help="Materialized views that it reads."),
        Column("total_size", "total", "size", extra=True, help="With indexes and TOAST."),
        Column("owner", "owner", extra=True, help="The role that may refresh it."),
    ),
    lookups=(REFRESHES, SCHEDULES, TABLE_SIZES),
    derive=matviews,
    detail="matview_detail",
    empty="No materialized views in this database.",
)

VIEWS = Pane(
    name="views",
    key="8",
    title="Views",
    group="Storage",
    help=(
        "Materialized views: size, age of their data, and whether they can be refreshed concurrently, that is without "
        "blocking reads. PostgreSQL does not record when a view was refreshed; where the pipeline schema is installed, "
        "the console's refreshes are recorded in public.console_refreshes."
    ),
    views=(MATERIALIZED,),
    refresh=10.0,
    actions=("refresh-views",),
)

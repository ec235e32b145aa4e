"""Materialized views: size, freshness, and whether they can be refreshed without locking readers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.model import Column, Lookup, Pane, Record, Snapshot, View
from console.panes.storage import MARK, SIZE, TABLE_SIZES, add, listed, with_size
from console.rules.storage import VIEW_AGE_SECONDS, VIEW_VERDICT

# Rows without a readable record of refreshes have no key to look up: its table is never named where it is absent.
REFRESHES = Lookup(
    "matview_refreshes",
    ("logged_schema", "logged_view"),
    ("data_age", "refresh_seconds", "was_concurrent", "refreshed_by", "refresh_error"),
    first=500,
    batch=500,
    keep=5,
)


def obstacle(row: Record) -> str:
    """Why REFRESH MATERIALIZED VIEW CONCURRENTLY would fail now; empty when it would not."""
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
    return "" if row["populated"] else "it was never filled: the first refresh cannot be concurrent"


def judge(row: Record) -> tuple[str, str, str]:
    """Verdict, whether it can be refreshed concurrently, and what stands in the way."""
    why = obstacle(row)
    can = "no" if why else "yes"
    if row["refresh_error"]:
        why = "; ".join(each for each in (str(row["refresh_error"]), why) if each)
    if not row["populated"]:
        return "not populated", can, why
    if row["refresh_error"]:
        return "refresh failed", can, why
    if row["busy"]:
        return "refreshing", can, why
    return ("ok" if row["has_key"] else "blocks readers"), can, why


def refresh_order(reads: Mapping[object, Sequence[object]]) -> dict[object, int]:
    """The round in which each view is refreshed: after every view that it reads."""
    rounds: dict[object, int] = {}

    def settle(view: object, above_it: frozenset[object]) -> int:
        if view not in rounds:
            below = [one for one in reads.get(view, ()) if one not in above_it]
            rounds[view] = 1 + max((settle(one, above_it | {view}) for one in below), default=0)
        return rounds[view]

    for view in reads:
        settle(view, frozenset())
    return rounds


def matviews(snapshot: Snapshot) -> Snapshot:
    """Verdicts, the order of refreshing, and what each view reads."""
    sized = with_size(snapshot)
    named = dict(zip(sized.values("oid"), sized.values("view"), strict=True))
    reads: dict[object, Sequence[object]] = {
        oid: read if isinstance(read, list | tuple) else ()
        for oid, read in zip(sized.values("oid"), sized.values("reads_oids"), strict=True)
    }
    rounds = refresh_order(reads)

    def tell(row: Record) -> tuple[object, ...]:
        below = [named[one] for one in reads[row["oid"]] if one in named]
        return (*judge(row), rounds[row["oid"]], listed(below) or None)

    return add(sized, ("verdict", "concurrently", "why", "round", "reads"), tell)


MATERIALIZED = View(
    name="materialized",
    title="Materialized",
    query="matviews",
    key=("oid",),
    columns=(
        Column("view", "view", "relation", grow=True),
        SIZE,
        MARK,
        Column("rows", "rows", "count", help="As VACUUM or ANALYZE last saw them."),
        Column("concurrently", "concur", width=6, help="Whether REFRESH … CONCURRENTLY would work now."),
        Column(
            "data_age",
            "data",
            "age",
            rule=VIEW_AGE_SECONDS,
            help="Since the data were read; unknown without a record.",
        ),
        Column(
            "verdict",
            "verdict",
            width=14,
            rule=VIEW_VERDICT,
            help="Whether its data are as young as the policy wants.",
        ),
        Column("why", "why not", width=44, extra=True, help="What keeps it from being refreshed CONCURRENTLY."),
        Column("refresh_seconds", "took", "age", extra=True, help="How long the last refresh took."),
        Column(
            "was_concurrent",
            "conc.",
            "flag",
            width=5,
            extra=True,
            help="Whether the last refresh was concurrent.",
        ),
        Column(
            "round",
            "round",
            "count",
            width=5,
            extra=True,
            help="Refresh in this order: a view comes after those it reads.",
        ),
        Column("reads", "reads", "name", extra=True, help="Materialized views below this one."),
        Column("total_size", "total", "size", extra=True, help="With indexes and TOAST."),
        Column("owner", "owner", extra=True, help="The role that may refresh it."),
    ),
    lookups=(REFRESHES, TABLE_SIZES),
    derive=matviews,
    detail="matview_detail",
    empty="no materialized views in this database",
)

VIEWS = Pane(
    name="views",
    key="8",
    title="Views",
    help=(
        "Materialized views: how large, how old their data, and whether they can be refreshed concurrently, that is "
        "without locking readers out. PostgreSQL does not keep when a view was refreshed; the age is told from the "
        "console's own record where the pipeline schema is installed."
    ),
    views=(MATERIALIZED,),
    refresh=10.0,
    actions=("refresh-views",),
)

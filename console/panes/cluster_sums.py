"""Figures of distributed tables and indexes as sums over their shards: the coordinator has empty shells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from console.format import counted
from console.model import Lookup, Record, Row, Snapshot, number
from console.panes.derived import with_notes

EXTENSION = "citus"
AT_LEAST = "≥"
SPARE = ("bloat", "bloat_pct", "heap_bloat", "heap_bloat_pct", "toast_bloat", "toast_bloat_pct")
RELATIONS = Lookup(
    "cluster_relations",
    ("oid",),
    (
        *("cluster_kind", "cluster_unread", "cluster_heap", "cluster_toast", "cluster_size", "cluster_rows"),
        *("cluster_live", "cluster_dead", "cluster_modified", "cluster_vacuum_age", "cluster_analyze_age"),
    ),
    first=500,
    batch=500,
    keep=60,
    extension=EXTENSION,
)
INDEXES = Lookup(
    "cluster_indexes",
    ("oid",),
    (
        *("cluster_kind", "cluster_unread", "cluster_size", "cluster_scans", "cluster_rows_read"),
        *("cluster_tuples", "cluster_counted_for"),
    ),
    first=1000,
    batch=1000,
    keep=60,
    extension=EXTENSION,
)
BLOAT = Lookup(
    "cluster_bloat",
    ("oid",),
    (
        *("cluster_bloat", "cluster_bloat_pct", "cluster_bloat_reason", "cluster_bloat_hidden"),
        *("cluster_heap_bloat", "cluster_heap_bloat_pct", "cluster_toast_bloat", "cluster_toast_bloat_pct"),
    ),
    first=1000,
    batch=1000,
    keep=600,
    extension=EXTENSION,
)
SHELLS = Lookup("cluster_shells", ("oid",), ("shell",), first=1000, batch=1000, keep=60, extension=EXTENSION)


def without_shells(snapshot: Snapshot) -> Snapshot:
    """`snapshot` without the rows of distributed tables, which are empty here, and a note that they are left out."""
    records = tuple(snapshot.records())
    kept = tuple(row for record, row in zip(records, snapshot.rows, strict=True) if not record.get("shell"))
    left = len(records) - len(kept)
    note = (
        f"{counted(left, 'row')} of tables of Citus left out: cluster, view tables, has the dead tuples of their shards"
    )
    return with_notes(replace(snapshot, rows=kept), note) if left else snapshot


def with_shells_noted(snapshot: Snapshot, what: str) -> Snapshot:
    """`snapshot` with a note that `what` of the shards of distributed tables is not in their rows."""
    shells = sum(1 for record in snapshot.records() if record.get("shell"))
    return with_notes(snapshot, f"{counted(shells, 'row')} of tables of Citus: without {what}") if shells else snapshot


def summed(snapshot: Snapshot, figures: Callable[[Record], Mapping[str, object]]) -> Snapshot:
    """`snapshot` with what `figures` says of distributed tables, which come first, and a note on missing shards."""
    records = tuple(snapshot.records())
    shells = [record for record in records if record.get("cluster_kind")]
    if not shells:
        return snapshot
    shells.sort(key=lambda record: -number(record["cluster_size"]))
    others = (row for record, row in zip(records, snapshot.rows, strict=True) if not record.get("cluster_kind"))
    rows = (*(_filled(snapshot, record, figures(record)) for record in shells), *others)
    unread = sum(int(number(record["cluster_unread"])) for record in shells)
    note = f"{counted(len(shells), 'row')} of tables of Citus: sums over their shards"
    missing = f"{counted(unread, 'shard')} could not be read and are not in the sums" if unread else ""
    return with_notes(replace(snapshot, rows=rows), note, missing)


def _filled(snapshot: Snapshot, record: Record, figures: Mapping[str, object]) -> Row:
    return tuple(figures.get(name, record[name]) for name in snapshot.columns)


def incomplete(row: Record) -> bool:
    """Whether a row is of a distributed table of which not all shards could be read."""
    return bool(row.get("cluster_kind")) and number(row.get("cluster_unread")) > 0


def table(row: Record) -> Mapping[str, object]:
    """The figures of a table as the storage panes call them."""
    dead, live = number(row["cluster_dead"]), number(row["cluster_live"])
    heap, toast = number(row["cluster_heap"]), number(row["cluster_toast"])
    return {
        "exact_size": int(heap),
        "toast_size": int(toast),
        "total_size": row["cluster_size"],
        "exact_heap": int(heap),
        "live": int(live),
        "dead": int(dead),
        "dead_pct": 100 * dead / max(live + dead, number(row["cluster_rows"]), 1),
        "modified": row["cluster_modified"],
        "rows": row["cluster_rows"],
        "vacuum_age": row["cluster_vacuum_age"],
        "analyze_age": row["cluster_analyze_age"],
        **dict.fromkeys(("debt_pct", "toast_dead", "toast_dead_pct")),
        **_estimated(row),
    }


def partitioned(row: Record) -> Mapping[str, object]:
    """The figures of a partitioned table: its sizes are those of its partitions with indexes and TOAST."""
    return {"exact_size": row["cluster_size"], "exact_heap": row["cluster_heap"], "rows": row["cluster_rows"]}


def index(row: Record) -> Mapping[str, object]:
    """The figures of an index as the storage panes call them."""
    return {
        "exact_size": row["cluster_size"],
        "scans": row["cluster_scans"],
        "rows_read": row["cluster_rows_read"],
        "reltuples": row["cluster_tuples"],
        "counted_for": None if incomplete(row) else row["cluster_counted_for"],
        **dict.fromkeys(("scan_rate", "read_rate", "last_use_age")),
        **_estimated(row),
    }


def _estimated(row: Record) -> Mapping[str, object]:
    """The sums of the estimates of the shards, as the storage panes call them; unknown while they are not there."""
    sums = {name: row.get(f"cluster_{name}") for name in SPARE}
    return {**sums, **{name: row.get(f"cluster_{name}") for name in ("bloat_reason", "bloat_hidden")}}

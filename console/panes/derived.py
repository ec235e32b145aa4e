"""Helpers of the functions that derive columns: exact sizes over estimates, notes, numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from console.format import count, decoded
from console.model import Column, Lookup, Record, Snapshot, Whole

APPROXIMATE = "≈"
MEGABYTE = 1 << 20

# Exact sizes of the rows on the screen, from the slow lane; read again when VACUUM or ANALYZE recorded another size.
TABLE_SIZES = Lookup(
    *("table_sizes", ("oid",), ("exact_size", "toast_size", "total_size")),
    fingerprint=("estimated_size",),
    keep=60,
    heavy=True,
)
INDEX_SIZES = Lookup("index_sizes", ("oid",), ("exact_size",), fingerprint=("estimated_size",), keep=60, heavy=True)

SIZE = Column(
    "size",
    "size",
    "size",
    bar=Whole.LARGEST,
    help="On disk, without indexes and TOAST; ≈: as of the last VACUUM or ANALYZE.",
)
MARK = Column("approximate", "", width=1, help="≈ where the size is an estimate.")


def with_size(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with `size`, exact where it is known, and `approximate`: ≈ where it is an estimate."""
    exact = snapshot.values("exact_size") if "exact_size" in snapshot.columns else (None,) * len(snapshot.rows)
    sizes = zip(exact, snapshot.values("estimated_size"), strict=True)
    return snapshot.with_columns(
        ("size", "approximate"),
        ((known, "") if known is not None else (guess, "" if guess is None else APPROXIMATE) for known, guess in sizes),
    )


def with_notes(snapshot: Snapshot, *notes: str) -> Snapshot:
    """`snapshot` with those of `notes` that are not empty."""
    return replace(snapshot, notes=(*snapshot.notes, *(note for note in notes if note)))


def with_query(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with its column `query`, the first bytes of a statement, as text."""
    at = snapshot.index("query")
    rows = tuple((*row[:at], decoded(row[at]), *row[at + 1 :]) for row in snapshot.rows)
    return replace(snapshot, rows=rows)


def largest(snapshot: Snapshot, what: str) -> str:
    """A note if the query omitted smaller ones; empty if it returned all."""
    total = snapshot.values("total")[0] if snapshot.rows else 0
    if not isinstance(total, int) or total <= len(snapshot.rows):
        return ""
    return f"{count(len(snapshot.rows))} of {total:,} {what}, largest first"


def add(snapshot: Snapshot, names: Sequence[str], judge: Callable[[Record], tuple[object, ...]]) -> Snapshot:
    """`snapshot` with columns whose values `judge` returns for each row."""
    return snapshot.with_columns(names, [judge(record) for record in snapshot.records()])


def listed(names: Iterable[object], limit: int = 3) -> str:
    """The first names of a list and how many more follow."""
    every = [str(name) for name in names]
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more

"""Learns which indexes are gone or new since an earlier reading. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from console.model import GoneIndex, IndexHistory, KnownIndex, Record, Snapshot

MOST_INDEXES = 2000  # in one reading
MOST_GONE = 100  # that are remembered: by number, as a clock may be wrong


def learn(history: IndexHistory, taken: Snapshot) -> IndexHistory:
    """`history` after one more reading of the query table_indexes.

    An index is gone when neither it, nor another one of its table with its name or its columns, is there any more.
    """
    if taken.taken_at == history.at:
        return history
    known = {int(str(row["oid"])): _known(row) for row in taken.records()}
    replaced = _marks(known.values())
    last = max(known, default=0) if len(known) >= MOST_INDEXES else None  # later ones are not in this reading
    lost = [
        GoneIndex(index, history.at, taken.taken_at)
        for oid, index in history.known.items()
        if history.at is not None and oid not in known and (last is None or oid <= last)
    ]
    gone = tuple(each for each in (*lost, *history.gone) if not _marks([each.index]) & replaced)
    return IndexHistory(taken.taken_at, known, gone[:MOST_GONE], _new(history, known, taken.taken_at))


def _new(history: IndexHistory, known: Mapping[int, KnownIndex], at: datetime) -> dict[int, datetime]:
    """Since when an index is there, as far as readings tell; in a full one the last may have been there before."""
    since = {oid: seen for oid, seen in history.new.items() if oid in known}
    if history.at is None or len(known) >= MOST_INDEXES:
        return since
    before = _marks(history.known.values())
    return {oid: at for oid, index in known.items() if not _marks([index]) & before} | since


def _marks(indexes: Iterable[KnownIndex]) -> set[tuple[str, str]]:
    """What makes an index of the same table the successor of another one: its name, or its columns."""
    return {(index.target, mark) for index in indexes for mark in (index.name, index.keys)}


def _known(row: Record) -> KnownIndex:
    parts = (row["name"], row["schema"], row["table"], row["target"], row["method"], row["keys"], row["columns"] or "")
    return KnownIndex(*map(str, parts))

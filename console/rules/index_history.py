"""Learns which indexes are gone since an earlier reading. Pure."""

from __future__ import annotations

from datetime import timedelta

from console.model import GoneIndex, IndexHistory, KnownIndex, Record, Snapshot

MOST_INDEXES = 2000  # in one reading
MOST_GONE = 100
REMEMBERED = timedelta(days=7)


def learn(history: IndexHistory, taken: Snapshot) -> IndexHistory:
    """`history` after one more reading of the query table_indexes.

    An index is gone when neither it, nor another one of its table with its name or its columns, is there any more.
    """
    if taken.taken_at == history.at:
        return history
    known = {int(str(row["oid"])): _known(row) for row in taken.records()}
    replaced = {(index.target, mark) for index in known.values() for mark in (index.name, index.keys)}
    last = max(known, default=0) if len(known) >= MOST_INDEXES else None  # later ones are not in this reading
    lost = [
        GoneIndex(index, history.at, taken.taken_at)
        for oid, index in history.known.items()
        if history.at is not None and oid not in known and (last is None or oid <= last)
    ]
    gone = tuple(
        each
        for each in (*lost, *history.gone)
        if taken.taken_at - each.missed <= REMEMBERED
        and not {(each.index.target, each.index.name), (each.index.target, each.index.keys)} & replaced
    )
    return IndexHistory(taken.taken_at, known, gone[:MOST_GONE])


def _known(row: Record) -> KnownIndex:
    parts = (row["name"], row["schema"], row["table"], row["target"], row["method"], row["keys"], row["columns"] or "")
    return KnownIndex(*map(str, parts))

"""What is read before its time because something was changed, and how much of that a server is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable

from console.model import Ask, Snapshot

EARLY = 3.0  # times that a query is read early one after the other
SPARED = 1.0  # of them, which rows that are written all the time leave for changes of definitions
SHARE = 0.0005  # of all time that early reads take in the long run: 30 ms a minute, whatever changes all the time
LEAST = 0.001  # seconds that any read takes


class EarlyReads:
    """Compares the signals of each query (console/model/judge.py) with those that its last reading had."""

    def __init__(self, asks: Iterable[Ask]) -> None:
        self._left = {ask.query: EARLY for ask in asks if ask.on_change}  # times
        self._seen: dict[str, tuple[object, ...]] = {}  # by query: the signals at its last reading
        self._took: dict[str, float] = {}  # by query: seconds of its last reading

    def earn(self, seconds: float) -> None:
        """So many seconds have passed: what costs much is read early again only after long, at no one's expense."""
        for query, left in self._left.items():
            took = max(self._took.get(query, 0.0), LEAST)
            self._left[query] = min(EARLY, left + seconds * SHARE / len(self._left) / took)

    def is_worth(self, ask: Ask, changes: Snapshot | None) -> bool:
        """Whether `changes` are a reason to read a query now, and it may be."""
        if ask.only_if is not None or not ask.on_change:
            return False
        return self._left.get(ask.query, 0.0) >= self._least_left(ask, changes)

    def is_same(self, ask: Ask, changes: Snapshot | None) -> bool:
        """Whether `changes` show no change at all since a query was read."""
        now = _signals(ask, changes)
        return now is not None and now == self._seen.get(ask.query)

    def spend(self, ask: Ask) -> None:
        """A query was read early."""
        self._left[ask.query] -= 1.0

    def begin(self, ask: Ask, changes: Snapshot | None) -> None:
        """A query is about to be read, early or in its time."""
        if (signals := _signals(ask, changes)) is not None:
            self._seen[ask.query] = signals

    def end(self, ask: Ask, seconds: float) -> None:
        """Reading it took so long."""
        self._took[ask.query] = seconds

    def _least_left(self, ask: Ask, changes: Snapshot | None) -> float:
        """How many early reads must be left for the signals that are given; infinite: none is."""
        before, now = self._seen.get(ask.query), _signals(ask, changes)
        if before is None or now is None:
            return math.inf
        given = [pair[0] for pair in zip(ask.on_change, before, now, strict=True) if pair[0].is_given(*pair[1:])]
        return min((1.0 + SPARED if signal.by else 1.0 for signal in given), default=math.inf)


def _signals(ask: Ask, changes: Snapshot | None) -> tuple[object, ...] | None:
    """What `changes` show of the signals of a query; None: nothing is known of them."""
    if changes is None or not ask.on_change:
        return None
    row = next(iter(changes.records()), {})
    return tuple(row.get(signal.column) for signal in ask.on_change)

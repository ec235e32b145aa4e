"""Sessions that still wait for the same locks: who blocks them is known from the last read of the locks. Pure."""

from __future__ import annotations

import math

from console.model import Row, Snapshot
from console.records import replace

AGAIN = 10.0  # seconds after which the locks are read once more: one can be released within a transaction
LOCKS = ("lock_id", "place", "wanted_mode", "holders", "held_modes")  # the columns that come from the locks

Doing = frozenset[tuple[object, ...]]


class SteadyWaits:
    """What the locks showed of the sessions that wait, while these and those they wait for do what they did."""

    def __init__(self) -> None:
        self._waits: dict[object, Row] = {}  # by pid
        self._holders: frozenset[object] = frozenset()
        self._doing: Doing | None = None  # at the last read of the locks
        self._is_steady = False  # it was the same at the one before
        self._at = -math.inf  # the last read of the locks

    def are_known(self, clock: float) -> bool:
        """Whether it is worth reading the sessions without the locks."""
        return self._is_steady and clock - self._at < AGAIN

    def learn(self, taken: Snapshot) -> None:
        """Keep what a read with the locks shows of them."""
        pid, *locks = (taken.index(name) for name in ("pid", *LOCKS))
        self._waits = {row[pid]: tuple(row[at] for at in locks) for row in taken.rows if row[locks[0]] is not None}
        holders = (found for _, _, _, found, _ in self._waits.values() if isinstance(found, list))
        self._holders = frozenset(each for found in holders for each in found)
        doing = self._seen(taken)
        self._is_steady = doing is not None and doing == self._doing
        self._doing, self._at = doing, taken.clock

    def filled(self, read: Snapshot) -> Snapshot | None:
        """A read without the locks with what is known of them; None: somebody does something else, so they are read."""
        if self._seen(read) != self._doing:
            self._is_steady = False
            return None
        if not self._waits:
            return read
        pid, first = read.index("pid"), read.index(LOCKS[0])
        end = first + len(LOCKS)
        rows = (
            (*row[:first], *known, *row[end:]) if (known := self._waits.get(row[pid])) else row for row in read.rows
        )
        return replace(read, rows=tuple(rows))

    def _seen(self, taken: Snapshot) -> Doing | None:
        """Which statements wait, and the transactions they wait for; None: not all of them are shown."""
        pid, wait, since, statement = (taken.index(name) for name in ("pid", "wait", "since", "statement_start"))
        waiting = {(row[pid], row[since], row[statement]) for row in taken.rows if _waits_for_lock(row[wait])}
        holding = {(row[pid], row[since]) for row in taken.rows if row[pid] in self._holders}
        shown = ({each for each, *_ in some} for some in (waiting, holding))
        return None if [*shown] != [self._waits.keys(), self._holders] else frozenset({*waiting, *holding})


def _waits_for_lock(wait: object) -> bool:
    return isinstance(wait, str) and wait.startswith("Lock:")

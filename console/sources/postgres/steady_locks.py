"""The pane of locks while many sessions wait: what was read of them holds while they do nothing else. Pure."""

from __future__ import annotations

from console.model import Row, Snapshot
from console.records import replace

MANY = 50  # rows; of fewer the locks are read in no more time than whether they are the same
AGAIN = 10.0  # seconds after which the locks are read once more: one can be released within a transaction
AGES = ("wait_age", "xact_age", "age")  # the columns in seconds that rise with time


class SteadyLocks:
    """The last read of the locks, and what the sessions in it did just before."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._others: list[object] = []  # pids of those in it that do not wait
        self._asked: list[object] | None = None  # of whom it was last asked what they do
        self._doing: tuple[Row, ...] | None = None  # before the last read; None: not known, or others hold locks now
        self._is_refused = False  # this server cannot say what they do

    @property
    def parameters(self) -> dict[str, object] | None:
        """Of the query that says what they do; None: it is not worth it."""
        if self._is_refused or self._last is None or len(self._last.rows) < MANY or self._last.unknown:
            return None
        self._asked = self._others
        return {"pids": self._others}

    def known(self, seen: Snapshot) -> Snapshot | None:
        """The last read with the ages of now, if they do what they did; None: the locks have to be read."""
        last, seconds = self._last, seen.since(self._last) if self._last else None
        if last is None or seconds is None or seconds >= AGAIN or seen.unknown or seen.rows != self._doing:
            return None
        ages = {last.index(name) for name in AGES}
        rows = tuple(_aged(row, ages, seconds) for row in last.rows)
        return replace(seen, name=last.name, columns=last.columns, rows=rows, sql=last.sql)

    def refuse(self) -> None:
        """The server cannot say what they do: read the locks each time."""
        self._is_refused = True

    def learn(self, taken: Snapshot, seen: Snapshot | None) -> None:
        """Keep a read of the locks; `seen` is what they did just before it."""
        pid, wants = taken.index("pid"), taken.index("wants")
        self._last = taken
        self._others = [row[pid] for row in taken.rows if row[wants] is None]
        is_all = seen is not None and seen.values("waiting") == (len(taken.rows) - len(self._others),)
        self._doing = seen.rows if seen is not None and is_all and self._asked == self._others else None


def _aged(row: Row, ages: set[int], seconds: float) -> Row:
    return tuple(value + seconds if at in ages and isinstance(value, float) else value for at, value in enumerate(row))

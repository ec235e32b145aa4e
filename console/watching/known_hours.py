"""What the statements of one target took in each hour: what this console adds to the store, and what is known there."""

from __future__ import annotations

from collections.abc import Mapping

from console.series.slowdown import Counted, Spent
from console.watching import statement_hours
from console.watching.statement_hours import HOUR, HoursOfStatement, StatementId
from console.watching.statement_series import StatementSeries
from console.watching.store import Store


class KnownHours:
    """The hours of one target."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._added: dict[StatementId, Counted] = {}  # the counters as added last
        self._loaded: tuple[str, int] | None = None
        self._known: Mapping[StatementId, HoursOfStatement] = {}

    def of(self, target: str, now: float) -> Mapping[StatementId, HoursOfStatement]:
        """The hours before the present one. Raises Trouble if they cannot be read."""
        if not target:
            return {}
        hour = int(now) // HOUR
        if self._loaded != (target, hour):
            self._known = statement_hours.load(self._store, target, now)
            self._loaded = target, hour
        return self._known

    def add(self, target: str, series: StatementSeries, now: float) -> None:
        """Add what was counted since this was called last. Raises Trouble if it cannot be written."""
        last = {key: counted[-1] for key, counted in series.counted.items()}
        spent = {key: more for key, after in last.items() if (more := _more(self._added.get(key), after))}
        self._added = last
        if target and spent:
            statement_hours.keep(self._store, target, now, spent)


def _more(before: Counted | None, after: Counted) -> Spent | None:
    """What was counted between two readings; None: nothing, or it cannot be said in which hour."""
    if before is None or after.at - before.at > HOUR:
        return None
    spent = after.since(before)
    return spent if spent and spent.calls else None

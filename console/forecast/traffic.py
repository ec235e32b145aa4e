"""How often tables are used, from two readings of the server's counters."""

from __future__ import annotations

from collections.abc import Iterable

from console.model import Source, number
from console.model.forecast import TrafficReading
from console.model.locks import LockMode
from console.records import dataclass

SHORTEST = 0.9  # seconds between two readings: a session reports its counters at most once a second


@dataclass(frozen=True, slots=True)
class Traffic:
    """What happened between two readings."""

    before: TrafficReading
    now: TrafficReading

    @property
    def seconds(self) -> float:
        """Between the readings; 0: there is only one."""
        passed = self.now.clock - self.before.clock
        return passed if passed >= SHORTEST else 0.0

    def transactions(self) -> float | None:
        """Transactions a second; None: not measured, or the counters were reset."""
        return self._rate(self.before.transactions, self.now.transactions)

    def arrivals(self, oid: int, mode: LockMode) -> float | None:
        """Requests a second for locks on a table that conflict with `mode`; None: not measured.

        Reads are counted as scans and writes as rows: a join may scan an index often, and a statement may write many
        rows, but each transaction waits once.
        """
        if not mode.blocks:
            return 0.0
        both = mode is LockMode.ACCESS_EXCLUSIVE
        before, now = (reading.uses if both else reading.writes for reading in (self.before, self.now))
        return self._rate(before[oid], now[oid]) if oid in before and oid in now else None

    def _rate(self, before: float, now: float) -> float | None:
        return (now - before) / self.seconds if self.seconds and now >= before else None


async def read_traffic(server: Source, oids: Iterable[int]) -> TrafficReading:
    """The counters of these tables now. Raises Trouble."""
    snapshot = await server.fetch("table_traffic", {"oids": sorted(set(oids))})
    rows = tuple(snapshot.records())
    uses, writes = ({int(str(row["oid"])): number(row[name]) or 0.0 for row in rows} for name in ("uses", "writes"))
    if not rows:
        return TrafficReading(snapshot.clock)
    return TrafficReading(
        snapshot.clock, uses, writes, number(rows[0]["transactions"]) or 0.0, int(str(rows[0]["clients"]))
    )

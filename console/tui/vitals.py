"""Reads the vital signs for the header and keeps their recent course."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

from console.model import Server, Snapshot, Trouble
from console.panes.overview import VITALS
from console.panes.pooler import POOLS
from console.panes.reading import Reader

KEPT = 300  # samples; ten minutes at the usual period


class Vitals:
    """The last vital signs and, for each that is a number, its last KEPT values."""

    def __init__(self) -> None:
        self._reader = Reader(VITALS)
        self.history: Mapping[str, deque[float | None]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.now: dict[str, object] = {}
        self.trouble: Trouble | None = None

    async def read(self, postgres: Server, pooler: Server | None) -> None:
        """Ask both servers; what one cannot say is missing, the rest goes on."""
        try:
            snapshot = await self._reader.read(postgres)
            self.now = next(iter(snapshot.records()), {})
            self.trouble = None
        except Trouble as why:
            self.trouble = why
            self.now = {}
        if pooler is not None:
            self.now["pool_waiting"] = await _clients_waiting(pooler)
        for name, value in self.now.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.history[name].append(float(value))


async def _clients_waiting(pooler: Server) -> object:
    try:
        pools: Snapshot = await pooler.fetch(POOLS.query)
    except Trouble:
        return None
    return sum(value for value in pools.values("cl_waiting") if isinstance(value, int))

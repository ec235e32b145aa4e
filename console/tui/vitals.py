"""Reads the metrics of the header and keeps their recent values."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import field

from console.model import Limit, Snapshot, Source, Trouble, number
from console.panes.metrics import VITALS
from console.panes.overview import OVERVIEW
from console.panes.pooler_rows import longest_wait
from console.reading.reader import ViewReaders
from console.reading.thresholds import configured
from console.records import dataclass
from console.rules.pooler import POOL_WAITING_CLIENTS

KEPT = 300  # samples; ten minutes at the usual period
FRESH = 1.0  # seconds for which a read of the overview is used for the header too
PERIOD = 2.0  # seconds between two samples
PATIENCE = 0.5  # seconds for which the poolers may hold up the metrics of the server
POOLS = "pooler_pools"


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of the header for a drawing: the last ones, and the course of those that are numbers."""

    now: Mapping[str, object] = field(default_factory=dict)
    history: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    times: Sequence[float] = ()  # of the values of the server's own metrics, in seconds since 1970


class Vitals:
    """The last metrics and, for each that is a number, its last KEPT values."""

    def __init__(self, readers: ViewReaders, limits: Mapping[str, Limit]) -> None:
        self._reader = readers.of(OVERVIEW.source, configured(OVERVIEW, limits).view(VITALS.name))
        self.history: Mapping[str, deque[float | None]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.times: deque[float] = deque(maxlen=KEPT)
        self.now: dict[str, object] = {}
        self.trouble: Trouble | None = None
        self.period = PERIOD
        self._pools = _Pools()

    @property
    def reading(self) -> Snapshot | None:
        """The last read of the metrics."""
        return self._reader.base

    @property
    def metrics(self) -> Metrics:
        """What is known by now."""
        return Metrics(self.now, self.history, self.times)

    async def read(self, postgres: Source, pooler: Source | None) -> None:
        """Read both servers; what cannot be read is missing, the rest is kept."""
        try:
            if self._reader.base is None or not self._reader.base.is_recent(FRESH, time.monotonic()):
                await self._reader.read_plain(postgres)
            self.now = next(iter(self._reader.base.records()), {}) if self._reader.base else {}
            self.trouble = None
            if self._reader.base:
                self.times.append(self._reader.base.taken_at.timestamp())
        except Trouble as why:
            self.trouble = why
            self.now = {}
        if pooler is not None:
            self.now |= await self._pools.waiting(pooler)
        self._remember()
        if self.trouble is None and (plain := self._reader.plain) is not None:  # with the values of the host
            self.now = {**next(iter(plain.records()), {}), **self.now}

    async def recall(self, past: Source, reads: int, pools: Sequence[Snapshot]) -> None:
        """Learn the metrics and their course from so many reads, which `past` answers with one after the other.

        `pools` are what was read of the poolers meanwhile, oldest first.
        """
        for _ in range(reads):
            await self._reader.read(past)
            base = self._reader.base
            self.now = next(iter(base.records()), {}) if base else {}
            if base:
                self.times.append(base.taken_at.timestamp())
            if base and pools:  # the poolers are read right after the server
                self.now |= _clients_waiting(next((each for each in pools if each.clock >= base.clock), pools[-1]))
            self._remember()

    def _remember(self) -> None:
        for name, value in self.now.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.history[name].append(float(value))


class _Pools:
    """Asks the poolers; one that does not answer holds up nothing else."""

    def __init__(self) -> None:
        self._asked: asyncio.Task[dict[str, object]] | None = None

    async def waiting(self, pooler: Source) -> dict[str, object]:
        """How many clients wait; None: not known yet."""
        if self._asked is None:
            self._asked = asyncio.create_task(_clients_waiting_now(pooler))
        await asyncio.wait({self._asked}, timeout=PATIENCE)
        if not self._asked.done():
            return {"pool_waiting": None}
        answered, self._asked = self._asked, None
        return answered.result()


async def _clients_waiting_now(pooler: Source) -> dict[str, object]:
    """The same of what the poolers answer now."""
    try:
        return _clients_waiting(await pooler.fetch(POOLS))
    except Trouble:
        return {"pool_waiting": None}


def _clients_waiting(pools: Snapshot) -> dict[str, object]:
    """How many clients wait for a server connection; and how many in pools where that has lasted."""
    waiting = [(number(pool["cl_waiting"]), longest_wait(pool)) for pool in pools.records()]
    held = POOL_WAITING_CLIENTS.held
    return {
        "pool_waiting": int(sum(clients for clients, _ in waiting)),
        "pool_waiting_long": int(sum(clients for clients, longest in waiting if longest >= held)),
    }

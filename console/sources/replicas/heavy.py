"""Heavy reads, answered by a replica as long as it follows its primary, else by the primary; a note says which."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from console.format import age, one_line
from console.model import Database, Kind, Record, Snapshot, Source, Trouble
from console.sources.derived import Derived
from console.sources.replicas.scans import NO_COPY
from console.sources.replicas.source import STATES, Replicas

FRESH = 10.0  # seconds for which it is known whether the replica follows, and how far it is behind
AWAY = frozenset({*NO_COPY, "gone", "unreadable"})


def heavy_source(postgres: Database, replicas: Replicas, replica: str) -> Source:
    """What answers as the primary does, and lacks what it lacks, from a replica."""
    return Derived(postgres.name, postgres, HeavyReads(postgres, replicas, replica).fetch)


class HeavyReads:
    """Reads from a replica as long as it follows: only what is the same there may be asked."""

    def __init__(
        self, postgres: Database, replicas: Replicas, replica: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`replica` is the name of one of `replicas`; `postgres` is their primary."""
        self._postgres = postgres
        self._replicas = replicas
        self._replica = replica
        self._clock = clock
        self._state: Record = {}
        self._asked = float("-inf")

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows, with a note on where they are from and how old they are. Raises Trouble if the primary does."""
        try:
            taken, state = await self._on_replica(query, parameters)
        except Trouble as why:
            taken = await self._postgres.fetch(query, parameters)
            note = f"read on the primary, because replica {one_line(self._replica)}: {why.sentence}"
        else:
            lag = state["lag_seconds"]
            behind = "an unknown time behind" if lag is None else f"{age(lag)} behind"
            note = f"read on replica {one_line(self._replica)}, {behind}"
        return replace(taken, notes=(*taken.notes, note))

    async def _on_replica(self, query: str, parameters: Mapping[str, object] | None) -> tuple[Snapshot, Record]:
        """The rows of the replica. Raises Trouble if it does not follow, is in another database, or does not answer."""
        server = self._replicas.named(self._replica)
        await self._postgres.connect()
        state = await self._known()
        if server is None or not state or state["state"] in AWAY:
            raise Trouble(Kind.UNREACHABLE, str(state.get("reason") or "it is not there"))
        here, there = self._postgres.facts.database, (await server.connect()).database
        if here != there:
            raise Trouble(Kind.MISSING, f"it was connected to database {one_line(there)}, not to {one_line(here)}")
        return await server.fetch(query, parameters), state

    async def _known(self) -> Record:
        """What the replica is, as known for FRESH seconds."""
        if self._clock() - self._asked > FRESH:
            states = (await self._replicas.fetch(STATES)).records()
            self._state = next((row for row in states if row["replica"] == self._replica), {})
            self._asked = self._clock()
        return self._state

"""Samples of sizes and limits that are kept in the database of a target: those of sample-capacity."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from console.model import Snapshot, Source, Trouble, denied
from console.series import sampling
from console.series.days import Sample, SeriesName

STATE, SAMPLES = "capacity_state", "capacity_samples"
PERIOD = 600.0  # seconds between two reads

Kept = Mapping[SeriesName, Sequence[Sample]]


class StoredSamples:
    """Reads the samples of one database, seldom: one is added a day."""

    def __init__(self, server: Source) -> None:
        self._server = server
        self._kept: Kept = {}
        self._read_at: float | None = None  # monotonic
        self.trouble: Trouble | None = None  # why they could not be read last

    async def load(self) -> Kept:
        """The samples of each series, oldest first; empty if none are kept, or `trouble` says why not."""
        if self._read_at is None or time.monotonic() - self._read_at > PERIOD:
            try:
                self._kept, self.trouble = await self._read()
            except Trouble as why:
                self.trouble = why
            self._read_at = time.monotonic()
        return self._kept

    async def _read(self) -> tuple[Kept, Trouble | None]:
        (state,) = (await self._server.fetch(STATE)).records()
        if state["readable"]:
            return samples(await self._server.fetch(SAMPLES)), None
        grant = "SELECT ON public.capacity_samples"
        return {}, denied("The samples in this database cannot be read.", grant) if state["present"] else None


def samples(kept: Snapshot) -> dict[SeriesName, list[Sample]]:
    """The samples of each series of capacity_samples. Pure."""
    found: dict[SeriesName, list[Sample]] = {}
    for record in kept.records():
        times = at if isinstance(at := record["at"], list) else []
        for name, taken in sampling.measured(record).items():
            if isinstance(taken, list):
                known = (each for each in zip(times, taken, strict=True) if isinstance(each[1], int | float))
                found.setdefault(name, []).extend(Sample(moment, float(value)) for moment, value in known)
    return {name: series for name, series in found.items() if series}

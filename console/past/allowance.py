"""How much may be kept: bytes on the disk and processor time, shared by the queries that are read. Pure."""

from __future__ import annotations

from collections.abc import Hashable

BYTES = 18 * 2**20 / 3600  # a second
PROCESSOR = 0.014  # seconds a second
BURST = 30.0  # seconds of the allowance that may be spent at once
ACTIVE = 60.0  # seconds after which a query that is not read has no share


class Allowance:
    """Refuses readings of the dearest queries while all of them together cost too much.

    Within the allowance every reading is kept. Beyond it each query has the same share, so that what costs little is
    kept whole while what costs much is kept less often.
    """

    def __init__(self) -> None:
        self._credit = BURST  # in seconds of the allowance
        self._at: float | None = None
        self._due: dict[Hashable, float] = {}
        self._seen: dict[Hashable, float] = {}

    def allows(self, query: Hashable, now: float) -> bool:
        """Whether a reading may be kept at `now`, in seconds."""
        if self._at is not None:
            self._credit = min(BURST, self._credit + max(0.0, now - self._at))
        self._at = now
        self._see(query, now)
        return self._credit > 0 or now >= self._due.get(query, now)

    def spend(self, query: Hashable, now: float, size: int, seconds: float) -> None:
        """A reading was kept: its bytes, and the processor time it took."""
        self._see(query, now)
        cost = max(size / BYTES, seconds / PROCESSOR)
        self._credit = max(-BURST, self._credit - cost)
        self._due[query] = now + cost * max(1, len(self._seen))

    def _see(self, query: Hashable, now: float) -> None:
        """Remember when a query was read last, and forget those that are read no more; the oldest are first."""
        self._seen.pop(query, None)
        self._seen[query] = now
        while now - self._seen[(first := next(iter(self._seen)))] > ACTIVE:
            del self._seen[first]
            self._due.pop(first, None)

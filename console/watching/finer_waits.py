"""The samples of pg_wait_sampling, taken many times a second by the server itself, where the extension is installed.

Its counters are read, not its history: with hundreds of idle sessions, which it samples too, that holds less than a
second, and takes a hundred times as long to read.
"""

from __future__ import annotations

import math
import time

from console.model import Database, Kind, Trouble
from console.records import dataclass
from console.series.wait_profile import CountedWaits, WaitProfile, counted_between

PROFILE = "wait_profile"
SHARE = 0.02 / 60  # of the server's time that may be spent on reading it
SHORTEST, LONGEST = 1.0, 15.0  # seconds between two readings
OLD = 2.5  # such times, after which what happened in between was sampled otherwise
EARLY = 0.2  # seconds before the end of that time at which it is read by a pane that reads every second
LATER = 60.0  # seconds after which it is tried again after an error
NOTHING = Trouble(
    Kind.UNSUPPORTED, "It counts nothing by session.", "pg_wait_sampling.profile_pid = on makes it do so."
)


@dataclass(frozen=True, slots=True)
class FinerSample:
    """What was seen between the last two readings."""

    seconds: float
    counted: CountedWaits


class FinerWaits:
    """Reads what was sampled since it was read last, as often as that costs the server next to nothing."""

    def __init__(self, server: Database) -> None:
        self._server = server
        self._before: WaitProfile | None = None
        self._due = -math.inf  # on the monotonic clock, as the next
        self._ends = -math.inf
        self.trouble: Trouble | None = None  # why it could not be read last

    @property
    def is_read(self) -> bool:
        """Whether it was read just now, so that no other sample is missed."""
        return time.monotonic() < self._ends

    @property
    def is_due(self) -> bool:
        """Whether there is something new to be read."""
        return time.monotonic() >= self._due

    async def read(self) -> FinerSample | None:
        """What was seen since the last reading.

        None: the extension is not there, not loaded, or has counted nothing for each session meanwhile; also at the
        first reading. Raises Trouble(UNREACHABLE) if the server is gone.
        """
        if self._server.obstacle(PROFILE) is not None or not self.is_due:
            return None
        try:
            taken = await self._server.fetch(PROFILE)
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            self._before, self._due, self.trouble = None, time.monotonic() + LATER, why
            return None
        self.trouble = None
        now, before = WaitProfile.of(list(taken.records()), taken.clock), self._before if self.is_read else None
        counted = counted_between(before, now) if before else None
        self._before = now
        period = min(LONGEST, max(SHORTEST, now.took / SHARE))
        self._due = time.monotonic() + period - EARLY
        if before is None or counted is None:
            self._ends = time.monotonic() + OLD * period
            return None
        if not counted.looks:
            self._due, self._ends, self.trouble = time.monotonic() + LATER, -math.inf, NOTHING
            return None
        self._ends = time.monotonic() + OLD * period
        return FinerSample(now.clock - before.clock, counted)

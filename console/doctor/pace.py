"""How the doctor shares its time: what is read too late is left out and named, so that the rest is still checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field

from console.model import Database
from console.records import dataclass

Watch = Callable[[str], None]

# Shares of the time after which no more is read of them.
FOR_PANES, FOR_RULES, FOR_ACTIONS = 0.5, 0.75, 0.95


@dataclass(slots=True)
class Pace:
    """The time of one report, and what it did not suffice for."""

    postgres: Database
    seconds: float
    watch: Watch
    began: float = field(default_factory=time.monotonic)
    _late: list[str] = field(default_factory=list)
    _now: str = ""  # what is being checked
    _ends: float = float("inf")

    @property
    def late(self) -> tuple[str, ...]:
        """What was not, or not wholly, checked."""
        return (*self._late, *([self._now] if self._now else []))

    def begin(self, what: str) -> None:
        """Note what is about to be checked."""
        self._now = what
        self.watch(what)

    def spend(self, share: float) -> None:
        """From now on nothing is read of the server after this share of the time."""
        self._ends = self.began + share * self.seconds
        self.postgres.hurry(self._ends)

    def done(self) -> None:
        """Note that it was checked, in time or not."""
        if time.monotonic() > self._ends:
            self._late.append(self._now)
        self._now = ""

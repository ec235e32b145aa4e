"""How the doctor shares its time: what is slow leaves enough to the rest, and is tried again with what is left over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import field

from console.doctor.check import Check
from console.model import Database, Haste
from console.records import dataclass

Watch = Callable[[str], None]
Checking = Callable[[], Awaitable[tuple[Check, ...]]]

# Shares of the time after which no more is read of them.
FOR_PANES, FOR_RULES, FOR_ACTIONS = 0.5, 0.75, 0.95
FIRST = 0.25  # of the time left for panes, rules or actions, that one read may take before all were tried


@dataclass(slots=True)
class Pace:
    """The time of one report, and what it did not suffice for."""

    postgres: Database
    seconds: float
    watch: Watch
    began: float = field(default_factory=time.monotonic)
    _late: list[str] = field(default_factory=list)
    _now: str = ""  # what is being checked

    @property
    def late(self) -> tuple[str, ...]:
        """What was not, or not wholly, checked."""
        return (*self._late, *([self._now] if self._now and self._now not in self._late else []))

    def begin(self, what: str) -> None:
        """Note what is about to be checked."""
        self._now = what
        self.watch(what)

    async def check(self, until: float, each: Iterable[tuple[str, Checking]], found: list[Check]) -> None:
        """Add to `found` what each check finds, as it goes; nothing is read after the share `until` of the time.

        One slow read takes a part of the time only. What that was too short for is checked again when everything has
        had its turn, with half of what is then left, or less where there is more than one.
        """
        ends = self.began + until * self.seconds
        late: list[tuple[str, Checking, range]] = []
        for what, checking in each:
            checks = await self._checked(what, checking, Haste(ends, FIRST))
            place = range(len(found), len(found) + len(checks))
            found += checks
            if what in self._late:
                late.append((what, checking, place))
        for left, (what, checking, place) in zip(range(len(late), 0, -1), late, strict=True):
            if time.monotonic() < ends:
                found[place.start : place.stop] = await self._checked(what, checking, Haste(ends, 1 / (left + 1)))

    async def _checked(self, what: str, checking: Checking, haste: Haste) -> tuple[Check, ...]:
        self.begin(what)
        self.postgres.hurry(haste)
        checks = await checking()
        if what in self._late:
            self._late.remove(what)
        if haste.missed:
            self._late.append(what)
        self._now = ""
        return checks

"""Reads now and then what neither a rule nor the screen reads, so that a turn to the past finds it in every pane."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from console.model import Kind, Pane, Source, Trouble, View, number
from console.reading.reader import Reader, keys
from console.records import dataclass
from console.sources.registry import Sources
from console.watching.credit import Credit

PAUSE, SLEEP = 2.0, 60.0  # seconds between two looks whether something is due, at least and at most
REFUSED = 600.0  # seconds until what the server refused is asked again: each refusal is a line in its log
# Seconds of reading: at first, at once, and in the long run, 30 ms a minute: what the metrics of the header take alone.
START, MOST, PER_SECOND = 0.02, 0.2, 0.0005
LOOKED_UP = 50  # rows of a view for which what it looks up is read
DEAR = 0.5 * PER_SECOND  # seconds of reading a second that one costly query may take of that
SHARE = 3.0  # what is read every so often is read first after that part of it: later than what hurts at once

Heard = Mapping[tuple[str, str], float]  # by source and query: when anybody read it, on the monotonic clock


@dataclass(frozen=True, slots=True)
class FurtherRead:
    """A query that is read for the past, how often, and a view that shows it."""

    source: str
    pane: Pane
    view: View

    @property
    def key(self) -> tuple[str, str]:
        """As what was heard is called."""
        return self.source, self.view.query


class FurtherReads:
    """Whose turn it is to be read for the past. Whatever anybody else has read meanwhile is not read again."""

    def __init__(
        self, sources: Sources, panes: Iterable[Pane], heard: Heard, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`heard` says when anybody, this included, read something last."""
        self._sources = sources
        self._reads = tuple(each for each in further_reads(panes) if each.source not in sources.absent)
        self._heard = heard
        self._clock = clock
        self._began = self._earned = clock()
        self._asked: dict[tuple[str, str], float] = {}  # when it is worth asking again
        self._sought: dict[str, float] = {}  # when each source was last asked whether it still lacks what it lacked
        self._readers: dict[tuple[str, str], Reader] = {}  # of what looks something up
        self._periods: dict[tuple[str, str], float] = {}  # of what is costly: as often as that allows
        self._way: dict[str, float] = {}  # seconds of the fastest answer of each source: the way there and back
        self._least: dict[tuple[str, str], float] = {}  # those of each query: on a machine that is busy others wait
        self._credit = Credit(START, MOST, PER_SECOND)
        self._next = self._began  # nothing is due before: what somebody else reads meanwhile is due later

    async def follow(self) -> None:
        """Read what is due, until this task is cancelled."""
        while True:
            await asyncio.sleep(max(PAUSE, min(SLEEP, self._next - self._clock())))
            await self.read_due()

    async def read_due(self) -> None:
        """Read what is due, most overdue first, as long as there is credit. Troubles are kept as readings are."""
        now = self._clock()
        self._credit.earn(now - self._earned)
        self._earned = now
        if now >= self._next:
            await self._read_overdue(now)
            self._next = max(min(map(self._due, self._reads), default=math.inf), now + self._credit.seconds_left)

    async def _read_overdue(self, now: float) -> None:
        away: set[str] = set()
        overdue = [each for each in self._reads if self._due(each) <= now]
        for each in sorted(overdue, key=lambda each: self._left(each, now)):
            if not self._credit.is_left:
                return
            is_due = self._due(each) <= now  # nobody else has read it meanwhile
            if is_due and each.source not in away and await self._is_away(each, now):
                away.add(each.source)

    def _due(self, each: FurtherRead) -> float:
        """When it is to be read, on the clock."""
        known = self._heard.get(each.key)
        due = self._began + each.view.kept / SHARE if known is None else known + self._period(each)
        return max(due, self._asked.get(each.key, due))

    def _period(self, each: FurtherRead) -> float:
        """Seconds from one read to the next."""
        return self._periods.get(each.key, each.view.kept)

    def _left(self, each: FurtherRead, now: float) -> float:
        """How long until it is to be read, in periods of its own; negative: it is overdue."""
        return (self._due(each) - now) / self._period(each)

    async def _is_away(self, each: FurtherRead, now: float) -> bool:
        """Read one view; returns whether its source cannot be reached."""
        source = self._sources.of(each.pane, each.view)
        lacks = source.obstacle(each.view.query)
        if lacks is not None and now < self._sought.get(each.source, -math.inf) + REFUSED:
            self._asked[each.key] = now + each.view.kept
            self._sources.answered(each.source, each.view.query, lacks)
            return False
        try:
            await self._weigh(each, source)
            await self._read(each, source)
        except Trouble as why:
            is_away = why.kind is Kind.UNREACHABLE
            is_known = is_away or source.obstacle(each.view.query) is not None  # nobody was asked
            self._asked[each.key] = now + (each.view.kept if is_known else REFUSED)
            if is_known and not is_away:
                self._sought[each.source] = now
            return is_away
        return False

    async def _weigh(self, each: FurtherRead, source: Source) -> None:
        """What costs much is read more seldom than is declared, so that it takes its share at most. Raises Trouble."""
        if each.view.costs and source.obstacle(each.view.query) is None:
            expected = (await source.fetch(each.view.costs)).values(each.view.query)
            self._periods[each.key] = max(each.view.kept, *(number(seconds) / DEAR for seconds in expected))

    async def _read(self, each: FurtherRead, source: Source) -> None:
        """Read one view. Raises Trouble."""
        if not each.view.lookups:
            self._spend(each, (await source.fetch(each.view.query)).seconds)
            return
        began = self._clock()
        reader = self._readers.setdefault(each.key, Reader(each.view, self._sources.named))
        shown = await reader.read(source)
        present = [name for name in each.view.key if name in shown.columns]
        with suppress(Trouble):  # the rows are kept without what could not be looked up
            await reader.fill(source, keys(shown, present)[:LOOKED_UP])
        self._spend(each, self._clock() - began)

    def _spend(self, each: FurtherRead, seconds: float) -> None:
        way = self._way[each.source] = min(self._way.get(each.source, seconds), seconds)
        least = self._least[each.key] = min(self._least.get(each.key, seconds), seconds)
        self._credit.spend(least - way)


def further_reads(panes: Iterable[Pane]) -> tuple[FurtherRead, ...]:
    """Each query once, as often as the view that wants it most often."""
    found: dict[tuple[str, str], FurtherRead] = {}
    for pane in panes:
        for view in pane.views:
            each = FurtherRead(pane.source_of(view), pane, view)
            if view.kept and (each.key not in found or found[each.key].view.kept > view.kept):
                found[each.key] = each
    return tuple(found.values())

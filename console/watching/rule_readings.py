"""Reads what rules need, each query as often as it is worth, and keeps it for as long as they compare with it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from console.model import CHANGES, Ask, Diagnosis, Frame, Kind, Limit, Row, Snapshot, Trouble
from console.reading.reader import Reader
from console.reading.thresholds import configured_view
from console.records import replace
from console.sources.registry import PRIMARY, RULES, SEEN, Sources
from console.watching.asks import merged, needed
from console.watching.early import EarlyReads
from console.watching.query_needs import QueryNeeds

if TYPE_CHECKING:
    from console.watching.spread import Spread

MOST_KEPT = 120  # readings of a window, so that a long one costs little memory however often is read


class RuleReadings:
    """The readings of every query that the rules of one target ask for."""

    def __init__(
        self,
        sources: Sources,
        diagnoses: Sequence[Diagnosis],
        limits: Mapping[str, Limit],
        now: datetime,
        spreads: bool,
    ) -> None:
        """With `spreads` what is seldom read has to wait for its turn, most urgent first."""
        self._sources = sources
        self._asks = merged(diagnoses)
        self._needs = QueryNeeds(self._asks)
        # What is looked up in the rules, and in what they saw, they know, and they are only being made.
        self._readers = {
            ask.query: Reader(configured_view(ask.view.without_lookups_in(RULES, SEEN), limits), sources.named)
            for ask in self._asks
            if ask.view
        }
        self._kept: dict[str, deque[Snapshot]] = {ask.query: deque() for ask in self._asks}
        self._frozen: dict[str, tuple[Snapshot, ...]] = {}  # the same as frames hold it, of queries that were read
        self._early = EarlyReads(self._asks)
        self._spread = _spread(diagnoses, self._asks) if spreads else None
        self._due: dict[str, datetime] = {}
        self._read_at: dict[str, datetime] = {}  # of those that stay unchanged for long: when they were last read
        self._wanted: list[Ask] = []  # due in this round, where they are needed at all
        self._is_expired = False  # something was changed: the next round waits for no turn
        self._at_once = False  # this round reads what is due, whatever is known to be unchanged
        # By query: when it was read, and what the metrics showed of it then.
        self._shown: dict[str, tuple[datetime, object]] = {}
        self._last = now  # of all rounds
        self.troubles: dict[str, Trouble] = {}  # by query: why it could not be read
        self.skipped: frozenset[str] = frozenset()  # queries that need not be read

    def recall(self, readings: Mapping[str, Iterable[Snapshot]]) -> None:
        """Go on from what an earlier process read."""
        for query, snapshots in readings.items():
            if query in self._kept:
                self._kept[query].extend(snapshots)
                self._freeze(query)

    def offer(self, taken: Snapshot, now: datetime) -> None:
        """Take a reading that somebody else made just now, instead of making one."""
        for ask in self._asks:
            if ask.query == taken.name and not any(kept.clock == taken.clock for kept in self._kept[ask.query]):
                self._due[ask.query] = now + timedelta(seconds=ask.every)
                self._keep(ask, taken)

    def expire(self) -> None:
        """Make the next round read everything again: something was changed."""
        self._due.clear()
        self._is_expired = True

    async def read_due(self, now: datetime, everything: bool) -> None:
        """Begin a round: read what is due, or `everything`, of what no other reading decides on. Nothing is raised."""
        if now < self._last:
            self.expire()  # the clock was set back: nothing waits until it is as late again
        passed = max(0.0, (now - self._last).total_seconds())
        self._early.earn(passed)
        if self._spread:
            self._spread.begin_look(passed)
        self._last = now
        await self._read_all(ask for ask in self._asks if ask.query == CHANGES and (everything or self._is_due(ask)))
        due = [ask for ask in self._asks if ask.query != CHANGES and (everything or self._is_due(ask))]
        self._at_once, self._is_expired = everything or self._is_expired, False
        if not self._at_once:
            due = [ask for ask in due if not self._still_holds(ask)]
        self._wanted = [ask for ask in due if ask.only_if is not None]
        await self._read_in_turn([ask for ask in due if ask.only_if is None], self._at_once)
        await self._read_changed()

    async def read_needed(self, frame: Callable[[], Frame]) -> None:
        """End a round: read what is due and needed in `frame`, which is of what was read so far. Nothing is raised."""
        self.skipped = frozenset(self._needs.skipped(frame()))
        for query in self.skipped:
            self.troubles.pop(query, None)  # of a time when the metrics could not be read either
        wanted = [ask for ask in self._wanted if ask.query not in self.skipped]
        now = frame()
        if self.unread:  # of what decides on it, too
            wanted = [ask for ask in wanted if needed(ask, now, otherwise=False)]
        await self._read_all([ask for ask in wanted if self._at_once or not self._is_steady(ask, now)])

    def needs_others(self, frame: Frame) -> bool:
        """Whether the rules need other readings than in the last round."""
        return self._needs.skipped(frame) != self.skipped

    @property
    def kept(self) -> dict[str, tuple[Snapshot, ...]]:
        """The readings of each query that was read, oldest first."""
        return dict(self._frozen)

    @property
    def compared(self) -> dict[str, tuple[Snapshot, ...]]:
        """The readings that rules compare with later ones."""
        return {ask.query: tuple(self._kept[ask.query]) for ask in self._asks if ask.window}

    def last(self, query: str) -> Snapshot | None:
        """The last reading of a query; None: there is none."""
        return kept[-1] if (kept := self._kept.get(query)) else None

    @property
    def unread(self) -> frozenset[str]:
        """The queries that were not read yet because it was not their turn."""
        known = (*(query for query, kept in self._kept.items() if kept), *self.troubles)
        return self._spread.unread(known) if self._spread else frozenset()

    @property
    def next_turn(self) -> float:
        """Seconds until what waits for its turn may be read; infinite: nothing waits."""
        return self._spread.seconds_left if self._spread and self.unread else math.inf

    @property
    def unreachable(self) -> Trouble | None:
        """Why the server cannot be reached; None: it answered. A pooler that does not answer leaves the other rules."""
        asked = (self.troubles.get(ask.query) for ask in self._asks if ask.source == PRIMARY)
        return next((why for why in asked if why is not None and why.kind is Kind.UNREACHABLE), None)

    def _is_due(self, ask: Ask) -> bool:
        return self._due.get(ask.query, self._last) <= self._last

    def _still_holds(self, ask: Ask) -> bool:
        """Whether the last reading of a query holds now too, because nothing was changed; then it is kept as such."""
        last, changes, read = self.last(ask.query), self.last(CHANGES), self._read_at.get(ask.query)
        if last is None or changes is None or read is None or ask.query in self.troubles:
            return False
        if (self._last - read).total_seconds() >= ask.unchanged or not self._early.is_same(ask, changes):
            return False
        self._due[ask.query] = self._last + timedelta(seconds=ask.every)
        self._keep(ask, replace(last, taken_at=changes.taken_at, clock=changes.clock))
        return True

    def _is_steady(self, ask: Ask, frame: Frame) -> bool:
        """Whether the last reading holds with its ages, because the metrics show the same; then it is kept as such."""
        metrics = self.last(ask.steady.by) if ask.steady else None
        if ask.steady is None or metrics is None or ask.query in self.troubles:
            return False
        last, shown = self.last(ask.query), ask.steady.shown(frame)
        read, before = self._shown.get(ask.query, (None, None))
        age = (self._last - read).total_seconds() if read else math.inf
        if last is None or shown is None or shown != before or not 0 <= age < ask.steady.seconds:
            self._shown[ask.query] = self._last, shown
            return False
        self._due[ask.query] = self._last + timedelta(seconds=ask.every)
        self._keep(ask, _aged(last, ask.steady.ages, metrics))
        return True

    async def _read_all(self, asks: Iterable[Ask]) -> None:
        match list(asks):
            case []:
                pass
            case [ask]:  # a task of its own would be one more turn of the event loop
                await self._read(ask)
            case several:
                await asyncio.gather(*map(self._read, several))

    async def _read_in_turn(self, asks: Sequence[Ask], at_once: bool) -> None:
        """Read what is due; if not `at_once`, what can wait only while its turn lasts."""
        spread = None if at_once else self._spread
        await self._read_all(ask for ask in asks if spread is None or not spread.holds(ask))
        if spread is None:
            return
        self._forget_outage(filter(spread.holds, self._asks))
        if self.unreachable:
            return
        for ask in spread.in_order(filter(spread.holds, asks), self._due):
            if not spread.is_on:
                return
            began = time.monotonic()
            await self._read(ask)
            spread.spend(time.monotonic() - began)

    def _forget_outage(self, asks: Iterable[Ask]) -> None:
        """Whether the server answers again shows in what is read at once, not in what waits for its turn."""
        for ask in asks:
            why = self.troubles.get(ask.query)
            if why is not None and why.kind is Kind.UNREACHABLE:
                del self.troubles[ask.query]

    async def _read_changed(self) -> None:
        """Read early what changes make worth reading, as long as that does not cost too much."""
        changes = self.last(CHANGES)
        for ask in self._asks:
            if self._early.is_worth(ask, changes):
                await self._read(ask)
                self._early.spend(ask)

    async def _read(self, ask: Ask) -> None:
        self._due[ask.query] = self._last + timedelta(seconds=ask.every)
        began = time.monotonic()
        self._early.begin(ask, self.last(CHANGES))
        try:
            source, reader = self._sources.named(ask.source), self._readers.get(ask.query)
            taken = await (reader.read(source) if reader else source.fetch(ask.query))
            if self._spread and ask.source == PRIMARY:
                self._spread.notice(ask, taken)
            if reader and taken.unknown:
                raise taken.hidden[0]  # what a view makes of an unknown column is no fact for a rule
        except Trouble as why:
            self.troubles[ask.query] = why
            if why.kind is Kind.UNREACHABLE:
                self._kept[ask.query].clear()  # what was true before is no longer known
                self._freeze(ask.query)
                self._due.pop(ask.query, None)  # whether the server is back does not wait for a rare query
            return
        self._early.end(ask, time.monotonic() - began)
        if ask.unchanged:
            self._read_at[ask.query] = self._last
        self._keep(ask, taken)

    def _keep(self, ask: Ask, taken: Snapshot) -> None:
        self.troubles.pop(ask.query, None)
        kept = self._kept[ask.query]
        if len(kept) > 1 and _within(ask.window / MOST_KEPT, kept[-2], kept[-1]):
            kept.pop()
        kept.append(taken)
        while len(kept) > 1 and not _within(ask.window, kept[0], taken):
            kept.popleft()
        self._freeze(ask.query)

    def _freeze(self, query: str) -> None:
        """A frame is made several times between two readings of most queries."""
        if kept := tuple(self._kept[query]):
            self._frozen[query] = kept
        else:
            self._frozen.pop(query, None)


def _spread(diagnoses: Sequence[Diagnosis], asks: Sequence[Ask]) -> Spread:
    from console.watching.spread import Spread  # noqa: PLC0415  `check` reads everything at once

    return Spread(diagnoses, asks)


def _aged(taken: Snapshot, ages: Collection[str], now: Snapshot) -> Snapshot:
    """What a reading would be at the time of another one, if nothing but time had passed."""
    seconds, rising = now.since(taken) or 0.0, [name in ages for name in taken.columns]

    def older(row: Row) -> Row:
        aged = zip(row, rising, strict=True)
        return tuple(value + seconds if rises and isinstance(value, int | float) else value for value, rises in aged)

    return replace(taken, rows=tuple(map(older, taken.rows)), taken_at=now.taken_at, clock=now.clock)


def _within(window: float, before: Snapshot, taken: Snapshot) -> bool:
    """Whether `taken` can be compared with a reading of the last `window` seconds."""
    seconds = taken.since(before)
    return seconds is not None and seconds <= window

"""Reads what rules need, each query as often as it is worth, and judges the whole after each round."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from console.model import (
    CHANGES,
    Ask,
    Diagnosis,
    Facts,
    Finding,
    Frame,
    IndexHistory,
    Kind,
    Limit,
    PoolHistory,
    Row,
    Snapshot,
    StatementHistory,
    Trouble,
)
from console.reading.reader import Reader
from console.reading.thresholds import configured_rules, configured_view
from console.rules import index_history, pool_history, statement_history
from console.rules.judging import Judgement, Memory, Verdict, evaluate
from console.settings.config import PartitionPolicy, RefreshPolicy
from console.sources.registry import PRIMARY, Sources
from console.watching.asks import limits_of, merged, needed
from console.watching.journal import Journal, Muted, Reason
from console.watching.query_needs import QueryNeeds

if TYPE_CHECKING:
    from console.watching.history import History
    from console.watching.spread import Spread

DAY = 86_400.0
MOST_KEPT = 120  # readings of a window, so that a long one costs little memory however often is read
LEARNED = ("statements", "table_indexes", "pooler_pools")  # the queries whose readings are learned from
EARLY = 3.0  # times that a query is read early one after the other
SPARED = 1.0  # of them, which rows that are written all the time leave for changes of definitions
EARLY_SHARE = 0.0005  # of all time that early reads take in the long run: 30 ms a minute, whatever changes all the time


class Observer:
    """What the rules say of one target, from one look to the next."""

    def __init__(
        self,
        sources: Sources,
        diagnoses: Sequence[Diagnosis],
        limits: Mapping[str, Limit],
        refreshes: Iterable[RefreshPolicy] = (),
        partitions: Iterable[PartitionPolicy] = (),
        *,
        journal: Journal | None = None,
        history: History | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        spreads: bool = False,
    ) -> None:
        """Rules are evaluated under `limits`, keyed by their names.

        `refreshes` and `partitions` are the policies: which views are refreshed, which tables get partitions ahead.
        `journal` knows which findings count; None: all of them do. `history` keeps them; None: they are not kept.
        `now` is the clock: what is due, and how long a finding has held. With `spreads` what is seldom read has to wait
        for its turn, most urgent first, so that the server is not asked for everything at once.
        """
        self._sources = sources
        self._now = now
        self.diagnoses = tuple(diagnoses)
        self._asks = merged(diagnoses)
        self._needs = QueryNeeds(self._asks)
        self._rules = configured_rules(limits_of(diagnoses), limits)
        self._extended = frozenset(policy.table for policy in partitions)
        self._refreshes = {policy.view: policy.seconds for policy in refreshes}
        self._readers = {
            ask.query: Reader(configured_view(ask.view, limits), sources.named) for ask in self._asks if ask.view
        }
        self._readings: dict[str, deque[Snapshot]] = {ask.query: deque() for ask in self._asks}
        self._troubles: dict[str, Trouble] = {}
        self._skipped: set[str] = set()
        self._due: dict[str, datetime] = {}
        self._seen: dict[str, tuple[object, ...]] = {}  # by query: what its last reading had of CHANGES
        self._early: dict[str, float] = {ask.query: EARLY for ask in self._asks if ask.on_change}  # times that are left
        self._took: dict[str, float] = {}  # by query: seconds of its last reading
        self._spread = _spread(diagnoses, self._asks) if spreads else None
        self._is_expired = False  # something was changed: the next look waits for no turn
        self._last = self._now()  # of all looks
        self._judged: dict[str, Judgement] = {}  # the last judgement of each rule
        self._looked = -math.inf  # on the monotonic clock
        self._looking = asyncio.Lock()
        self.journal = journal or Journal()
        self.history = history
        self.memory, self.verdict = Memory(), Verdict()
        self.statements, self.indexes, self.pools = StatementHistory(), IndexHistory(), PoolHistory()
        self._learned_from: list[Snapshot | None] = [None] * len(LEARNED)
        self.looked: Callable[[], None] = lambda: None  # called after each look
        self.unkept: Trouble | None = None  # why what was learned could not be kept for the next console
        self.frame = Frame({}, self._now())

    def recall(
        self,
        readings: Mapping[str, Iterable[Snapshot]],
        memory: Memory,
        statements: StatementHistory | None = None,
        indexes: IndexHistory | None = None,
        pools: PoolHistory | None = None,
    ) -> None:
        """Go on from what an earlier process read and saw."""
        for query, snapshots in readings.items():
            if query in self._readings:
                self._readings[query].extend(snapshots)
        self.memory = memory
        self.statements = statements or self.statements
        self.indexes = indexes or self.indexes
        self.pools = pools or self.pools

    def offer(self, taken: Snapshot) -> bool:
        """Take a reading that somebody else made just now, instead of making one.

        Returns whether after it the rules need other readings than at the last look, as when somebody begins or ends to
        wait for a lock: then the next look should not wait.
        """
        for ask in self._asks:
            if ask.query == taken.name and not any(kept.clock == taken.clock for kept in self._readings[ask.query]):
                self._due[ask.query] = self._now() + timedelta(seconds=ask.every)
                self._keep(ask, taken)
        return self._looked > -math.inf and self._skipped_now() != self._skipped

    def expire(self) -> None:
        """Make the next look read everything again: something was changed."""
        self._due.clear()
        self._is_expired = True

    async def look(self, everything: bool = False) -> Verdict:
        """Read what is due, or `everything`, and judge. What cannot be read is in the verdict; nothing is raised."""
        now = self._now()
        if now < self._last:
            self.expire()  # the clock was set back: nothing waits until it is as late again
        passed = max(0.0, (now - self._last).total_seconds())
        self._allow_early(passed)
        if self._spread:
            self._spread.begin_look(passed)
        self._last = now
        await self._read_all(ask for ask in self._asks if ask.query == CHANGES and (everything or self._is_due(ask)))
        due = [ask for ask in self._asks if ask.query != CHANGES and (everything or self._is_due(ask))]
        at_once, self._is_expired = everything or self._is_expired, False
        await self._read_due(due, at_once)
        await self._read_changed()
        await self._learn()
        self._skipped = self._skipped_now()
        for query in self._skipped:
            self._troubles.pop(query, None)  # of a time when the metrics could not be read either
        wanted = [ask for ask in due if ask.only_if is not None and ask.query not in self._skipped]
        if self._unread:  # of what decides on it, too
            frame = self._frame()
            wanted = [ask for ask in wanted if needed(ask, frame, otherwise=False)]
        await self._read_all(wanted)
        self.frame = self._frame()
        verdict, self.memory = await asyncio.to_thread(evaluate, self.frame, self.diagnoses, self.memory, self._judged)
        await self.journal.read(self._facts(), self.frame.at)
        await self.journal.follow(verdict, self.memory)
        self.verdict = verdict  # only now it is known which of its findings count
        if self.history is not None:
            await self.history.follow(self._facts(), self.verdict, self.memory, self.frame.at)
        self._looked = time.monotonic()
        self.looked()
        return self.verdict

    async def recent(self, seconds: float) -> Verdict:
        """The last verdict if it is no older than `seconds`, else a new one."""
        async with self._looking:
            if time.monotonic() - self._looked > seconds:
                await self.look()
        return self.verdict

    @property
    def unreachable(self) -> Trouble | None:
        """Why the server cannot be reached; None: it answered. A pooler that does not answer leaves the other rules."""
        asked = (self._troubles.get(ask.query) for ask in self._asks if ask.source == PRIMARY)
        return next((why for why in asked if why is not None and why.kind is Kind.UNREACHABLE), None)

    @property
    def to_follow(self) -> frozenset[str]:
        """The rules that could not be evaluated yet, because it was not the turn of what they read."""
        unread = self._unread
        waiting = {each.name for each in self.diagnoses if any(ask.query in unread for ask in each.asks)}
        return frozenset(waiting - self.verdict.judged)

    def muted(self, finding: Finding) -> Muted | None:
        """Why a finding is listed but not counted; None: it counts."""
        return self.journal.muted(finding, self.frame.at)

    @property
    def counted(self) -> tuple[Finding, ...]:
        """The findings that nobody acknowledged and no blackout window withholds, worst first."""
        return tuple(finding for finding in self.verdict.findings if self.muted(finding) is None)

    def finding(self, rule: str, subject: str) -> Finding | None:
        """The finding of that rule about that subject; None: there is none any more."""
        found = (each for each in self.verdict.findings if (each.rule, each.subject) == (rule, subject))
        return next(found, None)

    async def put_off(self, rule: str, subject: str, until: datetime | None = None) -> None:
        """Acknowledge a finding until it clears or until a time; without a time, once more: let it count again."""
        finding = self.finding(rule, subject)
        if finding is None:
            return
        muted = self.muted(finding)
        if muted is not None and muted.reason is Reason.ACKNOWLEDGED and until is None:
            await self.journal.withdraw(finding)
        else:
            await self.journal.acknowledge(finding, self.frame.at, until)

    async def past(self) -> list[Row]:
        """The history of the findings, as rows of `history.COLUMNS`. Raises Trouble if it cannot be read."""
        if self.history is None:
            return []
        return await self.history.rows(self._facts() or await self._sources.postgres.connect())

    @property
    def learned(self) -> tuple[Memory, StatementHistory, IndexHistory, PoolHistory]:
        """What earlier readings left, as `recall` takes it."""
        return self.memory, self.statements, self.indexes, self.pools

    def windows(self) -> dict[str, tuple[Snapshot, ...]]:
        """The readings that rules compare with later ones."""
        return {ask.query: tuple(self._readings[ask.query]) for ask in self._asks if ask.window}

    async def _learn(self) -> None:
        """Learn from readings that are new; of thousands of rows, in a thread."""
        last = [kept[-1] if (kept := self._readings.get(query)) else None for query in LEARNED]
        if any(now is not before for now, before in zip(last, self._learned_from, strict=True)):
            await asyncio.to_thread(self._learn_from_last)
            self._learned_from = last

    def _learn_from_last(self) -> None:
        if found := self._readings.get("statements"):
            self.statements = statement_history.learn(self.statements, found[-1])
        if found := self._readings.get("table_indexes"):
            self.indexes = index_history.learn(self.indexes, found[-1])
        if found := self._readings.get("pooler_pools"):
            self.pools = pool_history.learn(self.pools, found[-1])

    def _skipped_now(self) -> set[str]:
        """What need not be read, after what was read."""
        return self._needs.skipped(self._frame())

    @property
    def _unread(self) -> frozenset[str]:
        """What was not read yet because it was not its turn."""
        known = (*(query for query, kept in self._readings.items() if kept), *self._troubles)
        return self._spread.unread(known) if self._spread else frozenset()

    def _is_due(self, ask: Ask) -> bool:
        return self._due.get(ask.query, self._last) <= self._last

    async def _read_all(self, asks: Iterable[Ask]) -> None:
        await asyncio.gather(*(self._read(ask) for ask in asks))

    def _allow_early(self, seconds: float) -> None:
        """What costs much is read early again only after long, and uses up nothing of what others may cost."""
        for query, left in self._early.items():
            took = max(self._took.get(query, 0.0), 0.001)
            self._early[query] = min(EARLY, left + seconds * EARLY_SHARE / len(self._early) / took)

    async def _read_due(self, due: Sequence[Ask], at_once: bool) -> None:
        """Read what no other reading decides on; if not `at_once`, what can wait only while its turn lasts."""
        spread = None if at_once else self._spread
        asks = [ask for ask in due if ask.only_if is None]
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
        """Whether the server answers again is said by what is read at once, not by what waits for its turn."""
        for ask in asks:
            why = self._troubles.get(ask.query)
            if why is not None and why.kind is Kind.UNREACHABLE:
                del self._troubles[ask.query]

    async def _read_changed(self) -> None:
        """Read early what changes make worth reading, as long as that does not cost too much."""
        for ask in self._asks:
            if ask.only_if is None and self._early.get(ask.query, 0.0) >= self._least_left(ask):
                await self._read(ask)
                self._early[ask.query] -= 1.0

    def _least_left(self, ask: Ask) -> float:
        """How many early reads must be left for the signals that are given; infinite: none is."""
        before, now = self._seen.get(ask.query), self._changes(ask)
        if before is None or now is None:
            return math.inf
        given = [pair[0] for pair in zip(ask.on_change, before, now, strict=True) if pair[0].is_given(*pair[1:])]
        return min((1.0 + SPARED if signal.by else 1.0 for signal in given), default=math.inf)

    def _changes(self, ask: Ask) -> tuple[object, ...] | None:
        """What CHANGES shows of the signals of a query; None: nothing is known of them."""
        taken = self._readings.get(CHANGES)
        if not taken or not ask.on_change:
            return None
        row = next(iter(taken[-1].records()), {})
        return tuple(row.get(signal.column) for signal in ask.on_change)

    async def _read(self, ask: Ask) -> None:
        self._due[ask.query] = self._last + timedelta(seconds=ask.every)
        began = time.monotonic()
        if (changes := self._changes(ask)) is not None:
            self._seen[ask.query] = changes
        try:
            source, reader = self._sources.named(ask.source), self._readers.get(ask.query)
            taken = await (reader.read(source) if reader else source.fetch(ask.query))
            if self._spread and ask.source == PRIMARY:
                self._spread.notice(taken.seconds)
            if reader and taken.unknown:
                raise taken.hidden[0]  # what a view makes of an unknown column is no fact for a rule
        except Trouble as why:
            self._troubles[ask.query] = why
            if why.kind is Kind.UNREACHABLE:
                self._readings[ask.query].clear()  # what was true before is no longer known
                self._due.pop(ask.query, None)  # whether the server is back does not wait for a rare query
            return
        self._took[ask.query] = time.monotonic() - began
        self._keep(ask, taken)

    def _keep(self, ask: Ask, taken: Snapshot) -> None:
        self._troubles.pop(ask.query, None)
        kept = self._readings[ask.query]
        if len(kept) > 1 and _within(ask.window / MOST_KEPT, kept[-2], kept[-1]):
            kept.pop()
        kept.append(taken)
        while len(kept) > 1 and not _within(ask.window, kept[0], taken):
            kept.popleft()

    def _frame(self) -> Frame:
        readings = {query: tuple(kept) for query, kept in self._readings.items() if kept}
        troubles, skipped = dict(self._troubles), frozenset(self._skipped)
        return Frame(
            readings,
            self._now(),
            troubles,
            self._rules,
            self._facts(),
            skipped,
            refreshes=self._refreshes,
            extended=self._extended,
            statements=self.statements,
            indexes=self.indexes,
        )

    def _facts(self) -> Facts | None:
        return self._sources.postgres.known


def _spread(diagnoses: Sequence[Diagnosis], asks: Sequence[Ask]) -> Spread:
    from console.watching.spread import Spread  # noqa: PLC0415  `check` reads everything at once

    return Spread(diagnoses, asks)


def _within(window: float, before: Snapshot, taken: Snapshot) -> bool:
    """Whether `taken` can be compared with a reading of the last `window` seconds."""
    seconds = taken.since(before)
    return seconds is not None and seconds <= window

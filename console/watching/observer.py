"""Judges what the rules of one target need, after each round of reading it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.model import (
    Diagnosis,
    Facts,
    Finding,
    Frame,
    IndexHistory,
    Limit,
    PoolHistory,
    Row,
    Snapshot,
    StatementHistory,
    Trouble,
)
from console.reading.thresholds import configured_rules
from console.rules import index_history, pool_history, statement_history
from console.rules.judging import GAP, Judgement, Memory, Verdict, evaluate
from console.settings.config import PartitionPolicy, RefreshPolicy
from console.sources.registry import Sources
from console.watching.asks import limits_of
from console.watching.journal import Journal, Muted, Reason
from console.watching.rule_readings import RuleReadings

if TYPE_CHECKING:
    from console.watching.history import History

LEARNED = ("statements", "table_indexes", "pooler_pools")  # the queries whose readings are learned from


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
        self._readings = RuleReadings(sources, diagnoses, limits, now(), spreads)
        self._rules = configured_rules(limits_of(diagnoses), limits)
        self._extended = frozenset(policy.table for policy in partitions)
        self._refreshes = {policy.view: policy.seconds for policy in refreshes}
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
        self._readings.recall(readings)
        self.memory = memory
        self.statements = statements or self.statements
        self.indexes = indexes or self.indexes
        self.pools = pools or self.pools

    def offer(self, taken: Snapshot) -> bool:
        """Take a reading that somebody else made just now, instead of making one.

        Returns whether after it the rules need other readings than at the last look, as when somebody begins or ends to
        wait for a lock: then the next look should not wait.
        """
        self._readings.offer(taken, self._now())
        return self._looked > -math.inf and self._readings.needs_others(self._frame())

    def expire(self) -> None:
        """Make the next look read everything again: something was changed."""
        self._readings.expire()

    async def look(self, everything: bool = False) -> Verdict:
        """Read what is due, or `everything`, and judge. What cannot be read is in the verdict; nothing is raised."""
        await self._readings.read_due(self._now(), everything)
        await self._learn()
        await self._readings.read_needed(self._frame)
        last, self.frame = self.frame.at, self._frame()
        if self._looked > -math.inf and self.frame.at - last > GAP:  # stopped, asleep, or the clock was set forward
            self.memory = self.memory.of_raised
        (verdict, self.memory), is_behind = await asyncio.to_thread(self._evaluated)
        if is_behind:
            await self.journal.read(self._facts(), self.frame.at)
        await self.journal.follow(verdict, self.memory)
        self.verdict = verdict  # only now it is known which of its findings count
        if self.history is not None:
            await self.history.follow(self._facts(), self.verdict, self.memory, self.frame.at)
        self._looked = time.monotonic()
        self.looked()
        return self.verdict

    def _evaluated(self) -> tuple[tuple[Verdict, Memory], bool]:
        """What the rules say, and whether somebody has acknowledged something meanwhile."""
        found = evaluate(self.frame, self.diagnoses, self.memory, self._judged)
        return found, self.journal.is_behind(self._facts())

    async def recent(self, seconds: float) -> Verdict:
        """The last verdict if it is no older than `seconds`, else a new one."""
        async with self._looking:
            if time.monotonic() - self._looked > seconds:
                await self.look()
        return self.verdict

    @property
    def unreachable(self) -> Trouble | None:
        """Why the server cannot be reached; None: it answered. A pooler that does not answer leaves the other rules."""
        return self._readings.unreachable

    @property
    def to_follow(self) -> frozenset[str]:
        """The rules that could not be evaluated yet, because it was not the turn of what they read."""
        unread = self._readings.unread
        if not unread:
            return unread
        waiting = {each.name for each in self.diagnoses if any(ask.query in unread for ask in each.asks)}
        return frozenset(waiting - self.verdict.judged)

    @property
    def next_turn(self) -> float:
        """Seconds until a look can evaluate more rules; infinite: none is to follow."""
        return self._readings.next_turn if self.to_follow else math.inf

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
        return self._readings.compared

    async def _learn(self) -> None:
        """Learn from readings that are new and whole; of thousands of rows, in a thread."""
        last = [_whole(self._readings.last(query)) for query in LEARNED]
        if any(now is not before for now, before in zip(last, self._learned_from, strict=True)):
            await asyncio.to_thread(self._learn_from, *last)
            self._learned_from = last

    def _learn_from(self, statements: Snapshot | None, indexes: Snapshot | None, pools: Snapshot | None) -> None:
        if statements:
            self.statements = statement_history.learn(self.statements, statements)
        if indexes:
            self.indexes = index_history.learn(self.indexes, indexes)
        if pools:
            self.pools = pool_history.learn(self.pools, pools)

    def _frame(self) -> Frame:
        return Frame(
            self._readings.kept,
            self._now(),
            dict(self._readings.troubles),
            self._rules,
            self._facts(),
            self._readings.skipped,
            refreshes=self._refreshes,
            extended=self._extended,
            statements=self.statements,
            indexes=self.indexes,
        )

    def _facts(self) -> Facts | None:
        return self._sources.postgres.known


def _whole(taken: Snapshot | None) -> Snapshot | None:
    """A reading that lacks nothing: what is missing in it for another reason would look as if it had gone."""
    return taken if taken is not None and not taken.unknown and not taken.is_partial else None

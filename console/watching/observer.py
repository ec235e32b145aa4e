"""Reads what rules need, each query as often as it is worth, and judges the whole after each round."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

from console.model import Ask, CannotTell, Diagnosis, Facts, Frame, Kind, Limit, Snapshot, Trouble
from console.reading.thresholds import configured_rules
from console.rules.judging import Memory, Verdict, evaluate
from console.sources.registry import Sources


class Observer:
    """What the rules say of one target, from one look to the next."""

    def __init__(self, sources: Sources, diagnoses: Sequence[Diagnosis], limits: Mapping[str, Limit]) -> None:
        self._sources = sources
        self._diagnoses = tuple(diagnoses)
        self._asks = merged(diagnoses)
        rules = tuple(dict.fromkeys(rule for diagnosis in diagnoses for rule in diagnosis.rules))
        self._rules = configured_rules(rules, limits)
        self._readings: dict[str, deque[Snapshot]] = {ask.query: deque() for ask in self._asks}
        self._troubles: dict[str, Trouble] = {}
        self._skipped: set[str] = set()
        self._due: dict[str, datetime] = {}
        self.memory = Memory()
        self.verdict = Verdict()
        self.frame = Frame({}, datetime.now(UTC))

    def recall(self, readings: Mapping[str, Iterable[Snapshot]], memory: Memory) -> None:
        """Go on from what an earlier process read and saw."""
        for query, snapshots in readings.items():
            if query in self._readings:
                self._readings[query].extend(snapshots)
        self.memory = memory

    async def look(self, everything: bool = False) -> Verdict:
        """Read what is due, or `everything`, and judge. What cannot be read is in the verdict; nothing is raised."""
        now = datetime.now(UTC)
        due = [ask for ask in self._asks if everything or self._due.get(ask.query, now) <= now]
        for ask in due:
            self._due[ask.query] = now + timedelta(seconds=ask.every)
        await asyncio.gather(*(self._read(ask) for ask in due if ask.only_if is None))
        frame = self._frame()
        wanted = [ask for ask in due if ask.only_if is not None and _needed(ask, frame)]
        self._skipped = {ask.query for ask in self._asks if ask.only_if is not None and not _needed(ask, frame)}
        await asyncio.gather(*(self._read(ask) for ask in wanted))
        self.frame = self._frame()
        self.verdict, self.memory = evaluate(self.frame, self._diagnoses, self.memory)
        return self.verdict

    def windows(self) -> dict[str, tuple[Snapshot, ...]]:
        """The readings that rules compare with later ones."""
        return {ask.query: tuple(self._readings[ask.query]) for ask in self._asks if ask.window}

    async def _read(self, ask: Ask) -> None:
        try:
            taken = await self._sources.named(ask.source).fetch(ask.query)
        except Trouble as why:
            self._troubles[ask.query] = why
            if why.kind is Kind.UNREACHABLE:
                self._readings[ask.query].clear()  # what was true before is no longer known
            return
        self._troubles.pop(ask.query, None)
        kept = self._readings[ask.query]
        kept.append(taken)
        oldest = taken.taken_at - timedelta(seconds=ask.window)
        while len(kept) > 1 and kept[0].taken_at < oldest:
            kept.popleft()

    def _frame(self) -> Frame:
        readings = {query: tuple(kept) for query, kept in self._readings.items() if kept}
        troubles, skipped = dict(self._troubles), frozenset(self._skipped)
        return Frame(readings, datetime.now(UTC), troubles, self._rules, self._facts(), skipped)

    def _facts(self) -> Facts | None:
        return self._sources.postgres.known


def merged(diagnoses: Iterable[Diagnosis]) -> tuple[Ask, ...]:
    """Each query once: as often, and kept for as long, as the most demanding rule needs it."""
    found: dict[str, list[Ask]] = {}
    for diagnosis in diagnoses:
        for ask in diagnosis.asks:
            found.setdefault(ask.query, []).append(ask)
    return tuple(reduce(_both, asks) for asks in found.values())


def _both(one: Ask, other: Ask) -> Ask:
    only_if = one.only_if if one.only_if is other.only_if else None
    return Ask(one.query, one.source, min(one.every, other.every), max(one.window, other.window), only_if)


def _needed(ask: Ask, frame: Frame) -> bool:
    try:
        return ask.only_if is None or ask.only_if(frame)
    except CannotTell:
        return True

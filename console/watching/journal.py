"""What is known about the findings of one target besides what its rules say now: who acknowledged them, and until when.

Acknowledgements are kept in the store, where other consoles and `check` find them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from console.format import one_line
from console.model import Facts, Finding, Trouble
from console.records import dataclass
from console.rules.judging import Identity, Memory, Verdict
from console.running.trail.audit import whoami
from console.settings.blackouts import Blackout
from console.watching import acknowledged
from console.watching.acknowledged import Acknowledgement
from console.watching.store import Store, target_key

Answer = TypeVar("Answer")


class Reason(StrEnum):
    """Why a finding is listed, but neither counted nor delivered."""

    ACKNOWLEDGED = "acknowledged"
    WITHHELD = "withheld"  # by a blackout window


@dataclass(frozen=True, slots=True)
class Muted:
    """That a finding is not counted: why, until when, and by whom."""

    reason: Reason
    until: datetime | None = None  # None: until it clears
    by: str = ""

    @property
    def text(self) -> str:
        """It as a phrase, with the time zone."""
        by = f" by {one_line(self.by)}" if self.by else ""
        window = " by a blackout window" if self.reason is Reason.WITHHELD else ""
        end = self.until.strftime("%a %Y-%m-%d %H:%M %Z").strip() if self.until else "it clears"
        return f"{self.reason.value}{by}{window} until {end}"


class Journal:
    """The acknowledgements of one target's findings, and the blackout windows."""

    def __init__(self, store: Store | None = None, blackouts: Sequence[Blackout] = ()) -> None:
        """Without a store, acknowledgements end with this process."""
        self._store = store
        self._blackouts = blackouts
        self._target = ""
        self._given: Mapping[Identity, Acknowledgement] = {}
        self._revision: bytes | None = None  # of the store when it was read; None: it was not
        self.trouble: Trouble | None = None  # why the store could not be used last

    def muted(self, finding: Finding, at: datetime) -> Muted | None:
        """Why a finding is not counted at `at`; None: it counts."""
        given = self._given.get((finding.rule, finding.subject))
        if given is not None and finding.level <= given.level and given.holds(at):
            return Muted(Reason.ACKNOWLEDGED, given.until.astimezone() if given.until else None, given.by)
        ends = [end for window in self._blackouts if (end := window.end_at(finding.rule, at))]
        return Muted(Reason.WITHHELD, max(ends)) if ends else None

    async def acknowledge(self, finding: Finding, at: datetime, until: datetime | None = None) -> None:
        """Keep that this user knows of a finding, until it clears or until a time."""
        given = Acknowledgement(finding.rule, finding.subject, finding.level, whoami()["os_user"], at, until)
        self._given = {**self._given, (finding.rule, finding.subject): given}
        await self._use(lambda store: acknowledged.keep(store, self._target, given), None)

    async def withdraw(self, finding: Finding) -> None:
        """Let a finding count again."""
        identity = (finding.rule, finding.subject)
        self._given = {key: given for key, given in self._given.items() if key != identity}
        await self._use(lambda store: acknowledged.drop(store, self._target, identity), None)

    def is_behind(self, facts: Facts | None) -> bool:
        """Whether the store was written since it was read, by any process; it looks at the file."""
        if self._store is None or facts is None:
            return False
        return target_key(facts) != self._target or self._store.revision != self._revision

    async def read(self, facts: Facts | None, at: datetime) -> None:
        """Learn what other processes acknowledged meanwhile; `facts` are those of the server."""
        if facts is None:
            return  # not connected yet
        self._target = target_key(facts)
        found = await self._use(lambda store: (store.revision, acknowledged.kept(store, self._target, at)), None)
        self._revision = None
        if found is not None:
            self._revision, kept = found
            self._given = {(given.rule, given.subject): given for given in kept}

    async def follow(self, verdict: Verdict, memory: Memory) -> None:
        """Drop the acknowledgements of findings that have cleared, or become worse than they were when acknowledged."""
        for identity, given in self._given.items():
            seen = memory.sightings.get(identity)
            cleared = seen is None and given.rule in verdict.judged and given.until is None
            if cleared or (seen is not None and seen.finding.level > given.level):
                await self.withdraw(Finding(*identity, given.level, ""))

    async def _use(self, work: Callable[[Store], Answer], otherwise: Answer) -> Answer:
        """What `work` returns of the store, in a thread; `otherwise` without a store, or if it fails."""
        if self._store is None or not self._target:
            return otherwise
        try:
            found = await asyncio.to_thread(work, self._store)
        except Trouble as why:
            self.trouble = why
            return otherwise
        self.trouble = None
        return found

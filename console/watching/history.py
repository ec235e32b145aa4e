"""Keeps the history of one target's findings, and says what was done about each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from console.format import one_line
from console.model import Facts, Finding, Row, Trouble
from console.rules.judging import GAP, Identity, Memory, Verdict, dated
from console.running.trail.audit import Trail
from console.running.trail.history import Past, add
from console.watching import episodes
from console.watching.changes import cleared_by, identity
from console.watching.episodes import Episode
from console.watching.store import Store, target_key

COLUMNS = ("began", "lasted", "level", "sentence", "done", "ended", "blocked", "explains", "rule", "subject")
ALWAYS = frozenset({"blocking-session"})  # rules whose findings have an episode even while another one explains them
BLOCKED = "blocked"  # label of the evidence that names a session which waited
REFRESH = timedelta(minutes=1)  # after which it is kept again that a finding is still there
LATE = timedelta(minutes=1)  # for which a run that began after the end of an episode belongs to it


class History:
    """The episodes of one target's findings."""

    def __init__(self, store: Store, trail: Trail) -> None:
        self._store = store
        self._runs = _Runs(trail)
        self._target = ""
        self._present: dict[Identity, Finding] = {}
        self._kept_at = datetime.min.replace(tzinfo=UTC)
        self.trouble: Trouble | None = None  # why the store could not be used last
        self.changes = 0  # how often what is kept has changed

    async def follow(self, facts: Facts | None, verdict: Verdict, memory: Memory, at: datetime) -> None:
        """Keep what the rules say now."""
        if facts is None or not target_key(facts):
            return  # not connected yet, or a recording
        self._target = target_key(facts)
        present = {identity(finding): finding for finding in _present(verdict, memory)}
        has_cleared = cleared_by(verdict, memory)
        ended = [key for key in self._present if key not in present and has_cleared(key)]
        hidden = {key: each for key, each in self._present.items() if key not in present and key not in ended}
        worse = any(_harm(finding) > _harm(self._present.get(key)) for key, finding in present.items())
        if ended or worse or (abs(at - self._kept_at) > REFRESH and (present or hidden)):
            await self._keep((*present.values(), *hidden.values()), ended, at)
        self._present = {**hidden, **present}

    async def rows(self, facts: Facts) -> list[Row]:
        """The episodes on the server with these facts, newest first. Raises Trouble if they cannot be read."""
        target = target_key(facts)
        found = await asyncio.to_thread(episodes.load, self._store, target) if target else ()
        runs = await asyncio.to_thread(self._runs.read) if found else []
        now = datetime.now(UTC)
        return [_row(episode, runs, now) for episode in found]

    async def _keep(self, present: Sequence[Finding], ended: Sequence[Identity], at: datetime) -> None:
        try:
            await asyncio.to_thread(episodes.follow, self._store, self._target, present, ended, at)
        except Trouble as why:
            self.trouble = why
        else:
            self.trouble, self._kept_at = None, at
            self.changes += 1


class _Runs:
    """The runs of the audit trail; only what was appended since the last read is read."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._file = 0  # its inode
        self._offset = 0
        self._known: dict[str, Past] = {}

    def read(self) -> list[Past]:
        """All runs, oldest first; those known so far if the trail cannot be read."""
        try:
            found = self._trail.path.stat()
            if found.st_ino != self._file or found.st_size < self._offset:
                self._file, self._offset, self._known = found.st_ino, 0, {}
            entries, self._offset = self._trail.entries_from(self._offset)
        except (OSError, Trouble):
            return list(self._known.values())
        add(self._known, entries)
        return list(self._known.values())


def _present(verdict: Verdict, memory: Memory) -> Iterable[Finding]:
    """The findings that are shown, and those of some rules that others explain."""
    shown = set(map(identity, verdict.findings))
    for key, sighting in memory.sightings.items():
        if sighting.raised and key[0] in ALWAYS and key not in shown:
            yield dated(sighting)
    yield from verdict.findings


def _harm(finding: Finding | None) -> tuple[int, float]:
    return (finding.level, finding.harm) if finding else (-1, 0.0)


def _row(episode: Episode, runs: Iterable[Past], now: datetime) -> Row:
    over = episode.ended or (episode.seen if now - episode.seen > GAP else None)
    return (
        episode.began,
        max(0.0, ((over or now) - episode.began).total_seconds()),  # the clock may have been set back
        episode.level.name.lower(),
        episode.sentence,
        "; ".join(_done(past) for past in runs if _concerns(past, episode, over or now)) or None,
        None if over is None else over,
        [value for label, value in episode.evidence if label == BLOCKED],
        list(episode.explains),
        episode.rule,
        episode.subject,
    )


def _concerns(past: Past, episode: Episode, end: datetime) -> bool:
    """Whether a run carried out one of the fixes of a finding while it was there."""
    within = episode.began <= past.at <= end + LATE
    return within and any(
        past.action == action and parameters.items() <= past.parameters.items() for action, parameters in episode.fixes
    )


def _done(past: Past) -> str:
    by = f" by {one_line(past.os_user)}" if past.os_user else ""
    return f"{one_line(past.action)}: {one_line(past.status)}{by}"

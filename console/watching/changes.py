"""What changed between two looks at a target: findings that were raised, became worse or cleared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from console.digest import sha256
from console.model import Finding
from console.records import dataclass
from console.rules.judging import Identity, Memory, Verdict

UNREACHABLE = "server-unreachable"  # the rule of a server that does not answer


class Event(StrEnum):
    """What happened to a finding."""

    RAISED = "raised"
    WORSE = "worse"  # it reached a higher level
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding that was raised and has not cleared."""

    finding: Finding
    at: datetime  # when it was raised

    def reference(self, target: str) -> str:
        """What all events of one raise of a finding have in common, and no other event."""
        named = repr((target, *identity(self.finding), self.at.isoformat()))
        return sha256(named)[:16]


@dataclass(frozen=True, slots=True)
class Change:
    """One event, and the raise of the finding that it belongs to."""

    event: Event
    raised: Raised
    at: datetime


Known = Mapping[Identity, Raised]


def identity(finding: Finding) -> Identity:
    """What identifies a finding from one look to the next."""
    return finding.rule, finding.subject


def changes(
    known: Known, findings: Sequence[Finding], at: datetime, has_cleared: Callable[[Identity], bool]
) -> tuple[Change, ...]:
    """What changed since the findings `known`, now that those in `findings` are there.

    A finding that is not among them has not always cleared: another may explain it, or its rule could not be evaluated.
    """
    return (*_cleared(known, findings, at, has_cleared), *_raised(known, findings, at))


def after(known: Known, changed: Sequence[Change]) -> Known:
    """The findings that are known after `changed`."""
    found = dict(known)
    for change in changed:
        if change.event is Event.CLEARED:
            found.pop(identity(change.raised.finding), None)
        else:
            found[identity(change.raised.finding)] = change.raised
    return found


def cleared_by(verdict: Verdict, memory: Memory) -> Callable[[Identity], bool]:
    """Whether a finding has cleared: its rule was evaluated and no longer sees its condition."""
    return lambda key: key[0] in verdict.judged and key not in memory.sightings


def _raised(known: Known, findings: Sequence[Finding], at: datetime) -> Iterator[Change]:
    for finding in findings:
        before = known.get(identity(finding))
        if before is None:
            yield Change(Event.RAISED, Raised(finding, at), at)
        elif finding.level > before.finding.level:
            yield Change(Event.WORSE, replace(before, finding=finding), at)


def _cleared(
    known: Known, findings: Sequence[Finding], at: datetime, has_cleared: Callable[[Identity], bool]
) -> Iterator[Change]:
    present = set(map(identity, findings))
    for key, raised in known.items():
        if key not in present and has_cleared(key):
            yield Change(Event.CLEARED, raised, at)

"""From a frame to the findings that are shown: judge, hold and clear, fold symptoms into their cause, rank. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from console.model import CannotTell, Diagnosis, Finding, Fix, Frame, Level, Unknown, Urgency
from console.model.finding import Seen
from console.records import dataclass, replace

Identity = tuple[str, str]  # rule and subject
NO_URGENCY: Mapping[str, int] = {}
GAP = timedelta(minutes=5)  # after which a finding that nobody saw again has ended, as far as anybody knows
_ORDER = {urgency: at for at, urgency in enumerate((Urgency.NOW, Urgency.SOON, Urgency.CARE))}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say about one frame."""

    findings: tuple[Finding, ...] = ()  # worst first, symptoms folded into their causes
    unknown: tuple[Unknown, ...] = ()
    judged: frozenset[str] = frozenset()  # names of the rules that could be evaluated


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding over time: when its condition was seen first and last, and whether it held long enough."""

    finding: Finding
    first: datetime
    last: datetime
    raised: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """What was seen in earlier frames; each frame gives a new one."""

    sightings: Mapping[Identity, Sighting] = field(default_factory=dict)

    @property
    def of_raised(self) -> Memory:
        """What is left of it once nobody has looked for a while: nothing has held that had not been raised."""
        return Memory({identity: seen for identity, seen in self.sightings.items() if seen.raised})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule said of what it read: of a frame without its readings, and of those that it reads."""

    frame: Frame
    seen: Seen
    findings: tuple[Finding, ...]
    unknown: Unknown | None


class Alike:
    """Compares a frame with several that are the same but for their readings, each of which is compared once."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._known: list[tuple[Frame, bool]] = []

    def is_like(self, other: Frame) -> bool:
        """As the method of the frame."""
        for each, is_like in self._known:
            if each is other:
                return is_like
        is_like = self.frame.is_like(other)
        self._known.append((other, is_like))
        return is_like


def judge(frame: Frame, diagnoses: Sequence[Diagnosis], last: dict[str, Judgement] | None = None) -> Verdict:
    """What each rule says of `frame` alone, unfolded and in the order of the rules.

    `last` holds the last judgement of each rule: a rule that has read nothing new is not evaluated again.
    """
    last = {} if last is None else last
    now, bare = Alike(frame), frame.bare()
    for diagnosis in diagnoses:
        before = last.get(diagnosis.name)
        if before is None or not frame.still_shows(before.seen) or not now.is_like(before.frame):
            last[diagnosis.name] = _judgement(frame, bare, diagnosis)
    frame.records.clear()  # they take far more memory than the snapshots
    frame.made.clear()
    said = [last[diagnosis.name] for diagnosis in diagnoses]
    unknown = tuple(each.unknown for each in said if each.unknown is not None)
    judged = frozenset(diagnosis.name for diagnosis in diagnoses) - {each.rule for each in unknown}
    return Verdict(tuple(finding for each in said for finding in each.findings), unknown, judged)


def _judgement(frame: Frame, bare: Frame, diagnosis: Diagnosis) -> Judgement:
    seen = frame.seen(ask.query for ask in diagnosis.asks)
    try:
        return Judgement(bare, seen, tuple(diagnosis.judge(frame.of(diagnosis))), None)
    except CannotTell as why:
        return Judgement(bare, seen, (), Unknown(diagnosis.name, why.why, why.remedy, why.lacks))


def evaluate(
    frame: Frame, diagnoses: Sequence[Diagnosis], memory: Memory, last: dict[str, Judgement] | None = None
) -> tuple[Verdict, Memory]:
    """The findings to show now, and the memory for the next frame; `last` as for `judge`."""
    verdict = judge(frame, diagnoses, last)
    holds = {diagnosis.name: diagnosis.hold for diagnosis in diagnoses}
    memory = remember(memory, verdict, frame.at, holds)
    shown = (dated(sighting) for sighting in memory.sightings.values() if sighting.raised)
    urgency = {diagnosis.name: _ORDER[diagnosis.urgency] for diagnosis in diagnoses}
    return replace(verdict, findings=rank(fold(shown), urgency)), memory


def remember(memory: Memory, verdict: Verdict, at: datetime, holds: Mapping[str, float]) -> Memory:
    """`memory` after one more frame: raised once it held, dropped once it is gone for twice as long."""
    kept: dict[Identity, Sighting] = {}
    for finding in verdict.findings:
        identity = (finding.rule, finding.subject)
        before = memory.sightings.get(identity)
        first = min(before.first if before else finding.since or at, at)  # the clock may have been set back
        held = at - first >= timedelta(seconds=holds.get(finding.rule, 0.0))
        kept[identity] = Sighting(finding, first, at, held or bool(before and before.raised))
    for identity, sighting in memory.sightings.items():
        last = min(sighting.last, at)
        gone = at - last
        lingers = gone < timedelta(seconds=2 * holds.get(identity[0], 0.0))
        if identity not in kept and sighting.raised and lingers and identity[0] in verdict.judged:
            kept[identity] = replace(sighting, last=last)
    return Memory(kept)


def fold(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each root cause: what another finding explains becomes one of its symptoms.

    A finding is explained by those whose subject it blames, and by a worse one with its own subject, which then has
    the fixes of both. Of findings that blame each other in a circle the worst is the root. A root is as bad as the
    worst that it explains.
    """
    ordered = rank(findings)
    worst: dict[str, Finding] = {}
    for finding in ordered:
        worst.setdefault(finding.subject, finding)
    cause: dict[str, str] = {}
    for finding in reversed(ordered):  # so that the edge which would close a circle is one of the worst finding's
        for blamed in finding.blames:
            if blamed in worst and finding.subject not in cause and _root(blamed, cause) != finding.subject:
                cause[finding.subject] = blamed
    symptoms: dict[str, dict[str, None]] = {}
    worse: dict[str, Level] = {}
    fixes = {subject: [*finding.fixes] for subject, finding in worst.items()}
    for finding in ordered:
        root = worst[_root(finding.subject, cause)]
        if root is not finding:
            if finding.subject == root.subject:
                _add_missing(fixes[root.subject], finding.fixes)
            named = (finding.symptom or finding.sentence, *finding.explains)
            symptoms.setdefault(root.subject, {}).update(dict.fromkeys(named))
            worse[root.subject] = max(worse.get(root.subject, root.level), finding.level)
    roots = (finding for subject, finding in worst.items() if subject not in cause)
    return tuple(
        replace(
            root,
            level=worse.get(root.subject, root.level),
            fixes=tuple(fixes[root.subject]),
            explains=(*root.explains, *symptoms.get(root.subject, ())),
        )
        for root in roots
    )


def _add_missing(fixes: list[Fix], more: Iterable[Fix]) -> None:
    """Add what does something else: the effect of the same action is said once, by the worse finding."""
    done = [(fix.action, fix.parameters) for fix in fixes]
    fixes += [fix for fix in more if (fix.action, fix.parameters) not in done]


def rank(findings: Iterable[Finding], urgency: Mapping[str, int] = NO_URGENCY) -> tuple[Finding, ...]:
    """Worst first: by level, then by harm, then by the urgency of the rule, of which the least is first.

    By name at last, so that the order is the same in every frame.
    """

    def place(found: Finding) -> tuple[float, float, int, str, str]:
        return -found.level, -found.harm, urgency.get(found.rule, 0), found.rule, found.subject

    return tuple(sorted(findings, key=place))


def dated(sighting: Sighting) -> Finding:
    """The finding with when its condition began, as far as known."""
    since = sighting.finding.since or sighting.first
    return replace(sighting.finding, since=min(since, sighting.first))


def _root(subject: str, cause: Mapping[str, str]) -> str:
    while subject in cause:
        subject = cause[subject]
    return subject

"""What changed between two looks: each finding is reported once when it is raised and once when it clears."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from console.model import Finding, Level
from console.rules.judging import Memory, Sighting, Verdict
from console.watching.changes import Change, Event, Known, after, changes, cleared_by

START = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = Finding("wal", "slot s", Level.WARNING, "slot s retains 2 GB")
SLOT_WORSE = Finding("wal", "slot s", Level.CRITICAL, "slot s retains 20 GB")
TABLE = Finding("bloat", "table t", Level.WARNING, "t is bloated")
BOTH = frozenset({"wal", "bloat"})


def look(
    known: Known, *findings: Finding, seen: Sequence[Finding] = (), judged: frozenset[str] = BOTH, second: int = 0
) -> tuple[tuple[Change, ...], Known]:
    """One look that shows `findings`; those in `seen` are explained by others."""
    at = START + timedelta(seconds=second)
    sightings = {(one.rule, one.subject): Sighting(one, at, at, raised=True) for one in (*findings, *seen)}
    found = changes(known, findings, at, cleared_by(Verdict(findings, judged=judged), Memory(sightings)))
    return found, after(known, found)


def events(changed: Sequence[Change]) -> list[tuple[Event, str]]:
    return [(change.event, change.raised.finding.sentence) for change in changed]


def test_a_finding_is_raised_once_and_cleared_once() -> None:
    first, known = look({}, SLOT)
    again, known = look(known, SLOT, second=2)
    gone, known = look(known, second=4)
    assert events(first) == [(Event.RAISED, SLOT.sentence)]
    assert again == ()
    assert events(gone) == [(Event.CLEARED, SLOT.sentence)]
    assert gone[0].raised.at == START
    assert known == {}


def test_a_higher_level_is_reported_once_and_a_lower_one_not() -> None:
    _, known = look({}, SLOT)
    worse, known = look(known, SLOT_WORSE, second=2)
    assert events(worse) == [(Event.WORSE, SLOT_WORSE.sentence)]
    assert worse[0].raised.at == START
    assert look(known, SLOT)[0] == ()


def test_a_finding_that_another_explains_has_not_cleared_and_is_not_raised_again() -> None:
    _, known = look({}, TABLE)
    explained, known = look(known, SLOT, seen=[TABLE])
    assert events(explained) == [(Event.RAISED, SLOT.sentence)]
    left, known = look(known, TABLE)
    assert events(left) == [(Event.CLEARED, SLOT.sentence)]
    assert events(look(known)[0]) == [(Event.CLEARED, TABLE.sentence)]


def test_a_rule_that_cannot_be_evaluated_clears_nothing() -> None:
    _, known = look({}, SLOT)
    assert look(known, judged=frozenset({"bloat"}))[0] == ()


def test_events_of_one_raise_have_one_reference_and_those_of_the_next_another() -> None:
    (raised,), known = look({}, SLOT)
    (cleared,), known = look(known, second=1)
    (again,), _ = look(known, SLOT, second=2)
    assert raised.raised.reference("db1") == cleared.raised.reference("db1") != raised.raised.reference("db2")
    assert again.raised.reference("db1") != raised.raised.reference("db1")

"""Findings over time: raised once they hold, cleared later, folded into their cause, ranked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.model import (
    Ask,
    CannotTell,
    Diagnosis,
    Finding,
    Fix,
    Frame,
    Kind,
    Level,
    Limit,
    Rule,
    Snapshot,
    StateRule,
    Trouble,
    Urgency,
    above,
    below,
)
from console.rules.judging import Judgement, Memory, evaluate, fold, judge, rank
from console.watching.asks import merged

START = datetime(2026, 1, 1, tzinfo=UTC)


def finding(subject: str, level: Level = Level.WARNING, harm: float = 0, blames: tuple[str, ...] = ()) -> Finding:
    return Finding("rule", subject, level, f"{subject} is wrong", harm=harm, blames=blames, symptom=subject)


def rule(found: Iterable[Finding], hold: float = 0) -> Diagnosis:
    return Diagnosis("rule", "Something", Urgency.NOW, (), lambda frame: found, hold=hold)


def frame(seconds: float = 0) -> Frame:
    return Frame({}, START + timedelta(seconds=seconds))


def subjects(findings: Iterable[Finding]) -> list[str]:
    return [one.subject for one in findings]


def test_the_worst_come_first_then_the_most_harmful() -> None:
    found = [finding("b"), finding("a"), finding("c", harm=3), finding("d", Level.CRITICAL)]
    assert subjects(rank(found)) == ["d", "c", "a", "b"]


def test_of_equal_findings_that_of_the_more_urgent_rule_comes_first() -> None:
    found = (replace(finding("old"), rule="a care"), replace(finding("new"), rule="b now"))
    rules = [
        Diagnosis("a care", "Care", Urgency.CARE, (), lambda _: found[:1]),
        Diagnosis("b now", "Now", Urgency.NOW, (), lambda _: found[1:]),
    ]
    verdict, _ = evaluate(frame(), rules, Memory())
    assert subjects(verdict.findings) == ["new", "old"]
    assert subjects(rank(found)) == ["old", "new"]


@pytest.mark.parametrize("value", [0, 59.9, 60, 300, -math.inf, math.inf, math.nan, True, "60", None])
@pytest.mark.parametrize("limit", [above(60, 300), above(60), below(60, 10), below(60)], ids=str)
def test_the_worst_of_many_values_is_as_bad_as_the_worst_of_each(limit: Limit, value: object) -> None:
    rule = Rule("rule", "Something", "s", limit, ())
    for values in ([value], [value, 60.5], [60.5, value], [value, 5, None], [math.nan, value, 1000.0]):
        assert rule.worst(values) is max(map(rule.level, values))
    assert rule.worst([]) is Level.OK


def test_the_worst_of_many_states_is_as_bad_as_the_worst_of_each() -> None:
    rule = StateRule("rule", "Something", {"bad": Level.WARNING, True: Level.CRITICAL}, ())
    for values in ([], ["bad", "good"], ["good", None], ["bad", True, 2.5]):
        assert rule.worst(values) is max(map(rule.level, values), default=Level.OK)


def test_what_several_rules_need_of_one_reading_is_made_once() -> None:
    made: list[Frame] = []

    def make(of: Frame) -> int:
        made.append(of)
        return len(made)

    def judged(of: Frame) -> list[Finding]:
        return [finding(f"made {of.once(make)}")]

    rules = [replace(rule([]), name=name, judge=judged) for name in ("one", "two")]
    assert subjects(judge(frame(), rules).findings) == ["made 1", "made 1"]
    assert subjects(judge(frame(60), rules).findings) == ["made 2", "made 2"]


@pytest.mark.parametrize(
    ("found", "roots", "explained"),
    [
        ([finding("cause"), finding("symptom", blames=("cause",))], ["cause"], ("symptom",)),
        ([finding("symptom", Level.CRITICAL, blames=("cause",)), finding("cause")], ["cause"], ("symptom",)),
        ([finding("symptom", blames=("nobody",))], ["symptom"], ()),
        ([finding("a", blames=("b",)), finding("b", blames=("c",)), finding("c")], ["c"], ("a", "b")),
        ([finding("a", Level.CRITICAL), finding("a")], ["a"], ("a",)),
        ([finding("a", blames=("a",))], ["a"], ()),
        ([finding("a", blames=("x", "c")), finding("c")], ["c"], ("a",)),
    ],
)
def test_symptoms_are_folded_into_their_root(
    found: list[Finding], roots: list[str], explained: tuple[str, ...]
) -> None:
    folded = fold(found)
    assert subjects(folded) == roots
    assert folded[0].explains == explained


def test_the_worse_of_two_findings_about_one_subject_offers_the_fixes_of_both() -> None:
    end, limit, other = (Fix(name, {"pid": "1"}, "") for name in ("end", "limit", "other"))
    blocks = replace(finding("a", Level.CRITICAL), fixes=(end,))
    idle = replace(finding("a"), fixes=(replace(end, effect="the same"), limit))
    blocked = replace(finding("b", blames=("a",)), fixes=(other,))
    (found,) = fold([idle, blocked, blocks])
    assert found.fixes == (end, limit)


def test_two_roots_stay_two_findings() -> None:
    assert len(fold([finding("a"), finding("b")])) == 2


def test_two_findings_that_blame_each_other_do_not_both_vanish() -> None:
    assert subjects(fold([finding("a", blames=("b",)), finding("b", blames=("a",))]))


@pytest.mark.parametrize(
    ("hold", "seen", "looked", "shown"),
    [
        (0, [0], 0, True),  # at once
        (10, [0], 0, False),
        (10, [0, 9], 9, False),
        (10, [0, 10], 10, True),
        (10, [0, 10], 29, True),  # gone, but not for twice as long
        (10, [0, 10], 30, False),
        (0, [0], 1, False),
    ],
)
def test_a_finding_is_raised_once_it_held_and_cleared_when_gone_for_twice_as_long(
    hold: float, seen: list[float], looked: float, shown: bool
) -> None:
    memory = Memory()
    for at in seen:
        verdict, memory = evaluate(frame(at), [rule([finding("a")], hold)], memory)
    if looked not in seen:
        verdict, memory = evaluate(frame(looked), [rule([], hold)], memory)
    assert bool(verdict.findings) is shown
    if shown:
        assert verdict.findings[0].since == START


def test_a_condition_that_comes_back_before_it_held_begins_anew() -> None:
    memory = Memory()
    for at, found in ((0, True), (5, False), (8, True), (15, True)):
        verdict, memory = evaluate(frame(at), [rule([finding("a")] if found else [], 10)], memory)
    assert not verdict.findings
    assert evaluate(frame(18), [rule([finding("a")], 10)], memory)[0].findings


def test_what_cannot_be_told_is_listed_and_no_finding() -> None:
    def unable(_: Frame) -> Iterable[Finding]:
        yield finding("half")
        raise CannotTell("The counters were reset.", "Wait.")

    verdict = judge(frame(), [Diagnosis("reset", "x", Urgency.SOON, (), unable), rule([finding("a")])])
    assert [one.rule for one in verdict.unknown] == ["reset"]
    assert verdict.judged == {"rule"}
    assert subjects(verdict.findings) == ["a"]


def counted(seconds: float, value: int | None) -> Snapshot:
    return Snapshot("counters", ("deadlocks",), ((value,),), START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("readings", "change"),
    [
        ([counted(0, 1), counted(60, 4)], (3, 60)),
        ([counted(0, 1), counted(100, 2), counted(400, 7)], (5, 300)),  # the oldest within the window
        ([counted(0, 5), counted(60, 5)], (0, 60)),
        ([counted(60, 4)], None),
        ([counted(0, 9), counted(60, 4)], None),  # reset
        ([counted(0, None), counted(60, None)], None),
        ([counted(60, 1), counted(0, 4)], None),  # the clock was set back
        ([counted(0, 1), counted(301, 4)], None),  # too long ago to compare with
    ],
)
def test_counters_are_compared_within_a_window(readings: list[Snapshot], change: tuple[float, float] | None) -> None:
    seen = Frame({"counters": tuple(readings)}, START)
    if change is None:
        with pytest.raises(CannotTell):
            seen.change("counters", "deadlocks", 300)
    else:
        assert seen.change("counters", "deadlocks", 300) == change


def test_a_query_that_several_rules_need_is_asked_as_often_as_the_most_demanding_one_needs_it() -> None:
    one = Diagnosis("a", "a", Urgency.NOW, (Ask("q", every=60, window=300), Ask("r")), lambda _: ())
    two = Diagnosis("b", "b", Urgency.NOW, (Ask("q", every=5, only_if=lambda _: False),), lambda _: ())
    assert merged([one, two]) == (Ask("q", every=5, window=300), Ask("r"))


@pytest.mark.parametrize(("one", "other"), [(False, False), (False, True), (True, False), (True, True)])
def test_a_query_that_two_rules_need_under_conditions_is_read_when_one_of_them_holds(one: bool, other: bool) -> None:
    rules = [
        Diagnosis(name, name, Urgency.NOW, (Ask("q", only_if=lambda _, holds=holds: holds),), lambda _: ())  # type: ignore[misc]
        for name, holds in (("a", one), ("b", other))
    ]
    (ask,) = merged(rules)
    assert ask.only_if is not None
    assert ask.only_if(frame()) is (one or other)


def reading(query: str = "vitals") -> Snapshot:
    return Snapshot(query, ("n",), ((1,),), START)


FIRST = reading()
BEFORE = Frame({"vitals": (FIRST,)}, START)


@pytest.mark.parametrize(
    ("changed", "calls"),
    [
        ({"at": START + timedelta(seconds=59)}, 1),
        ({"readings": {"vitals": (FIRST,), "other": (reading("other"),)}}, 1),  # which the rule does not read
        ({"at": START + timedelta(seconds=60)}, 2),
        ({"readings": {"vitals": (FIRST, reading())}}, 2),
        ({"readings": {}, "troubles": {"vitals": Trouble(Kind.UNREACHABLE, "It is gone.")}}, 2),
        ({"skipped": frozenset({"vitals"})}, 2),
    ],
)
def test_a_rule_is_evaluated_again_only_when_it_may_find_something_else(changed: dict[str, Any], calls: int) -> None:
    seen: list[Frame] = []

    def find(frame: Frame) -> Iterable[Finding]:
        seen.append(frame)
        return ()

    asking, last = Diagnosis("rule", "Something", Urgency.NOW, (Ask("vitals"),), find), dict[str, Judgement]()
    judge(BEFORE, [asking], last)
    judge(replace(BEFORE, **changed), [asking], last)
    assert len(seen) == calls


def test_nothing_is_made_for_a_rule_that_has_read_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    last: dict[str, Judgement] = {}
    asking = Diagnosis("rule", "Something", Urgency.NOW, (Ask("vitals"),), lambda _: ())
    judge(BEFORE, [asking], last)
    made: list[Diagnosis] = []

    def of(frame: Frame, diagnosis: Diagnosis) -> Frame:
        made.append(diagnosis)
        return frame

    monkeypatch.setattr(Frame, "of", of)
    judge(replace(BEFORE, at=START + timedelta(seconds=5)), [asking], last)
    assert not made


def test_frames_are_compared_once_for_all_rules_that_were_evaluated_together(monkeypatch: pytest.MonkeyPatch) -> None:
    last: dict[str, Judgement] = {}
    rules = [Diagnosis(f"rule {n}", "Something", Urgency.NOW, (Ask("vitals"),), lambda _: ()) for n in range(9)]
    judge(BEFORE, rules, last)
    compared: list[Frame] = []
    is_like = Frame.is_like

    def counted(frame: Frame, other: Frame) -> bool:
        compared.append(other)
        return is_like(frame, other)

    monkeypatch.setattr(Frame, "is_like", counted)
    judge(replace(BEFORE, at=START + timedelta(seconds=5)), rules, last)
    assert len(compared) == 1


def test_what_a_rule_said_keeps_no_reading_but_the_last() -> None:
    last: dict[str, Judgement] = {}
    present = reading()
    asking = Diagnosis("rule", "Something", Urgency.NOW, (Ask("vitals"),), lambda _: ())
    judge(replace(BEFORE, readings={"vitals": (FIRST, present)}), [asking], last)
    assert not last["rule"].frame.readings
    assert [taken is present for taken, *_ in last["rule"].seen.values()] == [True]


def test_a_rule_reads_only_what_it_has_declared() -> None:
    def find(frame: Frame) -> Iterable[Finding]:
        return [finding(str(row["n"])) for row in frame.rows("vitals")]

    declared = Diagnosis("declared", "Something", Urgency.NOW, (Ask("vitals"),), find)
    undeclared = Diagnosis("undeclared", "Something", Urgency.NOW, (), find)
    assert [unknown.rule for unknown in judge(BEFORE, [declared, undeclared]).unknown] == ["undeclared"]

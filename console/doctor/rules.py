"""Whether each rule can be evaluated here: all of them are evaluated once, as the console itself would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.doctor.check import Check, Status
from console.doctor.cures import SPECIAL, Cures
from console.format import clauses, one_line
from console.model import Diagnosis, Kind, Trouble, Unknown
from console.rules.diagnoses import DIAGNOSES
from console.settings.config import Settings
from console.sources.registry import Sources
from console.watching.asks import applicable
from console.watching.observer import Observer

_PASSING = {Kind.BUSY, Kind.UNREACHABLE, Kind.MISSING}


async def checks(sources: Sources, settings: Settings, cures: Cures) -> tuple[Check, ...]:
    """A check for each rule that has something to judge here.

    Every read is read-only and has a timeout.
    """
    rules = applicable(DIAGNOSES, sources.absent)
    unconditional = tuple(map(_unconditional, rules))
    observer = _observer(sources, settings, unconditional)
    verdict = await observer.look(everything=True)
    unknown = {each.rule: each for each in verdict.unknown}
    over_time = [rule for rule in unconditional if rule.name in unknown and not any(_curable(observer, rule))]
    again = _observer(sources, settings, over_time)  # what is compared with an earlier reading has one now
    again.recall(observer.windows(), observer.memory)
    with sources.postgres.sharing():
        still = {each.rule for each in (await again.look(everything=True)).unknown}
    evaluated = {rule.name for rule in over_time} - still
    return tuple(
        _check(rule, None if rule.name in evaluated else unknown.get(rule.name), observer, cures) for rule in rules
    )


def _unconditional(rule: Diagnosis) -> Diagnosis:
    """A query that is read only when the metrics make it necessary must be allowed then too."""
    return replace(rule, asks=tuple(replace(ask, only_if=None) for ask in rule.asks))


def _check(rule: Diagnosis, unknown: Unknown | None, observer: Observer, cures: Cures) -> Check:
    if unknown is None:
        return _evaluated(rule, [why for ask in rule.asks for why in _hidden(observer, ask.query)], cures)
    found = list(_troubles(observer, rule))
    special = SPECIAL - cures.found.facts.extensions.keys()
    if missing := [name for why in found for name in why.lacks.extensions if name in special]:
        why_not = f"The extension {missing[0]} is not installed in this database, so there is nothing to judge."
        return Check("rule", rule.name, Status.UNKNOWN, "Not checked.", why_not)
    lines = [*cures.lacking(unknown.lacks), *(line for why in found for line in cures.of(why))]
    supported = len(found) < len(rule.asks)  # a rule may do without what an older server lacks
    passing = {*_PASSING, Kind.UNSUPPORTED} if supported else _PASSING
    lasting = bool(unknown.lacks.grants) or any(why.kind not in passing for why in found)
    state = Status.CANNOT if lasting else Status.UNKNOWN  # UNKNOWN: time, or a pooler, would change it
    why, remedy = one_line(unknown.why).rstrip("."), "\n".join(dict.fromkeys(lines)) or unknown.remedy
    return Check("rule", rule.name, state, "Cannot be evaluated.", why, remedy)


def _evaluated(rule: Diagnosis, hidden: Sequence[Trouble], cures: Cures) -> Check:
    if not hidden:
        return Check("rule", rule.name, Status.OK, "Can be evaluated.")
    why = clauses(dict.fromkeys(one_line(each.sentence) for each in hidden)).rstrip(".")
    lines = dict.fromkeys(line for each in hidden for line in cures.of(each))
    return Check("rule", rule.name, Status.LIMITED, "May miss something.", why, "\n".join(lines))


def _troubles(observer: Observer, rule: Diagnosis) -> Iterable[Trouble]:
    """Why queries of a rule could not be read."""
    asked = (ask.query for ask in rule.asks if not ask.optional)
    return (observer.frame.troubles[query] for query in asked if query in observer.frame.troubles)


def _curable(observer: Observer, rule: Diagnosis) -> Iterable[Trouble]:
    """Those of them that are not due to the version of the server: a rule may do without what that lacks."""
    return (why for why in _troubles(observer, rule) if why.kind is not Kind.UNSUPPORTED)


def _hidden(observer: Observer, query: str) -> Sequence[Trouble]:
    """Why the last reading of a query shows less than it could."""
    readings = observer.frame.readings.get(query, ())
    return readings[-1].hidden if readings else ()


def _observer(sources: Sources, settings: Settings, rules: Sequence[Diagnosis]) -> Observer:
    return Observer(sources, rules, settings.thresholds, settings.refreshes, settings.partitions)

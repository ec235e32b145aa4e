"""What rules ask for, put together: each query once, as often as the most demanding rule needs it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import reduce

from console.model import CHANGES, OFTEN, Ask, CannotTell, Diagnosis, Frame, Rule

Condition = Callable[[Frame], bool]


def merged(diagnoses: Iterable[Diagnosis]) -> tuple[Ask, ...]:
    """Each query once: as often, and kept for as long, as the most demanding rule needs it."""
    found: dict[str, list[Ask]] = {}
    for diagnosis in diagnoses:
        for ask in diagnosis.asks:
            found.setdefault(ask.query, []).append(ask)
            if ask.on_change:
                found.setdefault(CHANGES, [Ask(CHANGES, every=OFTEN)])
    return tuple(reduce(_both, asks) for asks in found.values())


def applicable(diagnoses: Iterable[Diagnosis], absent: Collection[str]) -> tuple[Diagnosis, ...]:
    """The rules that have something to judge on a target without the sources `absent`."""
    return tuple(each for each in diagnoses if all(ask.optional or ask.source not in absent for ask in each.asks))


def limits_of(diagnoses: Iterable[Diagnosis]) -> tuple[Rule, ...]:
    """Each rule whose limits are needed once."""
    return tuple(dict.fromkeys(rule for diagnosis in diagnoses for rule in diagnosis.rules))


def needed(ask: Ask, frame: Frame, otherwise: bool = True) -> bool:
    """Whether a query is needed; `otherwise` where what decides on that could not be read."""
    try:
        return ask.only_if is None or ask.only_if(frame)
    except CannotTell:
        return otherwise


def _both(first: Ask, other: Ask) -> Ask:
    return Ask(
        first.query,
        first.source,
        min(first.every, other.every),
        max(first.window, other.window),
        _either(first.only_if, other.only_if),
        first.view or other.view,
        tuple(dict.fromkeys((*first.on_change, *other.on_change))),
        first.optional and other.optional,
        min(first.unchanged, other.unchanged),
        first.steady if first.steady == other.steady else None,
    )


def _either(first: Condition | None, other: Condition | None) -> Condition | None:
    """Whether one of two rules needs a query; None: one of them always does."""
    if first is None or other is None:
        return None
    return lambda frame: first(frame) or other(frame)

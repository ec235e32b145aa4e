"""How bad a value is: levels, limits, and the rules that colour a column. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Severity of a value, in rising order."""

    OK = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


Rule = Callable[[object], Level]


@dataclass(frozen=True, slots=True)
class Limit:
    """From which value on something is worth a warning, and from which it is critical."""

    warning: float
    critical: float


def above(warning: float, critical: float | None = None) -> Rule:
    """WARNING from `warning` on, CRITICAL from `critical` on; values that are no numbers are OK."""

    def judge(value: object) -> Level:
        if not isinstance(value, int | float) or isinstance(value, bool) or value < warning:
            return Level.OK
        return Level.CRITICAL if critical is not None and value >= critical else Level.WARNING

    return judge


def below(warning: float, critical: float | None = None) -> Rule:
    """WARNING under `warning`, CRITICAL under `critical`; values that are no numbers are OK."""

    def judge(value: object) -> Level:
        if not isinstance(value, int | float) or isinstance(value, bool) or value >= warning:
            return Level.OK
        return Level.CRITICAL if critical is not None and value < critical else Level.WARNING

    return judge


def among(levels: Mapping[object, Level]) -> Rule:
    """The level given for a value, OK for every other value."""
    return lambda value: levels.get(value, Level.OK)

"""How serious a value is: levels, limits and rules, as data. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import IntEnum, StrEnum
from typing import Any

from console.records import dataclass


class Level(IntEnum):
    """Severity of a value, in rising order."""

    OK = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class Window(StrEnum):
    """Which stretch of time a judged value covers."""

    NOW = "now"
    INTERVAL = "between two reads"
    RECENT = "5 minutes"
    TOTAL = "since the counters were reset"


@dataclass(frozen=True, slots=True)
class Limit:
    """The value that is a warning and the value that is critical; None: no value is critical."""

    warning: float
    critical: float | None = None
    below: bool = False  # True: values under the limits are bad; False: values from the limits on

    def level(self, value: object) -> Level:
        """The severity of `value`; OK if it is not a number."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Level.OK
        if value >= self.warning if not self.below else value < self.warning:
            most = self.critical
            critical = most is not None and (value < most if self.below else value >= most)
            return Level.CRITICAL if critical else Level.WARNING
        return Level.OK

    def worst(self, values: Iterable[object]) -> Level:
        """The severity of the worst of many values: that of the greatest, or least, number among them."""
        numbers = _numbers(values)
        if not numbers:
            return Level.OK
        return self.level(min(numbers) if self.below else max(numbers))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over a number. Its name ends with the unit and is a key under `thresholds` in the configuration."""

    name: str
    title: str  # what is judged, as a noun phrase
    unit: str  # of the limits: "%", "s", "bytes", "count"
    limit: Limit  # the default; the configuration may set others
    queries: tuple[str, ...]  # the monitoring queries whose rows it judges
    window: Window = Window.NOW
    held: float = 0.0  # seconds for which what it counts must have lasted

    def level(self, value: object) -> Level:
        """The severity of `value`; OK if it is not a number."""
        return self.limit.level(value)

    def worst(self, values: Iterable[object]) -> Level:
        """The severity of the worst of `values`."""
        return self.limit.worst(values)

    def under(self, limits: Mapping[str, Limit]) -> Rule:
        """This rule with the limits that `limits` has under its name; its direction stays."""
        found = limits.get(self.name)
        return self if found is None else replace(self, limit=replace(found, below=self.limit.below))


@dataclass(frozen=True, slots=True)
class StateRule:
    """A rule over a state: a word, a boolean or a verdict of a row."""

    name: str
    title: str  # whose state is judged, as a noun phrase
    levels: Mapping[object, Level] = field(hash=False)  # every state that is not there is OK
    queries: tuple[str, ...]

    def level(self, value: object) -> Level:
        """The severity of the state `value`."""
        return self.levels.get(value, Level.OK)

    def worst(self, values: Iterable[object]) -> Level:
        """The severity of the worst of `values`."""
        return max(map(self.level, set(values)), default=Level.OK)


AnyRule = Rule | StateRule


def _numbers(values: Iterable[object]) -> Sequence[float]:
    """The numbers that can be compared."""
    present: list[Any] = [value for value in values if value is not None]
    kinds = set(map(type, present))
    # Nearly always all are of one kind: of thousands of rows it takes long to look at each.
    if kinds <= {int} or (kinds == {float} and not math.isnan(sum(present))):
        return present
    numbers = [value for value in present if isinstance(value, int | float) and type(value) is not bool]
    return [value for value in numbers if value <= math.inf]


def above(warning: float, critical: float | None = None) -> Limit:
    """WARNING from `warning` on, CRITICAL from `critical` on."""
    return Limit(warning, critical)


def below(warning: float, critical: float | None = None) -> Limit:
    """WARNING under `warning`, CRITICAL under `critical`."""
    return Limit(warning, critical, below=True)

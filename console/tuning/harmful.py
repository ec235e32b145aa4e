"""What makes a value harmful: tests of a value, and the form of a row of the table. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from console.records import dataclass
from console.tuning.units import LIBRARY_LISTS, Setting, elements, number, same

Test = Callable[[Setting, str], bool]  # a setting and a value in its base unit → whether the value does harm
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000  # milliseconds
KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Harm:
    """Settings whose values in some range do the same harm."""

    names: str  # of settings, separated by spaces
    harmful: Test
    kind: str  # what it does, after "NAME = VALUE"
    why: str

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings."""
        return tuple(self.names.split())


def of_base(setting: Setting, value: str) -> float:
    """A value in bytes, milliseconds or as it is; not a number, which compares with nothing, if it is none."""
    found = number(setting, value)
    return float("nan") if found is None else found


def word(*words: str) -> Test:
    """One of these values, also in a list such as `warning, backend:debug1`."""
    return lambda _, value: not set(words).isdisjoint(re.split(r"[\s,:]+", value.strip().lower()))


def short(least: float) -> Test:
    """Less than `least`, but not 0, which switches the setting off."""
    return lambda setting, value: 0 < of_base(setting, value) < least


def low(least: float) -> Test:
    """Less than `least`, 0 included; negative values have a meaning of their own."""
    return lambda setting, value: 0 <= of_base(setting, value) < least


def high(most: float) -> Test:
    """More than `most`."""
    return lambda setting, value: of_base(setting, value) > most


def outside(least: float, most: float) -> Test:
    """Less than `least`, or more than `most`."""
    return lambda setting, value: of_base(setting, value) < least or of_base(setting, value) > most


def changed(setting: Setting, value: str) -> bool:
    """Another value than the server has."""
    return not same(setting, value, setting.value)


def added(setting: Setting, value: str) -> bool:
    """A library that is loaded now by no session."""
    known = elements(setting.value) if setting.name in LIBRARY_LISTS else ()
    try:
        return any(library not in known for library in elements(value))
    except ValueError:  # no list: the server refuses it
        return False


def unlimited(setting: Setting, value: str) -> bool:
    """A limit that is there now is lifted."""
    return changed(setting, value) and of_base(setting, value) < 0

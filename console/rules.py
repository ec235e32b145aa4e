"""Severity of single values, for the `rule` of a column. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from console.model import Level, Rule


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

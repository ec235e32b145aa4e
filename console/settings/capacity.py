"""Samples of sizes and limits that are kept in a database."""

from __future__ import annotations

from console.records import dataclass
from console.settings.yamlfile import Reader, number, table

LEAST_DAYS, MOST_DAYS = 30, 3650


@dataclass(frozen=True, slots=True)
class CapacitySettings:
    """Samples of sizes and limits."""

    keep_days: float  # for which sample-capacity keeps them


def reader() -> Reader:
    """Reads the key `capacity`."""
    return table(keep_days=number(LEAST_DAYS, MOST_DAYS))

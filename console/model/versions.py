"""The major versions of PostgreSQL: until when each gets fixes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

# The last day of support of each major version: https://www.postgresql.org/support/versioning/
END_OF_LIFE: Mapping[int, date] = {
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
TESTED = range(14, 20)  # with which the console is tested

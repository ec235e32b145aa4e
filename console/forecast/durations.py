"""Lengths of time as PostgreSQL's settings write them."""

from __future__ import annotations

import re

from console.format import one_line
from console.model import Kind, Trouble

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$")


def seconds_of(text: str) -> float:
    """The seconds in a text like 200ms, 2s or 200, which is milliseconds. Raises Trouble(USAGE) if it is none."""
    found = _DURATION.match(text)
    if found is None or (found[2] or "ms") not in _UNITS:
        raise Trouble(Kind.USAGE, f"{one_line(text)[:80] or 'An empty text'} is no length of time: 200ms, 2s, 0.")
    return float(found[1]) * _UNITS[found[2] or "ms"]

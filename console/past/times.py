"""Which moment a person means: so long ago, a time of the day, or a date. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from console.format import safe
from console.model import Kind, Trouble

_AGO = re.compile(r"-?((?:\d+(?:\.\d+)?[smhd])+)(?: ago)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def moment_meant(text: str, now: datetime) -> datetime:
    """The moment: -5m, -1h30m, 14:05 (the last time it was that late), or an ISO 8601 date and time.

    Without a time zone that of `now` is meant. Raises Trouble(USAGE) if it is none of these, or in the future.
    """
    given = text.strip()
    if ago := _AGO.fullmatch(given):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(ago[1]))
        return now - timedelta(seconds=min(seconds, 3650 * 86_400.0))
    try:
        at = _on_the_clock(given, now) if _TIME.fullmatch(given) else datetime.fromisoformat(given)
    except ValueError:
        remedy = "Times: -5m, -1h30m, 14:05, 14:05:30, 2026-11-29T14:05:00Z."
        raise Trouble(Kind.USAGE, f"{safe(given, 40)} is no time.", remedy) from None
    at = at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
    if at > now:
        raise Trouble(Kind.USAGE, f"{safe(given, 40)} is in the future.")
    return at


def _on_the_clock(given: str, now: datetime) -> datetime:
    hour, minute, second = (int(part) for part in (*given.split(":"), "0")[:3])
    at = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return at if at <= now else at - timedelta(days=1)

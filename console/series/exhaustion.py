"""When a growing quantity reaches its limit: a date with a band, or why none can be named. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum

from console.records import dataclass
from console.series.days import DAY
from console.series.growth import too_few
from console.series.trend import TooFew, Trend

HORIZON = 3650.0  # days from now; what runs out later is not dated


class Outlook(StrEnum):
    """What can be said of a limit."""

    REACHED = "reached"
    DATED = "dated"
    FAR = "far"  # beyond the horizon
    NEVER = "never"  # it does not grow
    UNKNOWN = "unknown"  # the band is too wide
    TOO_FEW = "too few"  # samples


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """When a limit is reached. A date is None where it is beyond the horizon, or never comes."""

    outlook: Outlook
    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    days: int = 0  # with samples


def exhaustion(found: Trend | TooFew, limit: float, now: float) -> Exhaustion:
    """When what has this trend reaches `limit`; `now` is in seconds since 1970."""
    if isinstance(found, TooFew):
        return Exhaustion(Outlook.TOO_FEW, days=found.days)
    if found.level >= limit:
        return Exhaustion(Outlook.REACHED, days=found.days)
    room = limit - found.level
    earliest, at, latest = (_date(room, rate, now) for rate in (found.high, found.per_day, found.low))
    if not found.known:
        return Exhaustion(Outlook.UNKNOWN, None, earliest, None, found.days)
    if at is not None:
        return Exhaustion(Outlook.DATED, at, earliest, latest, found.days)
    never = found.steady or found.per_day <= 0
    return Exhaustion(Outlook.NEVER if never else Outlook.FAR, None, earliest, None, found.days)


def when(found: Exhaustion) -> str:
    """When something runs out, in a few words."""
    return {
        Outlook.REACHED: "reached",
        Outlook.FAR: "not within 10 years",
        Outlook.NEVER: "does not grow",
        Outlook.UNKNOWN: "cannot tell yet",
        Outlook.TOO_FEW: too_few(found.days),
    }.get(found.outlook) or shown_date(found.at)


def band(found: Exhaustion) -> str | None:
    """Between which dates; None: no date is known."""
    if found.outlook is Outlook.UNKNOWN:
        return f"not before {shown_date(found.earliest)}" if found.earliest else "not within 10 years"
    if found.outlook is not Outlook.DATED:
        return None
    return (
        f"{shown_date(found.earliest)} … {shown_date(found.latest)}"
        if found.latest
        else f"{shown_date(found.earliest)} …"
    )


def shown_date(moment: datetime | None) -> str:
    """The day; empty: none."""
    return f"{moment:%Y-%m-%d}" if moment else ""


def _date(room: float, per_day: float, now: float) -> datetime | None:
    """When `room` is used up at that rate; None beyond the horizon."""
    ahead = room / per_day if per_day > 0 else math.inf
    return datetime.fromtimestamp(now + ahead * DAY, UTC) if ahead <= HORIZON else None

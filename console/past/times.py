"""Which moment a person means: so long ago, a time of the day, or a date. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from console.format import safe
from console.model import Kind, Trouble

_AGO = re.compile(r"-?((?:\d+(?:\.\d+)?[smhd])+)(?: ago)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def moment_meant(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The moment: -5m, -1h30m, 14:05 (the last time it was that late), or an ISO 8601 date and time.

    Without a time zone the clock on the wall in `zone`, or of this machine, is meant, in summer and in winter.
    Raises Trouble(USAGE) if it is none of these, or in the future.
    """
    given = text.strip()
    if ago := _AGO.fullmatch(given):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(ago[1]))
        return now - timedelta(seconds=min(seconds, 3650 * 86_400.0))
    try:
        at = _on_the_clock(given, now, zone) if _TIME.fullmatch(given) else datetime.fromisoformat(given)
    except ValueError:
        remedy = "Times: -5m, -1h30m, 14:05, 14:05:30, 2026-11-29T14:05:00Z."
        raise Trouble(Kind.USAGE, f"{safe(given, 40)} is no time.", remedy) from None
    at = at if at.tzinfo else _placed(at, zone)
    if at > now:
        raise Trouble(Kind.USAGE, f"{safe(given, 40)} is in the future.")
    return at


def window_meant(text: str, now: datetime, zone: tzinfo | None = None) -> tuple[float, float | None]:
    """When a window FROM..TO ends, in seconds since 1970, and how long it is; None: the text is one moment.

    Without TO it ends now. Raises Trouble(USAGE) if it is none of these.
    """
    first, separator, last = text.partition("..")
    if not separator:
        return moment_meant(text, now, zone).timestamp(), None
    end = moment_meant(last, now, zone) if last.strip() else now
    return end.timestamp(), (end - moment_meant(first, now, zone)).total_seconds()


def _on_the_clock(given: str, now: datetime, zone: tzinfo | None) -> datetime:
    hour, minute, second = (int(part) for part in (*given.split(":"), "0")[:3])
    today = now.astimezone(zone).replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    # When summer ends, an hour comes twice: fold=1 is the second time.
    times = (_placed((today - timedelta(days=ago)).replace(fold=fold), zone) for ago in (0, 1) for fold in (1, 0))
    return next(at for at in times if at <= now)


def _placed(wall: datetime, zone: tzinfo | None) -> datetime:
    """What the clock on the wall shows, as a moment of UTC: within a time zone, moments are compared by the wall."""
    return (wall.replace(tzinfo=zone) if zone else wall).astimezone(UTC)

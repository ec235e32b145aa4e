"""Blackout windows: hours in which findings of some rules are listed as withheld, neither counted nor delivered.

Hours are those of the clock on the wall in `time_zone`, through changes of daylight saving time too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from console.records import dataclass
from console.settings.yamlfile import Reader, choice, converted, known_name, one_or_more, some_text, table, text

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60  # of a day


@dataclass(frozen=True, slots=True)
class Blackout:
    """A window that comes back every week or every day."""

    begin: int  # minutes since midnight
    end: int  # not after `begin`: of the following day
    days: frozenset[int] = frozenset(range(7))  # on which it begins; 0 is Monday
    rules: frozenset[str] = frozenset()  # empty: all
    time_zone: str = ""  # IANA name; empty: that of this machine

    def end_at(self, rule: str, at: datetime) -> datetime | None:
        """When the window ends that withholds the findings of `rule` at `at`; None: none does.

        The result is in the time zone of the window.
        """
        if self.rules and rule not in self.rules:
            return None
        today = at.astimezone(_zone(self.time_zone)).date()
        for day in (today, today - timedelta(days=1)):
            if day.weekday() in self.days:
                last = day if self.begin < self.end else day + timedelta(days=1)
                if self._moment(day, self.begin) <= at < (end := self._moment(last, self.end)):
                    return end.astimezone(_zone(self.time_zone))
        return None

    def _moment(self, day: date, minutes: int) -> datetime:
        over, minute = divmod(minutes, MINUTES)
        wall = datetime.combine(day + timedelta(days=over), time(*divmod(minute, 60)), _zone(self.time_zone))
        return wall.astimezone(UTC)  # a naive time is that of this machine


def reader(rules: Callable[[], Collection[str]]) -> Reader:
    """Reads one window; `rules` returns the accepted names, without any all are. It is called for a window only."""
    fields = {
        "from": converted(text, _begin),
        "until": converted(text, _end),
        "days": one_or_more(choice(*DAYS)),
        "rules": one_or_more(known_name(rules)),
        "time_zone": converted(some_text, _known_zone),
    }
    return converted(table(("from", "until"), **fields), _blackout)


def _blackout(found: Mapping[str, Any], _: str) -> Blackout:
    begin, end = found["from"], found["until"]
    if begin == end:
        raise ValueError("begins and ends at the same time; the whole day is from 00:00 until 24:00")
    days = frozenset(DAYS.index(day) for day in found.get("days", DAYS))
    return Blackout(begin, end, days, frozenset(found.get("rules", ())), found.get("time_zone", ""))


def minutes_of_day(value: str, latest: int = MINUTES - 1) -> int:
    """Minutes since midnight of a time written HH:MM. Raises ValueError if it is none, or later than `latest`."""
    hours, colon, minutes = value.partition(":")
    if colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(minutes) < 60:
        found = int(hours) * 60 + int(minutes)
        if found <= latest:
            return found
    raise ValueError(f"must be a time of day as HH:MM, from 00:00 to {latest // 60}:{latest % 60:02}")


def _begin(value: str, _: str) -> int:
    return minutes_of_day(value, MINUTES - 1)


def _end(value: str, _: str) -> int:
    return minutes_of_day(value, MINUTES)


def _known_zone(value: str, _: str) -> str:
    try:
        _zone(value)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("must be a time zone that this machine knows, such as Europe/Berlin") from None
    return value


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    return UTC if name == "UTC" else ZoneInfo(name)

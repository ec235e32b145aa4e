"""The worker and its jobs: recurring ones, kinds that other programs run, leases and retries. All times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from console.records import dataclass
from console.settings.blackouts import DAYS, minutes_of_day
from console.settings.yamlfile import Reader, choice, converted, number, plain, sequence, some_text, table, text

EVERY = ("hour", "day", "week", "month")
LONGEST_NAME = 200  # bytes, as background_jobs has it


@dataclass(frozen=True, slots=True)
class JobWindow:
    """Hours in which a job may begin; the end may be on the following day."""

    begin: int  # minutes since midnight
    end: int


@dataclass(frozen=True, slots=True)
class RecurringJob:
    """A job that schedule-jobs keeps in background_jobs."""

    name: str
    kind: str
    every: str  # one of EVERY
    at: int = 0  # minutes since midnight; of an hourly job only its minute counts
    on: int = 0  # of a weekly job the day from 0, Monday; of a monthly one from 1, later days are the last of a month
    parameters: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 5  # lower runs first
    max_attempts: int = 5
    window: JobWindow | None = None  # None: at any time


@dataclass(frozen=True, slots=True)
class JobSettings:
    """The worker and its jobs."""

    lease_seconds: float  # after which a worker that gave no sign of life loses its job
    retry_seconds: float  # before the second attempt; doubled for each further one
    poll_seconds: float  # between two looks for due jobs while there are none
    stop_seconds: float  # in which a running job may finish after SIGTERM
    keep_days: float  # for which jobs that succeeded or were cancelled stay in the table
    others: tuple[str, ...]  # kinds that other programs run
    recurring: tuple[RecurringJob, ...]


def reader() -> Reader:
    """Reads the key `jobs`."""
    window = table(("from", "until"), **{"from": converted(text, _time), "until": converted(text, _time)})
    fields = {
        "name": converted(some_text, _name),
        "kind": some_text,
        "every": choice(*EVERY),
        "at": converted(text, _time),
        "on": some_text,
        "parameters": plain,
        "priority": number(0, 1000, whole=True),
        "max_attempts": number(1, 1000, whole=True),
        "window": window,
    }
    return table(
        lease_seconds=number(1, 86400),
        retry_seconds=number(0, 3600),
        poll_seconds=number(0.1, 3600),
        stop_seconds=number(0, 3600),
        keep_days=number(1, 36500),
        others=sequence(some_text),
        recurring=converted(sequence(converted(table(("name", "kind", "every"), **fields), _recurring)), _distinct),
    )


def settings(values: Mapping[str, Any]) -> JobSettings:
    """The settings from what `reader` returned."""
    return JobSettings(**values)


def _recurring(found: Mapping[str, Any], _: str) -> RecurringJob:
    every, on = found["every"], found.get("on", "")
    if not isinstance(found.get("parameters", {}), dict):
        raise ValueError("has parameters that are no mapping")  # noqa: TRY004  as `converted` expects
    window = found.get("window")
    return RecurringJob(
        **{key: value for key, value in found.items() if key not in {"on", "window"}},
        on=_day(every, on),
        window=JobWindow(window["from"], window["until"]) if window else None,
    )


def _day(every: str, on: str) -> int:
    if every == "week" and (on or DAYS[0]) in DAYS:
        return DAYS.index(on or DAYS[0])
    if every == "month" and (not on or (on.isdecimal() and 1 <= int(on) <= 31)):
        return int(on or 1)
    if every in {"hour", "day"} and not on:
        return 0
    raise ValueError(f"has no such day: on is one of {', '.join(DAYS)} for every week, and 1 to 31 for every month")


def _time(value: str, _: str) -> int:
    return minutes_of_day(value)


def _name(value: str, _: str) -> str:
    if len(value.encode()) > LONGEST_NAME:
        raise ValueError(f"must not be longer than {LONGEST_NAME} bytes")
    return value


def _distinct(found: tuple[RecurringJob, ...], _: str) -> tuple[RecurringJob, ...]:
    names = [job.name for job in found]
    if len(names) != len(set(names)):
        raise ValueError("has two jobs of one name")
    return found

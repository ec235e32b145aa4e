"""The times of the recurring jobs of the configuration. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from console.jobs.occurrences import DAILY, HOURLY, MONTHLY, WEEKLY, Period, next_occurrence
from console.settings.jobs import RecurringJob

PERIODS: Mapping[str, Period] = {"hour": HOURLY, "day": DAILY, "week": WEEKLY, "month": MONTHLY}
INTERVALS: Mapping[str, str] = {"hour": "1 hour", "day": "1 day", "week": "7 days", "month": "1 month"}
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)  # of a month with 31 days
SHORTEST_MONTH = 28  # days


def first_occurrence(job: RecurringJob) -> datetime:
    """The occurrence that all others are counted from: always the same, so that it can be compared."""
    minutes = job.at % 60 if job.every == "hour" else job.at
    days = {"week": job.on, "month": job.on - 1}.get(job.every, 0)
    return _MONDAY + timedelta(days=days, minutes=minutes)


def upcoming(job: RecurringJob, now: datetime, taken: Collection[datetime] = ()) -> datetime:
    """The next occurrence after `now` that is not in `taken`."""
    after = now
    while True:
        after = next_occurrence(first_occurrence(job), PERIODS[job.every], after)
        if after not in taken:
            return after


def time_of_day(minutes: int) -> str:
    """Minutes since midnight as HH:MM."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def cron_line(job: RecurringJob) -> str:
    """When it runs, as cron has it: minute, hour, day of the month, month, day of the week."""
    minute, hour = job.at % 60, str(job.at // 60)
    if job.every == "hour":
        hour = "*"
    day = "*" if job.every != "month" else "28-31" if job.on > SHORTEST_MONTH else str(job.on)
    weekday = str((job.on + 1) % 7) if job.every == "week" else "*"
    return f"{minute} {hour} {day} * {weekday}"


def month_day(job: RecurringJob) -> int | None:
    """The day of a monthly job that cron cannot say, because later days stand for the last of a shorter month."""
    return job.on if job.every == "month" and job.on > SHORTEST_MONTH else None

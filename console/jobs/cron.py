"""pg_cron as the clock of recurring jobs: the names of its jobs, and when one runs next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PREFIX = "pipeline-console: "
LONGEST = 63  # bytes of a name in cron.job
_MOST_DAYS = 62


def cron_name(schedule: str) -> str:
    """The name in cron.job of the job that queues a recurring one."""
    name = PREFIX + schedule
    if len(name.encode()) <= LONGEST:
        return name
    import hashlib  # noqa: PLC0415  loads OpenSSL, and few schedules are that long

    return PREFIX + hashlib.md5(schedule.encode(), usedforsecurity=False).hexdigest()


def next_run(line: str, now: datetime) -> datetime | None:
    """The first time after `now`, in UTC, of a line as `cron_line` writes it; None: another line, or not known."""
    try:
        minute, hour, day, month, weekday = line.split()
        hours = range(24) if hour == "*" else (int(hour),)
        days = None if day == "*" else int(day)
        weekdays = None if weekday == "*" else int(weekday)
        at = now.astimezone(UTC).replace(minute=int(minute), second=0, microsecond=0)
        times = [at.replace(hour=each) for each in hours]
    except ValueError:
        return None
    if month != "*":
        return None
    for later in range(_MOST_DAYS):
        for each in times:
            found = each + timedelta(days=later)
            if found > now and days in {None, found.day} and weekdays in {None, found.isoweekday() % 7}:
                return found
    return None

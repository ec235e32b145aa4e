"""The edges that tests take their dates from, in UTC, and a day that does not end while a test begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.waiting import wait

# SQL of a timestamp: when this month and this day began. Only `now` itself is nearer to their ends than to their
# beginnings, on some days: what has to lie ahead is counted from the beginning of the next month.
MONTH, DAY = (f"date_trunc('{unit}', now() AT TIME ZONE 'UTC')" for unit in ("month", "day"))
LEFT = timedelta(seconds=20)  # of a day, in which nobody begins a test: what it makes for today must be of today


def let_midnight_pass() -> None:
    """Return at once, or when the next day has begun where that is near."""
    now = datetime.now(UTC)
    if (now + LEFT).date() != now.date():
        wait(lambda: datetime.now(UTC).date() != now.date())

"""Blackout windows: when they withhold a finding, and how nonsense is refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.model import Kind, Trouble
from console.settings.blackouts import Blackout
from console.settings.config import load

BERLIN = "Europe/Berlin"


def windows(folder: Path, text: str) -> tuple[Blackout, ...]:
    file = folder / "console.yml"
    file.write_text(f"blackouts: [{text}]")
    return load(str(file), rules=lambda: ("bloat", "deadlock")).blackouts


def wall(text: str) -> datetime:
    """A moment by the clock on a wall in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN))


@pytest.mark.parametrize(
    ("window", "at", "rule", "end"),
    [
        ("days: [sun], from: 02:00, until: 04:00", "2026-11-29 02:00", "bloat", "2026-11-29 04:00"),
        ("days: [sun], from: 02:00, until: 04:00", "2026-11-29 03:59", "bloat", "2026-11-29 04:00"),
        ("days: [sun], from: 02:00, until: 04:00", "2026-11-29 04:00", "bloat", None),
        ("days: [sun], from: 02:00, until: 04:00", "2026-11-28 03:00", "bloat", None),  # a Saturday
        ("from: 02:00, until: 04:00", "2026-11-28 03:00", "bloat", "2026-11-28 04:00"),
        ("from: 02:00, until: 04:00, rules: deadlock", "2026-11-28 03:00", "bloat", None),
        ("from: 02:00, until: 04:00, rules: [bloat]", "2026-11-28 03:00", "bloat", "2026-11-28 04:00"),
        ("days: sat, from: 22:00, until: 04:00", "2026-11-28 23:00", "bloat", "2026-11-29 04:00"),
        ("days: sat, from: 22:00, until: 04:00", "2026-11-29 03:00", "bloat", "2026-11-29 04:00"),
        ("days: sat, from: 22:00, until: 04:00", "2026-11-28 03:00", "bloat", None),  # that would be Friday's
        ("from: 00:00, until: 24:00", "2026-11-28 23:59", "bloat", "2026-11-29 00:00"),
        ("from: 22:00, until: 00:00", "2026-11-28 23:59", "bloat", "2026-11-29 00:00"),
        ("from: 01:00, until: 04:00", "2026-10-25 03:30", "bloat", "2026-10-25 04:00"),  # the clock was set back
        ("from: 01:00, until: 04:00", "2026-03-29 03:30", "bloat", "2026-03-29 04:00"),  # the clock was set forward
    ],
)
def test_a_window_withholds_findings_of_its_rules_until_its_end(
    tmp_path: Path, window: str, at: str, rule: str, end: str | None
) -> None:
    (blackout,) = windows(tmp_path, f"{{{window}, time_zone: {BERLIN}}}")
    assert blackout.end_at(rule, wall(at)) == (wall(end) if end else None)


def test_without_a_time_zone_the_window_is_in_that_of_the_machine(tmp_path: Path) -> None:
    (blackout,) = windows(tmp_path, "{from: 02:00, until: 04:00}")
    inside, end = datetime(2026, 11, 28, 3).astimezone(), datetime(2026, 11, 28, 4).astimezone()
    assert blackout.end_at("bloat", inside) == end
    assert blackout.end_at("bloat", end) is None


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        ("{from: 25:00, until: 04:00}", "blackouts.1.from must be a time of day as HH:MM, from 00:00 to 23:59"),
        ("{from: 24:00, until: 04:00}", "blackouts.1.from must be a time of day as HH:MM, from 00:00 to 23:59"),
        ("{from: 2, until: 04:00}", "blackouts.1.from must be a time of day"),
        ("{from: 02:60, until: 04:00}", "blackouts.1.from must be a time of day"),
        ("{from: 02:00, until: 24:01}", "blackouts.1.until must be a time of day as HH:MM, from 00:00 to 24:00"),
        ("{from: 02:00, until: 02:00}", "blackouts.1 begins and ends at the same time"),
        ("{from: 02:00}", "blackouts.1.until is missing"),
        ("{from: 02:00, until: 04:00, days: [someday]}", "blackouts.1.days must be one of: mon, tue"),
        ("{from: 02:00, until: 04:00, days: []}", "blackouts.1.days must not be empty"),
        ("{from: 02:00, until: 04:00, rules: nosuch}", "blackouts.1.rules must be one of: bloat, deadlock"),
        ("{from: 02:00, until: 04:00, time_zone: Mars}", "blackouts.1.time_zone must be a time zone"),
        ("{from: 02:00, until: 04:00, time_zone: ../../etc/passwd}", "blackouts.1.time_zone must be a time zone"),
        ("{from: 02:00, until: 04:00, day: sun}", "blackouts.1.day is not known"),
    ],
)
def test_nonsense_is_refused_when_the_configuration_is_read(tmp_path: Path, window: str, sentence: str) -> None:
    with pytest.raises(Trouble) as caught:
        windows(tmp_path, window)
    assert caught.value.kind is Kind.USAGE
    assert f"line 1: {sentence}" in str(caught.value)

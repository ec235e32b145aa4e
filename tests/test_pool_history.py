"""When clients of pools waited: by minute, bounded, the same for the next console."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model import Frame, PoolHistory, Snapshot
from console.panes.pooler_groups import DOCTOR
from console.reading.difference import CHANGE, NEW, difference
from console.reading.reader import keys
from console.rules.findings.pool_doctor import COLUMNS, doctor_rows, history_note
from console.rules.pool_history import KEPT, MOST_POOLS, learn, minutes_read, waited
from console.watching import state

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
POOL = {"pooler": "p", "database": "shop", "user": "app", "cl_waiting": 0, "maxwait": 0, "maxwait_us": 0}


def reading(seconds: float, *waits: tuple[str, int, float]) -> Snapshot:
    """The pools at a time: the database, how many clients wait, and for how long."""
    pools = [
        POOL | {"database": name, "cl_waiting": many, "maxwait": int(longest), "maxwait_us": int(longest % 1 * 1e6)}
        for name, many, longest in (*waits, ("quiet", 0, 0.0), ("pgbouncer", 3, 1.0))
    ]
    return Snapshot("pooler_pools", tuple(POOL), tuple(tuple(row.values()) for row in pools), at(seconds))


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def doctor(history: PoolHistory, seconds: float) -> Snapshot:
    """What the view Doctor has at a time at which no client waits."""
    rows = doctor_rows(Frame({"pooler_pools": (reading(seconds),)}, at(seconds)), (), history)
    return Snapshot("pool_doctor", COLUMNS, rows, at(seconds))


def learned(*readings: Snapshot) -> PoolHistory:
    history = PoolHistory()
    for taken in readings:
        history = learn(history, taken)
    return history


def test_a_wait_between_two_looks_of_a_person_is_still_there_an_hour_later() -> None:
    waits = [reading(second, ("shop", 4 if second == 10 else 2, second / 10)) for second in range(0, 20, 5)]
    quiet = [reading(second) for second in range(20, 50 * 60, 20)]
    history, now = learned(*waits, *quiet), at(50 * 60)
    (found,) = waited(history, now)
    assert (found.pooler, found.database, found.user) == ("p", "shop", "app")
    assert (found.most, found.longest, found.ago) == (4, 1.5, 3000.0)
    assert found.shares == {5: 0.0, 15: 0.0, 60: 100 * 4 / (4 + len(quiet))}
    assert minutes_read(history, now) == 50
    frame = Frame({"pooler_pools": (quiet[-1],)}, now)
    shown = doctor_rows(frame, (), history)
    last = "at most 1.5s, last 50 minutes ago"
    told = [(level, subject, text) for level, topic, _, subject, text, _ in shown if topic == "history"]
    assert told == [
        (
            "notice",
            "shop/app",
            f"waited in 0 % of 5 min, 0 % of 15 min, 3 % of 60 min, 4 clients at a time, {last}",
        ),
    ]
    assert history_note(frame, history).startswith("Waits are known of 50 of the last 60 minutes")


def test_a_wait_is_the_same_row_a_minute_later_and_no_difference() -> None:
    history = learned(reading(0, ("shop", 2, 1.0)), *(reading(second) for second in range(20, 300, 20)))
    then, now = doctor(history, 310), doctor(history, 370)
    assert then.values("text") != now.values("text")
    assert keys(then, DOCTOR.key) == keys(now, DOCTOR.key)
    assert difference(then, now, DOCTOR, "12:05").rows == ()
    worse = learn(history, reading(371, ("other", 1, 1.0)))
    (new,) = difference(then, doctor(worse, 371), DOCTOR, "12:05").records()
    assert (new[CHANGE], new["subject"]) == (NEW, "other/app")


def test_what_is_older_than_an_hour_is_not_shown_and_what_is_kept_is_bounded() -> None:
    assert waited(learned(reading(0, ("shop", 1, 1.0))), at(3700)) == []
    minutes = [reading(60 * minute, ("shop", 1, 1.0)) for minute in range(3 * KEPT)]
    history = learned(*minutes)
    assert (len(history.readings), len(history.pools["p", "shop", "app"])) == (KEPT, KEPT)
    names = [f"db{number}" for number in range(2 * MOST_POOLS)]
    many = learned(*(reading(second, (name, 1, 1.0)) for second, name in enumerate(names)))
    assert [database for _, database, _ in many.pools] == names[MOST_POOLS:]


def test_a_reading_counts_once() -> None:
    once = learned(reading(60, ("shop", 1, 1.0)))
    assert learn(once, reading(60, ("shop", 1, 1.0))) is once


@pytest.mark.parametrize("jump", [-3, 3, 48], ids=lambda hours: f"{hours:+} h")
def test_waits_are_counted_on_after_the_clock_was_set_and_those_before_are_kept(jump: int) -> None:
    noon = [reading(60 * minute, ("shop", 1, 1.0)) for minute in range(5)]
    later = [reading(3600 * jump + 60 * minute, ("shop", 1, 2.0), ("new", 1, 1.0)) for minute in range(5)]
    history = learned(*noon, *later)
    found = {each.database: each for each in waited(history, at(3600 * jump + 240))}
    assert {name: (each.shares[5], each.longest) for name, each in found.items()} == {
        "shop": (100.0, 2.0), "new": (100.0, 1.0)
    }  # fmt: skip
    assert minutes_read(history, at(3600 * jump + 240)) == 5
    back = learn(history, reading(300, ("shop", 1, 1.0)))
    assert minutes_read(back, at(300)) == 6, "the minutes of before are there again"
    assert waited(back, at(300))[0].shares[15] == 100.0


def test_it_survives_on_disk(tmp_path: Path) -> None:
    history = learned(reading(0, ("shop", 2, 1.25)), reading(70, ("shop", 1, 0.5)))
    state.save(tmp_path / "state.json", state.State(pools=history))
    assert state.load(tmp_path / "state.json").pools == history

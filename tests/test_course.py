"""The course of activity: its values at their times, under round times of day."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate

import pytest

from console.format import cells
from console.model import Snapshot
from console.tui.charts import history
from console.tui.course import COURSES, activity, axis, buckets, span, ticks
from console.tui.plotting import plotext
from console.tui.vitals import Metrics

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
ROWS = Snapshot("waits", ("class",), (), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end", "most", "labels"),
    [
        (0, 60, 4, ["12:00:00", "12:00:15", "12:00:30", "12:00:45", "12:01:00"]),
        (7, 600, 5, ["12:02", "12:04", "12:06", "12:08", "12:10"]),
        (30, 630, 11, ["12:01", "12:02", "12:03", "12:04", "12:05", "12:06", "12:07", "12:08", "12:09", "12:10"]),
        (-3600, 6 * 3600, 2, ["12:00", "16:00"]),
    ],
)
def test_times_are_round_and_in_utc(start: float, end: float, most: int, labels: list[str]) -> None:
    assert [label for _, label in ticks(NOON + start, NOON + end, most)] == labels


def test_no_more_times_are_made_than_there_is_room_for() -> None:
    assert len(ticks(0.0, 2.5e11, 10)) <= 11  # thousands of years, as a file of a stranger may say


@pytest.mark.parametrize("width", [1, 5, 10, 52, 120])
def test_the_axis_has_each_time_at_its_place_and_is_never_wider_than_asked(width: int) -> None:
    line = axis(NOON + 7, NOON + 607, width)
    assert cells(line) == width
    for label in line.split():
        at = datetime.strptime(f"2026-03-01 {label} +0000", "%Y-%m-%d %H:%M %z").timestamp()
        assert line.index(label) == int((at - NOON - 7) / 600 * width)
    assert width < 120 or len(line.split()) > 2


def test_a_cell_shows_the_largest_value_of_its_time_and_nothing_where_nothing_was_read() -> None:
    times = [NOON, NOON + 1, NOON + 59, NOON + 120]
    assert buckets(times, [1, 5, None, 2], 4) == [5, None, None, 2]
    assert buckets(times, [1], 4) == [1, None, None, None]
    assert buckets([NOON, NOON], [1, 2], 3) == [None, None, 2]  # of a clock that stands still
    assert span([NOON, NOON + 1]) == (NOON - 59, NOON + 1)
    assert span([NOON, NOON - 500]) == (NOON - 560, NOON - 500)  # of one that was set back


METRICS = Metrics(
    {},
    {"active": [0.0, 8.0, 4.0], "waiting": [0.0, 0.0, 2.0], "idle_in_transaction": [1.0, 1.0, 1.0]},
    [NOON - 120, NOON - 60, NOON],
)


@pytest.mark.parametrize("width", [20, 78, 158])
def test_each_course_is_a_line_with_its_last_value_and_the_times_below(width: int) -> None:
    lines = activity(ROWS, width, 6, METRICS).plain.split("\n")
    assert [line[:25].split() for line in lines[:3]] == [
        ["active", "4"],
        ["waiting", "for", "locks", "2"],
        ["idle", "in", "transaction", "1"],
    ]
    assert "UTC" in lines[3]
    assert len({cells(line) for line in lines}) == 1
    if width >= 78:
        assert "11:59" in lines[3]
        assert cells(lines[0]) == width


def test_nothing_is_drawn_before_the_second_reading() -> None:
    assert activity(ROWS, 78, 6, Metrics({}, {"active": [1.0]}, [NOON])).plain == ""


def test_curves_stand_over_round_times() -> None:
    drawn = history(METRICS, 78, 20).plain
    assert "11:59" in drawn
    assert "waiting for locks" in drawn
    assert len(drawn.rstrip().split("\n")) == 20


def test_a_curve_is_drawn_from_where_it_bends_as_from_all_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    for turn, readings in enumerate((2, 3, 30, 120, 300) * 4):
        times = list(accumulate((chance.choice([2.0, 2.002, 5.0]) for _ in range(readings)), initial=NOON))
        courses = {course.name: list(values(chance, len(times))) for course in COURSES}
        metrics, width, height = Metrics({}, courses, times), 40 + 7 * turn, 9 + turn
        drawn = history(metrics, width, height)
        with monkeypatch.context() as all_points:
            all_points.setattr("console.tui.charts._bends", lambda points: points)
            assert drawn == history(metrics, width, height)


def values(chance: random.Random, count: int) -> Iterator[float | None]:
    """Numbers of sessions that stay for a while; now and then nothing was read."""
    value = 3.0
    for _ in range(count):
        value = max(0.0, value + chance.choice([-4, -1, 1, 9])) if chance.random() < 0.2 else value
        yield None if chance.random() < 0.02 else value


def test_where_a_curve_is_flat_few_points_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    points: list[int] = []
    signal = plotext.figure.signal

    def counted(x: Sequence[float], y: Sequence[float], **options: object) -> object:
        points.append(len(x))
        return signal(x, y, **options)

    monkeypatch.setattr(plotext.figure, "signal", counted)
    flat, one_step = [5.0] * 300, [5.0] * 100 + [6.0] * 200
    times = [NOON + 2 * at for at in range(300)]
    history(Metrics({}, {"active": one_step, "waiting": flat, "idle_in_transaction": flat}, times), 98, 18)
    assert points == [4, 2, 2]

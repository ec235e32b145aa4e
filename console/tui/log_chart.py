"""Errors and warnings of the last hour, by minute and SQLSTATE: a colour and a letter for each code. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from textual.content import Content

from console.format import count, one_line
from console.model import Snapshot
from console.tui.course import axis
from console.tui.vitals import Metrics

SIDE = 6  # cells of the numbers at the side
MINUTE = 60.0  # seconds
CODES = (("A", "bold ansi_red"), ("B", "ansi_yellow"), ("C", "ansi_blue"), ("D", "ansi_magenta"), ("E", "ansi_cyan"))
REST = ("o", "$text-muted")  # all other codes

Pieces = list[tuple[str, str] | str]


def log_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """Bars of letters over the time of day in UTC, under a line that names the codes, the most frequent first."""
    del metrics
    courses = _courses(snapshot)
    minutes = max(map(len, courses.values()), default=0)
    if not any(map(sum, courses.values())):
        return Content("")
    named, drawn = list(courses)[: len(CODES)], dict(zip(courses, CODES, strict=False))
    cells = max(1, (width - SIDE) // minutes)
    shown = min(minutes, (width - SIDE) // cells)
    bars = [[(name, course[at]) for name, course in courses.items()] for at in range(minutes - shown, minutes)]
    lines = max(2, height - 2)
    sums = [sum(number for _, number in bar) for bar in bars]
    top = max(sums)
    highs = [max(1, round(total / top * lines)) if total else 0 for total in sums]  # one entry is seen, too
    pieces: Pieces = []
    for name in named:
        letter, style = drawn[name]
        pieces += [(f" {letter} ", style), f"{one_line(name)} {count(sum(courses[name]))}  "]
    if len(courses) > len(named):
        others = sum(sum(course) for name, course in courses.items() if name not in named)
        pieces += [(f" {REST[0]} ", REST[1]), f"other {count(others)}"]
    pieces.append("\n")
    for line in range(lines, 0, -1):
        pieces.append((f"{count(top) if line == lines else '':>{SIDE - 1}} ", "$text-muted"))
        for bar, high in zip(bars, highs, strict=True):
            letter, style = _part(bar, line, high, drawn)
            pieces.append((letter * cells, style))
        pieces.append("\n")
    end = snapshot.taken_at.astimezone(UTC).timestamp()
    times = axis(end - MINUTE * shown, end, cells * shown)
    return Content.assemble(*pieces, (f"{'UTC':>{SIDE - 1}} {times}", "$text-muted"))


def _courses(snapshot: Snapshot) -> dict[str, list[int]]:
    """The entries a minute by code, or by severity where the log has no codes; the most frequent code first."""
    found: dict[str, list[int]] = {}
    if "course" in snapshot.columns:
        for row in snapshot.records():
            course = [int(each) for each in _numbers(row["course"])]
            name = str(row["sqlstate"] or row["severity"] or "?")
            before = found.get(name, [0] * len(course))
            found[name] = [a + b for a, b in zip(before, course, strict=True)]
    return dict(sorted(found.items(), key=lambda each: -sum(each[1])))


def _numbers(course: object) -> Sequence[int]:
    return course if isinstance(course, list | tuple) else ()


def _part(
    bar: Sequence[tuple[str, int]], line: int, high: int, drawn: Mapping[str, tuple[str, str]]
) -> tuple[str, str]:
    """The letter in one line of a bar that is `high` lines high, and its style; `bar` has codes with entries."""
    if line > high:
        return " ", ""
    entry = (line - 1) * sum(number for _, number in bar) // high  # counted from below
    for name, number in bar:
        if entry < number:
            return drawn.get(name, REST)
        entry -= number
    return REST

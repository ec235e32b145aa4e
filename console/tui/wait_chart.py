"""Average active sessions over time, stacked by class: a letter for each class, and a colour. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from textual.content import Content

from console.model import Snapshot
from console.records import dataclass
from console.series.waits import CLASSES
from console.tui.course import axis
from console.tui.pieces import assembled
from console.tui.vitals import Metrics

SIDE = 6  # cells of the numbers at the side
MISSING = "·"  # in the lowest line, where no samples are
CORES = "─"
STYLES: Mapping[str, str] = {
    "CPU": "ansi_green",
    "IO": "ansi_blue",
    "Lock": "bold ansi_red",
    "LWLock": "ansi_magenta",
    "BufferPin": "ansi_cyan",
    "IPC": "ansi_cyan",
    "Client": "ansi_yellow",
    "Timeout": "$text-muted",
    "Extension": "ansi_magenta",
    "Idle in tx": "bold ansi_yellow",
    "Pool": "bold ansi_magenta",
}
OTHER = "?"

Pieces = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Course:
    """What is drawn: each slot has the average active sessions by class, or no samples."""

    slots: Sequence[Mapping[str, float] | None]
    end: float  # of the last one, in seconds since 1970
    step: float  # seconds
    cores: int | None


def wait_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """Bars of letters over the time of day in UTC; a line at the number of cores where that is known."""
    del metrics
    text = next(iter(snapshot.values("course")), None) if "course" in snapshot.columns else None
    course = _Course(**json.loads(str(text))) if text else None
    if course is None or not any(course.slots):
        return Content("")
    cells = max(1, (width - SIDE) // len(course.slots))
    most = (width - SIDE) // cells
    shown = course.slots[-most:]
    lines = max(2, height - 1)
    top = _top(shown, course.cores)
    bars = [bar(slot, top, lines) for slot in shown]
    at_cores = round(course.cores / top * lines) if course.cores else 0
    pieces: Pieces = []
    for line in range(lines, 0, -1):
        pieces.append((_side(line, lines, top, at_cores, course.cores), "$text-muted"))
        pieces += [_cell(each, line, line == at_cores, cells) for each in bars]
        pieces.append(("\n", "$text-muted"))
    wide = cells * len(shown)
    times = axis(course.end - course.step * len(shown), course.end, wide)
    return assembled((*pieces, (f"{'UTC':>{SIDE - 1}} {times}", "$text-muted")))


def bar(slot: Mapping[str, float] | None, top: float, lines: int) -> list[str] | None:
    """The class in each line of a bar from below; None: no samples.

    Lines are shared by the sums of the classes so far, so that the height of the bar is that of their total.
    """
    if slot is None:
        return None
    found: list[str] = []
    total = 0.0
    for name in (*CLASSES, *(name for name in slot if name not in CLASSES)):
        total += slot.get(name, 0.0)
        found += [name] * (round(total / top * lines) - len(found))
    if not found and total:
        found.append(max(slot, key=lambda name: slot[name]))
    return found[:lines]


def _cell(each: list[str] | None, line: int, is_cores: bool, cells: int) -> tuple[str, str]:
    if each is not None and line <= len(each):
        name = each[line - 1]
        return CLASSES.get(name, OTHER) * cells, STYLES.get(name, "bold")
    if each is None and line == 1:
        return MISSING * cells, "$text-muted"
    return (CORES if is_cores else " ") * cells, "$text-muted"


def _top(slots: Sequence[Mapping[str, float] | None], cores: int | None) -> float:
    """The number of sessions at the top: round, and not below the cores."""
    most = max((sum(slot.values()) for slot in slots if slot), default=0.0)
    least = max(most, float(cores or 0), 1.0)
    unit = 10.0 ** (len(str(int(least))) - 1)
    return next(
        each for each in (unit, 2 * unit, 3 * unit, 4 * unit, 5 * unit, 6 * unit, 8 * unit, 10 * unit) if each >= least
    )


def _side(line: int, lines: int, top: float, at_cores: int, cores: int | None) -> str:
    if line == at_cores:
        return f"{f'{cores} CPU':>{SIDE - 1}} "
    return f"{f'{top:g}' if line == lines else '':>{SIDE - 1}} "

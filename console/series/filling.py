"""When the free space of a disk is used up, as far as its last minutes and hours tell. Pure.

What is written at once, as a copy or a restore, is no trend: the slope (console/series/slope.py) is that of Theil and
Sen, its band must be narrow, and nearly all parts of the time must have their share of it, the last one always. How far
ahead can be seen depends on how long the disk was seen to fill up: a quarter of an hour shows the next three hours, two
hours the next day. What only fills up what was freed meanwhile, as WAL between two checkpoints, is no trend either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from console.records import dataclass
from console.series.slope import slope

SPANS = (15, 30, 60, 120)  # minutes that are looked at; the shortest that shows something counts
AHEAD = 12  # times the span: what would be used up later than that it does not show
COVERED = 0.9  # of a span for which there must be readings
LEAST = 256 * 2**20  # bytes by which the disk must have filled up in a span
PARTS = 6  # of a span, of which all but one must show the slope, and the last one always
SURE = 0.5  # of the slope that the lower end of its band must reach, and that a part must show
HELD = 3  # minutes before which it must have been seen to fill up as well


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """How many bytes were free, `ago` seconds before the last reading."""

    ago: float
    free: float


@dataclass(frozen=True, slots=True)
class Filling:
    """A disk that fills up: seconds until it is full, and the seconds over which that was seen."""

    left: float
    seen: float


@dataclass(frozen=True, slots=True)
class _Minute:
    """The bytes in use, below what is free now, at the end of one minute."""

    number: int
    value: float


def filling(readings: Iterable[FreeSpace]) -> Filling | None:
    """How soon the disk is full by `readings`, oldest first and at least one; None: it does not fill up steadily."""
    minutes, free = _minutes(readings)
    before = [minute for minute in minutes if minute.number <= minutes[-1].number - HELD]
    found = _shown(minutes, free)
    return found if found and _shown(before, free) else None


def _minutes(readings: Iterable[FreeSpace]) -> tuple[list[_Minute], float]:
    """The last reading of each minute, and what is free after the last of them."""
    last = {round(-reading.ago / 60): -reading.free for reading in readings}
    return [_Minute(number, last[number]) for number in sorted(last)], -last[max(last)]


def _shown(minutes: Sequence[_Minute], free: float) -> Filling | None:
    """What the shortest span shows that shows anything."""
    return next((found for span in SPANS if (found := _over(minutes, span, free))), None)


def _over(minutes: Sequence[_Minute], span: int, free: float) -> Filling | None:
    """What one span shows."""
    if not minutes:
        return None
    last = minutes[-1]
    chosen = [minute for minute in minutes if minute.number >= last.number - span]
    seen = last.number - chosen[0].number
    if seen < COVERED * span or last.value - chosen[0].value < LEAST:
        return None
    band = slope([chosen])
    if band is None or band.low < SURE * band.middle or free > band.middle * AHEAD * span:
        return None
    if not _is_everywhere(chosen, SURE * band.middle) or _was_as_full(minutes, chosen):
        return None
    return Filling(60.0 * free / band.middle, 60.0 * seen)


def _is_everywhere(minutes: Sequence[_Minute], least: float) -> bool:
    """Whether each part of the time, or all but one that is not the last, has the slope `least`."""
    first, last = minutes[0].number, minutes[-1].number
    ends = [first + (last - first) * part / PARTS for part in range(PARTS + 1)]
    edges = [max((each for each in minutes if each.number <= end), key=lambda each: each.number) for end in ends]
    shown = [after.value - before.value >= least * (after.number - before.number) for before, after in pairwise(edges)]
    return shown[-1] and sum(shown) >= PARTS - 1


def _was_as_full(minutes: Sequence[_Minute], chosen: Sequence[_Minute]) -> bool:
    """Whether as much was in use before the time that is looked at."""
    return any(minute.value >= chosen[-1].value for minute in minutes if minute.number < chosen[0].number)

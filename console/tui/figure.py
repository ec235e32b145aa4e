"""Curves over two axes, drawn in braille: two by four dots in each cell. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from textual.content import Content

from console.records import dataclass
from console.tui.pieces import assembled

WIDE, HIGH = 2, 4  # dots of a cell
BLANK = 0x2800  # the braille pattern without dots
ASIDE = 2  # cells that a text may stand to the right of its place
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by line and column of a cell

Point = tuple[float, float]
Dot = tuple[int, int]  # column and line of a dot, from the left and the top


@dataclass(frozen=True, slots=True)
class Curve:
    """What is drawn in one colour."""

    points: Sequence[Point]
    style: str
    is_line: bool = True  # else only the points


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, from its first value to its last one, and the texts at some of its values."""

    first: float
    last: float
    marks: Sequence[tuple[float, str]]

    def place(self, value: float, room: int) -> int:
        """Which of `room` places in a row a value has; values beyond the axis are just beyond the row."""
        span = self.last - self.first
        return max(-1, min(room, round((value - self.first) / span * (room - 1)))) if span else 0


def curves(drawn: Sequence[Curve], x: Axis, y: Axis, width: int, height: int, *, framed: bool = False) -> Content:
    """`drawn` in `width` cells and `height` lines with the texts of both axes; `framed`: in a box. Later ones win."""
    side = max((len(text) for _, text in y.marks), default=0) + 1
    columns = max(1, width - side - 1 - framed)
    lines = max(1, height - 1 - 2 * framed)
    cells = _cells(drawn, x, y, columns, lines)
    names = {lines - 1 - y.place(value, lines): text for value, text in y.marks}
    stops = {x.place(value, columns): text for value, text in x.marks}
    pieces: list[tuple[str, str]] = []
    if framed:
        pieces.append((f"{'':>{side}}┌{'─' * columns}┐\n", ""))
    for line in range(lines):
        edge = ("┤" if line in names else "│") if framed else " "
        pieces.append((f"{names.get(line, ''):>{side}}{edge}", ""))
        pieces += (cells.get((column, line), (" ", "")) for column in range(columns))
        pieces.append(("│\n" if framed else "\n", ""))
    if framed:
        floor = "".join("┬" if column in stops else "─" for column in range(columns))
        pieces.append((f"{'':>{side}}└{floor}┘\n", ""))
    pieces.append((" " * (side + 1) + _texts(stops, columns), ""))
    return assembled(pieces)


def _cells(drawn: Sequence[Curve], x: Axis, y: Axis, columns: int, lines: int) -> dict[Dot, tuple[str, str]]:
    dots: dict[Dot, int] = {}
    styles: dict[Dot, str] = {}
    wide, high = columns * WIDE, lines * HIGH
    for curve in drawn:
        for left, top in _dots(curve, x, y, wide, high):
            if 0 <= left < wide and 0 <= top < high:
                cell = left // WIDE, top // HIGH
                dots[cell] = dots.get(cell, 0) | DOTS[top % HIGH][left % WIDE]
                styles[cell] = curve.style
    return {cell: (chr(BLANK + pattern), styles[cell]) for cell, pattern in dots.items()}


def _dots(curve: Curve, x: Axis, y: Axis, wide: int, high: int) -> Iterator[Dot]:
    places = [(x.place(at, wide), high - 1 - y.place(value, high)) for at, value in curve.points]
    yield from places
    if curve.is_line:
        for (left, top), (right, bottom) in pairwise(places):
            steps = max(abs(right - left), abs(bottom - top))
            for step in range(1, steps):
                yield left + round((right - left) * step / steps), top + round((bottom - top) * step / steps)


def _texts(stops: dict[int, str], room: int) -> str:
    """The texts below their places, within the room; one that finds no place after the text before is left out."""
    line = ""
    for place, text in sorted(stops.items()):
        wanted = min(max(0, place - len(text) // 2), max(0, room - len(text)))
        start = max(wanted, len(line) + bool(line))
        if start - wanted <= ASIDE:
            line = line.ljust(start) + text
    return line

"""A snapshot as fixed-width text. Pure.

Each row begins with its severity: `!!` critical, `!` warning. Colour repeats it at the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.format import FORMATS, UNKNOWN, cells, safe, show
from console.model import Column, Level, Snapshot, View
from console.records import dataclass

MARKS = {Level.CRITICAL: "!! ", Level.WARNING: "!  "}
NO_MARK = "   "
COLOURS = {Level.CRITICAL: "\x1b[1;31m", Level.WARNING: "\x1b[33m"}
RESET = "\x1b[0m"
LEAST = 14  # cells that are left of the column that takes the rest


@dataclass(frozen=True, slots=True)
class Strip:
    """One column of the table: its texts from the top down, how bad each is, how wide all are."""

    column: Column
    texts: tuple[str, ...]
    levels: tuple[Level, ...]
    width: int


def table(view: View, snapshot: Snapshot, width: int = 0, colour: bool = False) -> str:
    """The columns of `view` with a header line; fitted to `width` cells, 0: as wide as the values are."""
    # A statement may be long: columns after it would be out of sight.
    columns = sorted(view.columns, key=lambda column: column.format == "query")
    strips = [_strip(column, snapshot) for column in columns if column.name in snapshot.columns]
    shown = _fit(strips, width - len(NO_MARK)) if width else strips
    lines = [NO_MARK + " ".join(_padded(strip.column.title, strip) for strip in shown)]
    for i in range(len(snapshot.rows)):
        worst = max((strip.levels[i] for strip in strips), default=Level.OK)
        cells = (_coloured(_padded(strip.texts[i], strip), strip.levels[i], colour) for strip in shown)
        lines.append(MARKS.get(worst, NO_MARK) + " ".join(cells))
    if said := view.without_rows(snapshot):
        lines.append(NO_MARK + safe(said))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _strip(column: Column, snapshot: Snapshot) -> Strip:
    values = snapshot.values(column.name)
    unknown = column.name in snapshot.unknown
    texts = tuple(UNKNOWN if value is None and unknown else show(value, column.format) for value in values)
    judged = snapshot.values(column.judged_in(snapshot.columns))
    levels = tuple(column.rule.level(value) if column.rule else Level.OK for value in judged)
    return Strip(column, texts, levels, max(map(cells, (column.title, *texts))))


def _fit(strips: Sequence[Strip], room: int) -> list[Strip]:
    """As many as there is room for: extra columns go first, then texts are cut, then the last columns go.

    The only one left is cut to the room.
    """
    chosen = list(strips)
    for strip in reversed(strips):
        if strip.column.extra and _needed(chosen) > room:
            chosen.remove(strip)
    for strip in sorted(chosen, key=lambda strip: (not strip.column.grow, -strip.width)):
        over = _needed(chosen) - room
        if over > 0 and not FORMATS[strip.column.format].right:
            width = max(min(strip.width, _least(strip.column)), strip.width - over)
            chosen[chosen.index(strip)] = replace(strip, width=width)
    while len(chosen) > 1 and _needed(chosen) > room:
        chosen.remove(next((strip for strip in reversed(chosen) if not strip.column.grow), chosen[-1]))
    if len(chosen) == 1:
        chosen = [replace(chosen[0], width=min(chosen[0].width, max(room, 1)))]
    return chosen


def _needed(strips: Sequence[Strip]) -> int:
    return sum(strip.width for strip in strips) + len(strips) - 1


def _least(column: Column) -> int:
    own = LEAST if column.grow else column.width or FORMATS[column.format].width
    return max(cells(column.title), own)


def _padded(text: str, strip: Strip) -> str:
    cut = _cut(text, strip.width)
    space = " " * (strip.width - cells(cut))
    return space + cut if FORMATS[strip.column.format].right else cut + space


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    used, kept = 0, ""
    for character in text:
        used += cells(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…"


def _coloured(text: str, level: Level, colour: bool) -> str:
    return f"{COLOURS[level]}{text}{RESET}" if colour and level in COLOURS else text

"""The lines of a table as texts and levels: formatted once, and compared to find the cells that changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import field, replace
from operator import itemgetter, ne

from rich.cells import cell_len, set_cell_size
from textual.geometry import Region

from console.format import FORMATS, MISSING, UNKNOWN
from console.model import Level, Row
from console.records import dataclass
from console.tui.bars import Bars
from console.tui.layout import GUTTER, MARKS, Placed, cells_of_end


@dataclass(frozen=True, slots=True)
class RowLine:
    """One formatted row: the text, level and bar of each cell in the window, the gutter first."""

    texts: tuple[str, ...]
    levels: tuple[Level, ...]
    bars: tuple[int, ...]  # how many cells of each are filled
    row: Row = field(compare=False)  # the row it shows
    is_marked: bool = field(default=False, compare=False)


class ColumnWindow:
    """The columns that can be seen; no others are formatted. Severity in the gutter is that of all columns."""

    __slots__ = ("_numbered", "_ruled", "_spans", "_unknown", "bars", "cells", "start", "width")

    def __init__(
        self, placed: Sequence[Placed], columns: Sequence[str], left: int, right: int, unknown: Collection[str] = ()
    ) -> None:
        """`columns` are those of the snapshot (none: nothing is known), `left` and `right` the edges in cells.

        `unknown` are those of which this server knows nothing.
        """
        self._unknown = unknown
        seen = [each for each in placed if each.x < right and each.x + each.width + 1 > left] if columns else []
        self.cells = [
            (each, columns.index(each.column.name), columns.index(each.column.judged_in(columns))) for each in seen
        ]
        self._numbered = tuple(enumerate(self.cells, 1))
        self.bars = Bars([(each, at) for each, at, _ in self.cells], columns)
        self._ruled = [
            (each.column.rule, columns.index(each.column.judged_in(columns)))
            for each in placed
            if columns and each.column.rule
        ]
        self.start = max(0, seen[0].x - GUTTER) if seen else 0  # of the gutter, in cells from the table's left edge
        self.width = GUTTER + sum(each.width + 1 for each in seen)  # cells of a line with its gutter
        self._spans = [(0, GUTTER), *((each.x, each.width + 1) for each in seen)]

    def line(self, row: Row, is_marked: bool, former: RowLine | None) -> RowLine:
        """`row` formatted; cells whose value is that of the `former` line of this window are taken from it."""
        if former is not None and former.row == row and former.is_marked == is_marked:
            bars = self.bars.of(row)
            return former if bars == former.bars else replace(former, bars=bars)
        if former is None:
            changed: Iterable[int] = range(1, len(self.cells) + 1)
            texts, levels = [""] * len(self._spans), [Level.OK] * len(self._spans)
        else:  # most values do not change between two reads
            differs = tuple(map(ne, row, former.row))
            changed = [cell for cell, (_, at, judged) in self._numbered if differs[at] or differs[judged]]
            texts, levels = list(former.texts), list(former.levels)
        for cell in changed:
            texts[cell], levels[cell] = self._cell(row, *self.cells[cell - 1])
        if former is None or former.is_marked != is_marked or any(differs[at] for _, at in self._ruled):
            levels[0] = self.level(row)
            texts[0] = f"*{MARKS[levels[0]][0]}" if is_marked else MARKS[levels[0]]
        return RowLine(tuple(texts), tuple(levels), self.bars.of(row), row, is_marked)

    def _cell(self, row: Row, placed: Placed, at: int, judged: int) -> tuple[str, Level]:
        """The text of a cell in its width, and its severity."""
        value, column = row[at], placed.column
        kind = FORMATS[column.format]
        nothing = UNKNOWN if column.name in self._unknown else MISSING
        text = fit(nothing if value is None else kind.show(value), placed.width, kind.right, kind.end)
        return f"{text} ", column.rule.level(row[judged]) if column.rule else Level.OK

    def in_full(self, line: RowLine, left: int, right: int) -> frozenset[str]:
        """The columns between two edges, in cells, whose whole value is in their cell of `line`."""
        cells = zip(self.cells, line.texts[1:], strict=True)
        return frozenset(
            placed.column.name
            for (placed, at, _), text in cells
            if left <= placed.x
            and placed.x + placed.width <= right
            and (line.row[at] is None or text.strip() == FORMATS[placed.column.format].show(line.row[at]).strip())
        )

    def titles(self, sort: str) -> list[tuple[str, bool]]:
        """The title of each column in its cells, and whether the rows are in its order, `sort`."""
        name, arrow = sort.removeprefix("-"), "↓" if sort.startswith("-") else "↑"
        titles = []
        for placed, *_ in self.cells:
            column = placed.column
            right = FORMATS[column.format].right
            if column.name != name:
                titles.append((fit(column.title, placed.width, right), False))
                continue
            # Without room for both the arrow is worth more than the last letter.
            titles.append((fit(column.title[: placed.width - 1] + arrow, placed.width, right), True))
        return titles

    def level(self, row: Row) -> Level:
        """The severity of a row: that of its worst column."""
        return max((rule.level(row[at]) for rule, at in self._ruled), default=Level.OK)

    def worst(self, rows: Sequence[Row], least: Level) -> int:
        """The position of the first row of the highest severity; 0 if that is under `least`."""
        ruled = [(rule, at, rule.worst(map(itemgetter(at), rows))) for rule, at in self._ruled]
        most = max((level for *_, level in ruled), default=Level.OK)
        if most < least:
            return 0
        worst = [(rule, at) for rule, at, level in ruled if level is most]
        return next(n for n, row in enumerate(rows) if any(rule.level(row[at]) is most for rule, at in worst))

    def changes(self, y: int, left: int, old: RowLine | None, new: RowLine | None, seen: Region) -> list[Region]:
        """The cells of line `y` in which two lines differ, in a window scrolled by `left` cells.

        Of cells only what is in `seen`, the region of the table without its scroll bars; without one of the lines the
        whole line.
        """
        if old is None or new is None or len(old.texts) != len(new.texts):
            return [Region(0, y, seen.width, 1)]
        before, now = (zip(line.texts, line.levels, line.bars, strict=True) for line in (old, new))
        changed = (
            Region(x - left, y, width, 1)
            for (x, width), cell, other in zip(self._spans, before, now, strict=True)
            if cell != other
        )
        return [region.intersection(seen) for region in changed if region.overlaps(seen)]


def fit(text: str, width: int, right: bool, end: float = 0.0) -> str:
    """`text` in exactly `width` cells, at the right or left; an ellipsis shows where it was cut.

    Of a text that is cut the share `end` of the cells shows its end.
    """
    text = cut(text, width, end)
    cells = len(text) if text.isascii() else cell_len(text)
    return " " * (width - cells) + text if right else text + " " * (width - cells)


def cut(text: str, width: int, end: float = 0.0) -> str:
    """`text` in at most `width` cells, with an ellipsis if it is longer: the share `end` shows its end."""
    if (len(text) if text.isascii() else cell_len(text)) <= width:
        return text
    last = cells_of_end(width, end)
    if not last:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    return f"{set_cell_size(text, width - 1 - last)}…{set_cell_size(text[::-1], last)[::-1]}"

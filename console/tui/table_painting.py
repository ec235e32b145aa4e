"""The lines of a table that can be seen: each formatted when its row changed, and painted when it looks different."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Offset, Region
from textual.strip import Strip

from console.reading.reader import Key
from console.records import dataclass
from console.tui.layout import GUTTER
from console.tui.table_lines import ColumnWindow, RowLine
from console.tui.table_rows import TableRows
from console.tui.table_styles import TableStyles


@dataclass(frozen=True, slots=True)
class _Painted:
    """A line as it is on the screen."""

    line: RowLine
    under_cursor: bool
    strip: Strip


class TablePainting:
    """What was formatted of the rows of a table, and which of it is on the screen."""

    def __init__(self, rows: TableRows, styles: TableStyles) -> None:
        self.window = ColumnWindow((), (), 0, 0)
        self.width = 0  # cells of the table, without a scroll bar
        self.sort = ""
        self.stale = False
        self._rows = rows
        self._styles = styles
        self._lines: dict[int, RowLine] = {}  # by row
        self._former: dict[Key, RowLine] = {}  # those of the snapshot before, in the same window
        self._painted: dict[int, _Painted] = {}  # by line of the table
        self._painted_from = Offset(-1, -1)

    def look(self, window: ColumnWindow, width: int) -> None:
        """Show the columns of `window` in `width` cells from now on."""
        self.window, self.width = window, width
        window.bars.measure(self._rows.values)
        self.forget()

    def turn_page(self) -> None:
        """The rows are about to be replaced: most of them by the same."""
        self._former = {self._rows.keys[row]: line for row, line in self._lines.items()}
        self._lines = {}

    def forget(self) -> None:
        """Keep nothing that was formatted or painted."""
        self._lines, self._painted, self._former = {}, {}, {}

    def forget_row(self, index: int) -> None:
        """Format a row again: it was marked."""
        self._lines.pop(index, None)

    def forget_styles(self) -> None:
        """Paint in the colours of another theme."""
        self._styles.forget()
        self._painted = {}

    def line(self, index: int, former: RowLine | None = None) -> RowLine | None:
        """A row formatted, `former` if it is the same; None: there is no such row."""
        line = self._lines.get(index)
        if line is None and index < len(self._rows):
            before = self._former.get(self._rows.keys[index])
            line = self.window.line(self._rows.values[index], self._rows.is_marked(index), before or former)
            self._lines[index] = line = former if former == line else line
        return line

    def strips(self, crop: Region, offset: Offset, cursor: int) -> list[Strip]:
        """The lines of a part of the table, scrolled by `offset`. Line 0 has the titles and stays."""
        left, top = self._painted_from = offset
        strips = [self._row(top + y - 1, y, left, cursor) if y else self._titles(left) for y in crop.line_range]
        whole = crop.x == 0 and crop.right >= self.width
        return strips if whole else [strip.crop(*crop.column_span) for strip in strips]

    def changes(self, offset: Offset, seen: Region) -> list[Region] | None:
        """The cells in `seen` that differ from what is on the screen; None: all, none of the rows is there."""
        if self._painted_from != offset or (self._rows and not self._painted):
            self._painted = {}
            return None
        left, top = offset
        regions: list[Region] = []
        for y in range(1, seen.height):
            painted = self._painted.get(y)
            old = painted.line if painted else None
            new = self.line(top + y - 1, old)
            if new is not old:
                regions += self.window.changes(y, left, old, new, seen)
        return regions

    def _titles(self, left: int) -> Strip:
        header, marked = self._styles.of("header"), self._styles.of("sorted")
        titles = self.window.titles(self.sort)
        cells = [Segment(f"{text} ", marked if is_sorted else header) for text, is_sorted in titles]
        return self._fitted([Segment(" " * GUTTER, header), *cells], left)

    def _row(self, index: int, y: int, left: int, cursor: int) -> Strip:
        former, under_cursor = self._painted.get(y), index == cursor
        line = self.line(index, former.line if former else None)
        if line is None:
            self._painted.pop(y, None)
            return Strip.blank(self.width, self._styles.of("base"))
        if former is not None and former.line is line and former.under_cursor == under_cursor:
            return former.strip
        strip = self._fitted(self._styles.segments(line, under_cursor, self.stale), left)
        self._painted[y] = _Painted(line, under_cursor, strip)
        return strip

    def _fitted(self, segments: list[Segment], left: int) -> Strip:
        """All cells of the window in the width of the table, which is scrolled by `left` cells."""
        cells, start = self.window.width, left - self.window.start
        beyond = cells - self.width
        if start == 0 and beyond <= 0:
            return Strip(
                [*segments, Segment(" " * -beyond, self._styles.of("base"))] if beyond else segments, self.width
            )
        text, style, _ = segments[-1]
        if start == 0 and len(text) > beyond and text[-beyond:].isascii():
            return Strip([*segments[:-1], Segment(text[:-beyond], style)], self.width)
        return Strip(segments, cells).crop_extend(start, start + self.width, self._styles.of("base"))

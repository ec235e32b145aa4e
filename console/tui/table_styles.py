"""The styles of a table's cells, computed once for each theme."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.segment import Segment
from rich.style import Style
from textual.widget import Widget

from console.model import Level
from console.tui.table_lines import RowLine

NAMES = ("header", "cursor", "warning", "critical", "stale", "sorted", "bar", "cursor-bar")

Piece = tuple[str, Level, bool]  # of a line: its text, its severity, whether a bar is behind it
_ON_BASE = {"header", "sorted", "stale"}  # they add to the style of the widget


class TableStyles:
    """Styles by name, "base" or one of NAMES, in the colours that the terminal has."""

    def __init__(self, table: Widget) -> None:
        self._table = table
        self._known: dict[str, Style] = {}
        self._cells: dict[tuple[Level, bool, bool, bool], Style] = {}

    def forget(self) -> None:
        """Compute them again: the theme has changed."""
        self._known, self._cells = {}, {}

    def of(self, name: str) -> Style:
        """The style called `name`."""
        if name not in self._known:
            self._known[name] = self._shown(self._declared(name))
        return self._known[name]

    def _declared(self, name: str) -> Style:
        base = self._table.rich_style
        if name == "base":
            return base
        style = self._table.get_component_rich_style(f"table--{name}", partial=True)
        return base + style if name in _ON_BASE else style

    def _shown(self, style: Style) -> Style:
        background = self._table.background_colors[1]
        for line_filter in self._table.get_line_filters():
            (segment,) = line_filter.apply([Segment(" ", style)], background)
            style = segment.style or Style.null()
        return style

    def segments(self, line: RowLine, under_cursor: bool, stale: bool) -> list[Segment]:
        """`line` in its colours; stale rows show neither severity nor bars."""
        cells = zip(line.texts, line.levels, line.bars, strict=True)
        pieces = ((text, level, False) for text, level, _ in cells) if stale or not any(line.bars) else _split(cells)
        found: list[Segment] = []
        texts: list[str] = []  # of the run that goes on
        now: tuple[Level, bool, bool] | None = None
        for text, level, in_bar in pieces:
            # Text that is not ASCII is measured character by character: kept apart, it is short and known from before.
            run = (level, in_bar, text.isascii())
            if run != now:
                if now is not None:
                    found.append(Segment("".join(texts), self.cell(now[0], under_cursor, stale, now[1])))
                texts, now = [], run
            texts.append(text)
        if now is not None:
            found.append(Segment("".join(texts), self.cell(now[0], under_cursor, stale, now[1])))
        return found

    def cell(self, level: Level, under_cursor: bool, stale: bool, in_bar: bool = False) -> Style:
        """The style of a cell with that severity, or of the part of it that is in its bar; stale rows show none."""
        key = (level, under_cursor, stale, in_bar)
        style = self._cells.get(key)
        if style is None:
            style = self._declared("stale" if stale else "base")
            if level >= Level.WARNING and not stale:
                style += self._declared("critical" if level is Level.CRITICAL else "warning")
            style = style + self._declared("cursor") if under_cursor else style
            style = style + self._declared("cursor-bar" if under_cursor else "bar") if in_bar else style
            self._cells[key] = style = self._shown(style)
        return style


def _split(cells: Iterable[tuple[str, Level, int]]) -> Iterator[Piece]:
    """The pieces of a line: a cell with a bar is two."""
    for text, level, bar in cells:
        if bar:
            yield text[:bar], level, True
        yield text[bar:], level, False

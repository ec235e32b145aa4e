"""The styles of a table's cells, computed once for each theme."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

from console.model import Level

NAMES = ("header", "cursor", "warning", "critical", "stale", "sorted")
_ON_BASE = {"header", "sorted", "stale"}  # they add to the style of the widget


class TableStyles:
    """Styles by name: "base", or one of NAMES."""

    def __init__(self, table: Widget) -> None:
        self._table = table
        self._known: dict[str, Style] = {}
        self._cells: dict[tuple[Level, bool, bool], Style] = {}

    def forget(self) -> None:
        """Compute them again: the theme has changed."""
        self._known, self._cells = {}, {}

    def of(self, name: str) -> Style:
        """The style called `name`."""
        style = self._known.get(name)
        if style is None:
            base = self._table.rich_style
            style = base if name == "base" else self._table.get_component_rich_style(f"table--{name}", partial=True)
            style = self._known[name] = base + style if name in _ON_BASE else style
        return style

    def cell(self, level: Level, under_cursor: bool, stale: bool) -> Style:
        """The style of a cell with that severity; stale rows show none."""
        style = self._cells.get((level, under_cursor, stale))
        if style is None:
            style = self.of("stale" if stale else "base")
            if level >= Level.WARNING and not stale:
                style += self.of("critical" if level is Level.CRITICAL else "warning")
            style = self._cells[level, under_cursor, stale] = style + self.of("cursor") if under_cursor else style
        return style

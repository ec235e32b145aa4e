"""The lines of a widget without border and padding: those of its content, as a terminal shows them."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget


class OwnScrollBar(ScrollBar):
    """A vertical scroll bar."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of it."""
        return own_lines(self, crop)


def own_lines(widget: Widget, crop: Region) -> list[Strip]:
    """A part of the lines of `widget`. Textual would look for what styles add to each, and keep all of them."""
    if widget._dirty_regions:  # noqa: SLF001  as Widget.render_line() does
        widget._render_content()  # noqa: SLF001
    width, lines = widget.size.width, widget._render_cache.lines  # noqa: SLF001
    behind, background = widget.background_colors
    ground, filters = Style(background=behind + background).rich_style, widget.get_line_filters()
    known: dict[tuple[Segment, ...], Strip] = {}  # many lines are blank
    found: list[Strip] = []
    for y in crop.line_range:
        line = lines[y] if y < len(lines) else Strip([])
        segments = tuple(line)
        if segments not in known:
            line = line.adjust_cell_length(width, ground)
            for each in filters:
                line = line.apply_filter(each, background)
            known[segments] = line
        found.append(known[segments])
    whole = crop.x == 0 and crop.right >= width
    return found if whole else [line.crop(*crop.column_span) for line in found]

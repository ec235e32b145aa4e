"""The lines of a widget without border and padding: those of its content, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.content import Content
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Static

from console.tui.sizes import size_apart

GROUND = "ground"


class OwnScrollBar(ScrollBar):
    """A vertical scroll bar."""

    virtual_size = size_apart()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of it."""
        return own_lines(self, crop)


def own_lines(widget: Widget, crop: Region) -> list[Strip]:
    """A part of the lines of `widget`. Textual would look for what styles add to each, and keep all of them."""
    if widget._dirty_regions:  # noqa: SLF001  as Widget.render_line() does
        widget._render_content()  # noqa: SLF001
    lines, shown = widget._render_cache.lines, as_shown(widget)  # noqa: SLF001
    known: dict[tuple[Segment, ...], Strip] = {}  # many lines are blank
    found: list[Strip] = []
    for y in crop.line_range:
        line = lines[y] if y < len(lines) else Strip([])
        segments = tuple(line)
        if segments not in known:
            known[segments] = shown(line)
        found.append(known[segments])
    whole = crop.x == 0 and crop.right >= widget.size.width
    return found if whole else [line.crop(*crop.column_span) for line in found]


def as_shown(widget: Widget) -> Callable[[Strip], Strip]:
    """What makes a line as wide as `widget`, on its ground, as a terminal shows it."""
    behind, background = widget.background_colors
    width, ground = widget.size.width, Style(background=behind + background).rich_style
    filters = widget.get_line_filters()

    def shown(line: Strip) -> Strip:
        line = line.adjust_cell_length(width, ground)
        for each in filters:
            line = line.apply_filter(each, background)
        return line

    return shown


class OwnLine(Widget):
    """A widget of one line, which is put together of texts that have one style each; painted when it differs."""

    def __init__(self) -> None:
        super().__init__()
        self._styles = OwnStyles(self)
        self._painted: Strip | None = None

    def render(self) -> Content:
        """The line."""
        return Content("")

    def notify_style_update(self) -> None:
        """Compute the styles of the new theme."""
        super().notify_style_update()
        self._styles.forget()
        self._painted = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """A part of the line."""
        if self.text_selection is not None:  # Textual marks what is selected
            return super().render_lines(crop)
        line, width = self._painted, self.size.width
        if line is None or self._dirty_regions or line.cell_length != width:
            self._dirty_regions.clear()
            line = self._painted = self._styles.line(self.render(), width)
        whole = crop.x == 0 and crop.right >= width
        return [line if whole else line.crop(*crop.column_span)] * crop.height


class OwnText(Static):
    """A text of several lines. At each read a few differ: only these are made again."""

    virtual_size = size_apart()

    def __init__(self, *, classes: str) -> None:
        super().__init__(classes=classes, markup=False)
        self._looks: tuple[object, ...] = ()  # what lines depend on besides their text
        # By number, text and styles of a line of the text.
        self._known: dict[tuple[int, str, tuple[object, ...]], list[Strip]] = {}
        self._lines: list[Strip] = []

    def notify_style_update(self) -> None:
        """Make the lines again: the theme has changed."""
        super().notify_style_update()
        self._looks = ()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of it."""
        visual, looks = self._render(), (self.size.width, self.visual_style, self.background_colors)
        if self.text_selection is not None or not isinstance(visual, Content):  # Textual marks what is selected
            self._looks = ()
            return own_lines(self, crop)
        if looks != self._looks:
            self._looks, self._known = looks, {}
            self._make(visual)
        elif self._dirty_regions:
            self._make(visual)
        self._dirty_regions.clear()
        lines = [*self._lines[crop.y : crop.bottom]]
        if missing := crop.height - len(lines):
            lines += [as_shown(self)(Strip([]))] * missing
        whole = crop.x == 0 and crop.right >= self.size.width
        return lines if whole else [line.crop(*crop.column_span) for line in lines]

    def _make(self, text: Content) -> None:
        before, self._known, self._lines = self._known, {}, []
        shown = as_shown(self)
        for number, line in enumerate(text.split("\n", allow_blank=True)):
            key = number, line.plain, tuple(line.spans)
            if (strips := before.get(key)) is None:
                made = Visual.to_strips(self, line, self.size.width, None, self.visual_style)
                strips = [shown(_numbered(each, number)) for each in made]
            self._known[key] = strips
            self._lines += strips


class OwnStyles:
    """What lines of text look like in a widget, as a terminal shows them; each style is computed once for a theme."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._known: dict[str, RichStyle] = {}

    def forget(self) -> None:
        """Compute them again: the theme has changed."""
        self._known = {}

    def line(self, text: Content, width: int) -> Strip:
        """A line put together of texts that have one style each, or none, in exactly `width` cells."""
        segments: list[Segment] = []
        at, plain = 0, text.plain
        for start, end, style in text.spans:
            if start > at:
                segments.append(Segment(plain[at:start], self._of("")))
            segments.append(Segment(plain[start:end], self._of(str(style))))
            at = end
        if at < len(plain):
            segments.append(Segment(plain[at:], self._of("")))
        return Strip(segments, len(plain) if plain.isascii() else None).adjust_cell_length(width, self._ground())

    def _of(self, name: str) -> RichStyle:
        if name not in self._known:
            widget = self._widget
            (line,) = Visual.to_strips(widget, Content.styled("x", name), 1, 1, widget.visual_style)
            self._known[name] = self._shown(line)
        return self._known[name]

    def _ground(self) -> RichStyle:
        """The style of cells without text."""
        if GROUND not in self._known:
            behind, background = self._widget.background_colors
            style = Style(background=behind + background).rich_style
            self._known[GROUND] = self._shown(Strip([Segment(" ", style)]))
        return self._known[GROUND]

    def _shown(self, line: Strip) -> RichStyle:
        for each in self._widget.get_line_filters():
            line = line.apply_filter(each, self._widget.background_colors[1])
        return next(iter(line)).style or RichStyle.null()


def _numbered(line: Strip, number: int) -> Strip:
    """A part of the line of that number: by what is noted in its styles the mouse selects text."""
    segments = []
    for text, style, control in line:
        place = style.meta.get("offset") if style else None
        noted = style + RichStyle.from_meta({"offset": (place[0], number)}) if style and place else style
        segments.append(Segment(text, noted, control))
    return Strip(segments, line.cell_length)

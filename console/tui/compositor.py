"""What is painted of a screen: the widgets of which something can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter

from rich.console import RenderableType
from textual._compositor import Compositor, LayoutUpdate, ReflowResult
from textual.geometry import Region, Size
from textual.messages import Layout
from textual.reactive import Reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from console.tui.picture import LinePart
from console.tui.updates import TightUpdate

Placing = dict[Widget, tuple[Region, Region]]  # each widget's region, and the region that it is clipped to
_NOTHING = Strip([])
PLACE = attrgetter("y", "x")  # of a part on the screen
Span = tuple[int, int, int]  # of a line: its y, the x of its first cell, the x after its last one


class FrontCompositor(Compositor):
    """Textual's compositor, without rendering what others cover, and for a change only its lines.

    Its own renders every widget between the top and the bottom of all changes, and each container behind it.
    """

    _among: Placing | None = None
    _in_front: Placing
    _placed: Placing | None = None  # what the last layout or scroll has placed where

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Lay out everything; what is elsewhere then is to be painted."""
        result = super().reflow(parent, size)
        self._mark_moved()
        return result

    def reflow_visible(self, parent: Widget, size: Size) -> set[Widget]:
        """Place what is visible after a scroll; what is elsewhere then is to be painted."""
        exposed = super().reflow_visible(parent, size)
        self._mark_moved()
        return exposed

    def _mark_moved(self) -> None:
        """Mark where a widget was or is.

        Textual compares with a map that is not what was painted last after a scroll, or once somebody has asked for
        the place of a hidden widget: it may have been made for the layout that comes.
        """
        placed = self.visible_widgets
        moved = placed.items() ^ (self._placed or {}).items()
        self._dirty_regions.update(filter(None, (region.intersection(clip) for _, (region, clip) in moved)))
        self._placed = placed

    def render_partial_update(self) -> TightUpdate | None:  # type: ignore[override]
        """The cells that have changed."""
        height, width = self.size.height, self.size.width
        spans = [
            (y, max(0, first), min(width, last))
            for y, first, last in self._regions_to_spans(self._dirty_regions)
            if 0 <= y < height
        ]
        self._dirty_regions.clear()
        return TightUpdate(sorted(self._parts(spans), key=PLACE)) if spans else None

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """All cells; `simplify` joins those of one style and drops what is not seen, for a picture."""
        self._dirty_regions.clear()
        lines: list[Iterable[Strip]] = list(self._lines(self.size))
        if simplify:
            lines = [[Strip.join(line).simplify().discard_meta()] for line in lines]
        return LayoutUpdate(lines, self.size.region)

    def render_strips(self, size: Size | None = None) -> list[Strip]:
        """The lines of the screen, or as much of them as has `size`."""
        return [Strip.join(line) for line in self._lines(size or self.size)]

    def _lines(self, size: Size) -> Sequence[Sequence[Strip]]:
        lines: list[list[Strip]] = [[] for _ in range(size.height)]
        parts = self._parts([(y, 0, size.width) for y in range(size.height)])
        for part in sorted(parts, key=PLACE):
            lines[part.y].append(part.strip.crop(part.left, part.right))
        return lines

    def _parts(self, spans: list[Span]) -> Iterator[LinePart]:
        """What is in front in these spans."""
        for widget, (region, clip) in chain(self.in_front.items(), self.visible_widgets.items()):
            if not spans:
                return
            seen = region if clip.contains_region(region) else region.intersection(clip)
            mine, spans = taken(spans, seen)
            strips = _rendered(widget, seen.translate(-region.offset), sorted({y - region.y for y, *_ in mine}))
            for y, first, last in mine:
                strip = strips.get(y - region.y, _NOTHING)
                end = min(last, seen.x + strip.cell_length)
                if end > first:
                    yield LinePart(y, first, strip, first - seen.x, end - seen.x)
                if end < last:  # it drew less than its region: what is behind it is seen
                    spans.append((y, max(first, end), last))
        for y, first, last in spans:
            yield LinePart(y, first, Strip.blank(last - first), 0, last - first)

    @property
    def in_front(self) -> Placing:
        """The widgets of which something can be seen, from front to back."""
        visible = self.visible_widgets
        if visible is not self._among:
            self._among, self._in_front = visible, in_front(visible, *self.size)
        return self._in_front


class FrontScreen(Screen[object]):
    """A screen that paints what can be seen of it."""

    # Textual's own paints the whole screen again whenever another widget gets the focus.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._front = self._compositor = FrontCompositor()

    def lay_out_now(self, container: Widget) -> None:
        """Lay out the children of `container`, of which others are shown now, and paint all that has changed."""
        if not self.is_current or not self._compositor.widgets:
            return  # the first layout is still to come
        for widget in _with_bars((*_displayed(container), *self._compositor.widgets)):
            if widget._layout_required:  # noqa: SLF001  it would ask this screen for it when it is idle
                widget._layout_required = False  # noqa: SLF001
                for ancestor in widget.ancestors_with_self:
                    if isinstance(ancestor, Widget):
                        ancestor._clear_arrangement_cache()  # noqa: SLF001
        self._layout_required = True
        self.paint_now()

    async def _on_layout(self, message: Layout) -> None:
        """A change of a widget in what is hidden moves nothing; it is laid out when that is shown."""
        if not all(ancestor.display for ancestor in message.widget.ancestors):
            message.stop()
            message.prevent_default()

    def paint_now(self) -> None:
        """Paint what has changed before anything else that waits; Textual would do so at its next frame."""
        if self.is_current:
            self._dirty_widgets |= self._changed()
            self._on_timer_update()

    def _compositor_refresh(self) -> None:
        # What else has changed by now would be painted again at the next frame.
        if self.is_current and (changed := self._changed()):
            self._compositor.update_widgets(changed)
        below = self.app._background_screens  # noqa: SLF001
        changes = [*self._compositor._dirty_regions] if self in below else []  # noqa: SLF001
        super()._compositor_refresh()
        if changes:
            for screen in below[below.index(self) + 1 :]:  # what they keep of the screens behind them is older
                screen._set_dirty(*changes)  # noqa: SLF001

    def _changed(self) -> set[Widget]:
        """The widgets on the screen that are to be painted; they no longer tell this screen so when they are idle."""
        changed = {widget for widget in self._front.in_front if widget._repaint_required}  # noqa: SLF001
        for widget in changed:
            widget._repaint_required = False  # noqa: SLF001
        return changed


def whole(screen: Screen[object]) -> RenderableType | None:
    """Everything that can be seen of a screen and of those behind it, for a terminal that shows something else."""
    behind = screen.app._background_screens  # noqa: SLF001  Textual itself paints them so
    return screen._compositor.render_update(full=True, screen_stack=behind)  # noqa: SLF001


def _displayed(container: Widget) -> Iterator[Widget]:
    """What is shown of `container` from now on, and what was shown of it until now."""
    yield container
    for child in container.children:
        if child.display:
            yield from _displayed(child)
        else:
            yield child


def _with_bars(widgets: Iterable[Widget]) -> Iterator[Widget]:
    """`widgets` and their scroll bars, which are nobody's children."""
    for widget in widgets:
        bars = (widget, widget._vertical_scrollbar, widget._horizontal_scrollbar)  # noqa: SLF001  those that were made
        yield from (each for each in bars if each is not None)


def in_front(visible: Placing, width: int, height: int) -> Placing:
    """Those of `visible`, which is in order from front to back, with a cell that none before them covers."""
    free = [bytearray(b"\1") * width for _ in range(height)]
    found: Placing = {}
    for widget, (region, clip) in visible.items():
        left, top, right, bottom = region.intersection(clip).intersection(Region(0, 0, width, height)).corners
        lines = free[top:bottom]
        if any(1 in line[left:right] for line in lines):
            found[widget] = (region, clip)
            for line in lines:
                line[left:right] = bytes(right - left)
    return found


def taken(spans: Iterable[Span], region: Region) -> tuple[list[Span], list[Span]]:
    """`spans` as far as they are in `region`, and what is left of them."""
    left, top, right, bottom = region.corners
    inside: list[Span] = []
    outside: list[Span] = []
    for span in spans:
        y, first, last = span
        if not top <= y < bottom or last <= left or first >= right:
            outside.append(span)
            continue
        inside.append((y, max(first, left), min(last, right)))
        if first < left:
            outside.append((y, first, left))
        if last > right:
            outside.append((y, right, last))
    return inside, outside


def _rendered(widget: Widget, seen: Region, lines: Sequence[int]) -> dict[int, Strip]:
    """Some lines of a widget, in the columns of it that are `seen`; neighbours are rendered together."""
    strips: dict[int, Strip] = {}
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end] == lines[end - 1] + 1:
            end += 1
        run = lines[at:end]
        strips.update(zip(run, widget.render_lines(Region(seen.x, run[0], seen.width, len(run))), strict=False))
        at = end
    return strips

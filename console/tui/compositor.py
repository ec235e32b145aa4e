"""What is painted of a screen: the widgets of which something can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

Placing = dict[Widget, tuple[Region, Region]]  # each widget's region, and the region that it is clipped to


class FrontCompositor(Compositor):
    """Textual's compositor, without rendering what others cover, and for a change only what it concerns.

    Its own renders every widget between the top and the bottom of all changes, and each container behind it.
    """

    _among: Placing | None = None
    _in_front: Placing
    _changed: set[int] | None = None  # the lines that are painted; None: all of them

    def render_partial_update(self) -> ChopsUpdate | None:
        """What has changed, as Textual renders it."""
        self._changed = {y for region in self._dirty_regions for y in region.line_range}
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        chops = super()._render_chops(crop, is_rendered_line)
        for y, (line, cuts) in enumerate(zip(chops, self.cuts, strict=True)):
            if is_rendered_line(y) and None in line.values():  # a widget drew less than its region
                ends = dict(pairwise(cuts))
                blank = {x: Strip.blank(ends[x] - x) for x, strip in line.items() if strip is None}
                cast("dict[int, Strip]", line).update(blank)
        return chops

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        del crop  # the lines say more
        visible = self.visible_widgets
        if visible is not self._among:
            self._among, self._in_front = visible, in_front(visible, *self.size)
        for widget, (region, clip) in self._in_front.items():
            seen = region if clip.contains_region(region) else region.intersection(clip)
            if seen and (self._changed is None or not self._changed.isdisjoint(seen.line_range)):
                yield region, clip, widget.render_lines(seen.translate(-region.offset))


class FrontScreen(Screen[object]):
    """A screen that paints what can be seen of it."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._compositor = FrontCompositor()

    def whole(self) -> RenderableType | None:
        """Everything that can be seen, for a terminal that shows something else."""
        return self._compositor.render_update(full=True)


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

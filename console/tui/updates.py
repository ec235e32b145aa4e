"""What is sent to the terminal for a change of the screen: the changed cells, and no style twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import cast

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.strip import Strip

from console.records import dataclass

# A reset followed by a style, with perhaps a move between them; or a style alone.
_STYLES = re.compile(r"\x1b\[0m((?:\x1b\[\d+;\d+H)?)(\x1b\[[\d;]*m)|\x1b\[[\d;]+m")


@dataclass(frozen=True, slots=True)
class LinePart:
    """The cells from `left` to before `right` of a line, which begin at the cell `x` of the screen's line `y`."""

    y: int
    x: int
    strip: Strip
    left: int
    right: int

    @property
    def at(self) -> tuple[int, int]:
        """Where it begins."""
        return self.y, self.x


class TightUpdate(CompositorUpdate):
    """A partial update of the changed cells alone: Textual's own writes each changed line from the widget's edge."""

    def __init__(self, parts: Iterable[LinePart]) -> None:
        """`parts` are in the order of the screen."""
        self.parts = tuple(parts)

    def render_segments(self, console: Console) -> str:
        """The update as text for the terminal."""
        texts: list[str] = []
        at = (-1, -1)
        for each in self.parts:
            if at != each.at:
                texts.append(f"\x1b[{each.y + 1};{each.x + 1}H")
            strip, left, right = each.strip, each.left, each.right
            cells = strip.cell_length
            texts.append(strip.render(console) if (left, right) == (0, cells) else part(strip, left, right, console))
            if right > cells:  # a widget drew less than its region
                texts.append(" " * (right - max(left, cells)))
            at = (each.y, each.x + right - left)
        return lean("".join(texts))


def part(strip: Strip, left: int, right: int, console: Console) -> str:
    """The cells of `strip` from `left` to before `right`, as Strip.crop() and render() would; it is needed once."""
    colors = console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001  as Strip.render() does
    parts, at = [], 0
    for segment in strip:
        start, at = at, at + segment.cell_length
        if start >= right:
            break
        if at > left:
            part = segment.split_cells(right - start)[0] if at > right else segment
            part = part.split_cells(left - start)[1] if start < left else part
            parts.append(Strip.render_style(part.style or Style.null(), part.text, colors))
    return "".join(parts)


def tight(renderable: RenderableType | None) -> RenderableType | None:
    """A partial update of Textual's as a TightUpdate; everything else as it is."""
    if type(renderable) is not ChopsUpdate:
        return renderable
    return cast("RenderableType", TightUpdate(_parts(renderable)))  # Textual sends it by render_segments()


def _parts(update: ChopsUpdate) -> Iterator[LinePart]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            left, right = max(x, first), min(end, last)
            if strip is not None and left < right:
                yield LinePart(y, left, strip, left - x, right - x)


def lean(text: str) -> str:
    """`text` without a reset and style that set again what is set already."""
    style = ""

    def keep(found: re.Match[str]) -> str:
        nonlocal style
        if found[2] is None:
            style = found[0]
            return style
        if found[2] == style:
            return found[1]
        style = found[2]
        return found[0]

    return _STYLES.sub(keep, text)

"""What is sent to the terminal for a change of the screen: the changed cells, and no style twice."""

from __future__ import annotations

import re

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

# A reset followed by a style, with perhaps a move between them; or a style alone.
_STYLES = re.compile(r"\x1b\[0m((?:\x1b\[\d+;\d+H)?)(\x1b\[[\d;]*m)|\x1b\[[\d;]+m")


class TightUpdate(ChopsUpdate):
    """Textual's partial update, cut to the changed cells: its own writes each changed line from the widget's edge."""

    def render_segments(self, console: Console) -> str:
        """The update as text for the terminal."""
        parts: list[str] = []
        at = (-1, -1)
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is None or left >= right:
                    continue
                if at != (left, y):
                    parts.append(f"\x1b[{y + 1};{left + 1}H")
                whole = (left, right) == (x, end)
                parts.append(strip.render(console) if whole else part(strip, left - x, right - x, console))
                at = (right, y)
        return lean("".join(parts))


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
    """A partial update as a TightUpdate; everything else as it is."""
    if type(renderable) is not ChopsUpdate:
        return renderable
    return TightUpdate(renderable.chops, renderable.spans, renderable.chop_ends)


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

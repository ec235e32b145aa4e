"""What is sent to the terminal for a change of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, RenderableType
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.strip import Strip

from console.tui.picture import LinePart, Picture


class TightUpdate(CompositorUpdate):
    """The parts of the screen that may have changed: Textual's own writes each changed line from the widget's edge."""

    def __init__(self, parts: Iterable[LinePart]) -> None:
        """`parts` are in the order of the screen."""
        self.parts = tuple(parts)

    def render_segments(self, console: Console) -> str:
        """All of it as text for a terminal of which nothing is known."""
        terminal = Picture()
        return terminal.drawn(self.parts, console) + terminal.rest()


class WrittenUpdate(CompositorUpdate):
    """An update as the text that is sent."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: Console) -> str:
        """The text."""
        del console
        return self.text


def written(update: RenderableType | None, picture: Picture, app: App[int]) -> RenderableType | None:
    """What has to be sent for `update` to a terminal that shows `picture`, which shows it from now on.

    None: nothing has to. To be called where the update is sent if anything is returned; another than a WrittenUpdate
    after what picture.rest() returns.
    """
    parts = _parts(update)
    if parts is None:
        if update is not None:
            picture.forget()  # anything may be written
        return update
    text = picture.drawn(parts, app.console)
    return WrittenUpdate(text) if text else None  # type: ignore[return-value]  # Textual sends it by render_segments()


def _parts(update: object) -> Iterable[LinePart] | None:
    """The parts of an update of Textual's or of a TightUpdate, in the order of the screen; None: it is another."""
    if isinstance(update, TightUpdate):
        return update.parts
    if isinstance(update, LayoutUpdate):
        return _lines(update.strips, update.region.x, update.region.y)
    return _chops(update) if isinstance(update, ChopsUpdate) else None


def _lines(lines: Iterable[Iterable[Strip]], left: int, top: int) -> Iterator[LinePart]:
    for y, line in enumerate(lines, top):
        x = left
        for strip in line:
            yield LinePart(y, x, strip, 0, strip.cell_length)
            x += strip.cell_length


def _chops(update: ChopsUpdate) -> Iterator[LinePart]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            left, right = max(x, first), min(end, last)
            if strip is not None and left < right:
                yield LinePart(y, left, strip, left - x, right - x)

"""The line above a table: the pane's views, how many rows, in which order, how fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from console.format import age, one_line
from console.model import Pane, Snapshot

if TYPE_CHECKING:
    from console.tui.pane_view import PaneView


class PaneTitle(Widget):
    """One line; a click on the name of a view asks for it."""

    class Chosen(Message):
        """The name of a view was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = pane
        self._current = pane.views[0].name
        self._right = ""
        self._places: list[tuple[int, int, str]] = []

    def tell(self, view: PaneView, last: Snapshot | None) -> None:
        """Show what `view` shows; redrawn only when something of it changed."""
        facts = [self._rows(view, last)]
        if view.filter_text:
            facts.append(f"/{one_line(view.filter_text)[:20]}")
        facts.append("paused" if view.paused else f"every {age(view.period).replace('.0', '')}")
        right = "  ".join(fact for fact in facts if fact)
        if (right, view.current.name) != (self._right, self._current):
            self._right, self._current = right, view.current.name
            self.refresh()

    def render(self) -> Content:
        """The names of the views on the left, the facts on the right."""
        parts: list[tuple[str, str] | str] = [(f" {self._pane.title} ", "bold $accent")]
        x = len(self._pane.title) + 2
        self._places = []
        room = self.size.width - len(self._right) - 1
        views = self._pane.views if len(self._pane.views) > 1 else ()
        for view in views:
            shown = f" {view.title} "
            if x + len(shown) > room and view.name != self._current:
                continue
            self._places.append((x, x + len(shown), view.name))
            parts.append((shown, "reverse" if view.name == self._current else "$text-muted"))
            x += len(shown)
        parts.append(" " * max(1, room - x))
        parts.append((self._right, "$text-muted"))
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        """Find the name under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

    @staticmethod
    def _rows(view: PaneView, last: Snapshot | None) -> str:
        if last is None or view.arranged is None:
            return ""
        shown, known = len(view.arranged.rows), len(last.rows)
        return f"{shown} rows" if shown == known else f"{shown} of {known}"

"""The line of panes with their keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from console.model import Pane


class PaneTabs(Widget):
    """Every pane on one line, the current one marked; titles are cut where there is no room for them."""

    current = reactive("")

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, panes: Sequence[Pane], current: str) -> None:
        super().__init__()
        self._panes = panes
        self._places: list[tuple[int, int, str]] = []
        self.set_reactive(PaneTabs.current, current)

    def render(self) -> Content:
        """Key and title of each pane."""
        parts: list[tuple[str, str] | str] = []
        self._places = []
        x = 0
        for pane, title in zip(self._panes, self._titles(), strict=True):
            chosen = pane.name == self.current
            parts += [(f" {pane.key} ", "bold $accent"), (title, "bold reverse" if chosen else "")]
            self._places.append((x, x + len(title) + 3, pane.name))
            x += len(title) + 3
        return Content.assemble(*parts)

    def _titles(self) -> list[str]:
        titles = [pane.title for pane in self._panes]
        for limit in (30, 10, 9, 8, 7, 6, 5, 4, 3):
            cut = [
                title[: max(limit, 9)] if pane.name == self.current else title[:limit].rstrip()
                for pane, title in zip(self._panes, titles, strict=True)
            ]
            if sum(len(title) + 3 for title in cut) <= self.size.width:
                return cut
        return [title[:2] for title in titles]

    def on_click(self, event: Click) -> None:
        """Find the tab under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

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
        for limit, rare in ((30, 30), (10, 5), (9, 4), (8, 4), (7, 4), (6, 3), (6, 0), (5, 0), (4, 0), (3, 0)):
            cut = [pane.title[: self._most(pane, limit, rare)].rstrip() for pane in self._panes]
            if sum(len(title) + 3 for title in cut) <= self.size.width:
                return cut
        return [pane.title[:2] for pane in self._panes]

    def _most(self, pane: Pane, limit: int, rare: int) -> int:
        """Cells for a title: the current one stays readable; panes without a digit give theirs up first."""
        if pane.name == self.current:
            return max(limit, 9)
        return limit if pane.key.isdigit() else rare

    def on_click(self, event: Click) -> None:
        """Find the tab under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

"""The line of groups, and of the panes in the current group with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from console.model import Pane
from console.tui.concerns import Concerns

LIMITS = (40, 16, 12, 10, 8, 6, 5, 4, 3)  # cells a title may take, tried in this order until the line fits


class PaneTabs(Widget):
    """All groups, then the panes of the current group; titles are shortened where there is no room for them.

    Panes of other groups are reached by their keys, by `<` and `>`, by a part of their name after `:`, or by a click on
    their group.
    """

    current = reactive("")

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, panes: Sequence[Pane], current: str) -> None:
        super().__init__()
        self._panes = panes
        self._visited: dict[str, str] = {}  # group → the pane of it that was on the screen last
        self._places: list[tuple[int, int, str]] = []
        self._concerns: Concerns = {}
        self.set_reactive(PaneTabs.current, current)
        self._visited[self._group] = current

    @property
    def _group(self) -> str:
        return next(pane.group for pane in self._panes if pane.name == self.current)

    def watch_current(self) -> None:
        """Remember where its group is entered next time."""
        self._visited[self._group] = self.current

    def show_concerns(self, found: Concerns) -> None:
        """Mark the panes that findings concern."""
        if found != self._concerns:
            self._concerns = found
            self.refresh()

    def beside(self, by: int) -> str:
        """The name of the pane to open in the group `by` places further on; the last one follows the first."""
        groups = self._groups()
        return self._entry(groups[(groups.index(self._group) + by) % len(groups)])

    def render(self) -> Content:
        """The groups, the current one marked, then key and title of each pane in it."""
        parts: list[tuple[str, str]] = []
        self._places = []
        x = 0
        for text, style, name in self._segments():
            parts.append((text, style))
            self._places.append((x, x + len(text), name))
            x += len(text)
        return Content.assemble(*parts)

    def _segments(self) -> Iterator[tuple[str, str, str]]:
        for group in self._groups():
            yield f" {group}", "bold $accent" if group == self._group else "$foreground-muted", self._entry(group)
        yield " │", "$foreground-muted", ""
        members = [pane for pane in self._panes if pane.group == self._group]
        for pane, title in zip(members, self._titles(members), strict=True):
            yield f" {pane.key} ", "bold $accent", pane.name
            yield title, "bold reverse" if pane.name == self.current else "", pane.name
            if concern := self._concerns.get(pane.name):
                yield concern.mark, concern.style, pane.name

    def _titles(self, members: Sequence[Pane]) -> list[str]:
        marks = sum(len(self._concerns[pane.name].mark) for pane in members if pane.name in self._concerns)
        room = self.size.width - sum(len(group) + 1 for group in self._groups()) - 2 - marks
        for limit in LIMITS:
            titles = [_shortened(pane.title, limit) for pane in members]
            if sum(len(title) + 3 for title in titles) <= room:
                break
        return titles

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(pane.group for pane in self._panes))

    def _entry(self, group: str) -> str:
        return self._visited.get(group) or next(pane.name for pane in self._panes if pane.group == group)

    def on_click(self, event: Click) -> None:
        """Find the group or the tab under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end and name:
                self.post_message(self.Chosen(name))


def _shortened(title: str, limit: int) -> str:
    return title if len(title) <= limit else f"{title[: limit - 1].rstrip()}…"

"""The line of groups, and of the panes in the current group with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive

from console.model import Pane
from console.records import dataclass
from console.tui.concerns import Concerns
from console.tui.own_lines import OwnLine

WHOLE = 40  # cells; no name is longer
READABLE = 4  # cells in which a shortened name can still be recognised


@dataclass(frozen=True, slots=True)
class TabRoom:
    """How many cells the names on the line may take, and whose titles are the short ones. Keys always stay."""

    groups: int = WHOLE  # for the name of another group
    others: int = WHOLE  # for the title of another pane
    current: int = WHOLE  # for the title of the current pane
    short: tuple[bool, bool] = (True, True)  # of other panes, of the current pane


# Tried in this order until the line fits; below 80 columns the title of the current pane is shortened too.
ROOMS = (
    TabRoom(short=(False, False)),
    TabRoom(short=(True, False)),
    TabRoom(),
    *(TabRoom(groups) for groups in range(9, READABLE - 1, -1)),
    *(TabRoom(READABLE, others) for others in range(15, READABLE - 1, -1)),
    *(TabRoom(groups, READABLE) for groups in range(READABLE - 1, 0, -1)),
    *(TabRoom(1, others) for others in range(READABLE - 1, -1, -1)),
    *(TabRoom(1, 0, current) for current in range(15, -1, -1)),
)


class PaneTabs(OwnLine):
    """All groups, then the panes of the current group; where they do not fit, titles become short ones.

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
        self._group_of = {pane.name: pane.group for pane in panes}
        self._groups = tuple(dict.fromkeys(self._group_of.values()))
        self.set_reactive(PaneTabs.current, current)
        self._visited[self._group] = current

    @property
    def _group(self) -> str:
        return self._group_of[self.current]

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
        groups = self._groups
        return self._entry(groups[(groups.index(self._group) + by) % len(groups)])

    def render(self) -> Content:
        """The groups, the current one marked, then key and title of each pane in it."""
        self._places = []
        x = 0
        segments = self._fitting()
        for text, _, name in segments:
            self._places.append((x, x + len(text), name))
            x += len(text)
        return Content.assemble(*((text, style) for text, style, _ in segments))

    def _fitting(self) -> list[tuple[str, str, str]]:
        for room in ROOMS:
            segments = list(self._segments(room))
            if sum(len(text) for text, _, _ in segments) <= self.size.width:
                break
        return segments

    def _segments(self, room: TabRoom) -> Iterator[tuple[str, str, str]]:
        """Text, style and the pane that a click opens."""
        current = self._group
        for group in self._groups:
            is_current = group == current
            style = "bold $accent" if is_current else "$foreground-muted"
            yield f" {_shortened(group, WHOLE if is_current else room.groups)}", style, self._entry(group)
        yield " │", "$foreground-muted", ""
        for pane in self._panes:
            if pane.group == current:
                is_current = pane.name == self.current
                yield f" {pane.key} ", "bold $accent", pane.name
                title = pane.short if pane.short and room.short[is_current] else pane.title
                title = _shortened(title, room.current if is_current else room.others)
                yield title, "bold reverse" if is_current else "", pane.name
                if concern := self._concerns.get(pane.name):
                    yield concern.mark, concern.style, pane.name

    def _entry(self, group: str) -> str:
        return self._visited.get(group) or next(pane.name for pane in self._panes if pane.group == group)

    def on_click(self, event: Click) -> None:
        """Find the group or the tab under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end and name:
                self.post_message(self.Chosen(name))


def _shortened(name: str, limit: int) -> str:
    if len(name) <= limit:
        return name
    return name[:limit] if limit < 3 else f"{name[: limit - 1].rstrip()}…"

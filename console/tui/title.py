"""The line above a table: the views of the pane, the number of rows, the filter, the refresh period."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message

from console.format import age, counted, one_line
from console.model import Pane, View
from console.tui.concerns import Concern
from console.tui.own_lines import OwnLine
from console.tui.pane_state import PaneState

PAST = "past"  # instead of a period


class PaneTitle(OwnLine):
    """One line; a click on the name of a view chooses it."""

    class Chosen(Message):
        """The name of a view was clicked."""

        def __init__(self, pane: Pane, name: str) -> None:
            super().__init__()
            self.pane = pane
            self.name = name

    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self._pane = pane
        self._current = pane.views[0].name
        self._right = ""
        self._period = ""
        self._is_past = False
        self._concern: Concern | None = None
        self._places: list[tuple[int, int, str]] = []

    def turn_to(self, pane: Pane) -> None:
        """Show the choices of another pane."""
        self._pane = pane
        self.refresh()

    def show_state(
        self,
        state: PaneState,
        rows: tuple[int, int] | None,
        since: str = "",
        sampler: str = "",
        *,
        is_past: bool = False,
    ) -> None:
        """Show the choices, and how many rows of how many are shown; redrawn only when the text differs.

        `since` is the moment since which differences are shown, empty: none are; `sampler` what sampled the rows, if it
        was not the console. Rows of the past are not read again.
        """
        facts = [one_line(sampler)] if sampler else []
        facts += [_rows(*rows)] if rows else []
        facts += [since] if since else []
        if state.filter_text:
            facts.append(f"/{one_line(state.filter_text)[:20]}")
        period = "paused" if state.paused else age(state.period).replace(".0", "")
        right = "".join(f"{fact}  " for fact in facts)
        now = right, period, state.view.name, is_past
        if now != (self._right, self._period, self._current, self._is_past):
            self._right, self._period, self._current, self._is_past = now
            self.refresh()

    def show_concern(self, concern: Concern | None) -> None:
        """Show which findings concern this pane; None: no finding does."""
        if concern != self._concern:
            self._concern = concern
            self.refresh()

    def render(self) -> Content:
        """The names of the views on the left, the facts on the right."""
        parts: list[tuple[str, str] | str] = []
        views = self._pane.views if len(self._pane.views) > 1 else ()
        titles = sum(len(view.title) + 2 for view in views)
        right = self._facts(titles)
        room = self.size.width - len(right) - 1
        heads = [(f" {self._pane.title} ", "bold $accent")]
        if self._concern is not None:
            heads.append((f" {self._concern.text} ", self._concern.style))
        if len(_plain(heads)) + titles > room and not self._is_second:
            del heads[0]  # the line of tabs has that name too
        parts += heads
        x = len(_plain(heads))
        self._places = []
        for view, title in zip(views, _titles(views, room - x), strict=True):
            shown = f" {title} "
            self._places.append((x, x + len(shown), view.name))
            parts.append((shown, "reverse" if view.name == self._current else "$text-muted"))
            x += len(shown)
        parts.append(" " * max(1, room - x))
        parts.append((right, "$text-muted"))
        return Content.assemble(*parts)

    def _facts(self, titles: int) -> str:
        """What stands on the right, a word shorter where the names of the views, in `titles` cells, need the room."""
        period = self._period
        whole = f"every {period}" if period not in {"", "paused"} else period
        shown = whole if titles + len(self._right) + len(whole) + 1 <= self.size.width else period
        if self._is_past:  # as wide: what is next to it has the same place at any moment
            shown = PAST.rjust(len(shown)) if len(PAST) <= len(shown) else " " * len(shown)
        return f"{self._right}{shown}"

    @property
    def _is_second(self) -> bool:
        """Whether its pane is shown next to the one that the line of tabs names."""
        return self.parent is not None and self.parent.has_class("beside")

    def on_click(self, event: Click) -> None:
        """Find the name under the mouse."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(self._pane, name))


def _titles(views: Sequence[View], room: int) -> list[str]:
    """The titles of all views, the longest shortened until they fit: a view that is not named is not found."""
    titles = [view.title for view in views]
    for limit in range(max(map(len, titles), default=0), 2, -1):
        titles = [title if len(title) <= limit else f"{title[: limit - 1].rstrip()}…" for title in titles]
        if sum(len(title) + 2 for title in titles) <= room:
            break
    return titles


def _plain(parts: Sequence[tuple[str, str]]) -> str:
    return "".join(text for text, _ in parts)


def _rows(shown: int, known: int) -> str:
    return counted(shown, "row") if shown == known else f"{shown} of {known}"

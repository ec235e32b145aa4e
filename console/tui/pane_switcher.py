"""All panes, of which one is on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.widget import Widget
from textual.widgets import ContentSwitcher

from console.model import Pane
from console.panes import pane as pane_called
from console.panes.overview import OVERVIEW
from console.reading.thresholds import configured
from console.tui.marks import Marks
from console.tui.open_pane import OpenPane
from console.tui.overview import Overview
from console.tui.pane_times import PaneTimes
from console.tui.pane_view import PaneView
from console.tui.sizes import size_apart
from console.tui.vitals import Metrics
from console.workspace import Workspace

SHARED = "pane"  # the id of the widget in which all panes but the overview are shown


class PaneSwitcher(ContentSwitcher):
    """Shows one pane. Each keeps its state; but for the overview all are shown in turn by the same widget."""

    virtual_size = size_apart()

    def __init__(self, workspace: Workspace, times: PaneTimes, marks: Marks, metrics: Callable[[], Metrics]) -> None:
        """`times` has the readers and sources of the moment that is shown; `metrics` returns those of the header.

        `marks` says whether differences are shown.
        """
        super().__init__(initial=None)
        self._workspace = workspace
        self._times = times
        self._marks = marks
        self._metrics = metrics
        self._opened: dict[str, OpenPane] = {}
        self._shared: PaneView | None = None

    async def open(self, name: str, view_in_alarm: str = "") -> None:
        """Show the pane called `name` and give it the focus.

        If one of its views is in alarm, that view is shown, with the cursor on its worst row.
        """
        await self._turn_to(name)
        opened = self.shown
        if view_in_alarm not in {"", opened.view.name} and name != OVERVIEW.name:
            opened.choose_view(view_in_alarm)
        if view_in_alarm or name == OVERVIEW.name:
            opened.rows.seek_worst()
        self.screen.set_focus(opened.rows)
        if opened.size:  # otherwise it has no place on the screen yet, and is painted once it has
            opened.paint()

    async def _turn_to(self, name: str) -> None:
        if name == OVERVIEW.name:
            if name not in {child.id for child in self.children}:
                await self.add_content(Overview(self._make_view), id=name)
            self.current = name
            return
        if name not in self._opened:
            self._opened[name] = self._open(pane_called(name))
        if self._shared is None:
            self._shared = self._view(self._opened[name])
            await self.add_content(self._shared, id=SHARED)
        self._shared.replace(self._opened[name])
        self.current = SHARED

    def read_again(self) -> None:
        """Read all panes again: another moment or another form is wanted."""
        for opened in self._opened.values():
            opened.feed.trouble = None
        for view in self.views:
            view.turn()

    @property
    def views(self) -> list[PaneView]:
        """All widgets that show a pane, those next to the overview too."""
        return [view for child in self.children for view in _views(child)]

    @property
    def in_use(self) -> PaneView:
        """The pane that keys act on: the one with the focus, else the visible one."""
        focused = self.app.screen_stack[0].focused
        for widget in focused.ancestors_with_self if focused else ():
            if isinstance(widget, PaneView):
                return widget
        return self.shown

    @property
    def shown(self) -> PaneView:
        """The pane on the screen."""
        opened = self.visible_content
        assert opened is not None  # noqa: S101  a pane is always open after mounting
        return _views(opened)[0]

    def _make_view(self, pane: Pane) -> PaneView:
        return self._view(self._open(pane))

    def _view(self, opened: OpenPane) -> PaneView:
        return PaneView(opened, self._marks, self._metrics, self._times)

    def _open(self, pane: Pane) -> OpenPane:
        settings, sources = self._workspace.settings, self._workspace.sources
        return OpenPane(
            configured(pane, settings.thresholds),
            lambda view: self._times.source(pane, view),
            lambda view: sources.text(pane, view),
            self._times,
            self._marks,
            details_source=lambda view: self._times.details_source(pane, view),
            period=settings.refresh.get(pane.name, 0.0),
        )


def _views(content: Widget) -> Sequence[PaneView]:
    if isinstance(content, Overview):
        return content.views
    return [content] if isinstance(content, PaneView) else []

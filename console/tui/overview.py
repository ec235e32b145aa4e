"""The overview: metrics; on a large terminal also the history of sessions, connections and slow queries."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from console.model import Pane
from console.panes.connections import CONNECTIONS
from console.panes.overview import OVERVIEW
from console.panes.slow_queries import SLOW_QUERIES
from console.tui.charts import history
from console.tui.pane_view import PaneView
from console.tui.vitals import Vitals


class Overview(Container):
    """The overview pane, with a chart and two other panes where there is room for four quarters."""

    def __init__(self, make_view: Callable[[Pane], PaneView]) -> None:
        super().__init__()
        self._make_view = make_view
        self._chart = Static(classes="activity", markup=False)

    def compose(self) -> ComposeResult:
        """Four quarters; all but the first are hidden on a small terminal."""
        yield self._make_view(OVERVIEW)
        yield self._chart
        for pane in (CONNECTIONS, SLOW_QUERIES):
            view = self._make_view(pane)
            view.add_class("beside")
            yield view

    def show_history(self, vitals: Vitals) -> None:
        """Draw the history of sessions."""
        chart = self._chart
        if chart.display and chart.size.height > 6 and len(vitals.times) > 1:
            chart.update(history(vitals.metrics, chart.size.width, chart.size.height), layout=False)

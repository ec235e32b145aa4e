"""The drawing above the table of a view that has one."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from console.model import Snapshot, View
from console.tui.charts import CHARTS
from console.tui.vitals import Metrics

LOWEST_PANE = 14  # lines of a pane from which there is room for a drawing


class PaneChart(Static):
    """Draws the rows of a view; hidden where the view has no drawing or the pane no room."""

    def __init__(self) -> None:
        super().__init__(classes="chart", markup=False)
        self._drawn = Content("")

    def draw(self, view: View, last: Snapshot | None, room: Size, metrics: Metrics) -> None:
        """Draw `last` and the `metrics` of the header in a pane of the size `room`."""
        drawing = CHARTS.get(view.chart)
        if drawing is None or last is None or room.height < LOWEST_PANE:
            self.display = False
            return
        drawn = drawing(last, max(20, room.width - 2), max(3, room.height // 3), metrics)
        if not drawn.is_same(self._drawn):
            as_high = drawn.plain.count("\n") == self._drawn.plain.count("\n")
            self._drawn = drawn
            self.update(drawn, layout=not (self.display and as_high))
        self.display = bool(drawn.plain)

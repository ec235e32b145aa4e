"""The drawing above the table of a view that has one."""

from __future__ import annotations

from textual.geometry import Size
from textual.widgets import Static

from console.model import Snapshot, View
from console.tui.charts import CHARTS

LOWEST_PANE = 14  # lines of a pane from which there is room for a drawing


class PaneChart(Static):
    """Draws the rows of a view; hidden where the view has no drawing or the pane no room."""

    def __init__(self) -> None:
        super().__init__(classes="chart", markup=False)

    def draw(self, view: View, last: Snapshot | None, room: Size) -> None:
        """Draw `last` in a pane of the size `room`."""
        drawing = CHARTS.get(view.chart)
        self.display = drawing is not None and last is not None and room.height >= LOWEST_PANE
        if self.display and drawing is not None and last is not None:
            self.update(drawing(last, max(20, room.width - 2), max(3, room.height // 3)))

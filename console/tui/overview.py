"""The first pane: vital signs; on a large terminal the history of activity, sessions and statements beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from console.format import age
from console.panes import PANES, pane
from console.tui.charts import Curve, history
from console.tui.vitals import Vitals

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

BESIDE = ("connections", "slow-queries")
CURVES = (
    ("active", "active", "green"),
    ("waiting", "waiting for locks", "red"),
    ("idle_in_transaction", "idle in transaction", "yellow"),
)


class Overview(Container):
    """The first pane alone, or with company where there is room."""

    def __init__(self, console: ConsoleApp) -> None:
        super().__init__()
        self._owner = console

    def compose(self) -> ComposeResult:
        """Four quarters; all but the first are hidden on a small terminal."""
        yield self._owner.make_view(PANES[0])
        yield Static(classes="activity", markup=False)
        for name in BESIDE:
            view = self._owner.make_view(pane(name))
            view.add_class("beside")
            yield view

    def tell(self, vitals: Vitals) -> None:
        """Draw the history of activity."""
        chart = self.query_one(".activity", Static)
        if chart.display and chart.size.height > 6:
            curves = [Curve(label, colour, list(vitals.history[name])) for name, label, colour in CURVES]
            since = f"-{age(vitals.period * max(len(curve.values) for curve in curves))}"
            chart.update(history(curves, since, chart.size.width, chart.size.height))

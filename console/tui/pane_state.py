"""What the user chose in a pane: its view, and for each view order and filter; pause and refresh period."""

from __future__ import annotations

from console.model import Pane, Snapshot, Trouble, View
from console.reading.arrange import arrange

SLOWEST, FASTEST = 300.0, 0.5  # seconds


class PaneState:
    """The choices in one pane."""

    def __init__(self, pane: Pane, period: float) -> None:
        """`period` in seconds; 0: the pane's own."""
        self.pane = pane
        self.view: View = pane.views[0]
        self.period = period or pane.refresh
        self.paused = False
        self.form = self.view  # the current view as it is shown: with its own columns, or those of differences
        self._sorts: dict[tuple[str, bool], str] = {}  # by view, and whether it shows differences
        self._filters: dict[str, str] = {}

    @property
    def sort(self) -> str:
        """The order of the current view: a column, with a leading "-" for descending."""
        return self._sorts.get(self._ordered, self.form.sort)

    @property
    def _ordered(self) -> tuple[str, bool]:
        return self.view.name, self.form is not self.view

    @property
    def filter_text(self) -> str:
        """The filter of the current view."""
        return self._filters.get(self.view.name, "")

    @filter_text.setter
    def filter_text(self, text: str) -> None:
        self._filters[self.view.name] = text

    def choose_view(self, name: str) -> None:
        """Turn to the view called `name`."""
        self.view = self.form = self.pane.view(name)

    def neighbour(self, step: int) -> str:
        """The name of the view `step` places further, in a circle."""
        at = self.pane.views.index(self.view)
        return self.pane.views[(at + step) % len(self.pane.views)].name

    def sort_by(self, column: str) -> None:
        """Sort by `column`, descending; ascending if that is the order already."""
        self._sorts[self._ordered] = column if self.sort == f"-{column}" else f"-{column}"

    def arrange(self, rows: Snapshot) -> tuple[Snapshot, Trouble | None]:
        """The rows of the current view, filtered and in its order; unfiltered with the Trouble if the filter is wrong.

        A filter is wrong, too, while it is being typed.
        """
        try:
            return arrange(rows, self.form, self.sort, self.filter_text), None
        except Trouble as why:
            return arrange(rows, self.form, self.sort), why

    def change_period(self, factor: float) -> None:
        """Multiply the refresh period, within bounds."""
        self.period = min(SLOWEST, max(FASTEST, self.period * factor))

"""The rows of a pane on the screen, as a table or as findings, with the details of the row under the cursor."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal

from console.model import Pane, Snapshot, Source, View
from console.tui.details import Details
from console.tui.dialogs import DetailsDialog
from console.tui.finding_blocks import FindingBlocks
from console.tui.layout import present
from console.tui.live_table import LiveTable

DRAWER_FROM = 120  # cells of width from which the details are next to the table


class PaneRows(Horizontal):
    """Shows the rows of one view of a pane in the widget that the view asks for."""

    def __init__(self, pane: Pane, source: Callable[[], Source | None]) -> None:
        """`source` returns what the rows were read from, for the details; None: it is not configured."""
        super().__init__()
        self._pane = pane
        self._source = source
        self._view = pane.views[0]

    def compose(self) -> ComposeResult:
        """The table, the findings if a view has them, the drawer."""
        yield LiveTable(self._view.columns)
        if any(view.blocks for view in self._pane.views):
            yield FindingBlocks()
        yield Details()

    def on_mount(self) -> None:
        """Show the widget of the first view."""
        self.turn_to(self._view)

    @property
    def table(self) -> LiveTable:
        """The table, which may be hidden."""
        return self.query_one(LiveTable)

    @property
    def widget(self) -> LiveTable | FindingBlocks:
        """The widget with the rows of the current view."""
        return self.query_one(FindingBlocks) if self._view.blocks else self.table

    @property
    def chosen(self) -> list[dict[str, object]]:
        """The marked rows, else the one under the cursor."""
        row = self.widget.cursor_row
        return self.widget.marked_rows or ([row] if row else [])

    def turn_to(self, view: View) -> None:
        """Show the widget of `view`."""
        self._view = view
        self.table.display = not view.blocks
        for blocks in self.query(FindingBlocks):
            blocks.display = view.blocks

    def show(self, rows: Snapshot, sort: str, stale: bool) -> None:
        """Show the rows of the current view, in the order `sort`."""
        if self._view.blocks:
            self.query_one(FindingBlocks).show(rows, self._view.key, stale)
        else:
            self.table.show(rows, present(self._view.columns, rows), self._view.key, sort, stale)

    @property
    def drawer(self) -> Details:
        """The details next to the table."""
        return self.query_one(Details)

    def fill_drawer(self) -> None:
        """Show the details of the row under the cursor, if the drawer is open."""
        if self.drawer.display:
            self.drawer.show_row(self._view, self.table.cursor_key, self.table.cursor_row, self._source())

    def on_live_table_selected(self) -> None:
        """Details: next to the table if there is room, else in a dialog."""
        row, key = self.table.cursor_row, self.table.cursor_key
        if row is None:
            self.notify("No row selected.", timeout=3, markup=False)
        elif self.size.width >= DRAWER_FROM:
            self.drawer.display = not self.drawer.display
            self.fill_drawer()
        elif self.screen.is_active:  # otherwise a key that was pressed before has just opened another dialog
            self.app.push_screen(DetailsDialog(self._pane.title, self._view, key, row, self._source()))

    def on_live_table_moved(self) -> None:
        """The drawer follows the cursor."""
        self.fill_drawer()

"""The rows of a pane on the screen, as a table or as findings, with the details of the row under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer

from console.model import Counterpart, Snapshot, Source, Trouble, View
from console.reading.filtering import filter_for
from console.records import dataclass
from console.tui.details import Details, fields
from console.tui.dialogs import DetailsDialog
from console.tui.finding_blocks import FindingBlocks
from console.tui.layout import present
from console.tui.live_table import LiveTable
from console.tui.open_pane import OpenPane
from console.tui.sizes import size_apart

NEXT_FROM = 120  # cells of width from which the details are next to the table
TABLE, WIDEST = 80, 72  # cells that the table keeps, and the most that the details next to it take
HEIGHTS = (16, 12, 8)  # lines of the details below the table, as many as it leaves free
REST = 0.08  # seconds without another move of the cursor
SPARE = 6  # free lines more than it has, from which on the drawer below becomes higher


class PaneRows(Horizontal):
    """Shows the rows of one view of a pane in the widget that the view asks for."""

    virtual_size = size_apart()  # it does not scroll

    @dataclass()
    class CounterpartWanted(Message):
        """The row of another pane is wanted that belongs to the one under the cursor: how it is found."""

        pane: str
        view: str
        row: Mapping[str, object]
        missing: str = ""  # what to say if there is no such row

    def __init__(self, opened: OpenPane, follow: Callable[[str, str], None]) -> None:
        """`follow` takes a view of the pane to which a row leads, and the filter for what belongs to the row."""
        super().__init__()
        self._opened = opened
        self._follow = follow
        self._view = opened.pane.views[0]
        self.table = LiveTable(self._view.columns, self._select)
        self._blocks = FindingBlocks() if any(view.blocks for view in opened.pane.views) else None
        self.drawer = Details()  # next to or below the table
        self._fitted = 0, 0  # lines that there were for both, and those chosen for the details below
        self._drawer_size: tuple[int | None, int | None] = (None, None)  # None: as the place has it
        self._following: Timer | None = None

    def compose(self) -> ComposeResult:
        """The table, the findings if a view has them, the drawer."""
        yield self.table
        if self._blocks is not None:
            yield self._blocks
        yield self.drawer

    def on_mount(self) -> None:
        """Show the widget of the first view."""
        self.turn_to(self._view)

    @property
    def widget(self) -> LiveTable | FindingBlocks:
        """The widget with the rows of the current view."""
        return self._blocks if self._blocks is not None and self._view.blocks else self.table

    @property
    def view(self) -> View:
        """The view as it is shown."""
        return self._view

    @property
    def chosen(self) -> list[dict[str, object]]:
        """The marked rows, else the one under the cursor."""
        row = self.widget.cursor_row
        return self.widget.marked_rows or ([row] if row else [])

    def turn_to(self, view: View) -> None:
        """Show the widget of `view`."""
        self._view = view
        self.table.display = self.widget is self.table
        if self._blocks is not None:
            self._blocks.display = view.blocks

    def replace(self, opened: OpenPane) -> None:
        """Show the rows of another pane from now on, as they stood when they were shown last."""
        self._opened.place = self.table.leave()
        self._opened = opened
        self._fitted = 0, 0
        if self._following is not None:
            self._following.stop()
        self.table.return_to(opened.place)
        self.drawer.forget()
        self.turn_to(opened.state.form)

    def show(self, rows: Snapshot, sort: str, stale: bool) -> None:
        """Show the rows of the current view, in the order `sort`."""
        if self._blocks is not None and self._view.blocks:
            self._blocks.show(rows, self._view.key, stale)
        else:
            self.table.show(rows, present(self._view.columns, rows), self._view.key, sort, stale)

    def show_nothing(self, sort: str) -> None:
        """Show no rows, as none of the current view were ever read: those of another must not be under its title."""
        if not self._view.blocks:
            names = dict.fromkeys((*self._view.key, *(column.name for column in self._view.columns)))
            self.show(Snapshot(self._view.query, tuple(names), (), datetime.now(UTC)), sort, stale=False)

    def on_resize(self) -> None:
        """There may be another place for the details."""
        self.fill_drawer()

    def fill_drawer(self) -> None:
        """Show the details of the row under the cursor where there is room for them."""
        drawer, table = self.drawer, self.table
        height, row = self._height_below(), table.cursor_row
        has_room = table.display and (self._is_wide or height > 0)
        drawer.display = has_room and row is not None and not self._opened.details_dismissed
        if row is None or not drawer.display:
            return
        if self._is_wide and self._opened.details_asked:
            drawer.show_row(self._view, table.cursor_key, row, self.details_source())
        else:
            brief = fields(self._view, row, with_others=False, seen=table.columns_in_full)
            if not brief.plain and self._is_wide:
                brief = fields(self._view, row, with_others=False)
            drawer.display = bool(brief.plain)
            drawer.show_brief(brief)
        self.set_class(not self._is_wide, "-below")
        next_to = min(WIDEST, TABLE // 2 + (self.size.width - NEXT_FROM) * 3 // 5)
        size = (next_to, None) if self._is_wide else (None, height)
        if size != self._drawer_size:  # what was set for the other place would hold here too
            drawer.styles.width, drawer.styles.height = self._drawer_size = size

    def details_source(self) -> Source | None:
        """What answers the view's detail query; None: it cannot be asked."""
        try:
            return self._opened.details_source(self._view)
        except Trouble:  # the status line says why
            return None

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= NEXT_FROM

    def _height_below(self) -> int:
        """The lines of details below the table; 0: it needs the room, or the details are next to it."""
        if self._is_wide:
            return 0
        place, free = self.size.height, self.size.height - 1 - self.table.row_count
        was_place, height = self._fitted
        # Rows come and go all the time; what was chosen may not be laid out yet.
        if place != was_place or not self.drawer.display or not height <= free < height + SPARE:
            height = next((each for each in HEIGHTS if each <= free), 0)
        self._fitted = place, height
        return height

    def close_drawer(self) -> None:
        """Hide the details until they are asked for."""
        self._opened.details_dismissed, self._opened.details_asked = True, False
        self.fill_drawer()

    def seek_related(self) -> bool:
        """As `seek_counterpart`, of the view whose rows the key leads to."""
        return self.seek_counterpart(self._view.related)

    def seek_counterpart(self, other: Counterpart | None = None) -> bool:
        """Ask for the row of another pane that belongs to the one under the cursor; whether there is one."""
        row, other = self.widget.cursor_row or {}, other or self._view.counterpart
        values = {name: row.get(own) for name, own in other.columns.items()} if other else {}
        if other is None or None in values.values():
            return False
        self.post_message(self.CounterpartWanted(other.pane, other.view, values, other.missing))
        return True

    def _select(self) -> None:
        """Where the row leads; else all details, with those that take a query: next to the table, else in a dialog.

        Without such a query, its counterpart if it has one.
        """
        row, key = self.table.cursor_row, self.table.cursor_key
        if not self._view.detail and self.seek_counterpart():
            return
        self._opened.details_dismissed = False
        if row is None:
            self.notify("No row selected.", timeout=3, markup=False)
        elif lead := self._view.leads:
            self._follow(lead.view, filter_for(row, lead.by))
        elif self._is_wide:
            self._opened.details_asked = not self._opened.details_asked
            self.fill_drawer()
        elif self.screen.is_active:  # otherwise a key that was pressed before has just opened another dialog
            title = self._opened.pane.title
            self.app.push_screen(DetailsDialog(title, self._view, key, row, self.details_source()))

    def on_live_table_resized(self) -> None:
        """Narrower, the table shows less."""
        self.fill_drawer()

    def on_live_table_moved(self) -> None:
        """The drawer follows the cursor once it rests: a key is not slowed down by it."""
        if self._following is not None:
            self._following.stop()
        self._following = self.set_timer(REST, self.fill_drawer)

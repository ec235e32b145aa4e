"""A pane that was opened: what it reads, what was chosen in it, and where its table stood while another is shown."""

from __future__ import annotations

from collections.abc import Callable

from console.model import Pane, Snapshot, Source, Trouble, View
from console.reading.reader import ViewReaders
from console.tui.marks import Marks
from console.tui.pane_feed import PaneFeed
from console.tui.pane_state import PaneState
from console.tui.table_rows import TablePlace


class OpenPane:
    """What stays of a pane when another one takes its place on the screen: nothing that was painted."""

    def __init__(
        self,
        pane: Pane,
        source: Callable[[View], Source],
        sql_text: Callable[[View], str],
        readers: ViewReaders,
        marks: Marks,
        *,
        details_source: Callable[[View], Source],
        period: float = 0.0,
    ) -> None:
        """`source` returns the source to read, or raises the Trouble that says how to get one.

        `details_source` does so for what is read of one row. `readers` are shared by all panes of the console: what
        one has read, another paints at once. `marks` says whether differences are shown.
        """
        self.pane = pane
        self.state = PaneState(pane, period)
        self.feed = PaneFeed(pane, source, readers, marks)
        self.details_source = details_source
        self.sql_text = sql_text
        self.has_read = False
        self.missing = ""  # what to say if the row that is sought is not there
        self.filter_trouble: Trouble | None = None  # why the filter is not applied
        self.arranged: Snapshot | None = None  # the rows of the table
        self.place = TablePlace()
        self.details_asked = False  # in full: what no column shows, the answer of the detail query
        self.details_dismissed = False

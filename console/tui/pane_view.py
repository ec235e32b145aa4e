"""The one generic view of a pane: it owns polling, filter and order, and talks upwards by messages alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Hide, Show
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from console.format import age, one_line, safe
from console.keys import Place
from console.model import Kind, Pane, Snapshot, Source, Trouble, View
from console.reading.arrange import arrange
from console.reading.reader import Reader, Readers
from console.tui.bindings import bindings
from console.tui.charts import CHARTS
from console.tui.details import Details
from console.tui.live_table import LiveTable
from console.tui.title import PaneTitle

SLOWEST, FASTEST = 300.0, 0.5
DRAWER_FROM = 120  # cells of width from which the details stand beside the table


class PaneView(Widget):
    """One pane on the screen. Polls while it is shown and rests while it is hidden."""

    BINDINGS = bindings(Place.PANE)

    class Ask(Message):
        """A request to the app: `what` is one of details, sort, sql, export."""

        def __init__(self, what: str, view: PaneView) -> None:
            super().__init__()
            self.what = what
            self.view = view

    class FirstRead(Message):
        """The server was asked for the first time; what it said is painted."""

    def __init__(
        self,
        pane: Pane,
        server: Callable[[], Source],
        readers: Readers,
        period: float = 0.0,
    ) -> None:
        """`server` gives the server to ask, or raises the Trouble that says how to get one.

        `readers` are shared by all views of the console, so that what one has read the next can paint at once.
        """
        super().__init__()
        self.pane = pane
        self.current: View = pane.views[0]
        self.period = period or pane.refresh
        self.paused = False
        self.trouble: Trouble | None = None
        self.defect: BaseException | None = None
        self._server = server
        self._readers = readers
        self._sorts: dict[str, str] = {view.name: view.sort for view in pane.views}
        self._filters: dict[str, str] = {}
        self._arranged: Snapshot | None = None
        self._wake = asyncio.Event()
        self._said = ""
        self._read_once = False

    def compose(self) -> ComposeResult:
        """Title, chart, table with its drawer, filter."""
        yield PaneTitle(self.pane)
        yield Static(classes="chart", markup=False)
        with Horizontal():
            yield LiveTable(self.current.columns)
            yield Details()
        yield Static(classes="says", markup=False)
        yield Input(placeholder="filter: words, !word, column=text, column>number; escape clears", classes="filter")

    # Parts, and what others may ask

    @property
    def table(self) -> LiveTable:
        """The table of this pane."""
        return self.query_one(LiveTable)

    @property
    def server(self) -> Source | None:
        """The server this pane asks; None when there is none."""
        try:
            return self._server()
        except Trouble:
            return None

    @property
    def sort(self) -> str:
        """The order of the current view."""
        return self._sorts[self.current.name]

    @property
    def filter_text(self) -> str:
        """The filter of the current view."""
        return self._filters.get(self.current.name, "")

    @property
    def arranged(self) -> Snapshot | None:
        """What the table shows."""
        return self._arranged

    @property
    def chosen_rows(self) -> list[dict[str, object]]:
        """The marked rows, else the one under the cursor."""
        row = self.table.cursor_row
        return self.table.marked_rows or ([row] if row else [])

    # Polling

    def on_show(self, event: Show) -> None:
        """Paint what was last known at once, then poll."""
        del event
        self.paint()
        self.poll()

    def on_hide(self, event: Hide) -> None:
        """Rest while nobody looks."""
        del event
        self.workers.cancel_group(self, "poll")

    @work(exclusive=True, group="poll", exit_on_error=False)
    async def poll(self) -> None:
        """Read, show, rest; for as long as the pane is on the screen."""
        while True:
            self._wake.clear()
            started = time.monotonic()
            if not self.paused:
                await self._read()
                self._tell_first_read()
            rest = self._rest(time.monotonic() - started)
            try:
                await asyncio.wait_for(self._wake.wait(), rest)
            except TimeoutError:
                continue

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect of the console itself stops this pane alone, and says so."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.defect = error
            self.trouble = Trouble(
                Kind.FAILED,
                f"The console met an error of its own ({type(error).__name__}: {error}).",
                "Turn to another pane and back to go on, and please report it.",
            )
            self._say(self._reader(self.current).last)

    def _tell_first_read(self) -> None:
        if not self._read_once:
            self._read_once = True
            self.post_message(self.FirstRead())

    def _rest(self, spent: float) -> float:
        if self.trouble is not None and self.trouble.kind is Kind.UNREACHABLE:
            return 1.0  # the countdown to the next try is on the screen
        return max(FASTEST / 2, self.period - spent)

    async def _read(self) -> None:
        view = self.current
        reader = self._reader(view)
        try:
            server = self._server()
            await reader.read(server)
            self.trouble = None
            self.paint()
            if view is self.current and await reader.fill(server, self.table.visible_keys) is not None:
                self.paint()
        except Trouble as why:
            self.trouble = why
            self.paint()

    def _reader(self, view: View) -> Reader:
        return self._readers.of(self.pane.source, view)

    def poll_now(self) -> None:
        """Read at once instead of at the next turn."""
        self._wake.set()

    # Showing

    def paint(self) -> None:
        """Show the last good snapshot of the current view, and what is wrong if anything is."""
        last = self._reader(self.current).last
        if last is not None:
            self._arranged = arrange(last, self.current, self.sort, self.filter_text)
            stale = self.trouble is not None and self.trouble.kind is not Kind.BUSY
            self.table.show(self._arranged, self.current.columns, self.current.key, self.sort, stale)
        else:
            self._arranged = None
        self._draw_chart(last)
        self._say(last)
        self.query_one(PaneTitle).tell(self, last)
        self._fill_drawer()

    def _say(self, last: Snapshot | None) -> None:
        text = self._sentence(last)
        if text == self._said:
            return  # an update would lay out the whole screen anew
        self._said = text
        says = self.query_one(".says", Static)
        says.update(Content(text))
        says.display = bool(text)
        says.set_class(self.trouble is not None, "-trouble")

    def _sentence(self, last: Snapshot | None) -> str:
        if self.trouble is not None:
            return self._trouble_sentence(self.trouble, last)
        if last is None:
            return "reading …"
        if self._arranged is not None and not self._arranged.rows:
            return "no row matches the filter; escape clears it" if self.filter_text else self.current.empty
        return "  ".join(one_line(note) for note in last.notes)

    def _trouble_sentence(self, trouble: Trouble, last: Snapshot | None) -> str:
        parts: list[str] = []
        if trouble.kind is Kind.UNREACHABLE:
            retry_in = self.server.retry_in if self.server else 0.0
            parts.append(f"Next try in {retry_in:.0f} s." if retry_in >= 0.5 else "Trying again …")
        if last is not None and trouble.kind is not Kind.BUSY:
            parts.append(f"Rows are {age(time.monotonic() - last.clock)} old.")
        parts += [safe(trouble.sentence), safe(trouble.remedy)]
        return " ".join(part for part in parts if part)

    def _draw_chart(self, last: Snapshot | None) -> None:
        chart = self.query_one(".chart", Static)
        draw = CHARTS.get(self.current.chart)
        chart.display = draw is not None and last is not None and self.size.height >= 14
        if chart.display and draw is not None and last is not None:
            chart.update(draw(last, max(20, self.size.width - 2), max(3, self.size.height // 3)))

    def _fill_drawer(self) -> None:
        drawer = self.query_one(Details)
        if drawer.display:
            drawer.tell(self)

    # Keys

    def action_next_view(self, step: int) -> None:
        """Turn to the next table of this pane."""
        at = self.pane.views.index(self.current)
        self.choose_view(self.pane.views[(at + step) % len(self.pane.views)].name)

    def choose_view(self, name: str) -> None:
        """Turn to the table called `name`; its last rows are painted at once."""
        self.current = self.pane.view(name)
        self.trouble = None
        self.query_one(Input).display = False
        self.paint()
        self.poll_now()
        self.table.focus()

    def action_filter(self) -> None:
        """Open the filter line."""
        field = self.query_one(Input)
        field.display = True
        field.value = self.filter_text
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._filters[self.current.name] = event.value
        self.paint()

    def on_input_submitted(self) -> None:
        """Keep the filter and go back to the table."""
        self.query_one(Input).display = bool(self.filter_text)
        self.table.focus()
        self.poll_now()

    def action_leave(self) -> None:
        """Clear the filter, else close the drawer."""
        field, drawer = self.query_one(Input), self.query_one(Details)
        if self.filter_text or field.display:
            self._filters[self.current.name] = ""
            field.value = ""
            field.display = False
            self.paint()
        elif drawer.display:
            drawer.display = False
        self.table.focus()

    def sort_by(self, column: str) -> None:
        """Order by `column`: first the largest, on the second call the smallest first."""
        self._sorts[self.current.name] = column if self.sort == f"-{column}" else f"-{column}"
        self.paint()

    def action_pause(self) -> None:
        """Stop and go on."""
        self.paused = not self.paused
        self.paint()
        self.poll_now()

    def action_change_period(self, factor: float) -> None:
        """Change the refresh period."""
        self.period = min(SLOWEST, max(FASTEST, self.period * factor))
        self.paint()
        self.poll_now()

    def action_copy(self) -> None:
        """Put the row under the cursor, or its query, on the clipboard of the user's own terminal (OSC 52)."""
        row = self.table.cursor_row
        if row is None:
            return
        named = next((column for column in self.current.columns if column.format == "query"), None)
        value = row.get(named.name) if named else None
        text = str(value) if value else "\t".join(f"{name}={value}" for name, value in row.items())
        self.app.copy_to_clipboard(text)
        self.app.notify(f"copied {len(text)} characters", timeout=2, markup=False)

    def action_sort(self) -> None:
        """Choose a column to order by."""
        self.post_message(self.Ask("sort", self))

    def action_show_sql(self) -> None:
        """Show the statement behind what is on the screen."""
        self.post_message(self.Ask("sql", self))

    def action_export(self) -> None:
        """Write what is on the screen to a file."""
        self.post_message(self.Ask("export", self))

    # Messages of the parts

    def on_live_table_selected(self) -> None:
        """Details: beside the table where there is room, else in front of it."""
        if self.size.width >= DRAWER_FROM:
            drawer = self.query_one(Details)
            drawer.display = not drawer.display
            self._fill_drawer()
        else:
            self.post_message(self.Ask("details", self))

    def on_live_table_moved(self) -> None:
        """The drawer follows the cursor."""
        self._fill_drawer()

    def on_live_table_header_clicked(self, event: LiveTable.HeaderClicked) -> None:
        """A click on a title sorts."""
        self.sort_by(event.column.name)

    def on_pane_title_chosen(self, event: PaneTitle.Chosen) -> None:
        """A click on the name of a view turns to it."""
        self.choose_view(event.name)

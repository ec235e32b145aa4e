"""A pane on the screen: polls its source while it is shown, and answers its keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from textual import work
from textual.app import ComposeResult
from textual.events import Hide, Show
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget, _RenderCache
from textual.worker import Worker, WorkerState

from console.format import one_line
from console.keys import Place
from console.model import Pane, Snapshot, Trouble, View
from console.tui.bindings import bindings
from console.tui.compositor import FrontScreen
from console.tui.concerns import Concern
from console.tui.filter_line import FilterLine
from console.tui.finding_blocks import FindingBlocks
from console.tui.live_table import LiveTable
from console.tui.marks import Marks
from console.tui.open_pane import OpenPane
from console.tui.pane_chart import PaneChart
from console.tui.pane_feed import PaneFeed
from console.tui.pane_output import choose_order, copy_row, export_rows, show_statements, toast
from console.tui.pane_rows import PaneRows
from console.tui.pane_state import PaneState
from console.tui.pane_status import StatusLine, status
from console.tui.pane_times import PaneTimes
from console.tui.polling import POLL, TURN, Polling
from console.tui.sizes import size_apart
from console.tui.title import PaneTitle
from console.tui.vitals import Metrics

Answer = TypeVar("Answer")
NOTHING = _RenderCache(Size(0, 0), [])  # painted


class PaneView(Widget):
    """One pane. Polls while it is shown and rests while it is hidden."""

    BINDINGS = bindings(Place.PANE)
    virtual_size = size_apart()

    class FirstRead(Message):
        """The first read has ended, and is on the screen."""

    def __init__(
        self,
        opened: OpenPane,
        marks: Marks,
        metrics: Callable[[], Metrics],
        times: PaneTimes,
    ) -> None:
        """`marks` says whether differences are shown, `metrics` returns those of the header.

        `times` has the moment that is shown.
        """
        super().__init__()
        self.opened = opened
        self.defect: BaseException | None = None
        self._marks = marks
        self._metrics = metrics
        self._times = times
        self._unshown: Trouble | None = None  # why not all of it can be painted
        self._title = PaneTitle(opened.pane)
        self._chart = PaneChart(times.guarded)
        self._rows = PaneRows(opened, self._follow_row)
        self._status = StatusLine()
        self._filter_line = FilterLine(self._filter, self.leave_filter)
        self._polling = Polling(self, self._read_in_turn)

    def compose(self) -> ComposeResult:
        """Title, chart, table with its drawer, status, filter."""
        yield from (self._title, self._chart, self._rows, self._status, self._filter_line)

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        return self.opened.pane

    @property
    def state(self) -> PaneState:
        """What was chosen in it."""
        return self.opened.state

    @property
    def feed(self) -> PaneFeed:
        """What it reads."""
        return self.opened.feed

    @property
    def arranged(self) -> Snapshot | None:
        """The rows of the table."""
        return self.opened.arranged

    @property
    def table(self) -> LiveTable:
        """The table of this pane."""
        return self._rows.table

    @property
    def rows(self) -> LiveTable | FindingBlocks:
        """The widget with the rows of the current view."""
        return self._rows.widget

    @property
    def view(self) -> View:
        """The current view."""
        return self.state.view

    @property
    def form(self) -> View:
        """The current view as it is shown."""
        return self.state.form

    @property
    def chosen_rows(self) -> list[dict[str, object]]:
        """The marked rows, else the one under the cursor: as they are, where differences are shown."""
        return self.feed.present(self.view, self._rows.chosen)

    def replace(self, opened: OpenPane) -> None:
        """Show another pane in the place of this one; its last rows are painted once it is on the screen."""
        if opened is self.opened:
            return
        self._polling.stop(POLL, TURN)
        self.opened = opened
        self._title.turn_to(opened.pane)
        self._chart.forget()
        self._rows.replace(opened)
        self._filter_line.value = self.state.filter_text
        self._filter_line.display = bool(self.state.filter_text)
        if self.is_on_screen:
            self.poll()

    # Polling

    def on_show(self, event: Show) -> None:
        """Paint the last known rows at once, then poll."""
        del event
        self.paint()
        self.poll()

    def on_hide(self, event: Hide) -> None:
        """Rest while the pane is not on the screen, and keep none of its painted lines: they are made again at once."""
        del event
        self._polling.stop(POLL)
        for widget in self.walk_children(Widget):
            widget._set_dirty()  # noqa: SLF001
            widget._render_cache = NOTHING  # noqa: SLF001
        self.table.forget_lines()

    def poll(self) -> None:
        """Read, show, rest; for as long as the pane is on the screen."""
        self._polling.begin()

    async def _read_in_turn(self) -> float:
        started = time.monotonic()
        if not self.state.paused:
            await self._read()
            if isinstance(self.screen, FrontScreen):
                self.screen.paint_now()  # at the next frame the process would have to be woken once more
            if not self.opened.has_read:
                self.opened.has_read = True
                self.post_message(self.FirstRead())
        return self.feed.rest(self.state.period, time.monotonic() - started)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect of the console stops this pane alone, and is shown in it."""
        if event.state is WorkerState.ERROR:
            self.defect = event.worker.error
            if not self._polling.is_of_others(event.worker):
                self.feed.fail(self.defect)
                self._show_status(None)

    async def _read(self) -> None:
        try:
            async for _ in self.feed.reads(self.state, lambda: self.table.visible_keys, not self.opened.has_read):
                self.paint()
        except Trouble:
            self.paint()
        else:
            self._say_missing()

    def _say_missing(self) -> None:
        """Say once that the row that was sought is not there."""
        missing, self.opened.missing = self.opened.missing, ""
        if missing and self.table.is_seeking:
            self.table.seek({})
            toast(self, missing)

    @work(exclusive=True, group=TURN, exit_on_error=False)
    async def turn(self) -> None:
        """Show another moment, also while it is paused; a hidden pane reads when it is shown."""
        self.feed.trouble = None
        if self.is_on_screen:
            await self._read()

    def poll_now(self) -> None:
        """Read at once instead of at the end of the period."""
        self._polling.now()

    # Showing

    def paint(self) -> None:
        """Show the last good snapshot of the current view, and what is wrong if anything is."""
        before, self._unshown = self._unshown, None
        try:
            with self._times.guarded():
                self._paint()
        except Trouble as why:
            self._unshown = why
        if self._unshown or before:
            self._show_status(self.feed.rows(self.view))

    def _paint(self) -> None:
        last, rows, state = self.feed.last(self.view), self.feed.rows(self.view), self.state
        state.form = self.feed.form(self.view)
        if state.form is not self._rows.view:
            self._take_form()
        if rows is None:
            self.opened.arranged = None
            self._rows.show_nothing(state.sort)
        else:
            self.opened.arranged, self.opened.filter_trouble = state.arrange(rows)
            self._rows.show(self.opened.arranged, state.sort, self.feed.is_stale)
        self._follow()
        self._show_status(rows)
        shown = None if last is None or self.arranged is None else (len(self.arranged.rows), len(last.rows))
        sampler = last.sampler if last else ""
        self._title.show_state(state, shown, self._marks.text, sampler, is_past=self._times.is_past)
        self._rows.fill_drawer()
        self._chart.draw(self.view, last, self.size, self._metrics())

    def _take_form(self) -> None:
        """Show the widget of the view as it is shown now; the focus stays in this pane if it was there."""
        was_in_use = self.has_focus_within
        self._rows.turn_to(self.form)
        if was_in_use and self.screen.focused is not self._filter_line:
            self.screen.set_focus(self.rows)

    def _follow(self) -> None:
        """Let the chart show the row under the cursor, where it is of one row."""
        last = self.feed.last(self.view)
        self._chart.follow(self.view, self.table.cursor_key, last, self.feed.source)

    def show_concern(self, concern: Concern | None) -> None:
        """Show in the title which findings concern this pane."""
        self._title.show_concern(concern)

    def _show_status(self, rows: Snapshot | None) -> None:
        """Show what is said of the rows, which may not be known."""
        shown = len(self.arranged.rows) if self.arranged else 0
        read = status(self.form, rows, shown, self.state.filter_text)
        wrong = self.opened.filter_trouble or self._unshown
        trouble = self.feed.trouble_text(self.view) or (one_line(wrong) if wrong else "")
        self._status.show_status(trouble or read, bool(trouble))

    # Keys

    def action_next_view(self, step: int) -> None:
        """Turn to the next view of this pane."""
        self.choose_view(self.state.neighbour(step))

    def choose_view(self, name: str) -> None:
        """Turn to the view called `name`; its last rows are painted at once."""
        self.state.choose_view(name)
        self._rows.turn_to(self.form)
        self.feed.trouble = None
        self._filter_line.display = False
        self.paint()
        self.poll_now()
        self.screen.set_focus(self.rows)

    def choose_view_of(self, pane: Pane, name: str) -> None:
        """Turn to the view `name` of `pane`, unless another pane was opened meanwhile."""
        if pane is self.pane:
            self.choose_view(name)

    def go_to(self, view: str, row: Mapping[str, object], missing: str = "") -> None:
        """Turn to a view and put the cursor on the row with these values, as soon as it is there.

        `missing` is said if the next read has no such row.
        """
        if view:
            self.choose_view(view)
        self.table.seek(row)
        self.opened.missing = missing

    def action_filter(self) -> None:
        """Open the filter line."""
        self._filter_line.open(self.state.filter_text)

    def _filter(self, text: str) -> None:
        if text != self.state.filter_text:
            self.state.filter_text = text
            self.paint()

    def leave_filter(self) -> None:
        """Keep the filter and go back to the table."""
        self._filter_line.display = bool(self.state.filter_text)
        self.screen.set_focus(self.rows)
        self.poll_now()

    def action_leave(self) -> None:
        """Clear the filter, else close the details."""
        line = self._filter_line
        if self.state.filter_text or line.display:
            self.state.filter_text = ""
            line.close()
            self.paint()
        else:
            self._rows.close_drawer()
        self.screen.set_focus(self.rows)

    def sort_by(self, column: str | None) -> None:
        """Sort by `column`, descending; ascending if that is the order already. None: keep the order."""
        if column:
            self.state.sort_by(column)
            self.paint()

    def action_counterpart(self) -> None:
        """Go to the row of another pane that belongs to the one under the cursor."""
        if not self._rows.seek_related():
            toast(self, "No row of another pane belongs to this one.")

    def action_pause(self) -> None:
        """Pause, or continue."""
        self.state.paused = not self.state.paused
        self.paint()
        self.poll_now()

    def action_change_period(self, factor: float) -> None:
        """Change the refresh period."""
        self.state.change_period(factor)
        self.paint()
        self.poll_now()

    def action_copy(self) -> None:
        """Copy the query in the row under the cursor, else the row, to the clipboard of the user's terminal."""
        copy_row(self, self.view, self._rows)

    def action_export(self) -> None:
        """Ask for a file, and write the rows of the table to it."""
        export_rows(self, self.pane, self.view, self.arranged, self.feed.source)

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        choose_order(self, self.form, self.state.sort, self.sort_by)

    def action_show_sql(self) -> None:
        """Show the statements behind the current view."""
        show_statements(self, f"{self.pane.title}: {self.view.title}", self.opened.sql_text(self.view))

    def _follow_row(self, view: str, filter_text: str) -> None:
        self.state.choose_view(view)
        self.state.filter_text = filter_text
        self.choose_view(view)

    # Messages of the parts

    def on_live_table_moved(self) -> None:
        """The chart follows the cursor."""
        self._follow()

    def on_live_table_header_clicked(self, event: LiveTable.HeaderClicked) -> None:
        """A click on a title sorts."""
        if event.column in self.form.columns:  # another pane may have been opened meanwhile
            self.sort_by(event.column.name)

    def on_pane_title_chosen(self, event: PaneTitle.Chosen) -> None:
        """A click on the name of a view turns to it."""
        self.choose_view_of(event.pane, event.name)

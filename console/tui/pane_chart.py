"""The drawing above the table of a view that has one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from textual import work
from textual.content import Content
from textual.geometry import Size
from textual.timer import Timer
from textual.widgets import Static

from console.model import Snapshot, Source, Trouble, View
from console.tui.background import in_place
from console.tui.charts import CHARTS, DRAWN_BY
from console.tui.loading import are_loaded, load
from console.tui.sizes import size_apart
from console.tui.vitals import Metrics

LOWEST_PANE = 14  # lines of a pane from which there is room for a drawing
CODE = "code"  # the group of workers that load some
REST = 0.08  # seconds without another move of the cursor


class PaneChart(Static):
    """Draws the rows of a view, or those of its chart query; hidden without a drawing, or without room for it."""

    virtual_size = size_apart()

    def __init__(self, guarded: Callable[[], AbstractContextManager[None]]) -> None:
        """`guarded` surrounds what is done with values that may be a stranger's."""
        super().__init__(classes="chart", markup=False)
        self._guarded = guarded
        self._drawn = Content("")
        self._asked: tuple[object, ...] = ()  # for which the chart query was sent last
        self._answer: tuple[str, Snapshot] | None = None  # the query, and its rows
        self._place: tuple[View, Size, Metrics] | None = None
        self._rows: Snapshot | None = None
        self._resting: Timer | None = None

    def draw(self, view: View, last: Snapshot | None, room: Size, metrics: Metrics) -> None:
        """Draw `last` and the `metrics` of the header in a pane of the size `room`.

        Raises Trouble, and is hidden, where values of a stranger's file cannot be drawn.
        """
        self._place, self._rows = (view, room, metrics), last
        if view.chart_query:
            answered = self._answer is not None and self._answer[0] == view.chart_query
            last = self._answer[1] if self._answer and answered and last is not None else None
        self._draw(view, last, room, metrics)

    def follow(self, view: View, key: tuple[object, ...] | None, last: Snapshot | None, source: Source | None) -> None:
        """Draw the row with this key of `last` once the cursor rests on it."""
        if self._resting is not None:
            self._resting.stop()
        asked = (view.name, key, last.taken_at if last else None)
        if not view.chart_query or key is None or source is None or asked == self._asked:
            return
        parameters = dict(zip(view.key, key, strict=True))

        def ask() -> None:
            self._asked = asked
            self._ask(source, view, parameters)

        if self._answer is None:
            ask()
        else:
            self._resting = self.set_timer(REST, ask)

    def forget(self) -> None:
        """Wait for no answer any more: another pane takes the place of this one."""
        if self._resting is not None:
            self._resting.stop()
        self._asked, self._answer, self._place, self._rows = (), None, None, None
        self.workers.cancel_node(self)

    @work(exclusive=True, exit_on_error=False)
    async def _ask(self, source: Source, view: View, parameters: Mapping[str, object]) -> None:
        try:
            self._answer = (view.chart_query, await source.fetch(view.chart_query, parameters))
        except Trouble:
            self._answer = None  # the status line says what is wrong with the server
        if self._place and self._place[0].chart_query == view.chart_query:
            place = self._place
            with contextlib.suppress(Trouble):  # the next paint says it
                self._draw(place[0], self._answer[1] if self._answer else None, *place[1:])

    async def _draw_with(self, code: Sequence[str]) -> None:
        """Draw once `code` is loaded."""
        await load(*code)
        if self._place:
            with contextlib.suppress(Trouble):  # the next paint says it
                self.draw(self._place[0], self._rows, *self._place[1:])

    def _draw(self, view: View, rows: Snapshot | None, room: Size, metrics: Metrics) -> None:
        drawing = CHARTS.get(view.chart)
        if drawing is None or rows is None or room.height < LOWEST_PANE:
            self.display = False
            return
        if not are_loaded(*(code := DRAWN_BY.get(view.chart, ()))):
            self.display = False
            in_place(self, CODE, self._draw_with, code)
            return
        height = room.height * 2 // 5 if view.chart_query else room.height // 3
        try:
            with self._guarded():
                drawn = drawing(rows, max(20, room.width - 2), max(3, height), metrics)
        except Trouble:
            self.display = False
            raise
        if not drawn.is_same(self._drawn):
            self._drawn = drawn
            self.update(drawn, layout=False)
        self.display = bool(drawn.plain)
        width, height = self.content_size
        if self.display and self.get_content_height(self.container_size, self.app.size, width) != height:
            self.refresh(layout=True)  # in a terminal that became narrower the former drawing was laid out wrapped

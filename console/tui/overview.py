"""The overview; on a large terminal also the evidence, the history of sessions, connections and slow queries."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import Show
from textual.geometry import Size
from textual.widgets import Static

from console.model import Pane
from console.panes.connections import CONNECTIONS
from console.panes.overview import OVERVIEW
from console.panes.slow_queries import SLOW_QUERIES
from console.tui.background import in_place
from console.tui.charts import history
from console.tui.course import COURSES, span
from console.tui.evidence import evidence
from console.tui.finding_blocks import FindingBlocks
from console.tui.loading import CURVES, are_loaded, load
from console.tui.own_lines import OwnText
from console.tui.pane_view import PaneView
from console.tui.sizes import size_apart
from console.tui.vitals import Vitals

# Seconds between two reads of a pane that is shown in passing: pg_stat_statements is read as a whole each time.
IN_PASSING = {SLOW_QUERIES.name: 10.0}
DOTS = 2  # of a curve, side by side in a cell
UNDRAWN: tuple[tuple[object, ...], float] = ((), 0.0)  # what the curves were drawn of, and until when


class Overview(Container):
    """The overview pane, with a chart and two other panes where there is room for four quarters."""

    virtual_size = size_apart()

    def __init__(self, make_view: Callable[[Pane], PaneView]) -> None:
        super().__init__()
        beside = tuple(make_view(pane) for pane in (CONNECTIONS, SLOW_QUERIES))
        for view in beside:
            view.add_class("beside")
            view.state.period = max(view.state.period, IN_PASSING.get(view.pane.name, 0.0))
        self.views = (make_view(OVERVIEW), *beside)  # its panes, the first of which is the overview itself
        self._evidence = Static(classes="evidence", markup=False)
        self._proof = Content("")  # on the screen
        self._chart = OwnText(classes="activity")
        self._vitals: Vitals | None = None
        self._drawn = UNDRAWN

    def compose(self) -> ComposeResult:
        """Four quarters; all but the first are hidden on a small terminal."""
        yield self.views[0]
        with Vertical(classes="aside"):
            yield self._evidence
            yield self._chart
        yield from self.views[1:]

    def on_finding_blocks_rested(self, event: FindingBlocks.Rested) -> None:
        """Show what proves the finding under the cursor."""
        content = evidence(event.row)
        if not content.is_same(self._proof):
            self._proof = content
            self._evidence.display = bool(content.plain)
            self._evidence.update(content, layout=False)

    def on_show(self, event: Show) -> None:
        """Draw what came while another pane was on the screen."""
        del event
        if self._vitals is not None:
            self.show_history(self._vitals)

    def show_history(self, vitals: Vitals) -> None:
        """Draw the history of sessions, if it can be seen."""
        self._vitals, chart = vitals, self._chart
        if not (self.display and chart.display and chart.size.height > 6 and len(vitals.times) > 1):
            self._drawn = UNDRAWN
            return
        if not are_loaded(*CURVES):
            in_place(self, "drawing", self._load)
        elif self._has_moved(vitals, chart.size):
            chart.update(history(vitals.metrics, chart.size.width, chart.size.height), layout=False)

    def _has_moved(self, vitals: Vitals, size: Size) -> bool:
        """Whether the curves differ from those that are drawn: by a value, or by the time that one of their dots is."""
        start, end = span(vitals.times)
        shown = vitals, size, *(vitals.now.get(course.name) for course in COURSES)
        before, drawn_at = self._drawn
        if shown == before and abs(end - drawn_at) < (end - start) / (size.width * DOTS):
            return False
        self._drawn = shown, end
        return True

    async def _load(self) -> None:
        await load(*CURVES)
        if self._vitals is not None:
            self.show_history(self._vitals)

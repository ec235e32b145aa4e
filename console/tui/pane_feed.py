"""What a pane reads: the last rows of its views, what is wrong with the source, and when to read again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from console.format import safe
from console.model import Kind, Pane, Snapshot, Source, Trouble, View
from console.reading.reader import Key, Reader, ViewReaders, keys
from console.tui.marks import Marks
from console.tui.pane_state import FASTEST, PaneState
from console.tui.pane_status import trouble_status

COUNTDOWN = 1.0  # seconds between two paints of the time until the next attempt to connect
FILTERED_LOOKUPS = 20  # batches after one read


class PaneFeed:
    """Reads the views of one pane from its source. The last rows stay when the source cannot be read."""

    def __init__(self, pane: Pane, source: Callable[[View], Source], readers: ViewReaders, marks: Marks) -> None:
        """`source` returns the source to read, or raises the Trouble that says how to get one."""
        self._pane = pane
        self._source = source
        self._readers = readers
        self._marks = marks
        self._unmarked: Trouble | None = None  # why differences cannot be shown
        self.trouble: Trouble | None = None  # why the last read failed
        self._view = pane.views[0]  # the one read last

    @property
    def source(self) -> Source | None:
        """The source of the view that was read last; None if it is not configured."""
        try:
            return self._source(self._view)
        except Trouble:
            return None

    def last(self, view: View) -> Snapshot | None:
        """The last good rows of `view`."""
        return self._reader(view).last

    def form(self, view: View) -> View:
        """`view` as it is shown: with its own columns, or those of differences from the mark."""
        return self._marks.form(self._pane, view)

    def rows(self, view: View) -> Snapshot | None:
        """The last good rows of `view`, or what differs in them from the mark; None: not known."""
        rows, self._unmarked = self._marks.rows(self._pane, view, self._reader(view))
        return rows

    def present(self, view: View, rows: list[dict[str, object]]) -> list[dict[str, object]]:
        """Rows of `view` that were chosen on the screen as they are now: a difference is nothing to act on."""
        last = self.last(view)
        if self.form(view) is view or last is None:
            return rows
        wanted = {tuple(row.get(column) for column in view.key) for row in rows}
        return [row for row in last.records() if tuple(row.get(column) for column in view.key) in wanted]

    @property
    def is_stale(self) -> bool:
        """Whether the last rows are older than a read that failed."""
        return self.trouble is not None and self.trouble.kind is not Kind.BUSY

    async def reads(
        self, state: PaneState, on_screen: Callable[[], list[Key]], ahead: bool = False
    ) -> AsyncIterator[None]:
        """Read the current view; yields when there are rows to paint, again after each look-up for those `on_screen`.

        With `ahead`, rows that were read a moment ago, before there was a screen, are not read again.
        Raises the Trouble that it remembers.
        """
        view, reader = state.view, self._reader(state.view)
        self._view = view
        await self._marks.learn(self._pane, view)
        try:
            source = self._source(view)
            if not (ahead and _is_fresh(view, reader, state.period)):
                await reader.read(source)
            self.trouble = None
            yield
            if not reader.looks_up_shown:
                return
            for _ in range(FILTERED_LOOKUPS if state.filter_text else 1):
                needed = _all_keys(view, reader) if state.filter_text else on_screen()
                if view is not state.view or await reader.fill(source, needed) is None:
                    return
                yield
        except Trouble as why:
            self.trouble = why
            raise

    def fail(self, error: BaseException | None) -> None:
        """Remember a defect of the console."""
        self.trouble = Trouble(
            Kind.FAILED,
            f"Internal error ({type(error).__name__}: {error}).",
            "Turn to another pane and back to continue, and please report it.",
        )

    def rest(self, period: float, spent: float) -> float:
        """Seconds until the next read, when one is due every `period` and the last one took `spent`."""
        if self.trouble is not None and self.trouble.kind is Kind.UNREACHABLE:
            return COUNTDOWN
        if self._view.rates and not self._reader(self._view).is_compared:
            period = min(period, self._pane.refresh)  # rates are known from the second read on
        return max(FASTEST / 2, period - spent)

    def trouble_text(self, view: View) -> str:
        """What is wrong, how old the rows of `view` are, and when the next attempt is due; empty: nothing is wrong."""
        if self.trouble is None:
            return "" if self._unmarked is None else safe(self._unmarked)
        retry_in = self.source.retry_in if self.source else 0.0
        return trouble_status(self.trouble, self.last(view), retry_in, time.monotonic())

    def _reader(self, view: View) -> Reader:
        return self._readers.of(self._pane.source_of(view), view)


def _is_fresh(view: View, reader: Reader, period: float) -> bool:
    """Whether the next read is not due yet; one of rates is, because they are known from the second read on."""
    if reader.last is None or view.rates or view.compared:
        return False
    return reader.last.is_recent(period, time.monotonic())


def _all_keys(view: View, reader: Reader) -> list[Key]:
    """The rows that a filter may find: all."""
    last = reader.last
    return keys(last, [column for column in view.key if column in last.columns]) if last else []

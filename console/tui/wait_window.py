"""Turns the pane Waits to another window of time, in the present and in the past."""

from __future__ import annotations

import time

from console.format import age
from console.series.wait_rows import next_window, resized
from console.series.waits import HOUR
from console.tui.dialog_stack import DialogStack
from console.tui.marks import Marks
from console.tui.monitor import Monitor
from console.tui.pane_times import PaneTimes

LEAST = 1.0  # seconds


class WindowOfWaits:
    """The window that ends at the moment that is shown."""

    def __init__(self, times: PaneTimes, marks: Marks, monitor: Monitor, dialogs: DialogStack) -> None:
        self._times = times
        self._marks = marks
        self._monitor = monitor
        self._dialogs = dialogs

    async def next(self) -> None:
        """Show the next one of those that the columns compare."""
        await self._show(next_window(self._times.window))

    async def resize(self, step: int) -> None:
        """Show a longer one or, with a negative `step`, a shorter one."""
        await self._show(resized(self._times.window, step))

    async def begin_at_mark(self) -> None:
        """Show the time from the mark to the moment that is shown, whatever its length."""
        if (mark := await self._marks.known(self._dialogs)) is None:
            return
        then = self._times.then
        seconds = (time.time() if then is None else then.moment) - mark.then.moment
        if not LEAST <= seconds <= HOUR:
            where = "later than the moment that is shown" if seconds < LEAST else f"{age(seconds)} before it"
            self._dialogs.toast(f"The mark is {where}; a window is up to an hour before it.", timeout=4)
            return
        await self._show(seconds)

    async def _show(self, seconds: float) -> None:
        await self._times.show_window(seconds)
        self._monitor.read_again()

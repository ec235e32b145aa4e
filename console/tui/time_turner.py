"""Turns all panes to another moment."""

from __future__ import annotations

from console.tui.dialog_stack import DialogStack
from console.tui.monitor import Monitor
from console.tui.pane_times import PaneTimes


class TimeTurner:
    """Shows all panes, and what is around them, at the moment that a key asks for."""

    def __init__(self, times: PaneTimes, monitor: Monitor, dialogs: DialogStack) -> None:
        self._times = times
        self._monitor = monitor
        self._dialogs = dialogs

    async def turn(self, seconds: float) -> None:
        """Show a moment so many seconds later or, if negative, earlier; say so where there is none."""
        if seconds > 0 and not self._times.is_past:
            self._dialogs.toast("This is the present; [ turns back.", timeout=3)
            return
        if why := await self._times.turn(seconds):
            self._dialogs.toast(why, timeout=3)
        self._monitor.read_again()

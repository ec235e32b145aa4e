"""From a key to a mark, and from another to panes that show what differs from it."""

from __future__ import annotations

import time

from console.past.mark import Mark
from console.tui.dialog_stack import DialogStack
from console.tui.marks import Marks
from console.tui.monitor import Monitor
from console.tui.pane_times import PaneTimes
from console.watching.marking import mark_present
from console.workspace import Workspace


class MarkFlow:
    """Marks the moment that is shown, and compares all panes with it."""

    def __init__(
        self, workspace: Workspace, times: PaneTimes, marks: Marks, monitor: Monitor, dialogs: DialogStack
    ) -> None:
        self._workspace = workspace
        self._monitor = monitor
        self._times = times
        self._marks = marks
        self._dialogs = dialogs

    async def mark(self) -> None:
        """Mark the moment that is shown. In the present every pane is read once."""
        if self._times.then is not None:
            self._take(Mark(self._times.then))
            return
        self._dialogs.toast("Reading all panes for the mark …", timeout=2)
        recorder = self._workspace.recorder
        await recorder.flush()
        self._take(await mark_present(self._workspace.sources, recorder.readings(time.time())))

    async def compare(self) -> None:
        """Show in all panes what differs from the mark, or again what is."""
        if await self._marks.known(self._dialogs):
            self._marks.toggle()
            self._monitor.read_again()

    def _take(self, mark: Mark) -> None:
        self._marks.mark = mark
        self._dialogs.toast(f"Marked {mark.moment}. D shows what differs from it.", timeout=4)
        if self._marks.in_use:
            self._monitor.read_again()

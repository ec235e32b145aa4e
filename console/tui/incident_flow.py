"""From the key to an incident file: its name, and what was read in the last minutes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from textual.app import App

from console.format import one_line, safe
from console.model import Trouble
from console.past.incident import SUFFIX
from console.tui.background import in_background
from console.tui.dialog_stack import DialogStack
from console.tui.dialogs import ExportDialog, TextDialog
from console.tui.pane_times import PaneTimes
from console.workspace import Workspace

TITLE = "Incident file"


class IncidentFlow:
    """Writes an incident file of one workspace, up to the moment that is shown."""

    def __init__(self, app: App[int], workspace: Workspace, times: PaneTimes, dialogs: DialogStack) -> None:
        self._app = app
        self._workspace = workspace
        self._times = times
        self._dialogs = dialogs

    def begin(self) -> None:
        """Ask for the name of the file, and write it while panes go on."""
        if self._times.is_file:
            self._dialogs.toast("This is an incident file already.", timeout=3)
        else:
            self._app.push_screen(_name_dialog(), self._answered)

    def _answered(self, path: Path | None) -> None:
        if path is not None:
            in_background(self._app, "recording", self._write, path)

    async def _write(self, path: Path) -> None:
        moment = self._times.then.moment if self._times.then else None
        self._dialogs.toast(f"Writing {one_line(path.name)} …", timeout=3)
        try:
            self._dialogs.toast(await self._workspace.write_incident(path, moment))
        except Trouble as why:
            self._app.push_screen(TextDialog(TITLE, safe(why)))


def _name_dialog() -> ExportDialog:
    name = f"incident-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    what = f"What was read in the last ten minutes, without literals and addresses. File name ({SUFFIX}):"
    return ExportDialog(name, TITLE, what, (SUFFIX,))

"""What the console says about itself and its server: help, the doctor's report, the set-up guide, notices."""

from __future__ import annotations

from textual.app import App

from console.format import size
from console.keys import all_keys
from console.model import Pane, View
from console.tui.action_flow import ActionFlow
from console.tui.dialog_stack import DialogStack
from console.tui.dialogs import TextDialog
from console.tui.help import help_text
from console.workspace import Workspace


class Guidance:
    """Opens above the panes of an application what explains them, each loaded when it is first wanted."""

    def __init__(self, app: App[int], workspace: Workspace, dialogs: DialogStack) -> None:
        self._app = app
        self._workspace = workspace
        self._dialogs = dialogs

    def show_help(self, pane: Pane, view: View, bytes_written: int) -> None:
        """Show what a view is about, all keys, and what monitoring has cost, with so many bytes for the terminal."""
        busy = self._workspace.sources.postgres.busy
        cost = f"{busy:.2f} s of queries, {size(bytes_written)} sent to this terminal"
        keys = all_keys(self._workspace.settings.keymap)
        self._dialogs.open(TextDialog(f"Help: {pane.title}", help_text(pane, view, keys, cost)))

    async def show_doctor(self) -> None:
        """Show what this role, server and terminal can show and do."""
        from console.tui.doctor import doctor_dialog  # noqa: PLC0415  seldom used, long to load

        self._dialogs.toast("Checking the server, the role and this terminal …", timeout=2)
        self._app.push_screen(await doctor_dialog(self._workspace, self._app.size.width))

    async def show_notices(self) -> None:
        """Say once that there is a set-up guide, or that the schema has drifted."""
        from console.tui.notices import first_notice  # noqa: PLC0415  the first rows do not wait for it

        if notice := await first_notice(self._workspace):
            self._dialogs.toast(notice.text, severity=notice.severity)

    def open_guide(self, flow: ActionFlow) -> None:
        """Open the set-up guide, whose actions go through `flow`."""
        from console.tui.setup import SetupScreen  # noqa: PLC0415  seldom used, long to load

        if self._workspace.sources.postgres.known is not None or self._workspace.wanted.guide:
            self._dialogs.open(SetupScreen(self._workspace, flow, self._dialogs.begin))
        else:
            self._dialogs.toast("The set-up guide needs a connection.", severity="warning")

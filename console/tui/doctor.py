"""The doctor inside the console: its report as a text to read and copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.doctor import examine, text
from console.format import safe
from console.model import Trouble
from console.tui.dialogs import TextDialog

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

FRAME = 10  # cells that the dialog needs beside its text
WIDEST = 110


async def show_doctor(app: ConsoleApp) -> None:
    """Look at everything, over the connections that are open, and show what was found."""
    app.notify("looking at the server, the role and this terminal …", timeout=2, markup=False)
    try:
        report = await examine(app.sources, app.wanted, app.settings)
    except Trouble as why:
        app.notify(safe(why), severity="error", markup=False)
        return
    app.push_screen(TextDialog("Doctor", text(report, max(40, min(WIDEST, app.size.width - FRAME)))))

"""The doctor's report in a dialog, as a text to read and copy."""

from __future__ import annotations

from console.doctor import examine, text
from console.model import Trouble
from console.tui.dialogs import TextDialog
from console.workspace import Workspace

FRAME = 10  # cells that the dialog needs around its text
NARROWEST, WIDEST = 40, 110


async def doctor_dialog(workspace: Workspace, width: int) -> TextDialog:
    """The report for a terminal of `width` cells, over the connections that are open; or why there is none."""
    try:
        report = await examine(workspace.sources, workspace.wanted, workspace.settings)
    except Trouble as why:
        return TextDialog("Doctor", f"{why.sentence}\n\n{why.remedy}".rstrip())
    return TextDialog("Doctor", text(report, max(NARROWEST, min(WIDEST, width - FRAME))))

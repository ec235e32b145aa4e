"""The doctor's report as a text to read and copy."""

from __future__ import annotations

from console.doctor import examine, text
from console.workspace import Workspace

FRAME = 10  # cells that the dialog needs around its text
NARROWEST, WIDEST = 40, 110


async def doctor_text(workspace: Workspace, width: int) -> str:
    """The report for a terminal of `width` cells, over the connections that are open. Raises Trouble(USAGE)."""
    report = await examine(workspace.sources, workspace.wanted, workspace.settings)
    return text(report, max(NARROWEST, min(WIDEST, width - FRAME)))

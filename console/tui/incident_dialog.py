"""Asks for the file to which an incident is written."""

from __future__ import annotations

from datetime import UTC, datetime

from console.past.incident import SUFFIX
from console.tui.dialogs import ExportDialog


def suggested() -> str:
    """A name for the file."""
    return f"incident-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"


def write_dialog(name: str) -> ExportDialog:
    """A dialog for the name of the file."""
    what = f"What was read in the last ten minutes, without literals and addresses. File name ({SUFFIX}):"
    return ExportDialog(name, "Incident file", what, (SUFFIX,))

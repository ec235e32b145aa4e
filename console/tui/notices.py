"""Notices shown once, after the first rows: the set-up guide, or drift of the schema."""

from __future__ import annotations

from textual.notifications import SeverityLevel

from console.drift.reading import drift
from console.model import Trouble
from console.panes.schema import SCHEMA
from console.records import dataclass
from console.setup import situation
from console.setup.memory import GuideMemory
from console.workspace import Workspace

MAINTENANCE = ("postgres", "template1")  # databases that hold no data of users


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for a toast."""

    text: str
    severity: SeverityLevel


async def first_notice(workspace: Workspace) -> Notice | None:
    """The notice of the set-up guide, else that of drift; None: there is neither."""
    if text := await _setup_notice(workspace):
        return Notice(text, "information")
    text = await _drift_notice(workspace)
    return Notice(text, "warning") if text else None


async def _setup_notice(workspace: Workspace) -> str:
    """A pointer to the set-up guide if the pipeline schema is missing and the guide was never declined; else empty."""
    wanted, postgres = workspace.wanted, workspace.sources.postgres
    if wanted.read_only or wanted.guide:
        return ""
    try:
        facts = await postgres.connect()
        if facts.standby or facts.database in MAINTENANCE or GuideMemory.of(facts).read().declined:
            return ""
        if not await situation.is_missing(postgres):
            return ""  # `_drift_notice` reports what is missing
    except Trouble:
        return ""  # the panes show it
    return "No pipeline schema in this database. Press U for the set-up guide."


async def _drift_notice(workspace: Workspace) -> str:
    """How the pipeline schema differs from its migrations; empty: it does not, or that could not be read."""
    if workspace.sources.postgres.known is None:
        return ""
    try:
        found = await drift(workspace.sources.postgres)
    except Trouble:
        return ""  # the schema pane shows it
    return f"{found.sentence} Press {SCHEMA.key}, then v for the drift view." if found.sentence else ""

"""What the console says once, after the first rows: that the set-up guide helps, or that the schema has drifted."""

from __future__ import annotations

from console.drift.reading import drift
from console.model import Trouble
from console.panes.schema import SCHEMA
from console.setup import situation
from console.setup.memory import Memory
from console.workspace import Workspace

MAINTENANCE = ("postgres", "template1")  # databases that hold no data of users


async def setup_notice(workspace: Workspace) -> str:
    """That there is a guide, where the pipeline schema is missing and nobody declined the guide before; else empty."""
    wanted, postgres = workspace.wanted, workspace.sources.postgres
    if wanted.read_only or wanted.guide:
        return ""
    try:
        facts = await postgres.connect()
        if facts.standby or facts.database in MAINTENANCE or Memory.of(facts).read().declined:
            return ""
        if (await situation.read(postgres, workspace.settings)).ledger or (await drift(postgres)).present:
            return ""  # `drift_notice` says what is missing
    except Trouble:
        return ""  # the panes show it
    return "No pipeline schema in this database. Press U for the set-up guide."


async def drift_notice(workspace: Workspace) -> str:
    """How the pipeline schema differs from its migrations; empty: it does not, or that could not be read."""
    if workspace.sources.postgres.known is None:
        return ""
    try:
        found = await drift(workspace.sources.postgres)
    except Trouble:
        return ""  # the schema pane shows it
    return f"{found.sentence} Press {SCHEMA.key}, then v for the drift view." if found.sentence else ""

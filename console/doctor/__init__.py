"""The doctor: what this role, server, PgBouncer and terminal can show and do, and which GRANT or setting is missing.

It changes nothing, and a role that may connect may run all of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from console.actions import ACTIONS
from console.doctor import actions, extensions, panes, pooler, role, server, terminal
from console.doctor.check import Check, Report, Status, document
from console.doctor.script import role_script
from console.doctor.text import text
from console.model import Database, Kind, Trouble
from console.panes import PANES
from console.running.trail.audit import default_trail
from console.settings.config import Settings, Wanted
from console.sources.registry import Sources

__all__ = ["Check", "Report", "Status", "document", "examine", "rights", "role_script", "text"]


async def examine(
    sources: Sources, wanted: Wanted, settings: Settings, environ: Mapping[str, str] = os.environ
) -> Report:
    """Check everything. An unreachable server is a failed check, and the checks that need it are skipped."""
    found = await asyncio.to_thread(terminal.here, environ)
    near = terminal.checks(found, settings.keymap)
    try:
        await sources.postgres.connect()
        far, usable = await _far(sources, wanted, settings)
    except Trouble as why:
        if why.kind is Kind.USAGE:
            raise
        lost = Check("server", "reached", Status.CANNOT, "The server cannot be reached.", why.sentence, why.remedy)
        poolers = await pooler.checks(wanted.poolers, None)
        return Report(None, (lost, *poolers, *near))
    poolers = await pooler.checks(wanted.poolers, usable)
    return Report(sources.postgres.facts, (*far, *poolers, *near))


async def rights(postgres: Database) -> tuple[Check, ...]:
    """What the server is, what the role may do on it, which extensions are there. Raises Trouble."""
    found = await server.read(postgres)
    own = await role.read(postgres, found)
    return (*await server.checks(postgres, found), *role.checks(own), *await extensions.checks(postgres, found))


async def _far(sources: Sources, wanted: Wanted, settings: Settings) -> tuple[tuple[Check, ...], int]:
    postgres = sources.postgres
    found = await server.read(postgres)
    own = await role.read(postgres, found)
    case = await actions.read(postgres, own, settings, ACTIONS)
    checks = (
        *await server.checks(postgres, found),
        *role.checks(own),
        *await extensions.checks(postgres, found),
        *await panes.checks(sources, PANES, own.quoted),
        *await actions.checks(postgres, case, ACTIONS, wanted.read_only, default_trail().path),
    )
    return checks, found.usable

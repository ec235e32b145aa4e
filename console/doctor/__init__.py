"""The doctor: what this role, server, PgBouncer and terminal can show and do, and which GRANT or setting is missing.

It changes nothing, and a role that may connect may run all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from console.actions import ACTIONS
from console.doctor import (
    actions,
    extensions,
    jobs,
    panes,
    pooler,
    replicas,
    role,
    rules,
    server,
    terminal,
    wait_samplers,
)
from console.doctor.check import Check, Report, Status, document, on_target
from console.doctor.cures import Cures
from console.doctor.pace import FOR_ACTIONS, FOR_PANES, FOR_RULES, Pace, Watch
from console.doctor.script import role_script
from console.doctor.text import text
from console.model import Database, Kind, Trouble
from console.panes import PANES
from console.running.trail.audit import default_trail
from console.settings.config import Settings, Wanted
from console.sources.registry import Sources

DEADLINE = 18.0  # seconds for everything that is asked of the server
SLOW = (
    "Check the network and the load of the server; `doctor` reads every view and plans every action.\n"
    "pipeline-console doctor --seconds 120  # takes more time"
)

__all__ = ["Check", "Report", "Status", "document", "examine", "rights", "role_script", "text"]


async def examine(
    sources: Sources,
    wanted: Wanted,
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    *,
    watch: Watch = lambda _: None,
    seconds: float = DEADLINE,
) -> Report:
    """Check everything, within `seconds`; `watch` gets the name of what is about to be checked.

    An unreachable server is a failed check, and the checks that need it are skipped, as are those for which the time
    was too short.
    """
    near = terminal.checks(await asyncio.to_thread(terminal.here, environ), settings.keymap)
    far: list[Check] = []
    usable: int | None = None
    answered = True
    pace = Pace(sources.postgres, seconds, watch)
    pace.begin("the server")
    end = time.monotonic() + seconds
    try:
        async with _deadline(sources, seconds):
            await sources.postgres.connect()
            with sources.postgres.sharing():
                usable = await _far(sources, wanted, settings, far, pace)
    except (Trouble, TimeoutError) as why:
        if isinstance(why, Trouble) and why.kind is Kind.USAGE:
            raise
        if isinstance(why, Trouble) and time.monotonic() < end and why.kind is not Kind.BUSY:
            far = [_lost(why)]
            answered = False
        else:
            far.append(_late(seconds, pace.late, str(why) if isinstance(why, Trouble) else ""))
    finally:
        sources.postgres.hurry(None)
    watch("the poolers")
    poolers = await pooler.checks(wanted.poolers, usable)
    found = (*far, *poolers)
    if answered:
        watch("the replicas")
        found += await replicas.checks(sources)
    checks = (on_target(check, wanted.options) for check in (*found, *near))
    return Report(sources.postgres.known if answered else None, tuple(checks))


def _lost(why: Trouble) -> Check:
    return Check("server", "reached", Status.CANNOT, "The server cannot be reached.", why.sentence, why.remedy)


def _late(seconds: float, cut: Sequence[str], why: str = "") -> Check:
    what = f"The server answers too slowly: not everything could be checked within {seconds:.0f} s."
    left = f"not, or not wholly, checked: {', '.join(cut)}" if cut else ""
    return Check("server", "in time", Status.CANNOT, what, why or left, SLOW)


@contextlib.asynccontextmanager
async def _deadline(sources: Sources, seconds: float) -> AsyncIterator[None]:
    """TimeoutError after `seconds`; what is being read then is cut, since cancelling it would wait for the server."""
    cut = asyncio.get_running_loop().call_later(seconds, sources.postgres.cut)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        cut.cancel()


async def rights(postgres: Database) -> tuple[Check, ...]:
    """What the server is, what the role may do on it, which extensions are there. Raises Trouble."""
    found = await server.read(postgres)
    own = await role.read(postgres, found)
    offered = await extensions.read(postgres)
    return (*await server.checks(postgres, found), *role.checks(own), *extensions.checks(offered, found))


async def _far(sources: Sources, wanted: Wanted, settings: Settings, found: list[Check], pace: Pace) -> int:
    """Add to `found` what was checked on the server, as it goes; the connections that ordinary roles may use."""
    postgres = sources.postgres
    here = await server.read(postgres)
    found += await server.checks(postgres, here)
    pace.begin("the role")
    own = await role.read(postgres, here)
    found += role.checks(own)
    pace.begin("extensions")
    offered = await extensions.read(postgres, {action.needs.extension for action in ACTIONS} - {""})
    cures = Cures(own.quoted, here, offered)
    found += (*extensions.checks(offered, here), await wait_samplers.check(postgres, here))
    pace.begin("the recurring jobs")
    found += await jobs.checks(postgres, own.quoted)
    shown = ((f"the pane {each.name}", partial(panes.checks, sources, (each,), cures)) for each in PANES)
    await pace.check(FOR_PANES, shown, found)
    judged = ("the rules", partial(rules.checks, sources, settings, cures))
    await pace.check(FOR_RULES, (judged,), found)
    pace.begin("the actions")
    postgres.hurry(None)
    case = await actions.read(sources, own, settings, cures, ACTIONS)
    found.append(actions.trail(default_trail().path))
    run = (
        (f"the action {each.name}", partial(actions.checks, postgres, case, (each,), wanted.read_only))
        for each in ACTIONS
    )
    await pace.check(FOR_ACTIONS, run, found)
    if pace.late:
        found.append(_late(pace.seconds, pace.late))
    return here.usable

"""Opens the console on an incident file, without a server."""

from __future__ import annotations

import asyncio

from console.model import Facts
from console.past.incident import Incident
from console.settings.config import Settings, Wanted
from console.sources.registry import PRIMARY, Sources
from console.sources.replay import Replay
from console.tui.app import ConsoleApp
from console.tui.bindings import check_keymap
from console.tui.deadline import within_deadline
from console.tui.driver import run_until_closed
from console.workspace import Workspace


def run_recording(settings: Settings, incident: Incident, wanted: Wanted) -> int:
    """Show an incident file on a terminal until it is closed; the exit code. Raises Trouble(USAGE)."""
    check_keymap(settings.keymap)
    with within_deadline():
        return asyncio.run(_run(settings, incident, wanted))


def recorded_app(settings: Settings, incident: Incident, wanted: Wanted) -> ConsoleApp:
    """The console on an incident file, at its last reading."""
    facts = incident.readings(incident.last).facts(PRIMARY)
    sources = Sources(Replay(facts or Facts(PRIMARY, 0, "", wanted.label), {}, PRIMARY))
    return ConsoleApp(Workspace(settings, wanted, sources), recording=incident)


async def _run(settings: Settings, incident: Incident, wanted: Wanted) -> int:
    app = recorded_app(settings, incident, wanted)
    await app.times.turn_to(incident.last)
    return await run_until_closed(app)

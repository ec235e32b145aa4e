"""Loads the code of what is seldom used next to the event loop: no key waits for it."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

# What a pane or a key needs at once, loaded as soon as the first rows are on the screen.
SOON = (
    "console.tui.guidance",
    "console.tui.notices",
    "console.actions.tuning.tuning_reading",
    "console.running.trail.tables",
    "console.sources.postgres.steady_locks",
    "console.watching.advice",
    "console.watching.capacity",
    "console.watching.index_ages",
    "console.watching.slower",
    "console.watching.vacuum_clock",
    "console.watching.waits",
)
# From the key of an action to its end.
ACTING = (
    "console.tui.action_dialogs",
    "console.tui.plan_dialog",
    "console.actions.lock_conflicts",
    "console.forecast.forecasting",
    "console.running.runner",
    "console.running.pulse",
    "console.running.queue_count",
)
PAST = (
    "console.tui.time_turner",
    "console.past.foreign",
    "console.past.moment",
    "console.past.segment",
    "console.sources.replay",
    "console.watching.findings",
    "console.watching.past",
)
MARKING = ("console.tui.mark_flow", "console.reading.difference")
EXPLAINING = (
    "console.tui.explain_flow",
    "console.advising.adviser",
    "console.explaining.explain",
    "console.explaining.kept",
)
CURVES = ("console.tui.plotting", "rich.ansi")


async def load(*modules: str) -> None:
    """Import `modules` in a thread. An import statement that follows finds them loaded."""
    await asyncio.to_thread(lambda: [import_module(module) for module in modules])


def are_loaded(*modules: str) -> bool:
    """Whether import statements find `modules` loaded."""
    found = [sys.modules.get(module) for module in modules]
    return all(each is not None and not getattr(each.__spec__, "_initializing", False) for each in found)

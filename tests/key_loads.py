"""Opens the console on a TARGET, visits every view, presses every key, and prints which modules were loaded meanwhile.

    python -m tests.key_loads TARGET

The output is JSON: key or pane → the modules that were loaded in the thread that answers keys.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from types import ModuleType

from textual.pilot import Pilot

from console.keys import Place, all_keys
from console.panes import PANES
from console.tui.app import ConsoleApp
from console.tui.loading import SOON, are_loaded
from console.tui.planning_dialog import PlanningDialog
from tests.screens import LARGE, console, until

NOT = frozenset({"q", "ctrl+c"})  # they leave
PLACES = (Place.APP, Place.PANE, Place.TABLE)


class Finder:
    """Notes what is looked for in the thread that answers keys, and finds nothing."""

    def __init__(self) -> None:
        self.during = ""
        self.found: dict[str, list[str]] = defaultdict(list)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Note a module that is not loaded yet."""
        del path, target
        if threading.current_thread() is threading.main_thread():
            self.found[self.during].append(name)


async def main(target: str) -> None:
    """Print what was loaded."""
    finder = Finder()
    async with console(target, LARGE) as (app, pilot):
        await until(pilot, lambda: app.pane_view.opened.has_read and are_loaded(*SOON), "what is loaded soon")
        sys.meta_path.insert(0, finder)
        for pane in PANES:
            finder.during = pane.name
            await app.action_pane(pane.name)
            for _ in pane.views:
                view = app.pane_view
                await until(pilot, lambda: view.arranged is not None or view.feed.trouble is not None)  # noqa: B023
                await _press(app, pilot, "enter")
                await app.action_pane(pane.name)
                await pilot.press("v")
        await app.action_pane("connections")
        for key in (key for each in all_keys() if each.place in PLACES for key in each.each if key not in NOT):
            finder.during = key
            await _press(app, pilot, key)
        sys.meta_path.remove(finder)
    print(json.dumps(finder.found))


async def _press(app: ConsoleApp, pilot: Pilot[int], key: str) -> None:
    """Press a key, let what it opens be there, and close that."""
    await pilot.press(key)
    await pilot.pause()
    await until(pilot, lambda: not _is_planning(app), "the answer")
    while len(app.screen_stack) > 1:
        await pilot.press("escape")
        await pilot.pause()


def _is_planning(app: ConsoleApp) -> bool:
    return isinstance(app.screen, PlanningDialog) or any(
        worker.group in {"times", "marking", "comparing", "setup", "doctor", "naming"} and not worker.is_finished
        for worker in app.workers
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
